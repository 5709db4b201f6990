"""What moves of the model do, by the names the model gives them. An effect may bring about the next event."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from chassis.ids import uuid7
from contracts.ill import BorrowedItemArrived, BorrowedItemLeft
from ill.citations.rules import citation_thin
from ill.copyright.queries import counted
from ill.copyright.rules import LAW, Guidelines, Verdict, journal_of, judged
from ill.iso18626 import composing
from ill.iso18626.composing import Agency
from ill.iso18626.queueing import queue
from ill.iso18626.rules import SHIPPED
from ill.requests import finding, queries
from ill.requests.case import Case
from ill.requests.rules import checked, looked_for_here, told_live
from ill.requests.telling import tell

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
    added = (*told.conditions, *((told.condition,) if told.condition else ()))
    offer = {
        "conditions": list(dict.fromkeys([*before.get("conditions", ()), *added])),
        "wants": told.wants,
        "cost": told.cost if told.cost is not None else before.get("cost"),
        "currency": told.currency if told.cost is not None else before.get("currency"),
        "reason": told.reason,
        "link": told.link,
        "retry_after": told.retry_after.isoformat() if told.retry_after else None,
        "retry_before": told.retry_before.isoformat() if told.retry_before else None,
    }
    case.row["offer"] = {name: value for name, value in offer.items() if value not in (None, [], {})}


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
    asks = case.doc.patron_check == "ask" and "stands" not in case.row["holding"]
    if asks and case.model.move(case.row["state"], "ask-for-patron") is not None:
        return "ask-for-patron"
    standing = await queries.standing(
        case.connection,
        case.row,
        in_person=case.in_person,
        days=case.doc.duplicate_days,
        now=case.now,
    )
    standing = told_live(standing, case.row["holding"].get("stands"))
    thin = citation_thin(case.row["service"], case.row["citation"])
    return checked(standing, thin=thin, max_open=case.doc.max_open_requests)


@effect(BORROWING, name="check-copyright")
async def check_copyright(case: Case) -> str | None:
    """What readers have online is theirs; a copy carries the code that it is asked for under, and what is beyond the
    guidelines is not asked for."""
    if case.doc.licensed_access == "first" and "known" not in case.row["access"]:
        return "look-online"
    settings = case.doc.copyright
    if case.row["service"] == "copy":
        case.row["compliance"] = settings.compliance
        verdict = await _judge(case) if settings.contu else None
        if verdict is not None and verdict.beyond:
            return "copyright-limit"
        if verdict is not None:
            case.row["compliance"] = verdict.compliance
        if settings.code_needed and case.row["compliance"] is None:
            return "copyright-limit"
    here = case.doc.own_shelves != "off" and "titles" not in case.row["holding"]
    if here and looked_for_here(case.row["service"], case.row["citation"]):
        return "look-here"
    return await find_supplier(case)


async def _judge(case: Case) -> Verdict | None:
    settings = case.doc.copyright
    journal, year = journal_of(case.row["citation"]), case.now.year
    case.row |= {"journals": journal, "counted_in": year if journal else None}
    guidelines = Guidelines(settings.contu_limit, settings.contu_years)
    found = await counted(case.connection, journal, year, case.id)
    return judged(case.row["citation"], asked_in=year, counted=found, guidelines=guidelines)


@effect(BORROWING, name="note-clearance")
async def note_clearance(case: Case) -> None:
    """On which grounds, and what was paid."""
    case.row |= {
        "compliance": case.told.compliance or LAW,
        "royalty": case.told.cost,
        "royalty_currency": case.told.currency,
    }


@effect(BORROWING, name="find-supplier")
async def find_supplier(case: Case) -> str:
    """The next of the rota that may be asked; the others are skipped with the reason kept."""
    return await finding.next_supplier(case)


@effect(BORROWING, name="renew-rota")
async def renew_rota(case: Case) -> None:
    """Everybody may be asked once more; they keep their order."""
    await finding.renew(case)


async def send_at_once(case: Case) -> str | None:
    """Unless the library sends by hand, or has no symbol to send under."""
    return "send" if case.doc.send == "at-once" and case.doc.agency is not None else None


async def _ask(case: Case, entry: dict[str, Any], previous: str | None, agreed: Sequence[str] = ()) -> None:
    money = composing.costs(case.row["max_cost"], case.row["currency"])
    head = _head(case, entry)
    row = case.row
    if entry["record_id"] and not row["citation"].get("record_id"):
        row = row | {"citation": row["citation"] | {"record_id": entry["record_id"]}}
    document = composing.request(row, head, us=case.us, previous=previous, max_cost=money, agreed=agreed)
    await queue(
        case.connection,
        request_id=case.id,
        entry_id=entry["id"],
        partner=_addressee(entry),
        kind="request",
        document=document,
        now=case.now,
    )
    await case.connection.execute("UPDATE rota_entry SET asked_at = $2 WHERE id = $1", entry["id"], case.now)


def _head(case: Case, entry: dict[str, Any]) -> dict[str, Any]:
    supplier = Agency(entry["scheme"], entry["symbol"])
    return composing.header(
        supplier=composing.named(entry["named"]) or supplier,
        requester=case.us,
        request_id=entry["wire_id"],
        suppliers_id=entry["suppliers_request_id"],
        now=case.now,
    )


def _addressee(entry: dict[str, Any]) -> dict[str, Any]:
    return {"id": entry["partner_id"], "address": entry["address"], "speaks": entry["speaks"]}


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
    await _ask(case, entry, previous, offer.get("conditions", ()))


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


async def act_towards(case: Case, what: str, note: str | None = None) -> None:
    """An action message to the supplier."""
    entry = await _entry(case)
    await queue(
        case.connection,
        request_id=case.id,
        entry_id=entry["id"],
        partner=_addressee(entry),
        kind="requestingAgencyMessage",
        document=composing.action(_head(case, entry), what, note),
        now=case.now,
    )


@effect(BORROWING, name="call-off")
async def call_off(case: Case) -> None:
    """Cancel, where the supplier was asked and has not shipped."""
    entry = await queries.active_entry(case.connection, case.id)
    if entry is not None and entry["asked_at"] is not None and case.row["status"] not in SHIPPED:
        await act_towards(case, "Cancel", case.told.note)


@effect(BORROWING, name="say-agreed")
async def say_agreed(case: Case) -> None:
    """Notification: 1.2 has no word for agreeing but the note."""
    await act_towards(case, "Notification", f"ACCEPT. {case.told.note or 'Conditions accepted'}")


@effect(BORROWING, name="say-note")
async def say_note(case: Case) -> None:
    """Notification, in staff's words."""
    await act_towards(case, "Notification", case.told.note)


