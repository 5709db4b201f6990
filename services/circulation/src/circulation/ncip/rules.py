"""Our refusals and states in the words of NCIP. Decisions only: no clock, no database, no wire."""

from typing import Final

from circulation.items.rules import State

STATUS: Final = {
    State.AVAILABLE: "Available On Shelf",
    State.ON_LOAN: "On Loan",
    State.ON_HOLD_SHELF: "Available For Pickup",
    State.IN_TRANSIT: "In Transit Between Library Locations",
    State.PAGED: "Not Available",
    State.UNAVAILABLE: "Not Available",
    State.WITHDRAWING: "Not Available",
    State.LOST: "Lost",
    State.LOST_AND_PAID: "Lost",
    State.CLAIMED_RETURNED: "Claimed Returned Or Never Borrowed",
    State.RESHELVING: "Waiting To Be Reshelved",
}
"""CirculationStatus of each state of an item."""

_EVERYWHERE: Final = {
    "patron-unknown": "Unknown User",
    "card-replaced": "Unknown User",
    "item-unknown": "Unknown Item",
    "card-expired": "User Blocked",
    "patron-inactive": "User Blocked",
    "patron-blocked": "User Blocked",
    "fees-owed": "User Blocked",
    "overdue-items": "User Blocked",
    "overdue-recalls": "User Blocked",
    "recall-overdue-days": "User Blocked",
    "lost-items": "User Blocked",
    "wards-owe": "User Blocked",
}
_OF_SERVICE: Final = {
    "CheckOutItem": {
        "item-not-loanable": "Item Does Not Circulate",
        "item-intellectual": "Item Does Not Circulate",
        "group-loan-limit": "Maximum Check Outs Exceeded",
        "library-loan-limit": "Maximum Check Outs Exceeded",
        "loan-limit": "Maximum Check Outs Exceeded",
        "rule-loan-limit": "Maximum Check Outs Exceeded",
        "": "Resource Cannot Be Provided",
    },
    "CheckInItem": {"": "Unknown Item"},
    "RenewItem": {
        "holds-wait": "Renewal Not Allowed - Item Has Outstanding Requests",
        "loan-closed": "Item Not Checked Out",
        "recalled": "Renewal Not Allowed - Item Has Outstanding Requests",
        "renewal-limit": "Maximum Renewals Exceeded",
        "total-period": "Maximum Renewals Exceeded",
        "": "Item Not Renewable",
    },
    "RequestItem": {
        "already-held": "Duplicate Request",
        "already-on-loan-to-patron": "Duplicate Request",
        "kind-not-allowed": "Item Does Not Circulate",
        "": "User Ineligible To Request This Item",
    },
    "AcceptItem": {"": "Cannot Accept Item"},
    "CancelRequestItem": {"": "Request Already Processed"},
}


def problem_type(service: str, code: str) -> str:
    """The problem type in which a service says one of our refusals."""
    own = _OF_SERVICE.get(service, {})
    return own.get(code) or _EVERYWHERE.get(code) or own.get("", "Element Rule Violated")


BLOCKED: Final = {"borrow": "Block Check Out", "hold": "Block Request Items"}
"""BlockOrTrapType, by what somebody is kept from."""


def status_of(state: str, *, reshelving: bool) -> str:
    """An item's CirculationStatus; `reshelving`: it is on its way from the desk to its shelf."""
    told = State(state)
    return STATUS[State.RESHELVING if reshelving and told is State.AVAILABLE else told]


def kind_of(request_type: str) -> str | None:
    """Our kind of hold for a RequestType; None: as the policy has it, a page where a copy is on its shelf."""
    return {"Recall": "recall", "Stack Retrieval": "page"}.get(request_type)


def is_hold(action: str) -> bool:
    """Whether a RequestedActionType has what arrives kept for its user; the others circulate it by themselves."""
    return action.startswith("Hold For Pickup")
