"""What becomes of messages, what a vendor's report means for a line, and how lines are named to vendors."""

from collections.abc import Collection
from enum import StrEnum
from typing import Final

from erm.edifact.documents import ResponseLine


class MessageState(StrEnum):
    """How far a message has come."""

    RECEIVED = "received"
    HELD = "held"
    """Somebody has to look: the reasons stand with it."""
    APPLIED = "applied"
    REJECTED = "rejected"
    """It is no message that can be taken."""
    DUPLICATE = "duplicate"
    DISCARDED = "discarded"
    """Somebody has looked, and it is not to be applied."""
    PENDING = "pending"
    """An order of ours that goes out with the next interchange."""
    SENT = "sent"
    """It is in an interchange; whether that has come to the vendor is the interchange's state."""
    ACKNOWLEDGED = "acknowledged"
    """The vendor has answered."""
    WITHDRAWN = "withdrawn"
    """The order was not open any more when it was to go out."""


APPLICABLE: Final = frozenset({MessageState.HELD, MessageState.RECEIVED})
"""From which a message is applied, or discarded, by hand."""
ACCEPTABLE: Final = frozenset(
    {
        "test-interchange",
        "document-number-used",
        "order-closed",
        "line-cancelled",
        "fiscal-year-closed",
    }
)
"""Reasons that somebody may accept by name."""


class Report(StrEnum):
    """What a vendor says of a line."""

    ACCEPTED = "accepted"
    CHANGED = "changed"
    """Accepted, with another price or quantity."""
    BACK_ORDERED = "back-ordered"
    """Some of it comes later."""
    NOT_SUPPLIED = "not-supplied"
    NOT_FOUND = "not-found"
    """The vendor knows no such line."""
    RECORDED = "recorded"


_ACTIONS: Final = {
    "2": Report.NOT_SUPPLIED,
    "3": Report.CHANGED,
    "5": Report.ACCEPTED,
    "6": Report.CHANGED,
    "7": Report.NOT_SUPPLIED,
    "10": Report.NOT_FOUND,
    "23": Report.CHANGED,
    "24": Report.CHANGED,
}
"""1229, as D.96A has it."""


def report_of(line: ResponseLine, refusing: Collection[str]) -> Report:
    """What the codes and quantities of a response come to; `refusing` are codes by which this vendor says that
    nothing will come, whatever the action is."""
    told = _ACTIONS.get(line.action or "", Report.RECORDED)
    if told is not Report.NOT_FOUND and any(code.rpartition(":")[2] in refusing for code in line.codes):
        return Report.NOT_SUPPLIED
    if told is not Report.NOT_SUPPLIED and line.back_ordered:
        return Report.BACK_ORDERED
    return told


def line_reference(order_number: str, position: int) -> str:
    """How a line is named to vendors: `PO-000017-1`."""
    return f"{order_number}-{position + 1}"


def named_line(reference: str) -> tuple[str, int] | None:
    """The order's number and the line's position that a vendor repeats; none: it is none of ours."""
    number, dash, position = reference.strip().rpartition("-")
    if not dash or not number or not position.isascii() or not position.isdigit() or len(position) > 6:
        return None
    return (number, int(position) - 1) if int(position) else None


def interchange_reference(number: int) -> str:
    """Our interchanges to a vendor, counted from 1 without gaps (0020, 14 places at most)."""
    return f"{number:06}"
