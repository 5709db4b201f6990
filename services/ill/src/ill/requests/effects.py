"""What moves of the model do, by the names the model gives them. An effect may bring about the next event."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from chassis import outbox
from chassis.ids import uuid7
from contracts.ill import BorrowedItemArrived, BorrowedItemLeft
from ill.iso18626 import composing
from ill.iso18626.composing import Agency
from ill.iso18626.queueing import queue
from ill.iso18626.rules import SHIPPED
from ill.requests import queries
from ill.requests.case import Case
from ill.requests.rules import checked, citation_thin, ranked, skip_reason

Effect = Callable[[Case], Awaitable[str | None]]

BORROWING: Final[dict[str, Effect]] = {}
LENDING: Final[dict[str, Effect]] = {}
EFFECTS: Final[Mapping[str, Mapping[str, Effect]]] = {"borrowing": BORROWING, "lending": LENDING}


def effect(*sides: dict[str, Effect], name: str) -> Callable[[Effect], Effect]:
    def register(written: Effect) -> Effect:
        for side in sides:
            side[name] = written
        return written

    return register


# --- both sides ---


@effect(BORROWING, LENDING, name="raise-attention")
async def raise_attention(case: Case) -> None:
    """Staff should look, because of what has just happened."""
    case.row["attention"] = case.steps[-1][0]


@effect(BORROWING, LENDING, name="clear-attention")
async def clear_attention(case: Case) -> None:
    """Somebody has looked."""
    case.row["attention"] = None


@effect(BORROWING, LENDING, name="keep-offer")
async def keep_offer(case: Case) -> None:
    """Conditions add up until the offer is answered; cost and times are the last that were told."""
    told, before = case.told, case.row["offer"]
    conditions = [*before.get("conditions", ())]
    if told.condition and told.condition not in conditions:
        conditions.append(told.condition)
    offer = {
        "conditions": conditions,
        "cost": told.cost if told.cost is not None else before.get("cost"),
        "currency": told.currency if told.cost is not None else before.get("currency"),
        "reason": told.reason,
        "link": told.link,
        "retry_after": told.retry_after.isoformat() if told.retry_after else None,
        "retry_before": told.retry_before.isoformat() if told.retry_before else None,
    }
    case.row["offer"] = {name: value for name, value in offer.items() if value not in (None, [])}


@effect(BORROWING, LENDING, name="note-earlier-due")
async def note_earlier_due(case: Case) -> None:
    """A recall shortens, and never lengthens."""
    told, before = case.told.due_at, case.row["due_at"]
    if told is not None and (before is None or told < before):
        case.row["due_at"] = told


@effect(BORROWING, LENDING, name="end-renewal")
async def end_renewal(case: Case) -> None:
    """It was answered."""
    case.row["renewal_pending"] = False


# --- borrowing: checks and the rota ---


@effect(BORROWING, name="check")
async def check(case: Case) -> str:
    """May the patron, have they asked before, and could a library tell what is wanted?"""
    standing = await queries.standing(
        case.connection,
        case.row,
        in_person=case.in_person,
        days=case.doc.duplicate_days,
        now=case.now,
    )
    thin = citation_thin(case.row["service"], case.row["citation"])
    return checked(standing, thin=thin, max_open=case.doc.max_open_requests)


_ROTA = "SELECT id, partner_id FROM rota_entry WHERE request_id = $1 AND state = 'waiting' ORDER BY position"
_ENTER = """
INSERT INTO rota_entry (id, request_id, partner_id, position, state)
SELECT told.id, $1, told.partner_id, told.place + (
    SELECT coalesce(max(position), 0) FROM rota_entry WHERE request_id = $1), 'waiting'
FROM unnest($2::uuid[], $3::uuid[]) WITH ORDINALITY AS told (id, partner_id, place)
ON CONFLICT (request_id, partner_id) DO NOTHING
"""
_ASKED = "SELECT coalesce(sum(tries), 0) FROM rota_entry WHERE request_id = $1"
_SKIP = "UPDATE rota_entry SET state = 'skipped', reason = $2, left_at = $3 WHERE id = $1"
_ACTIVATE = """
UPDATE rota_entry SET state = 'active', wire_id = $2, reason = NULL, left_at = NULL, asked_at = NULL,
    suppliers_request_id = NULL, tries = tries + 1 WHERE id = $1
