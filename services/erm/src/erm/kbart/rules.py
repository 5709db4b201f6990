"""A title list by KBART Phase II (NISO RP-9-2014): its columns, its rows, and what is wrong with either.

KBART is text with tabs, not quoted: quotes are text. A row with an error is not taken; a warning stands beside one
that is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from erm.coverage.rules import (
    NotADay,
    NotAnEmbargo,
    first_day,
    last_day,
    read_embargo,
)
from erm.identifiers.rules import ISBN, ISSN, read_isbn, read_issn
from erm.instances.rules import folded
from erm.platforms.rules import is_address

COLUMNS: Final = (
    "publication_title",
    "print_identifier",
    "online_identifier",
    "date_first_issue_online",
    "num_first_vol_online",
    "num_first_issue_online",
    "date_last_issue_online",
    "num_last_vol_online",
    "num_last_issue_online",
    "title_url",
    "first_author",
    "title_id",
    "embargo_info",
    "coverage_depth",
    "notes",
    "publisher_name",
    "publication_type",
    "date_monograph_published_print",
    "date_monograph_published_online",
    "monograph_volume",
    "monograph_edition",
    "first_editor",
    "parent_publication_title_id",
    "preceding_publication_title_id",
    "access_type",
)
"""In the standard's order."""
AT: Final = {name: at for at, name in enumerate(COLUMNS)}
OF_COVERAGE: Final = frozenset(
    {
        "date_first_issue_online",
        "num_first_vol_online",
        "num_first_issue_online",
        "date_last_issue_online",
        "num_last_vol_online",
        "num_last_issue_online",
        "title_url",
        "embargo_info",
        "coverage_depth",
        "notes",
        "access_type",
    }
)
"""What each row of a title says for itself; the rest is the same in all of them."""
OF_TITLE: Final = tuple(name for name in COLUMNS if name not in OF_COVERAGE)
NEEDED: Final = (
    "publication_title",
    "print_identifier",
    "online_identifier",
    "date_first_issue_online",
    "date_last_issue_online",
    "title_url",
    "title_id",
    "embargo_info",
    "coverage_depth",
    "publication_type",
    "access_type",
)
"""Without these nothing can be made of a list; another that is missing is only told."""
FORMER: Final = {"coverage_notes": "notes"}
"""Phase I's name of it."""
DEPTHS: Final = {
    "fulltext": "fulltext",
    "selectedarticles": "selected articles",
    "abstracts": "abstracts",
    "abstract": "abstracts",
}
LONGEST_CELL: Final = 2000
LONGEST_SHORT: Final = 300
"""Characters of what is an edition, a volume, a date."""
SHORT: Final = frozenset(
    {
        "monograph_edition",
        "monograph_volume",
        "date_monograph_published_print",
        "date_monograph_published_online",
        "title_id",
        "parent_publication_title_id",
        "preceding_publication_title_id",
        "print_identifier",
        "online_identifier",
    }
)
LONGEST_KEY: Final = 200
_AS_THE_STANDARD: Final = list(COLUMNS)


class State(StrEnum):
    """Where a load stands; the last four are final."""

    QUEUED = "queued"
    READING = "reading"
    APPLYING = "applying"
    WAITING = "waiting"
    """For somebody to confirm what it would take away."""
    FINISHED = "finished"
    FINISHED_WITH_ERRORS = "finished-with-errors"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN: Final = (State.QUEUED, State.READING, State.APPLYING, State.WAITING)


class Outcome(StrEnum):
    """What became of a row."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    """Another row of the list says the very same."""
    REJECTED = "rejected"


Weight = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a row, or a whole file; an error keeps it out."""

    code: str
    text: str
    column: str | None = None
    weight: Weight = "error"

    def as_json(self) -> dict[str, str]:
        told = {"code": self.code, "text": self.text, "weight": self.weight}
        return told | {"column": self.column} if self.column else told


