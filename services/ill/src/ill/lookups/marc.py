"""What a MARC record says of who has it, where, and whether it is in. No clock, no network.

Holders and places stand in fields that each union catalogue chooses for itself; whether a copy is in is told by a
subfield and its values (`876$j`: available), which a mapping names as data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

ANY: Final = "*"
"""In a mapping: every other value."""
FIELDS: Final = 5000
"""Of one record, at most."""

Place = tuple[str, str | None, str | None]
Copy = tuple[str | None, str | None, bool | None]


@dataclass(frozen=True, slots=True)
class Field:
    """A field with its subfields, in order."""

    tag: str
    subfields: tuple[tuple[str, str], ...]

    def first(self, code: str | None) -> str | None:
        """The first subfield of this code that says something."""
        return next((text for each, text in self.subfields if each == code and text), None)


@dataclass(frozen=True, slots=True)
class Marc:
    """A record's number (001) and fields."""

    number: str | None
    fields: tuple[Field, ...]


def read(record: bytes) -> Marc:
    """A record of ISO 2709; `ValueError` when it is none. What is not UTF-8 is read as ASCII: symbols and codes are."""
    if len(record) < 25 or not record[:5].isdigit() or not record[12:17].isdigit():
        raise ValueError("a record that is none of ISO 2709")
    base = int(record[12:17])
    coding = "utf-8" if record[9:10] == b"a" else "ascii"
    directory, number, found = record[24 : base - 1], None, []
    for at in range(0, min(len(directory), 12 * FIELDS) - 11, 12):
        entry = directory[at : at + 12]
        if not entry[3:].isdigit():
            raise ValueError("a record whose directory is wrong")
        start = base + int(entry[7:])
        told = record[start : start + int(entry[3:7])].rstrip(b"\x1e\x1d").decode(coding, "replace")
        tag = entry[:3].decode("ascii", "replace")
        if tag == "001":
            number = number or told.strip() or None
        elif not tag.startswith("00"):
            parts = told.split("\x1f")[1:]
            found.append(Field(tag, tuple((part[0], part[1:].strip()) for part in parts if part)))
    return Marc(number, tuple(found))


def holders_of(fields: Sequence[Field], named: Sequence[str]) -> tuple[tuple[str, ...], tuple[Place, ...]]:
    """Who has it by these subfields (`852$a`), and the location and shelf beside each holder of 852."""
    found: dict[str, None] = {}
    places: dict[Place, None] = {}
    for field in fields:
        for code, text in field.subfields:
            if f"{field.tag}${code}" in named and text:
                found.setdefault(text, None)
                if field.tag == "852":
                    places.setdefault((text, field.first("b"), field.first("c")), None)
    return tuple(found), tuple(places)


def call_number_of(fields: Sequence[Field]) -> str | None:
    """The first of 852 $h."""
    return next((told for field in fields if field.tag == "852" and (told := field.first("h"))), None)


def copies_of(fields: Sequence[Field], mapping: Mapping[str, Any]) -> tuple[Copy, ...]:
    """Location, shelf and whether it is in, of each copy.

    Where status and location stand in one field, each such field is a copy; else a field of status is of the last
    location before it, and a location without one is a copy whose status is absent.
    """
    status, location = _place(mapping["status"]), _place(mapping.get("location"))
    shelf = _place(mapping.get("shelving_location"))
    together = status[0] == location[0] or not location[0]
    found: list[Copy] = []
    here: Copy | None = None  # a location that no status has followed yet
    where: tuple[str | None, str | None] = (None, None)
    for field in fields:
        if field.tag == location[0]:
            where = (field.first(location[1]), field.first(shelf[1]) if shelf[0] == field.tag else None)
            if not together:
                found += [here] if here is not None else []
                here = (*where, _absent(mapping))
        if field.tag == status[0]:
            found.append((*where, _in(field.first(status[1]), mapping)))
            here = None
    return tuple(found + ([here] if here is not None else []))


def _place(told: str | None) -> tuple[str | None, str | None]:
    tag, _, code = (told or "").partition("$")
    return tag or None, code or None


def _in(value: str | None, mapping: Mapping[str, Any]) -> bool | None:
    if value is None:
        return _absent(mapping)
    for state, words in ((True, mapping["is_in"]), (False, mapping["is_out"])):
        if value.casefold() in {word.casefold() for word in words}:
            return state
    return True if ANY in mapping["is_in"] else False if ANY in mapping["is_out"] else None


def _absent(mapping: Mapping[str, Any]) -> bool | None:
    told: bool | None = {"in": True, "out": False}.get(mapping["absent"])
    return told
