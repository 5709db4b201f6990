"""What a partner's message means for a request. Decisions only: no clock, no database, no XML.

Statuses have a rank, and a lower one that comes late changes nothing; from an end nothing moves. `Loaned` and
`Overdue` alternate, and a recalled loan can become overdue.
"""

import re
from dataclasses import dataclass
from typing import Final

RANK: Final = {
    "RequestReceived": 1,
    "ExpectToSupply": 2,
    "WillSupply": 3,
    "RetryPossible": 4,
    "Unfilled": 5,
    "Loaned": 6,
    "Overdue": 6,
    "Recalled": 7,
    "Cancelled": 8,
    "CompletedWithoutReturn": 9,
    "CopyCompleted": 10,
    "LoanCompleted": 11,
}
ENDS: Final = frozenset(
    {"RetryPossible", "Unfilled", "Cancelled", "CompletedWithoutReturn", "CopyCompleted", "LoanCompleted"}
)
SHIPPED: Final = frozenset(
    {"Loaned", "Overdue", "Recalled", "CompletedWithoutReturn", "CopyCompleted", "LoanCompleted"}
)
"""After these there is nothing left to cancel."""

REPEATED: Final = frozenset({"WillSupply", "Loaned"})
"""Told again they count again: with another condition or with none any more, or with another due date."""

BY_STATUS: Final = {
    "RequestReceived": "supplier-received",
    "ExpectToSupply": "supplier-expects",
    "WillSupply": "supplier-will",
    "RetryPossible": "supplier-offers-retry",
    "Unfilled": "supplier-cannot",
    "Loaned": "supplier-shipped",
    "Overdue": "supplier-says-overdue",
    "Recalled": "supplier-recalls",
    "Cancelled": "supplier-cannot",
    "CompletedWithoutReturn": "supplier-charges",
    "CopyCompleted": "copy-supplied",
    "LoanCompleted": "supplier-completes",
}
UNFILLED: Final = {
    "NotHeld": "We do not have it.",
    "NotOnShelf": "It is not where it should be.",
    "OnLoan": "It is lent to somebody.",
    "OnHold": "Somebody waits for it.",
    "OnReserve": "It is on reserve for a course.",
    "OnOrder": "It is ordered, and has not come.",
    "InProcess": "It has come, and is not ready yet.",
    "AtBindery": "It is at the bindery.",
    "Lost": "It is lost.",
    "Lacking": "We have the title, and not this volume or issue.",
    "VolumeNotYetAvailable": "This volume or issue has not appeared yet.",
    "NotAvailableForILL": "It is not lent to other libraries.",
    "NonCirculating": "It does not leave the house.",
    "PoorCondition": "It is too worn to be sent.",
    "NotFoundAsCited": "It is not to be found as it is cited.",
    "CostExceedsMaxCost": "It costs more than the request may.",
    "LacksCopyrightCompliance": "The copyright does not let us.",
    "LicenceProhibits": "Our licence does not let us.",
    "PolicyProblem": "Our rules do not let us.",
    "Duplicate": "We have this request already.",
    "Other": "For another reason: see the note.",
}
"""reasonUnfilled: an open list. These are told by staff of ours, beside the library's own; a partner may tell any."""

BY_ACTION: Final = {
    "StatusRequest": "partner-asks-status",
    "Received": "partner-received",
    "Cancel": "partner-cancels",
    "Renew": "partner-asks-renewal",
    "ShippedReturn": "partner-returns",
    "ShippedForward": "partner-forwards",
    "Notification": "partner-writes",
    "Lost": "partner-lost",
    "HoldReturn": "partner-holds-back",
}
OF_RETURNS: Final = {
    "HoldReturn": "supplier-wants-return-held",
    "ReleaseHoldReturn": "supplier-releases-return",
}
"""Statuses of 2021-2 that say when to return something, and nothing of how the request stands."""
SUPPLIER_EVENTS: Final = (
    frozenset(BY_STATUS.values())
    | frozenset(OF_RETURNS.values())
    | {
        "supplier-conditional",
        "supplier-has-duplicate",
        "supplier-writes",
        "cancel-agreed",
        "cancel-declined",
        "supplier-renews",
        "supplier-declines-renewal",
    }
)
PARTNER_EVENTS: Final = frozenset(BY_ACTION.values()) | {"partner-agrees"}


