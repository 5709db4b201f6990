"""Shelf marks, places on the shelf and the items themselves, all by arithmetic on the title."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Final
from zlib import crc32

from carrel.demo.barcodes import item_barcode
from carrel.demo.codes import nonfiling
from carrel.demo.titles import Format, Title, titles

RARE_BEFORE, STORED_BEFORE = 1850, 1900
_AFTER_VOWEL: Final = (("b", 2), ("d", 3), ("l", 4), ("n", 5), ("p", 6), ("r", 7), ("s", 8), ("u", 9))
_AFTER_S: Final = (("a", 2), ("c", 3), ("e", 4), ("h", 5), ("m", 6), ("t", 7), ("u", 8), ("w", 9))
_AFTER_OTHERS: Final = (("a", 3), ("e", 4), ("i", 5), ("o", 6), ("r", 7), ("u", 8), ("y", 9))
_PART: Final = re.compile(r"\bVolume (\d+)")
_THEN: Final = (("a", 3), ("e", 4), ("i", 5), ("m", 6), ("p", 7), ("t", 8), ("w", 9))


@dataclass(frozen=True, slots=True)
class DemoItem:
    """One piece with a barcode."""

    barcode: str
    title: str
    """The title's control number."""
    library: str
    location: str
    call_number: str
    copy: int
    volume: str | None
    material_type: str
    loan_type: str


def plain(text: str) -> str:
    """Letters and digits without marks, in lower case."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in bare if char.isascii() and char.isalnum())


def cutter(text: str) -> str:
    """A Cutter number by LC's table: an initial and two digits that sort like the word; `Sch` counts as two."""
    word = plain(text) or "x"
    if word[0].isdigit():
        return f"A1{word[0]}"
    table = _AFTER_VOWEL if word[0] in "aeiou" else _AFTER_S if word[0] == "s" else _AFTER_OTHERS
    third = word[3:4] if word.startswith("sch") else word[2:3]
    return word[0].upper() + _digit(table, word[1:2], 2) + _digit(_THEN, third, 3)


def _digit(table: tuple[tuple[str, int], ...], letter: str, lowest: int) -> str:
    below = [digit for bound, digit in table if bound <= letter]
    return str(below[-1] if below else lowest)


def filed(title: Title) -> str:
    """The title as it is filed: without its initial article."""
    return title.title[nonfiling(title.title, title.title_language) :]


def call_number(title: Title) -> str:
    """Class, main entry, title, year; a volume catalogued by itself adds its number."""
    if title.format is Format.JOURNAL:
        return f"{title.shelf_class} .{cutter(filed(title))}"
    second = f" {cutter(filed(title))}" if title.author else ""
    part = _PART.search(title.title)
    volume = f" v.{part.group(1)}" if part else ""
    return f"{title.shelf_class} .{cutter(title.author or filed(title))}{second} {title.year}{volume}"


def _turn(title: Title, of: int) -> int:
    """A number below `of` that only the title decides."""
    return crc32(title.number.encode()) % of


def _home(title: Title) -> tuple[str, str]:
    """Library and location of a title's first copy."""
    chosen = title.facts.get("collection")
    if chosen:
        library = "porto"
        return library, "porto-rare" if title.early else chosen
    match title.format:
        case Format.SCORE | Format.AUDIO if title.early:
            return "porto", "porto-rare"
        case Format.SCORE:
            return "porto", "porto-scores"
        case Format.AUDIO:
            return "porto", "porto-listening"
        case Format.FILM:
            return ("porto", "porto-film") if _turn(title, 3) else ("main", "main-media")
        case Format.MAP if title.early:
            return "porto", "porto-rare"
        case Format.MAP:
            return "porto", "porto-maps" if "atlas" in title.facts else "porto-map-cases"
        case _:
            return _by_class(title)