def header(first: Sequence[str]) -> tuple[list[str | None], list[Flaw]]:
    """Which of our columns each cell of the first line is, and what is to be said of them; errors refuse the file."""
    told = [FORMER.get(name, name) for name in (each.strip().lower() for each in first)]
    while told and not told[-1]:
        told.pop()
    flaws = []
    if len(told) < 2:
        text = "The first line has no tabs: KBART is text with a tab between cells."
        flaws.append(Flaw("not-tab-separated", text))
    twice = sorted({name for name in told if name in AT and told.count(name) > 1})
    flaws += [Flaw("column-twice", f"The column {name} is there twice.", name) for name in twice]
    for name in COLUMNS:
        if name not in told:
            weight: Weight = "error" if name in NEEDED else "warning"
            flaws.append(Flaw("column-missing", f"There is no column {name}.", name, weight))
    if any(name.startswith('"') and name.strip('"') in AT for name in told):
        flaws.append(Flaw("quoted", "The columns are in quotes: KBART is not quoted, save it without."))
    flaws += [
        Flaw(
            "column-unknown", f"The column {name[:60]!r} is none of KBART's; it is left out.", None, "warning"
        )
        for name in told
        if name and name not in AT and name.strip('"') not in AT
    ]
    return [name if name in AT else None for name in told], flaws


