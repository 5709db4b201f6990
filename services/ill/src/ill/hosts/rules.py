"""What does a host have to be told, and what does its answer mean? Decisions only: no clock, no database, no wire.

Messages and answers are the nested dictionaries of `contracts.ncip`, of which nothing but their shape is known here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

Body = dict[str, Any]


class Act(StrEnum):
    """What circulation is told of: by the names of the events by which our own is told of it."""

    ARRIVED = "borrowed-item-arrived"
    LEFT = "borrowed-item-left"
    PATRON = "patron-sought"
    KEEP = "item-wanted"
    HOLD = "hold-wanted-here"
    LET_GO = "item-not-wanted"
    LEND = "partner-loan-wanted"
    OVER = "partner-loan-over"
    DATE = "loan-date-moved"
    CHARGE = "patron-charge-wanted"


ANSWERED: Final = frozenset({Act.PATRON, Act.KEEP, Act.HOLD, Act.LEND})
"""A request waits for the answer, and knows what to do with a refusal; a refusal of anything else is for staff."""
QUESTIONS: Final = frozenset({Act.PATRON})
"""Changes nothing: asked a few times, and then let be. It holds nothing else up, and is nothing for staff."""


@dataclass(frozen=True, slots=True)
class Host:
    """How a host is spoken to."""

    manual: bool
    services: frozenset[str]
    """Of NCIP, those that it offers."""
    us: str = ""
    them: str = ""
    user_type: str | None = None
    item_type: str | None = None
    request_type: str = "Hold"
    accept_action: str = "Hold For Pickup And Notify"
    places: Mapping[str, str] = field(default_factory=dict)
    """Our places' codes, and its own for them."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a message is made of; None where it is not known."""

    act: Act
    request_id: str
    """By which the host knows our wish; the same however often it is told."""
    user: str | None = None
    barcode: str | None = None
    record_id: str | None = None
    title: str | None = None
    author: str | None = None
    due_at: str | None = None
    pickup: str | None = None
    why: str | None = None
    """Of a date that is moved."""


class Unsayable(Exception):
    """It cannot be told by NCIP: staff do it. The code says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


_SERVICES: Final = {
    Act.ARRIVED: "AcceptItem",
    Act.LEFT: "CheckInItem",
    Act.PATRON: "LookupUser",
    Act.KEEP: "RequestItem",
    Act.HOLD: "RequestItem",
    Act.LET_GO: "CancelRequestItem",
    Act.LEND: "CheckOutItem",
    Act.OVER: "CheckInItem",
}


def service_of(act: Act, why: str | None = None) -> str | None:
    """By which service of NCIP it is told; None: by none of those that are spoken here."""
    if act is Act.DATE:
        return "RenewItem" if why == "renewed" else "RecallItem"
    return _SERVICES.get(act)


def message(facts: Facts, host: Host) -> tuple[str, Body]:
    """The service and what it is told, without the header; `Unsayable` where the host cannot be told it."""
    if host.manual:
        raise Unsayable("by-hand")
    service = service_of(facts.act, facts.why)
    if service is None or service not in host.services:
        raise Unsayable("service-not-offered")
    if service in _WHOSE and facts.user is None:
        raise Unsayable("user-not-mapped")
    if service in _WHICH and facts.barcode is None:
        raise Unsayable("item-not-known")
    return service, {
        "AcceptItem": _accept,
        "CheckInItem": _check_in,
        "LookupUser": _look_up_user,
        "RequestItem": _request,
        "CancelRequestItem": _cancel,
        "CheckOutItem": _check_out,
        "RenewItem": _renew,
        "RecallItem": _recall,
    }[service](facts, host)


_WHOSE: Final = frozenset(
    {"AcceptItem", "LookupUser", "RequestItem", "CancelRequestItem", "CheckOutItem", "RenewItem"}
)
_WHICH: Final = frozenset({"AcceptItem", "CheckInItem", "CheckOutItem", "RenewItem", "RecallItem"})


def _id(of: str, value: str | None, agency: str, kind: str | None = None) -> Body:
    told = {"AgencyId": agency} | ({f"{of}IdentifierType": kind} if kind else {})
    return told | {f"{of}IdentifierValue": value}


def _user(facts: Facts, host: Host) -> Body:
    return {"UserId": _id("User", facts.user, host.them, host.user_type)}


def item_of(facts: Facts, host: Host) -> Body:
    """The item, by the number that the host knows it by."""
    return {"ItemId": _id("Item", facts.barcode, host.them, host.item_type)}


def _asked(facts: Facts, host: Host) -> Body:
    return {"RequestId": _id("Request", facts.request_id, host.us)}


def _pickup(facts: Facts, host: Host) -> Body:
    place = host.places.get(facts.pickup or "", facts.pickup)
    return {"PickupLocation": place} if place else {}


def _accept(facts: Facts, host: Host) -> Body:
    described = {"Author": facts.author, "Title": facts.title}
    told = {name: value for name, value in described.items() if value}
    return (
        _asked(facts, host)
        | {"RequestedActionType": host.accept_action}
        | _user(facts, host)
        | item_of(facts, host)
        | ({"DateForReturn": facts.due_at} if facts.due_at else {"IndeterminateLoanPeriodFlag": True})
        | ({"ItemOptionalFields": {"BibliographicDescription": told}} if told else {})
        | _pickup(facts, host)
    )


def _check_in(facts: Facts, host: Host) -> Body:
    return item_of(facts, host)


def _look_up_user(facts: Facts, host: Host) -> Body:
    return _user(facts, host) | {"UserElementType": ["User Privilege", "Block Or Trap"]}


def _request(facts: Facts, host: Host) -> Body:
    if facts.barcode is not None:
        wanted = {"ItemId": [item_of(facts, host)["ItemId"]]}
    elif facts.record_id is not None:
        record = {"BibliographicRecordIdentifier": facts.record_id, "AgencyId": host.them}
        wanted = {"BibliographicId": [{"BibliographicRecordId": record}]}
    else:
        raise Unsayable("title-not-known")
    scope = "Item" if facts.barcode is not None else "Bibliographic Item"
    return (
        _user(facts, host)
        | wanted
        | _asked(facts, host)
        | {"RequestType": host.request_type, "RequestScopeType": scope}
        | _pickup(facts, host)
    )


def _cancel(facts: Facts, host: Host) -> Body:
    return _user(facts, host) | _asked(facts, host) | {"RequestType": host.request_type}


def _check_out(facts: Facts, host: Host) -> Body:
    due = {"DesiredDateDue": facts.due_at} if facts.due_at else {}
    return _user(facts, host) | item_of(facts, host) | _asked(facts, host) | due


def _renew(facts: Facts, host: Host) -> Body:
    return _user(facts, host) | item_of(facts, host) | {"DesiredDateDue": facts.due_at}


def _recall(facts: Facts, host: Host) -> Body:
    return item_of(facts, host) | {"DesiredDateDue": facts.due_at}


class Means(StrEnum):
    """What an answer comes to."""

    DONE = "done"
    REFUSED = "refused"
    LATER = "later"
    """Not now: told again."""
    STAFF = "staff"
    """The host will not hear us at all: somebody has to mend that."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an act."""

    means: Means
    reasons: tuple[str, ...] = ()
    told: Mapping[str, Any] = field(default_factory=dict)
    """barcode, due_at, library, location, call_number; known and stops of a patron."""


