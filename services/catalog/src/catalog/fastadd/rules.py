"""The brief record of something that lies on the desk: what was told, and that it is not complete."""

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from stdnum import isbn

from catalog.marc.record import Field, Record

Kind = Literal["book", "journal", "score", "map", "film", "audio", "music", "software", "object"]
_LEADER: Final = {
    "book": "am",
    "journal": "as",
    "score": "cm",
    "map": "em",
    "film": "gm",
    "audio": "im",
    "music": "jm",
    "software": "mm",
    "object": "rm",
}
ABBREVIATED: Final = "3"
"""Leader/17: abbreviated level. A record of another level is taken for complete."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a desk can say of it."""

    title: str
    author: str | None = None
    isbn: str | None = None
    year: int | None = None
    kind: Kind = "book"


def brief_record(told: Told, *, on: date) -> Record:
    """The record; a wrong ISBN is kept as such (020 $z)."""
    dates = f"s{told.year:04d}    " if told.year is not None else "nuuuuuuuu"
    fixed = f"{on:%y%m%d}{dates}xx {'|' * 17}und|d"
    fields = [Field.control("008", fixed)]
    if told.isbn:
        right = isbn.is_valid(told.isbn)
        value = isbn.compact(told.isbn) if right else told.isbn
        fields.append(Field.data("020", "  ", ("a" if right else "z", value)))
    if told.author:
        fields.append(Field.data("100", "1 ", ("a", told.author)))
    fields.append(Field.data("245", ("1" if told.author else "0") + "0", ("a", told.title)))
    if told.year is not None:
        fields.append(Field.data("264", " 1", ("c", str(told.year))))
    return Record(f"00000n{_LEADER[told.kind]} a2200000{ABBREVIATED}u 4500", fields)


def is_brief(record: Record) -> bool:
    """Whether a record says of itself that it is not complete."""
    return record.leader[17:18] == ABBREVIATED