"""


async def _make_rota(case: Case) -> None:
    """Every partner that lends, in the order of the rules; those that staff entered stand before."""
    partners = [one.partner_id for one in ranked(await queries.candidates(case.connection))]
    await case.connection.execute(_ENTER, case.id, [uuid7() for _ in partners], partners)


@effect(BORROWING, name="find-supplier")
async def find_supplier(case: Case) -> str:
    """The next of the rota that may be asked; the others are skipped with the reason kept."""
    await _make_rota(case)
    waiting = await case.connection.fetch(_ROTA, case.id)
    known = {
        one.partner_id: one
        for one in await queries.candidates(case.connection, [row["partner_id"] for row in waiting])
    }
    skipped: list[tuple[UUID, str, datetime]] = []
    found = None
    for row in waiting:
        candidate = known[row["partner_id"]]
        reason = skip_reason(candidate, case.row["service"], today=case.now.date())
        if reason is None:
            found = row
            break
        skipped.append((row["id"], reason, case.now))
    await case.connection.executemany(_SKIP, skipped)
    if found is None:
        return "none-left"
    asked = await case.connection.fetchval(_ASKED, case.id)
    await case.connection.execute(_ACTIVATE, found["id"], f"{case.row['number']}-{asked + 1}")
    case.row |= {"status": None, "offer": {}}
    return "supplier-found"


@effect(BORROWING, name="renew-rota")
async def renew_rota(case: Case) -> None:
    """Everybody may be asked once more; they keep their order."""
    await case.connection.execute("UPDATE rota_entry SET state = 'waiting' WHERE request_id = $1", case.id)


@effect(BORROWING, name="send-at-once")
async def send_at_once(case: Case) -> str | None:
    """Unless the library sends by hand, or has no symbol to send under."""
    return "send" if case.doc.send == "at-once" and case.doc.agency is not None else None


async def _ask(case: Case, entry: dict[str, Any], previous: str | None) -> None:
    money = composing.costs(case.row["max_cost"], case.row["currency"])
    head = _head(case, entry)
    document = composing.request(case.row, head, us=case.us, previous=previous, max_cost=money)
    await queue(
        case.connection,
        request_id=case.id,
        entry_id=entry["id"],
        partner=_addressee(entry),
        kind="request",
        what="Retry" if previous else "New",
        document=document,
        now=case.now,
    )
    await case.connection.execute("UPDATE rota_entry SET asked_at = $2 WHERE id = $1", entry["id"], case.now)


def _head(case: Case, entry: dict[str, Any]) -> dict[str, Any]:
    return composing.header(
        supplier=Agency(entry["scheme"], entry["symbol"]),
        requester=case.us,
        request_id=entry["wire_id"],
        suppliers_id=entry["suppliers_request_id"],
        now=case.now,
    )


def _addressee(entry: dict[str, Any]) -> dict[str, Any]:
    return {"id": entry["partner_id"], "address": entry["address"]}


async def _entry(case: Case) -> dict[str, Any]:
    entry = await queries.active_entry(case.connection, case.id)
    assert entry is not None
    return entry


@effect(BORROWING, name="ask-supplier")
async def ask_supplier(case: Case) -> None:
    """A request, New."""
    await _ask(case, await _entry(case), None)


@effect(BORROWING, name="ask-again")
async def ask_again(case: Case) -> None:
    """A request, Retry, under a new id and with what the supplier asked for."""
    entry = await _entry(case)
    previous = entry["wire_id"]
    offer = case.row["offer"]
    if offer.get("cost") is not None:
        case.row |= {"max_cost": offer["cost"], "currency": offer["currency"]}
    entry |= {"wire_id": f"{previous}-R", "suppliers_request_id": None}
    await case.connection.execute(
        "UPDATE rota_entry SET wire_id = $2, suppliers_request_id = NULL WHERE id = $1",
        entry["id"],
        entry["wire_id"],
    )
    case.row |= {"status": None, "offer": {}}
    await _ask(case, entry, previous)


@effect(BORROWING, name="leave-supplier")
async def leave_supplier(case: Case) -> None:
    """It is not asked any longer; why is kept with it."""
    why = case.steps[-1][0]
    reason = f"{why}: {case.told.reason}" if case.told.reason else why
    await case.connection.execute(
        "UPDATE rota_entry SET state = 'left', reason = $2, left_at = $3 WHERE request_id = $1 AND state = 'active'",
        case.id,
        reason,
        case.now,
    )


async def _act(case: Case, what: str, note: str | None = None) -> None:
    """An action message to the supplier."""
    entry = await _entry(case)
    await queue(
        case.connection,
        request_id=case.id,
        entry_id=entry["id"],
        partner=_addressee(entry),
        kind="requestingAgencyMessage",
        what=what,
        document=composing.action(_head(case, entry), what, note),
        now=case.now,
    )


@effect(BORROWING, name="call-off")
async def call_off(case: Case) -> None:
    """Cancel, where the supplier was asked and has not shipped."""
    entry = await queries.active_entry(case.connection, case.id)
    if entry is not None and entry["asked_at"] is not None and case.row["status"] not in SHIPPED:
        await _act(case, "Cancel", case.told.note)


@effect(BORROWING, name="say-agreed")
async def say_agreed(case: Case) -> None:
    """Notification: 1.2 has no word for agreeing but the note."""
    await _act(case, "Notification", f"ACCEPT. {case.told.note or 'Conditions accepted'}")


@effect(BORROWING, name="say-note")
async def say_note(case: Case) -> None:
    """Notification, in staff's words."""
    await _act(case, "Notification", case.told.note)