_SCIENCES: Final = (
    ("QA76", "sci-computing"),
    ("QA", "sci-maths"),
    ("QB", "sci-physics"),
    ("QC", "sci-physics"),
    ("QD", "sci-chemistry"),
    ("QE", "sci-chemistry"),
    ("QH", "sci-life"),
    ("QK", "sci-life"),
    ("QL", "sci-life"),
    ("QM", "sci-medicine"),
    ("QP", "sci-medicine"),
    ("Q3", "sci-computing"),
    ("Q", "sci-physics"),
    ("R", "sci-medicine"),
    ("T", "sci-computing"),
)
_STACKS: Final = {
    "main-stacks-1": "ABZ",
    "main-stacks-2": "CDEF",
    "main-stacks-3": "GHJLV",
    "main-law": "K",
    "main-stacks-4": "N",
    "main-stacks-5": "P",
}


def _by_class(title: Title) -> tuple[str, str]:
    journal = title.format is Format.JOURNAL
    for prefix, location in _SCIENCES:
        if title.shelf_class.startswith(prefix):
            if title.early and not journal:
                return "main", "main-rare"
            return "science", "sci-periodicals" if journal else location
    if journal:
        return "main", "main-law" if title.shelf_class.startswith("K") else "main-periodicals"
    if title.year < RARE_BEFORE:
        return "main", "main-rare"
    if title.year < STORED_BEFORE:
        return "main", "main-storage"
    return "main", next(name for name, letters in _STACKS.items() if title.shelf_class[0] in letters)


_LOAN_TYPES: Final = {
    "main-rare": "reading-room",
    "porto-rare": "reading-room",
    "porto-map-cases": "reading-room",
    "main-reserve": "course-reserve",
    "sci-reserve": "course-reserve",
    "main-new": "short",
}


def _loan_type(title: Title, location: str) -> str:
    if title.format is Format.JOURNAL:
        return "reading-room"
    if title.format in (Format.FILM, Format.AUDIO):
        return "media"
    return _LOAN_TYPES.get(location, "standard")


def _copies(title: Title) -> list[tuple[str, str]]:
    """Where each copy stands."""
    library, location = _home(title)
    copies = [(library, location)]
    if title.format is Format.BOOK and not title.early and title.year >= STORED_BEFORE:
        turn = _turn(title, 20)
        if title.facts.get("reserve"):
            copies += [("science", "sci-reserve"), (library, location)]
        elif title.year >= 2005 and library == "main":
            copies.append(("main", "main-new"))
        elif turn == 0 and title.number.startswith("history"):
            copies.append(("main", "main-reserve"))
        elif turn < 5 and title.volumes == 1:
            copies.append((library, location))
        if turn in (3, 4) and library == "main" and title.volumes == 1:
            copies.append(("main", "main-textbooks"))
    if title.format in (Format.SCORE, Format.FILM) and not title.early and _turn(title, 4) == 0:
        copies.append(copies[0])
    return copies


def _volumes(title: Title) -> list[str | None]:
    """Captions of the volumes; a journal has its latest bound years."""
    if title.format is Format.JOURNAL:
        last = 2024 - _turn(title, 3)
        return [f"{year - title.year + 1} ({year})" for year in range(last - 2 - _turn(title, 2), last + 1)]
    if title.volumes == 1:
        return [None]
    word = "disc" if title.format in (Format.FILM, Format.AUDIO) else "v."
    return [
        f"{word} {number}" if word == "disc" else f"{word}{number}" for number in range(1, title.volumes + 1)
    ]


@cache
def holdings() -> dict[str, tuple[DemoItem, ...]]:
    """Every title's items by control number; barcodes are counted per library."""
    counts: dict[str, int] = {}
    found = {}
    for title in titles():
        items = []
        if title.format is not Format.EBOOK:
            for copy, (library, location) in enumerate(_copies(title), 1):
                for volume in _volumes(title):
                    counts[library] = counts.get(library, 0) + 1
                    items.append(
                        DemoItem(
                            barcode=item_barcode(library, counts[library]),
                            title=title.number,
                            library=library,
                            location=location,
                            call_number=call_number(title),
                            copy=copy,
                            volume=volume,
                            material_type=title.format.value,
                            loan_type=_loan_type(title, location),
                        )
                    )
        found[title.number] = tuple(items)
    return found


def holdings_of(title: Title) -> list[DemoItem]:
    """A title's items; an e-book has none."""
    return list(holdings()[title.number])


def all_items() -> list[DemoItem]:
    """Every item of the demo."""
    return [item for items in holdings().values() for item in items]