@dataclass(frozen=True, slots=True)
class SupplierSays:
    """What stands in a supplyingAgencyMessage, as far as it decides."""

    reason: str
    status: str | None = None
    answer: str | None = None
    conditional: bool = False
    """It names a condition or costs."""
    duplicate: bool = False
    """It has this request already."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What follows: an event, a status to keep, or an element whose value makes no sense."""

    event: str | None = None
    status: str | None = None
    wrong: str | None = None


def counts(status: str, *, before: str | None) -> bool:
    """Whether a status moves a request on from the one before."""
    if before is None:
        return True
    if before in ENDS:
        return False
    if {status, before} == {"Loaned", "Overdue"} or (before, status) == ("Recalled", "Overdue"):
        return True
    return RANK[status] > RANK[before]


def supplier_says(says: SupplierSays, *, before: str | None, cancelling: bool) -> Meaning:
    """What a supplier's message means, after the status that counted last."""
    if says.reason == "Notification":
        return Meaning("supplier-writes")
    if says.reason == "CancelResponse":
        return _cancel_response(says, before)
    if says.reason == "RenewResponse":
        if says.answer is None or (says.answer == "Y" and says.status not in ("Loaned", None)):
            return Meaning(wrong="answerYesNo")
        if says.answer == "N":
            return Meaning("supplier-declines-renewal")
        return Meaning("supplier-renews", "Loaned")
    if says.status is None:
        return Meaning()
    if says.status in OF_RETURNS:
        return Meaning(OF_RETURNS[says.status])
    again = says.status == before and says.status in REPEATED
    if not again and not counts(says.status, before=before):
        return Meaning()
    event = BY_STATUS[says.status]
    if says.status == "WillSupply" and says.conditional:
        event = "supplier-conditional"
    elif says.status == "Unfilled" and says.duplicate:
        event = "supplier-has-duplicate"
    elif says.status == "Cancelled" and cancelling:
        event = "cancel-agreed"
    return Meaning(event, says.status)


def _cancel_response(says: SupplierSays, before: str | None) -> Meaning:
    """Yes with another status than Cancelled, or no with Cancelled, contradicts itself."""
    if says.answer is None or (says.answer == "Y") != (
        says.status == "Cancelled" or (says.status is None and says.answer == "Y")
    ):
        return Meaning(wrong="answerYesNo")
    if says.answer == "Y":
        return Meaning("cancel-agreed", "Cancelled")
    if says.status in SHIPPED | {"Unfilled"} and counts(says.status or "", before=before):
        return Meaning(BY_STATUS[says.status or ""], says.status)
    return Meaning("cancel-declined")


def action_means(action: str, *, note: str | None, awaits_agreement: bool) -> str:
    """The event that a requesting library's action brings about."""
    if action == "Notification" and awaits_agreement and agrees(note):
        return "partner-agrees"
    return BY_ACTION[action]


_AGREED: Final = re.compile(
    r"^\W*(ACCEPT\b|conditions? (are )?(accepted|agreed)|#ReShareLoanConditionAgreeResponse#)", re.IGNORECASE
)


def agrees(note: str | None) -> bool:
    """Whether a note agrees to a condition. 1.2 has no word for it; these are the ones that libraries send."""
    return note is not None and _AGREED.match(note) is not None


def tells_of_duplicate(reason: str | None, note: str | None) -> bool:
    """Whether a supplier says that it has the request already: as a reason, or as a note that begins so."""
    return (reason or "").casefold() == "duplicate" or (note or "").casefold().startswith("duplicate")
