"""What another format cannot say of a record, found by trying: whatever can be taken away unnoticed is not said there.

So the report is true of the crosswalks as they are, and needs no list of its own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from catalog.marc.record import Field, Record

MOST_TRIES: Final = 3000
"""Conversions that one report may cost; fields behind that are not looked at subfield by subfield."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A field, or one subfield of it, that the format does not say."""

    tag: str
    occurrence: int
    code: str | None
    """None: nothing of the field is said."""
    value: str


def losses(record: Record, write: Callable[[Record], bytes]) -> tuple[list[Loss], int]:
    """What is lost, in the record's order, and how many fields are said wholly. Costs CPU."""
    whole = write(record)
    fields = list(record)
    told: list[Loss] = []
    seen: dict[str, int] = {}
    tries = kept = 0
    for place, each in enumerate(fields):
        seen[each.tag] = occurrence = seen.get(each.tag, 0) + 1
        tries += 1
        if write(Record(record.leader, fields[:place] + fields[place + 1 :])) == whole:
            told.append(Loss(each.tag, occurrence, None, each.value))
            continue
        lost = []
        for other, code, value in _lessened(each) if tries < MOST_TRIES else ():
            tries += 1
            if write(Record(record.leader, [*fields[:place], other, *fields[place + 1 :]])) == whole:
                lost.append(Loss(each.tag, occurrence, code, value))
        told += lost
        kept += not lost
    return told, kept


def _lessened(each: Field) -> Iterator[tuple[Field, str, str]]:
    """The field without each of its subfields in turn."""
    subfields = each.subfields
    if each.is_control or len(subfields) < 2:
        return
    for place, (code, value) in enumerate(subfields):
        rest = subfields[:place] + subfields[place + 1 :]
        yield Field.from_parts(each.tag, each.ind1, each.ind2, rest), code, value
