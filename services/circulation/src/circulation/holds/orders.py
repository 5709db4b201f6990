"""What is wrong with an order that a queue is wished to be in. Decisions only."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final
from uuid import UUID

from circulation.holds.rules import Waiting


class QueueFlaw(StrEnum):
    """What is wrong with a wished order. Codes never change."""

    REPEATED = "hold-repeated"
    MISSING = "hold-missing"
    FOREIGN = "hold-not-in-queue"
    PINNED = "hold-pinned"


FLAW_TEXTS: Final = {
    QueueFlaw.REPEATED: ("The hold is named more than once.", "Name every hold of the queue once."),
    QueueFlaw.MISSING: ("The hold is in the queue and was not named.", "Name every hold of the queue once."),
    QueueFlaw.FOREIGN: ("The hold does not wait in this queue.", "Read the queue again."),
    QueueFlaw.PINNED: (
        "A copy is on its way to this hold, or waits for its patron: it stays where it is.",
        "Leave it at its position.",
    ),
}


def order_flaws(queue: Sequence[Waiting], wished: Sequence[UUID]) -> list[tuple[QueueFlaw, UUID]]:
    """Everything wrong with a wished order: the whole queue, each hold once, pinned ones where they are."""
    known = [hold.hold_id for hold in queue]
    found = [(QueueFlaw.REPEATED, each) for each in dict.fromkeys(wished) if wished.count(each) > 1]
    found += [(QueueFlaw.FOREIGN, each) for each in dict.fromkeys(wished) if each not in known]
    found += [(QueueFlaw.MISSING, each) for each in known if each not in wished]
    if found:
        return found
    return [
        (QueueFlaw.PINNED, hold.hold_id)
        for hold in queue
        if hold.pinned and wished[hold.position - 1] != hold.hold_id
    ]
