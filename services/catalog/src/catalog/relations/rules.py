"""Linking entries (MARC 21 Bibliographic 76X–78X) and electronic locations (856), as a record has them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stdnum import isbn, issn

from catalog.marc.record import Field, Record
from catalog.matching.keys import key_of_number

KINDS: Final = {
    "760": "main-series",
    "762": "subseries",
    "765": "original-language",
    "767": "translation",
    "770": "supplement",
    "772": "supplement-to",
    "773": "host",
    "774": "constituent",
    "775": "other-edition",
    "776": "other-form",
    "777": "issued-with",
    "780": "preceding",
    "785": "succeeding",
    "786": "data-source",
    "787": "related",
    "800": "series",
    "810": "series",
    "811": "series",
    "830": "series",
}
"""By field; a series (800–830) where the record says which title of ours it may be: by $w or $x."""
_PAIRS: Final = (
    ("main-series", "subseries"),
    ("original-language", "translation"),
    ("supplement", "supplement-to"),
    ("host", "constituent"),
    ("preceding", "succeeding"),
)
_BOTH_WAYS: Final = ("other-edition", "other-form", "issued-with", "related")
BACK: Final = {
    **dict(_PAIRS),
    **{there: here for here, there in _PAIRS},
    **{each: each for each in _BOTH_WAYS},
    "series": "volume",
}
"""What a title that names another by this kind is to that other."""
PRECEDING: Final = (
    "continues",
    "continues-in-part",
    "supersedes",
    "supersedes-in-part",
    "formed-by-union-of",
    "absorbed",
    "absorbed-in-part",
    "separated-from",
)
"""780 by its second indicator."""
SUCCEEDING: Final = (
    "continued-by",
    "continued-in-part-by",
    "superseded-by",
    "superseded-in-part-by",
    "absorbed-by",
    "absorbed-in-part-by",
    "split-into",
    "merged-with-to-form",
    "changed-back-to",
)
"""785 by its second indicator."""
LINKS: Final = {
    "0": "resource",
    "1": "version",
    "2": "related",
    "3": "component",
    "4": "version-of-component",
}
"""856 by its second indicator: what lies there is the title itself, a form of it, or something that goes with it."""
_NUMBER: Final = re.compile(r"\(([^()]{1,40})\)\s*(.{1,200})")


@dataclass(frozen=True, slots=True)
class Relation:
    """One linking entry."""

    kind: str
    how: str | None
    """Of a preceding or succeeding title: how it became the other."""
    title: str | None
    author: str | None
    label: str | None
    part: str | None
    """Where in the host: volume, issue, pages."""
    numbers: tuple[tuple[str | None, str], ...]
    """Control numbers, each with the agency that gave it, if told."""
    issns: tuple[str, ...]
    isbns: tuple[str, ...]
    shown: bool
    """Whether a note is to be made of it (first indicator 0)."""


@dataclass(frozen=True, slots=True)
class Link:
    """Something to be had at an address."""

    url: str
    relation: str | None
    label: str | None
    material: str | None
    notes: tuple[str, ...]


def relations(record: Record) -> list[Relation]:
    """Every linking entry, in the record's order."""
    return [
        _relation(each)
        for each in record.fields(*KINDS)
        if not each.is_control and (each.tag < "800" or each.all("wx"))
    ]


def named(linked: Sequence[tuple[str, str]], own: str | None) -> tuple[str, ...]:
    """Keys of what linking entries name (`Facts.linked`), as `keys_of_title` has them of the title that is meant. `own`
    is the agency of the record that links, whose numbers need not name it."""
    told: list[str] = []
    for code, value in linked:
        if code == "w":
            agency, number = _numbered(value)
            told += [f"w:{key_of_number(name, number)}" for name in ([agency] if agency else [own, None])]
        elif code == "x" and issn.is_valid(value):
            told.append(f"x:{issn.format(value)}")
        elif code == "z" and isbn.is_valid(value):
            told.append(f"z:{_isbn13(value)}")
    return tuple(dict.fromkeys(told))


def keys_of_title(match_keys: Sequence[str], issns: Sequence[str], isbns: Sequence[str]) -> tuple[str, ...]:
    """By what others may name a title: its number and those of titles that were merged into it, ISSN and ISBN."""
    return (
        *(f"w:{key}" for key in match_keys),
        *(f"x:{number}" for number in issns),
        *(f"z:{number}" for number in isbns),
    )


def _relation(each: Field) -> Relation:
    how = None
    place = int(each.ind2) if each.ind2.isascii() and each.ind2.isdigit() else None
    ways: Sequence[str] = {"780": PRECEDING, "785": SUCCEEDING}.get(each.tag, ())
    if place is not None and place < len(ways):
        how = ways[place]
    return Relation(
        kind=KINDS[each.tag],
        how=how,
        title=_first(each, "a") if each.tag == "830" else _first(each, "t") or _first(each, "s"),
        author=_first(each, "a") if each.tag != "830" else None,
        label=_first(each, "i"),
        part=_first(each, "v") if each.tag >= "800" else _first(each, "g") or _first(each, "q"),
        numbers=tuple(_numbered(value) for value in each.all("w") if value.strip()),
        issns=tuple(issn.format(value.strip()) for value in each.all("x") if issn.is_valid(value.strip())),
        isbns=tuple(_isbn13(value.strip()) for value in each.all("z") if isbn.is_valid(value.strip())),
        shown=each.ind1 == "0" or each.tag >= "800",
    )


def _isbn13(value: str) -> str:
    return str(isbn.to_isbn13(value)).replace("-", "")


def _first(each: Field, code: str) -> str | None:
    return next((value.strip() for value in each.all(code) if value.strip()), None)


def _numbered(value: str) -> tuple[str | None, str]:
    found = _NUMBER.fullmatch(value.strip())
    return (found[1].strip(), found[2].strip()) if found else (None, value.strip())


def links(record: Record) -> list[Link]:
    """Every address of every 856, in the record's order."""
    return [
        Link(
            url=url.strip(),
            relation=LINKS.get(each.ind2),
            label=_first(each, "y"),
            material=_first(each, "3"),
            notes=tuple(value.strip() for value in each.all("z") if value.strip()),
        )
        for each in record.fields("856")
        if not each.is_control
        for url in each.all("u")
        if url.strip()
    ]
