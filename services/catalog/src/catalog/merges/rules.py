"""Which shelves move and which become one when titles are merged, and what the surviving record takes over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from catalog.marc.record import Field, Record

IDENTIFIERS: Final = ("010", "015", "016", "020", "022", "024", "027", "028", "035")
"""Fields of numbers that a title is known by elsewhere (MARC 21 Bibliographic 01X-03X)."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Holdings: what of a title stands where."""

    id: UUID
    title_id: UUID
    location_id: UUID
    call_number: str
    described: bool
    """It has a record of its own (MARC 21 Holdings)."""
    deleted: bool = False

    @property
    def place(self) -> tuple[UUID, str]:
        """Two holdings of one title do not share it."""
        return self.location_id, self.call_number


@dataclass(slots=True)
class Plan:
    """What becomes of the holdings of titles that are merged into another."""

    moves: list[UUID] = field(default_factory=list)
    """They become the surviving title's."""
    joins: dict[UUID, UUID] = field(default_factory=dict)
    """The surviving title stands there already: these holdings' items go to those holdings."""
    inherit: dict[UUID, UUID] = field(default_factory=dict)
    """Of those, the ones whose record the other takes over, having none of its own: to, from."""
    clashes: list[tuple[UUID, UUID]] = field(default_factory=list)
    """Both have a record of their own; a person must say which is right."""


def planned(survivor: UUID, shelves: Sequence[Shelf]) -> Plan:
    """Where everything goes. Shelves are taken in the order given."""
    plan = Plan()
    there = {shelf.place: shelf for shelf in shelves if shelf.title_id == survivor}
    described = {shelf.id for shelf in there.values() if shelf.described}
    for shelf in shelves:
        if shelf.title_id == survivor:
            continue
        other = there.get(shelf.place)
        if other is None:
            there[shelf.place] = shelf
            plan.moves.append(shelf.id)
            if shelf.described:
                described.add(shelf.id)
            continue
        plan.joins[shelf.id] = other.id
        if shelf.described and other.id in described:
            plan.clashes.append((shelf.id, other.id))
        elif shelf.described:
            plan.inherit[other.id] = shelf.id
            described.add(other.id)
    return plan


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside a title's record: it counts in reports, is tagged, and has facts of the library's own."""

    title_id: UUID
    statistical_codes: Sequence[str]
    tags: Sequence[str]
    custom: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A fact of which two titles say different things: the one that stays is believed."""

    code: str
    kept: Any
    given_up: Any
    title_id: UUID
    """Of the title that said otherwise."""


def united(survivor: Beside, gone: Sequence[Beside]) -> tuple[Beside, list[Conflict]]:
    """What the surviving title is to have: codes, tags and facts with several values are joined; of a fact with one
    value the survivor's counts, then that of the first title that tells one, and whatever differs is told."""
    custom, conflicts = dict(survivor.custom), []
    for other in gone:
        for code, value in other.custom.items():
            mine = custom.setdefault(code, value)
            if isinstance(mine, list) and isinstance(value, list):
                custom[code] = list(dict.fromkeys([*mine, *value]))
            elif mine != value:
                conflicts.append(Conflict(code, mine, value, other.title_id))
    everybody = (survivor, *gone)
    codes = sorted({code for each in everybody for code in each.statistical_codes})
    tags = sorted({tag for each in everybody for tag in each.tags})
    return Beside(survivor.title_id, codes, tags, custom), conflicts


def with_identifiers(survivor: Record, gone: Sequence[Record]) -> Record:
    """The surviving record with the numbers that the others were known by: their identifiers, and their own control
    numbers as 035 with the agency's code in parentheses."""
    known = {_told(field) for field in survivor.fields(*IDENTIFIERS)}
    added: list[Field] = []
    for record in gone:
        for field_ in (*record.fields(*IDENTIFIERS), *_former(record)):
            if not field_.is_control and _told(field_) not in known and any(field_.all("az")):
                known.add(_told(field_))
                added.append(field_)
    return survivor.having(*added) if added else survivor


def _former(record: Record) -> list[Field]:
    number, agency = (record.control("001") or "").strip(), (record.control("003") or "").strip()
    if not number:
        return []
    return [Field.data("035", "  ", ("a", f"({agency}){number}" if agency else number))]


def _told(field: Field) -> tuple[str, tuple[str, ...]]:
    """What a field says, however it is punctuated."""
    return field.tag, tuple(f"{code}{value.strip()}" for code, value in field.subfields if code in "az")