class NoAnswer(ValueError):
    """It answers something else than what was asked."""


_NOT_NOW: Final = frozenset({"Temporary Processing Failure"})
_NOT_US: Final = frozenset(
    {
        "Agency Authentication Failed",
        "System Authentication Failed",
        "Unauthorized Service For Agency",
        "Unauthorized Service For System",
        "Unknown Agency",
        "Unknown System",
        "Unknown Service",
        "Unsupported Service",
        "Invalid Message Syntax Error",
        "Protocol Error",
    }
)
_SO_ALREADY: Final = {
    Act.LET_GO: {"Unknown Request", "Request Already Processed"},
    Act.LEFT: {"Item Not Checked Out", "Unknown Item"},
    Act.OVER: {"Item Not Checked Out"},
    Act.DATE: {"Item Not Checked Out"},
}
"""By these a host says that it is as it was to be."""
_TWICE: Final = {
    Act.ARRIVED: {"Duplicate Request", "Duplicate Item", "Request Already Processed"},
    Act.KEEP: {"Duplicate Request"},
    Act.HOLD: {"Duplicate Request"},
}
"""By these it says that it has been told before; which is good news where nobody knew whether it had heard it."""
_CODES: Final = {
    "Item Does Not Circulate": "not-for-loan",
    "Item Not Available By Need Before Date": "none-on-shelf",
    "Maximum Check Outs Exceeded": "loan-limit",
    "Resource Cannot Be Provided": "none-on-shelf",
    "Unknown Item": "not-held",
    "Unknown User": "patron-unknown",
    "User Blocked": "patron-blocked",
}


def code_of(problem: str) -> str:
    """A problem type as a reason: the house's own word where there is one."""
    return _CODES.get(problem) or "-".join(problem.lower().split())[:80] or "problem"