@dataclass(frozen=True, slots=True)
class Row:
    """A row that was read: its cells in KBART's order, and what is wrong with it."""

    key: str | None
    """What its title is recognised by; none: it cannot be read that far."""
    cells: tuple[str, ...]
    flaws: tuple[Flaw, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether it is taken."""
        return all(flaw.weight == "warning" for flaw in self.flaws)


def row(told: bytes, columns: Sequence[str | None]) -> Row | None:
    """A line by the columns of its file; None: an empty one, as spreadsheets leave behind."""
    if not told.strip(b" \t\r\n\xc2\xa0"):
        return None
    try:
        text = told.decode()
    except UnicodeDecodeError as error:
        text = f"Byte {error.start + 1} of the line is not UTF-8: save the list as UTF-8."
        return Row(None, (), (Flaw("not-utf-8", text),))
    if "\0" in text:
        return Row(None, (), (Flaw("unstorable-character", "There is a NUL in it."),))
    given = text.split("\t")
    flaws: list[Flaw] = []
    if len(given) < len(columns) or any(each.strip() for each in given[len(columns) :]):
        text = f"It has {len(given)} cells; the first line has {len(columns)}."
        flaws.append(Flaw("cell-count", text))
    if flaws:
        return Row(None, (), tuple(flaws))
    cells = [""] * len(COLUMNS)
    if columns == _AS_THE_STANDARD:
        cells = [value.strip() for value in given[: len(COLUMNS)]]
    else:
        for name, value in zip(columns, given, strict=False):
            if name is not None:
                cells[AT[name]] = value.strip()
    if len(text) > LONGEST_SHORT and (flaws := _too_long(cells)):
        return Row(None, (), tuple(flaws))
    if "\ufffd" in text:
        flaws.append(
            Flaw("characters-lost", "Characters were lost before it came here (\ufffd).", None, "warning")
        )
    flaws += [*_mended(cells), *_wrong(cells)]
    return Row(_key(cells), tuple(cells), tuple(flaws))


def _too_long(cells: Sequence[str]) -> list[Flaw]:
    flaws = []
    for name, value in zip(COLUMNS, cells, strict=True):
        most = LONGEST_SHORT if name in SHORT else LONGEST_CELL
        if len(value) > most:
            flaws.append(Flaw("cell-too-long", f"It has {len(value)} characters; {most} are taken.", name))
    return flaws


def _mended(cells: list[str]) -> list[Flaw]:
    """Warnings of a row, whose cells are put into their one form where that is sure."""
    flaws = []
    for name in ("print_identifier", "online_identifier"):
        if not (told := cells[AT[name]]):
            continue
        namespace, value, flaw = number(told, cells[AT["publication_type"]].lower())
        if value is not None and namespace == ISSN:
            cells[AT[name]] = value
        if flaw is not None:
            text = (
                f"{told[:60]!r}: mended to {value}."
                if value
                else f"{told[:60]!r} is not used to find its title."
            )
            flaws.append(Flaw(flaw, text, name, "warning"))
    depth = cells[AT["coverage_depth"]]
    if depth not in DEPTHS.values():
        found = DEPTHS.get("".join(depth.lower().split()), "fulltext")
        cells[AT["coverage_depth"]] = found
        flaws.append(
            Flaw("coverage-depth", f"{depth[:60]!r} is taken for {found}.", "coverage_depth", "warning")
        )
    if not cells[AT["access_type"]]:
        cells[AT["access_type"]] = "P"
        flaws.append(Flaw("access-type-missing", "It is taken for paid (P).", "access_type", "warning"))
    cells[AT["access_type"]] = cells[AT["access_type"]].upper()
    cells[AT["publication_type"]] = cells[AT["publication_type"]].lower()
    if (url := cells[AT["title_url"]]) and not is_address(url):
        cells[AT["title_url"]] = ""
        flaws.append(Flaw("url-unsafe", f"{url[:60]!r} is no http or https address.", "title_url", "warning"))
    elif not url:
        flaws.append(Flaw("url-missing", "There is no address.", "title_url", "warning"))
    embargo = cells[AT["embargo_info"]]
    tidy = "".join(embargo.upper().split())
    if tidy != embargo:
        cells[AT["embargo_info"]] = tidy if _is_embargo(tidy) else embargo
        if _is_embargo(tidy):
            flaws.append(Flaw("embargo-form", f"Mended to {tidy}.", "embargo_info", "warning"))
    for name in ("date_monograph_published_print", "date_monograph_published_online"):
        if (day := cells[AT[name]]) and not _is_day(day):
            text = f"{day[:60]!r} is not YYYY, YYYY-MM or YYYY-MM-DD."
            flaws.append(Flaw("date-malformed", text, name, "warning"))
    return flaws


def _wrong(cells: Sequence[str]) -> list[Flaw]:
    """Errors of a row."""
    flaws = []
    if not cells[AT["publication_title"]]:
        flaws.append(Flaw("title-missing", "It has no title.", "publication_title"))
    if cells[AT["publication_type"]] not in ("serial", "monograph"):
        told = f"{cells[AT['publication_type']][:60]!r} is neither serial nor monograph."
        flaws.append(Flaw("publication-type", told, "publication_type"))
    if cells[AT["access_type"]] not in ("P", "F"):
        told = f"{cells[AT['access_type']][:60]!r} is neither P (paid) nor F (free)."
        flaws.append(Flaw("access-type", told, "access_type"))
    if (embargo := cells[AT["embargo_info"]]) and not _is_embargo(embargo):
        told = f"{embargo[:60]!r} is no moving wall like P12M, R2Y or R10Y;P30D."
        flaws.append(Flaw("embargo-malformed", told, "embargo_info"))
    days = {}
    for name in ("date_first_issue_online", "date_last_issue_online"):
        if day := cells[AT[name]]:
            days[name] = day
            if not _is_day(day):
                told = f"{day[:60]!r} is not YYYY, YYYY-MM or YYYY-MM-DD."
                flaws.append(Flaw("date-malformed", told, name))
    if len(days) == 2 and all(map(_is_day, days.values())):
        first, last = days.values()
        if last_day(last) < first_day(first):
            told = f"It ends ({last}) before it starts ({first})."
            flaws.append(Flaw("ends-before-it-starts", told, "date_last_issue_online"))
    return flaws


def _is_day(told: str) -> bool:
    try:
        first_day(told)
    except NotADay:
        return False
    return True


def _is_embargo(told: str) -> bool:
    try:
        read_embargo(told)
    except NotAnEmbargo:
        return False
    return True


def number(told: str, kind: str) -> tuple[str, str | None, str | None]:
    """A cell's number: its namespace, its one form (none: it is wrong), and what is wrong."""
    first, second = (ISBN, ISSN) if kind == "monograph" else (ISSN, ISBN)
    readers = {ISSN: read_issn, ISBN: read_isbn}
    found = readers[first](told)
    if found.value is None:
        other = readers[second](told)
        if other.value is not None:
            return second, other.value, other.flaw
    return first, found.value, found.flaw


def _key(cells: Sequence[str]) -> str | None:
    """What the title of a row is recognised by in its package: the provider's id, else a number, else its name."""
    if own := cells[AT["title_id"]]:
        return f"id:{own}"
    for name in ("online_identifier", "print_identifier"):
        if told := cells[AT[name]]:
            return f"{name[0]}:{number(told, cells[AT['publication_type']])[1] or told}"[:LONGEST_KEY]
    name = folded(cells[AT["publication_title"]])
    return f"n:{name}:{cells[AT['monograph_volume']]}"[:LONGEST_KEY] if name else None


def too_many_go(*, missing: int, known: int, percent: int) -> bool:
    """Whether a list leaves out more titles than it may without anybody's word."""
    return missing > 0 and missing * 100 > known * percent


def named(provider: str, region: str, package: str, day: str) -> str:
    """A file's name by the standard: `ExamplePress_Global_AllJournals_2026-01-15.txt`."""
    parts = (
        "".join(letter for letter in part if letter.isalnum() or letter in "-.")
        for part in (provider, region, package)
    )
    return "_".join([*(part or "x" for part in parts), day]) + ".txt"