@effect(BORROWING, name="say-lost")
async def say_lost(case: Case) -> None:
    """Notification: `Lost` came with 2021-2."""
    await _act(case, "Notification", case.told.note or "The item is lost.")


@effect(BORROWING, name="say-received")
async def say_received(case: Case) -> None:
    """Received."""
    await _act(case, "Received")


@effect(BORROWING, name="say-returned")
async def say_returned(case: Case) -> None:
    """ShippedReturn."""
    await _act(case, "ShippedReturn", case.told.note)


@effect(BORROWING, name="ask-status")
async def ask_status(case: Case) -> None:
    """StatusRequest."""
    await _act(case, "StatusRequest")


@effect(BORROWING, name="ask-renewal")
async def ask_renewal(case: Case) -> None:
    """Renew; the answer comes when it comes."""
    case.row["renewal_pending"] = True
    await _act(case, "Renew", case.told.note)


@effect(BORROWING, name="note-due")
async def note_due(case: Case) -> None:
    """When the owner wants it back, and by which number it goes there."""
    if case.told.due_at is not None:
        case.row["due_at"] = case.told.due_at
    if case.told.item_barcode is not None:
        case.row["item_barcode"] = case.told.item_barcode
    if case.told.condition is not None:
        await keep_offer(case)


@effect(BORROWING, name="note-wrong-service")
async def note_wrong_service(case: Case) -> None:
    """A copy was asked for, and something is lent: staff decide what to do with it."""
    if case.row["service"] == "copy":
        case.row["attention"] = "lent-instead-of-copied"


@effect(BORROWING, name="note-received")
async def note_received(case: Case) -> None:
    """It is here; staff may have found another number or date on it."""
    case.row["received_at"] = case.now
    case.row["item_barcode"] = case.told.item_barcode or case.row["item_barcode"]
    case.row["due_at"] = case.told.due_at or case.row["due_at"]
    case.row["attention"] = None


@effect(BORROWING, name="announce-arrival")
async def announce_arrival(case: Case) -> None:
    """Circulation makes an item of it, and keeps it for the patron; its barcode is the request's number."""
    case.row["item_id"] = item_id = uuid7()
    citation = case.row["citation"]
    event = BorrowedItemArrived(
        version=1,
        occurred_at=case.now,
        item_id=item_id,
        title_id=uuid7(),
        request_id=case.id,
        barcode=case.row["number"],
        short_title=citation.get("title") or citation.get("isbn") or case.row["number"],
        short_author=citation.get("author"),
        patron_ref=case.row["patron_ref"],
        pickup=case.row["pickup"],
        due_at=case.row["due_at"],
        use_here_only="LibraryUseOnly" in case.row["offer"].get("conditions", ()),
    )
    await outbox.record(case.connection, [event])


@effect(BORROWING, name="announce-departure")
async def announce_departure(case: Case) -> None:
    """What circulation made of it is to go, once."""
    if case.row["item_id"] is None or case.row["item_left"]:
        return
    case.row["item_left"] = True
    event = BorrowedItemLeft(version=2, occurred_at=case.now, item_id=case.row["item_id"], request_id=case.id)
    await outbox.record(case.connection, [event])


# --- lending ---


