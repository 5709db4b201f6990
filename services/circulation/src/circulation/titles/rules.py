"""Several queues become one: nobody passes anybody who stood before them in the same queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Standing:
    """A hold as it stands in its queue."""

    hold_id: UUID
    patron_id: UUID
    placed_at: datetime
    in_fulfilment: bool
    nth: int = 1
    """Which of the patron's open holds on the title."""


def one_queue(queues: Sequence[Sequence[Standing]]) -> list[Standing]:
    """The holds of all queues in one order: a copy on its way goes first; then, of those who are first in what is
    left of their queues, whoever has placed it earliest. So an order that staff made by hand stays."""
    fulfilled = [each for queue in queues for each in queue if each.in_fulfilment]
    left = [[each for each in queue if not each.in_fulfilment] for queue in queues]
    told = sorted(fulfilled, key=lambda each: each.placed_at)
    while left := [queue for queue in left if queue]:
        told.append(min(left, key=lambda queue: queue[0].placed_at).pop(0))
    return told


def numbered(staying: Sequence[Standing], coming: Sequence[Standing]) -> dict[UUID, int]:
    """Numbers for the holds that come, so that no patron has two of one number; they keep theirs where it is free."""
    taken = {(each.patron_id, each.nth) for each in staying}
    told: dict[UUID, int] = {}
    for each in coming:
        nth = each.nth
        if (each.patron_id, nth) in taken:
            nth = 1 + max(number for patron, number in taken if patron == each.patron_id)
        taken.add((each.patron_id, nth))
        told[each.hold_id] = nth
    return told