@effect(BORROWING, name="say-held-back")
async def say_held_back(case: Case) -> None:
    """HoldReturn, which 1.2 says as a Notification."""
    await act_towards(case, "HoldReturn", case.told.note)


@effect(BORROWING, name="say-received")
async def say_received(case: Case) -> None:
    """Received."""
    await act_towards(case, "Received")


@effect(BORROWING, name="say-returned")
async def say_returned(case: Case) -> None:
    """ShippedReturn."""
    await act_towards(case, "ShippedReturn", case.told.note)


@effect(BORROWING, name="ask-status")
async def ask_status(case: Case) -> None:
    """StatusRequest."""
    await act_towards(case, "StatusRequest")


@effect(BORROWING, name="look-for-file")
async def look_for_file(case: Case) -> None:
    """Told to be filled, without anything that could be fetched: staff ask for it again."""
    if case.row["offer"].get("link") is None and case.row["document_id"] is None:
        case.row["attention"] = "copy-without-file"


@effect(BORROWING, name="note-file")
async def note_file(case: Case) -> None:
    """It has come."""
    if case.row["attention"] == "copy-without-file":
        case.row["attention"] = None


@effect(BORROWING, name="say-resend")
async def say_resend(case: Case) -> None:
    """Notification."""
    await act_towards(case, "Notification", case.told.note or "The copy has not come: please send it again.")


@effect(BORROWING, name="ask-renewal")
async def ask_renewal(case: Case) -> None:
    """Renew; the answer comes when it comes."""
    case.row["renewal_pending"] = True
    await act_towards(case, "Renew", case.told.note)


@effect(BORROWING, name="note-due")
async def note_due(case: Case) -> None:
    """When the owner wants it back, and by which number it goes there."""
    if case.told.due_at is not None:
        case.row["due_at"] = case.told.due_at
    if case.told.item_barcode is not None:
        case.row["item_barcode"] = case.told.item_barcode
    if case.told.condition is not None or case.told.conditions:
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
    mark_volumes(case, "received_at")


def mark_volumes(case: Case, mark: str, volumes: Sequence[str] | None = None) -> None:
    """Note the moment with these volumes, or with all, where it is not noted yet."""
    case.row["volumes"] = [
        volume | {mark: volume.get(mark) or case.now.isoformat()}
        if volumes is None or volume["volume"] in volumes
        else volume
        for volume in case.row["volumes"]
    ]


@effect(BORROWING, name="announce-arrival")
async def announce_arrival(case: Case) -> None:
    """Circulation makes an item of it, and keeps it for the patron; its barcode is the request's number."""
    if case.row["item_id"] is not None:  # the rest of several volumes
        return
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
    await tell(case, event)


@effect(BORROWING, name="announce-departure")
async def announce_departure(case: Case) -> None:
    """What circulation made of it is to go, once."""
    if case.row["item_id"] is None or case.row["item_left"]:
        return
    case.row["item_left"] = True
    event = BorrowedItemLeft(version=2, occurred_at=case.now, item_id=case.row["item_id"], request_id=case.id)
    await tell(case, event)
