"""What differs between two states of a record: field by field, subfield by subfield, position by position."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal

from catalog.marc.record import Field, Record

Kind = Literal["added", "removed", "changed", "moved"]
LEADER: Final = "LDR"
COUNTED: Final = frozenset((*range(5), *range(12, 17)))
"""Leader positions that are reckoned when a record is written (lengths), and no work of a cataloguer's."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not what it was."""

    kind: Kind
    tag: str
    occurrence: int
    """Which of the fields with this tag, counted from 1: among the new ones, of a removed field among the old."""
    before: Field | None
    after: Field | None
    parts: tuple[str, ...] = ()
    """What within it differs: `ind1`, `$a`, or positions of a fixed field (`07-10`)."""


def differences(before: Record, after: Record) -> list[Difference]:
    """Every difference, in the order of the later record; the same field at another place is `moved`.

    Fields with one tag that are equal stand for each other; the others are paired in order, as far as they go.
    """
    told = _of_leader(before.leader, after.leader)
    old, new = _by_tag(before), _by_tag(after)
    for tag in sorted({*old, *new}):
        told += _of_tag(tag, old.get(tag, []), new.get(tag, []))
    if not told and [*before] != [*after]:
        told = _moved(list(before), list(after))
    return told


def _by_tag(record: Record) -> dict[str, list[Field]]:
    found: dict[str, list[Field]] = {}
    for field in record:
        found.setdefault(field.tag, []).append(field)
    return found


def _of_leader(before: str, after: str) -> list[Difference]:
    places = [place for place in _places(before, after) if place not in COUNTED]
    if not places:
        return []
    fields = (Field.control(LEADER, before), Field.control(LEADER, after))
    return [Difference("changed", LEADER, 1, *fields, _spans(places))]


def _of_tag(tag: str, old: Sequence[Field], new: Sequence[Field]) -> list[Difference]:
    if list(old) == list(new):
        return []
    same = Counter(old) & Counter(new)
    left = _without(old, same)
    right = _without(new, same)
    told = [
        Difference("changed", tag, place, before, after, _parts(before, after))
        for (_, before), (place, after) in zip(left, right, strict=False)
    ]
    told += [Difference("removed", tag, place, before, None) for place, before in left[len(right) :]]
    told += [Difference("added", tag, place, None, after) for place, after in right[len(left) :]]
    return told or _moved(old, new)


def _without(fields: Sequence[Field], same: Counter[Field]) -> list[tuple[int, Field]]:
    remaining, left = Counter(same), []
    for place, field in enumerate(fields, 1):
        if remaining[field] > 0:
            remaining[field] -= 1
        else:
            left.append((place, field))
    return left


def _moved(old: Sequence[Field], new: Sequence[Field]) -> list[Difference]:
    """Equal fields in another order: those that stand where another one stood."""
    told = []
    seen: Counter[str] = Counter()
    for before, after in zip(old, new, strict=True):
        seen[after.tag] += 1
        if before != after:
            told.append(Difference("moved", after.tag, seen[after.tag], after, after))
    return told


def _parts(before: Field, after: Field) -> tuple[str, ...]:
    if before.is_control or after.is_control:
        return _spans(_places(before.value, after.value))
    told = [name for name in ("ind1", "ind2") if getattr(before, name) != getattr(after, name)]
    codes = dict.fromkeys(code for code, _ in (*before.subfields, *after.subfields))
    told += [f"${code}" for code in codes if before.all(code) != after.all(code)]
    return tuple(told) or ("order",)


def _places(before: str, after: str) -> list[int]:
    longest = max(len(before), len(after))
    return [place for place in range(longest) if before[place : place + 1] != after[place : place + 1]]


def _spans(places: Iterable[int]) -> tuple[str, ...]:
    """Positions as MARC's documentation names them: 06, 07-10."""
    told = []
    for _, run in groupby(enumerate(places), key=lambda each: each[1] - each[0]):
        found = [place for _, place in run]
        told.append(f"{found[0]:02d}" if len(found) == 1 else f"{found[0]:02d}-{found[-1]:02d}")
    return tuple(told)
