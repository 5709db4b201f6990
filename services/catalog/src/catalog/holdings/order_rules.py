"""How items of holdings come to stand in another order, and what stands against it."""

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

MOST_ARRANGED: Final = 5_000
"""Items of holdings that are arranged by hand."""


class Fault(NamedTuple):
    """Why they cannot be arranged so."""

    code: str
    text: str
    pointer: str


def arranging_faults(
    standing: Sequence[UUID], moved: Sequence[UUID], *, before: UUID | None, after: UUID | None
) -> list[Fault]:
    """Everything that is against it, at once."""
    here, moving, seen = set(standing), set(moved), set[UUID]()
    faults = []
    for place, item_id in enumerate(moved):
        if item_id not in here:
            faults.append(
                Fault("item-elsewhere", f"Item {item_id} is not one of these.", f"/item_ids/{place}")
            )
        elif item_id in seen:
            faults.append(Fault("item-twice", f"Item {item_id} is told twice.", f"/item_ids/{place}"))
        seen.add(item_id)
    for name, beside in (("before", before), ("after", after)):
        if beside is None:
            continue
        if beside not in here:
            faults.append(Fault("item-elsewhere", f"Item {beside} is not one of these.", f"/{name}"))
        elif beside in moving:
            faults.append(Fault("item-itself", "An item cannot stand beside itself.", f"/{name}"))
    if before is not None and after is not None:
        faults.append(Fault("contradiction", "They stand before an item or behind one.", "/after"))
    return faults


def arranged(
    standing: Sequence[UUID], moved: Sequence[UUID], *, before: UUID | None, after: UUID | None
) -> list[UUID]:
    """The order with `moved` together, in theirs: before or behind one that stays, else in front of all."""
    moving = set(moved)
    stay = [item_id for item_id in standing if item_id not in moving]
    at = 0
    if before is not None:
        at = stay.index(before)
    elif after is not None:
        at = stay.index(after) + 1
    return [*stay[:at], *moved, *stay[at:]]