def understood(
    facts: Facts, service: str, kind: str, body: Mapping[str, Any], *, doubtful: bool, now: datetime
) -> Outcome:
    """What an answer comes to; `NoAnswer` where it is none to what was asked."""
    if kind not in (f"{service}Response", "Problem"):
        raise NoAnswer("an answer to something else")
    problems = [str(told.get("ProblemType", "")) for told in body.get("Problem", ())]
    if problems:
        return _refused(facts.act, problems, doubtful=doubtful)
    if kind == "Problem":
        raise NoAnswer("an answer that says nothing")
    if "Pending" in body:
        return Outcome(Means.STAFF, ("pending",))
    if facts.act is Act.PATRON:
        return Outcome(Means.DONE, told={"known": True, "stops": stops(body, now=now)})
    item = body.get("ItemId", {}).get("ItemIdentifierValue")
    if facts.act in (Act.LEND, Act.OVER) and item not in (None, facts.barcode):
        raise NoAnswer("an answer about another item")
    named = body.get("RequestId", {}).get("RequestIdentifierValue")
    if named not in (None, facts.request_id):
        raise NoAnswer("an answer about another request")
    if facts.act is Act.LEND and not _loan_in(body):
        raise NoAnswer("an answer that lends nothing")
    return Outcome(Means.DONE, told=learnt(body))


def _loan_in(body: Mapping[str, Any]) -> bool:
    return any(name in body for name in ("DateDue", "IndeterminateLoanPeriodFlag", "NonReturnableFlag"))


def _refused(act: Act, problems: list[str], *, doubtful: bool) -> Outcome:
    found = set(problems)
    if found <= _SO_ALREADY.get(act, set()) or (doubtful and found <= _TWICE.get(act, set())):
        return Outcome(Means.DONE)
    if act is Act.PATRON and "Unknown User" in found:
        return Outcome(Means.DONE, told={"known": False, "stops": []})
    if found & _NOT_NOW:
        return Outcome(Means.LATER, tuple(code_of(each) for each in problems))
    reasons = tuple(dict.fromkeys(code_of(each) for each in problems))
    return Outcome(Means.STAFF if found & _NOT_US else Means.REFUSED, reasons)


def learnt(body: Mapping[str, Any]) -> dict[str, Any]:
    """By which number the host knows the item, where it stands, and until when it is lent."""
    fields = body.get("ItemOptionalFields", {})
    places = {
        told["LocationType"]: told["LocationName"]["LocationNameInstance"][0]["LocationNameValue"]
        for told in fields.get("Location", ())
        if told.get("LocationType") and told.get("LocationName", {}).get("LocationNameInstance")
    }
    found = {
        "barcode": body.get("ItemId", {}).get("ItemIdentifierValue"),
        "due_at": body.get("DateDue"),
        "location": places.get("Permanent Location") or places.get("Current Location"),
        "call_number": fields.get("ItemDescription", {}).get("CallNumber"),
    }
    return {name: value for name, value in found.items() if value is not None}


_HARMLESS: Final = frozenset({"Block Access To Electronic Resources", "Block Renewals"})
_GOOD: Final = frozenset({"ok", "active", "valid"})


def stops(body: Mapping[str, Any], *, now: datetime) -> list[str]:
    """What stops a patron from having something brought from elsewhere, as codes."""
    fields = body.get("UserOptionalFields", {})
    found = [
        code_of(told["BlockOrTrapType"])
        for told in fields.get("BlockOrTrap", ())
        if told.get("BlockOrTrapType", "").startswith("Block")
        and told["BlockOrTrapType"] not in _HARMLESS
        and not _over(told, now)
    ]
    for told in fields.get("UserPrivilege", ()):
        status = told.get("UserPrivilegeStatus", {}).get("UserPrivilegeStatusType", "OK")
        if _over(told, now):
            found.append("card-expired")
        elif status.lower() not in _GOOD:
            found.append("patron-inactive")
    return list(dict.fromkeys(found))


def _over(told: Mapping[str, Any], now: datetime) -> bool:
    until = told.get("ValidToDate")
    return until is not None and datetime.fromisoformat(until) <= now


def is_there_already(facts: Facts, body: Mapping[str, Any]) -> Outcome | None:
    """What LookupItem tells of a loan of which nobody knew whether it was made: it was, or it was not (None)."""
    borrower = body.get("ItemTransaction", {}).get("CurrentBorrower", {}).get("UserId", {})
    if facts.user is None or borrower.get("UserIdentifierValue") != facts.user:
        return None
    due = body.get("ItemOptionalFields", {}).get("DateDue") or facts.due_at
    return Outcome(Means.DONE, told={"barcode": facts.barcode, "due_at": due})


_PERSONAL: Final = frozenset(
    {
        "AuthenticationInput",
        "UserId",
        "UserOptionalFields",
        "UserFiscalAccount",
        "LoanedItem",
        "RequestedItem",
    }
    | {"FromAgencyAuthentication", "ItemTransaction"}
)


def kept(body: Mapping[str, Any]) -> Body:
    """What is kept of a message or an answer: nothing of a patron, and nothing that proves somebody."""
    return {
        name: kept(value) if isinstance(value, dict) else value
        for name, value in body.items()
        if name not in _PERSONAL
    }