async def _supply(
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
) -> None:
    """A supplyingAgencyMessage with our status, which is kept."""
    partner = await queries.partner(case.connection, case.row["partner_id"])
    first = case.row["status"] is None
    why = reason or ("RequestResponse" if first else "StatusChange")
    head = composing.header(
        supplier=case.us,
        requester=Agency(partner["scheme"], partner["symbol"]),
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
    )
    await queue(
        case.connection,
        request_id=case.id,
        entry_id=None,
        partner=partner,
        kind="supplyingAgencyMessage",
        what=f"{why} {status}",
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
    await _supply(case, "WillSupply")


@effect(LENDING, name="say-conditional")
async def say_conditional(case: Case) -> None:
    """WillSupply, with conditions and costs."""
    await _supply(case, "WillSupply", offer=case.row["offer"])


@effect(LENDING, name="say-unfilled")
async def say_unfilled(case: Case) -> None:
    """Unfilled, with a reason; the timers' is that the time is over."""
    await _supply(case, "Unfilled", offer={"reason": case.told.reason or "expired"})


@effect(LENDING, name="say-retry")
async def say_retry(case: Case) -> None:
    """RetryPossible."""
    await _supply(case, "RetryPossible", offer=case.row["offer"])


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
    await _supply(
        case,
        "Loaned",
        due=True,
        offer={"conditions": case.row["offer"].get("conditions", ())},
        sent={name: value for name, value in sent.items() if value},
        back=True,
    )


@effect(LENDING, name="say-copy")
async def say_copy(case: Case) -> None:
    """CopyCompleted, the link in the note: 1.2 has no element for it."""
    words = " ".join(word for word in (case.told.link, case.told.note) if word)
    await _supply(case, "CopyCompleted", note=words, sent={"sentVia": "URL", "deliveredFormat": "PDF"})


@effect(LENDING, name="agree-at-once")
async def agree_at_once(case: Case) -> str | None:
    """Where the configuration lets partners cancel by themselves."""
    return "agree-cancel" if case.doc.cancel == "at-once" else None


@effect(LENDING, name="agree-cancelling")
async def agree_cancelling(case: Case) -> None:
    """CancelResponse, yes."""
    await _supply(case, "Cancelled", reason="CancelResponse", answer="Y", note="")


@effect(LENDING, name="decline-cancelling")
async def decline_cancelling(case: Case) -> None:
    """CancelResponse, no, and our status as it is."""
    note = case.told.note if case.steps[-1][0] == "decline-cancel" else ""
    await _supply(case, _now(case), reason="CancelResponse", answer="N", note=note or "")


@effect(LENDING, name="say-overdue")
async def say_overdue(case: Case) -> None:
    """Overdue."""
    await _supply(case, "Overdue", due=True)


@effect(LENDING, name="note-renewal-asked")
async def note_renewal_asked(case: Case) -> None:
    """Staff answer it."""
    case.row |= {"renewal_pending": True, "attention": "partner-asks-renewal"}


@effect(LENDING, name="say-renewed")
async def say_renewed(case: Case) -> None:
    """RenewResponse, yes: Loaned until the new date."""
    case.row["attention"] = None
    await _supply(case, "Loaned", reason="RenewResponse", answer="Y", due=True)


@effect(LENDING, name="say-not-renewed")
async def say_not_renewed(case: Case) -> None:
    """RenewResponse, no."""
    case.row["attention"] = None
    await _supply(case, _now(case), reason="RenewResponse", answer="N", due=True)


@effect(LENDING, name="say-recalled")
async def say_recalled(case: Case) -> None:
    """Recalled, with the earlier date."""
    await _supply(case, "Recalled", due=True)


@effect(LENDING, name="say-completed")
async def say_completed(case: Case) -> None:
    """LoanCompleted."""
    await _supply(case, "LoanCompleted")


@effect(LENDING, name="say-without-return")
async def say_without_return(case: Case) -> None:
    """CompletedWithoutReturn, with the price."""
    await _supply(case, "CompletedWithoutReturn", offer=case.row["offer"])


@effect(LENDING, name="say-status")
async def say_status(case: Case) -> None:
    """StatusRequestResponse; it changes nothing."""
    before = case.row["status"]
    await _supply(case, _now(case), reason="StatusRequestResponse", due=True, note="")
    case.row["status"] = before


async def write_to_partner(case: Case) -> None:
    """Notification, in staff's words; the status is the one they know."""
    before = case.row["status"]
    await _supply(case, _now(case), reason="Notification")
    case.row["status"] = before


LENDING["say-note"] = write_to_partner
