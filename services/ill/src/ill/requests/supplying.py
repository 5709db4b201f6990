"""Effects on the lending side: what partners are told, in the words of the standard."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ill.deliveries.commands import link
from ill.iso18626 import composing
from ill.iso18626.composing import Agency
from ill.iso18626.queueing import queue
from ill.requests import queries
from ill.requests.case import Case
from ill.requests.effects import LENDING, effect
from ill.requests.rules import Told, renewed_until


async def supply(
    case: Case,
    status: str,
    *,
    reason: str | None = None,
    answer: str | None = None,
    offer: Mapping[str, Any] | None = None,
    due: bool = False,
    sent: dict[str, Any] | None = None,
    note: str | None = None,
    back: bool = False,
    otherwise: str | None = None,
) -> None:
    """A supplyingAgencyMessage with our status, which is kept."""
    partner = await queries.partner(case.connection, case.row["partner_id"])
    first = case.row["status"] is None
    why = reason or ("RequestResponse" if first else "StatusChange")
    head = composing.header(
        supplier=case.us,
        requester=composing.named(case.row["named"]) or Agency(partner["scheme"], partner["symbol"]),
        request_id=case.row["partners_request_id"],
        suppliers_id=case.row["number"],
        now=case.now,
    )
    document = composing.supplying(
        head,
        reason=why,
        status=status,
        now=case.now,
        answer=answer,
        note=note if note is not None else case.told.note,
        due_at=case.row["due_at"] if due else None,
        offer=offer,
        sent=sent,
        return_to=case.us if back else None,
        otherwise=otherwise,
    )
    await queue(
        case.connection,
        request_id=case.id,
        entry_id=None,
        partner=partner,
        kind="supplyingAgencyMessage",
        document=document,
        now=case.now,
    )
    case.row["status"] = status


def _now(case: Case) -> str:
    """Our status as it is."""
    return case.row["status"] or "RequestReceived"


@effect(LENDING, name="say-will-supply")
async def say_will_supply(case: Case) -> None:
    """WillSupply."""
    await supply(case, "WillSupply")


@effect(LENDING, name="say-conditional")
async def say_conditional(case: Case) -> None:
    """WillSupply, with conditions and costs."""
    await supply(case, "WillSupply", offer=case.row["offer"])


@effect(LENDING, name="say-unfilled")
async def say_unfilled(case: Case) -> None:
    """Unfilled, with a reason; the timers' is that the time is over."""
    await supply(case, "Unfilled", offer={"reason": case.told.reason or "expired"})


@effect(LENDING, name="say-retry")
async def say_retry(case: Case) -> None:
    """RetryPossible."""
    await supply(case, "RetryPossible", offer=case.row["offer"])


@effect(LENDING, name="note-shipment")
async def note_shipment(case: Case) -> None:
    """What goes out, and until when."""
    case.row["due_at"] = case.told.due_at or case.row["due_at"]
    case.row["item_barcode"] = case.told.item_barcode or case.row["item_barcode"]
    if case.told.condition:
        conditions = [*case.row["offer"].get("conditions", ())]
        if case.told.condition not in conditions:
            case.row["offer"] = case.row["offer"] | {"conditions": [*conditions, case.told.condition]}


@effect(LENDING, name="say-loaned")
async def say_loaned(case: Case) -> None:
    """Loaned, with what was sent and where it comes back to."""
    sent = {"itemId": case.row["item_barcode"], "sentVia": "Mail"}
    await supply(
        case,
        "Loaned",
        due=True,
        offer={"conditions": case.row["offer"].get("conditions", ())},
        sent={name: value for name, value in sent.items() if value},
        back=True,
    )


@effect(LENDING, name="say-copy")
async def say_copy(case: Case) -> None:
    """CopyCompleted, the link in the note, too: 1.2 has no element for it."""
    target = case.told.link or await link(case)
    words = " ".join(word for word in (target, case.told.note) if word)
    sent = {"sentVia": "URL", "deliveredFormat": "PDF", "URL": target}
    await supply(case, "CopyCompleted", note=words, sent=sent)


@effect(LENDING, name="agree-at-once")
async def agree_at_once(case: Case) -> str | None:
    """Where the configuration lets partners cancel by themselves."""
    return "agree-cancel" if case.doc.cancel == "at-once" else None


@effect(LENDING, name="agree-cancelling")
async def agree_cancelling(case: Case) -> None:
    """CancelResponse, yes."""
    await supply(case, "Cancelled", reason="CancelResponse", answer="Y", note="")


@effect(LENDING, name="decline-cancelling")
async def decline_cancelling(case: Case) -> None:
    """CancelResponse, no, and our status as it is."""
    note = case.told.note if case.steps[-1][0] == "decline-cancel" else ""
    await supply(case, _now(case), reason="CancelResponse", answer="N", note=note or "")


@effect(LENDING, name="say-overdue")
async def say_overdue(case: Case) -> None:
    """Overdue."""
    await supply(case, "Overdue", due=True)


@effect(LENDING, name="note-renewal-asked")
async def note_renewal_asked(case: Case) -> None:
    """Staff answer it."""
    case.row |= {"renewal_pending": True, "attention": "partner-asks-renewal"}


_RENEWED = "SELECT count(*) FROM step WHERE request_id = $1 AND what = 'renew'"


@effect(LENDING, name="answer-renewal")
async def answer_renewal(case: Case) -> str | None:
    """By the library's rule, where it has one: so many times, for so many days, and not what is recalled."""
    rule = case.doc.lending
    until = renewed_until(
        case.row["due_at"],
        days=rule.renew_days,
        most=rule.most_renewals,
        so_far=await case.connection.fetchval(_RENEWED, case.id),
        recalled=case.row["state"] == "recalled",
        now=case.now,
    )
    if until is None:
        return None
    case.told = Told(due_at=until) if isinstance(until, datetime) else Told()
    return "renew" if isinstance(until, datetime) else "decline-renewal"


@effect(LENDING, name="send-copy-by-itself")
async def send_copy_by_itself(case: Case) -> str | None:
    """The file is there: it goes out without another word, where the library wants it so."""
    ready = case.doc.lending.copies == "send" and case.row["service"] == "copy"
    return "supply-copy" if ready and case.doc.public_url is not None else None


@effect(LENDING, name="say-renewed")
async def say_renewed(case: Case) -> None:
    """RenewResponse, yes: Loaned until the new date."""
    case.row["attention"] = None
    await supply(case, "Loaned", reason="RenewResponse", answer="Y", due=True)


@effect(LENDING, name="say-not-renewed")
async def say_not_renewed(case: Case) -> None:
    """RenewResponse, no."""
    case.row["attention"] = None
    await supply(case, _now(case), reason="RenewResponse", answer="N", due=True)


@effect(LENDING, name="say-recalled")
async def say_recalled(case: Case) -> None:
    """Recalled, with the earlier date."""
    await supply(case, "Recalled", due=True)


@effect(LENDING, name="say-hold-return")
async def say_hold_return(case: Case) -> None:
    """HoldReturn, which 1.2 says as a Notification; the status stays as it was."""
    before = _now(case)
    await supply(case, "HoldReturn", otherwise=before)
    case.row["status"] = before


@effect(LENDING, name="say-release-return")
async def say_release_return(case: Case) -> None:
    """ReleaseHoldReturn, as before."""
    before = _now(case)
    await supply(case, "ReleaseHoldReturn", otherwise=before)
    case.row["status"] = before


@effect(LENDING, name="say-completed")
async def say_completed(case: Case) -> None:
    """LoanCompleted."""
    await supply(case, "LoanCompleted")


@effect(LENDING, name="say-completed-damaged")
async def say_completed_damaged(case: Case) -> None:
    """LoanCompleted, with what the damage costs."""
    await supply(case, "LoanCompleted", offer=case.row["offer"])


@effect(LENDING, name="say-without-return")
async def say_without_return(case: Case) -> None:
    """CompletedWithoutReturn, with the price."""
    await supply(case, "CompletedWithoutReturn", offer=case.row["offer"])


@effect(LENDING, name="say-status")
async def say_status(case: Case) -> None:
    """StatusRequestResponse; it changes nothing."""
    before = case.row["status"]
    await supply(case, _now(case), reason="StatusRequestResponse", due=True, note="")
    case.row["status"] = before


@effect(LENDING, name="say-note")
async def write_to_partner(case: Case) -> None:
    """Notification, in staff's words; the status is the one they know."""
    before = case.row["status"]
    await supply(case, _now(case), reason="Notification")
    case.row["status"] = before
