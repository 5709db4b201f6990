"""Effects on our own items and on loans with circulation: asked for by events, answered by events."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from chassis import outbox
from chassis.problems import Reason, Refused
from contracts.ill import (
    HoldWantedHere,
    ItemNotWanted,
    ItemSought,
    ItemWanted,
    LoanDateMoved,
    PartnerLoanOver,
    PartnerLoanWanted,
    PatronChargeWanted,
)
from contracts.money import Amount
from ill.copyright.rules import journal_of
from ill.requests import queries
from ill.requests.case import Case
from ill.requests.effects import BORROWING, LENDING, ask_renewal, effect
from ill.requests.questions import next_number, remember
from ill.requests.rules import Told, answers_itself, held_here, patrons_due, unfilled_reason
from ill.requests.telling import host_of_lending, tell


class NotReservable(Refused):
    """Nothing can be kept for the partner; every reason is given."""

    code, title = "not-reservable", "Nothing can be kept for this request."


STAFF: Final = "staff"
RESPONDER: Final = "responder"


async def _patron_of_partner(case: Case) -> Any:
    """The partner's registration with circulation; None where nothing is to be told to it."""
    if case.doc.lending.desk is None:
        return None
    partner = await queries.partner(case.connection, case.row["partner_id"])
    if partner["patron_id"] is None and await host_of_lending(case) is not None:
        return partner[
            "id"
        ]  # a host knows partners by what it is told of them, not by a registration of ours
    return partner["patron_id"]


# --- lending: which title, which copy ---


@effect(LENDING, name="look-for-it")
async def look_for_it(case: Case) -> None:
    """Ask the catalogue which title of ours it is."""
    if case.doc.lending.desk is not None:
        await _seek(case)


async def _seek(case: Case) -> None:
    citation = case.row["citation"]
    asked = next_number(case)
    event = ItemSought(
        version=asked,
        occurred_at=case.now,
        request_id=case.id,
        issn=tuple(citation[name] for name in ("issn", "eissn") if citation.get(name)),
        **{name: citation.get(name) for name in ("record_id", "isbn", "oclc", "title", "author", "year")},
    )
    await outbox.record(case.connection, [event])
    remember(case, sought=asked, titles=None, certain=None)


@effect(BORROWING, LENDING, name="note-titles")
async def note_titles(case: Case) -> None:
    """What it may be."""
    remember(case, sought=None, titles=case.told.here["titles"], certain=case.told.here["certain"])


@effect(LENDING, name="answer-by-itself")
async def answer_by_itself(case: Case) -> str | None:
    """Where staff leave it to the responder: keep a copy of what was found for sure, or say that we have none."""
    holding = case.row["holding"]
    answer = answers_itself(
        responder=case.doc.lending.responder,
        service=case.row["service"],
        certain=holding["certain"]
        or (case.row["service"] == "copy" and bool(journal_of(case.row["citation"]))),
        found=len(holding["titles"]),
        linked=await _patron_of_partner(case) is not None,
        copies=case.doc.lending.copies,
    )
    if answer == "keep":
        await _want(case, [title["title_id"] for title in holding["titles"]], None, by=RESPONDER)
    elif answer == "cannot-supply":
        case.told = Told(reason=unfilled_reason(("not-held",)))
        return "cannot-supply"
    return None


async def _want(
    case: Case,
    title_ids: list[str],
    barcode: str | None,
    *,
    by: str,
    library: str | None = None,
    besides: Sequence[str] = (),
) -> None:
    patron = await _patron_of_partner(case)
    asked = next_number(case)
    event = ItemWanted.model_validate(
        {
            "version": asked,
            "occurred_at": case.now,
            "request_id": case.id,
            "patron_ref": patron,
            "title_ids": title_ids,
            "barcode": barcode,
            "desk": case.doc.lending.desk,
            "library": library,
            "besides": besides,
        }
    )
    await tell(case, event)
    remember(case, wanted=asked, by=by, reasons=None)


@effect(LENDING, name="reserve")
async def reserve(case: Case) -> None:
    """Have the copy kept that staff chose, or any of the title that they chose."""
    await _registered(case)
    barcode = case.told.item_barcode
    title_ids = [str(case.told.title_id)] if case.told.title_id else []
    await _want(case, title_ids if title_ids or barcode else _titles(case), barcode, by=STAFF)


async def _registered(case: Case) -> None:
    if await _patron_of_partner(case) is None:
        text = "Nothing is kept for a partner that is not registered with circulation."
        mend = "Set lending.desk in the configuration, and the partner's patron_id."
        raise NotReservable(reasons=[Reason("partner-not-registered", text, "/action", mend)])


def _titles(case: Case) -> list[str]:
    """Those that were found, the one first that a copy was kept of."""
    kept = case.row["holding"]
    found = [kept.get("title_id"), *(title["title_id"] for title in kept.get("titles", ()))]
    if title_ids := list(dict.fromkeys(title_id for title_id in found if title_id)):
        return title_ids
    text = "Which title or item of ours it is, is not known."
    mend = "Reserve it: name a title_id or an item_barcode."
    raise NotReservable(reasons=[Reason("title-not-known", text, "/title_id", mend)])


@effect(LENDING, name="want-elsewhere")
async def want_elsewhere(case: Case) -> None:
    """Another copy than those that were looked for in vain, of a branch if one is named; the one before is let go."""
    await _registered(case)
    title_ids, missed = _titles(case), case.row["holding"].get("missed", [])
    if case.row["item_id"] is not None:
        missed = list(dict.fromkeys([*missed, str(case.row["item_id"])]))
    _forget(case)
    remember(case, missed=missed or None)
    await _want(case, title_ids, None, by=STAFF, library=case.told.library, besides=missed)


@effect(LENDING, name="note-item")
async def note_item(case: Case) -> None:
    """It is kept for them: which, and where it stands."""
    told = case.told.here
    case.row |= {"hold_id": told["hold_id"], "item_id": told["item_id"], "item_barcode": told["barcode"]}
    remember(case, wanted=None, reasons=None, title_id=str(told["title_id"]))
    remember(case, **{name: told[name] for name in ("library", "location", "call_number")})
    case.row["attention"] = None if case.row["attention"] in _OF_ITEMS else case.row["attention"]


_OF_ITEMS: Final = frozenset({"item-not-kept", "reservation-lost", "check-out-refused", "circulation-silent"})


@effect(LENDING, name="supply-by-itself")
async def supply_by_itself(case: Case) -> str | None:
    """Say so, where the responder had it kept."""
    return "will-supply" if case.row["holding"].get("by") == RESPONDER else None


@effect(LENDING, name="note-not-kept")
async def note_not_kept(case: Case) -> str | None:
    """None is kept; where the responder may say so, it does."""
    reasons = [str(reason) for reason in case.told.here["reasons"]]
    automatic = case.row["holding"].get("by") == RESPONDER and case.row["state"] == case.model.start
    remember(case, wanted=None, reasons=reasons)
    if automatic and case.doc.lending.responder == "will-or-cannot":
        case.told = Told(reason=unfilled_reason(reasons))
        return "cannot-supply"
    case.row["attention"] = "item-not-kept"
    return None


@effect(LENDING, name="forget-item")
async def forget_item(case: Case) -> None:
    """It is not kept any longer; circulation has ended the hold, or it waits for a copy that nobody asked for."""
    _forget(case)


def _forget(case: Case) -> None:
    case.row |= {"hold_id": None, "item_id": None, "item_barcode": None, "loan_id": None}
    remember(case, title_id=None, library=None, location=None, call_number=None)


@effect(LENDING, name="let-go")
async def let_go(case: Case) -> None:
    """What is kept, or was to be, is not needed."""
    if case.row["hold_id"] is None and "wanted" not in case.row["holding"]:
        return
    patron = await _patron_of_partner(case)
    if patron is not None:
        event = ItemNotWanted(
            version=next_number(case),
            occurred_at=case.now,
            request_id=case.id,
            patron_ref=patron,
            reason=f"interlibrary-{case.row['state']}",
        )
        await tell(case, event)
    remember(case, wanted=None)
    _forget(case)


# --- lending: out and back ---


@effect(LENDING, name="check-out-here")
async def check_out_here(case: Case) -> str | None:
    """Have it lent to the partner; at once where circulation is told nothing of it."""
    patron = await _patron_of_partner(case)
    if patron is None:
        return "checked-out"
    asked = next_number(case)
    event = PartnerLoanWanted(
        version=asked,
        occurred_at=case.now,
        request_id=case.id,
        patron_ref=patron,
        item_id=case.row["item_id"],
        barcode=case.told.item_barcode,
        desk=case.doc.lending.desk or "",
        due_at=case.row["due_at"],
    )
    await tell(case, event)
    remember(case, lending=asked, reasons=None, note=case.told.note, barcode=case.told.item_barcode)
    return None


@effect(LENDING, name="ask-circulation-again")
async def ask_circulation_again(case: Case) -> str | None:
    """The same question under a new number: an answer to the old one is none any more."""
    kept = case.row["holding"]
    case.told = Told(note=kept.get("note"), item_barcode=kept.get("barcode"))
    case.row["attention"] = None
    return await check_out_here(case)


@effect(LENDING, name="keep-loan-in-mind")
async def keep_loan_in_mind(case: Case) -> None:
    """What the answer will say, should it be lost."""
    told = case.told.here
    remember(
        case,
        lent={name: str(told[name]) for name in ("loan_id", "item_id")},
        lent_until=told["due_at"].isoformat(),
    )


@effect(LENDING, name="look-into-silence")
async def look_into_silence(case: Case) -> str | None:
    """Where the loan is known to be made, the answer is not waited for; else staff look."""
    kept = case.row["holding"]
    if lent := kept.get("lent"):
        due_at = datetime.fromisoformat(kept["lent_until"])
        ids = {name: UUID(value) for name, value in lent.items()}
        case.told = Told(here=ids | {"barcode": None, "due_at": due_at})
        return "checked-out"
    case.row["attention"] = case.steps[-1][0]
    return None


@effect(LENDING, name="forget-question")
async def forget_question(case: Case) -> str | None:
    """An answer that comes yet is none; a loan that was made is."""
    kept, case.row["attention"] = case.row["holding"], None
    remember(case, lending=None, note=None, barcode=None, lent=None, lent_until=None)
    if lent := kept.get("lent"):
        due_at = datetime.fromisoformat(kept["lent_until"])
        case.told = Told(
            here={n: UUID(told) for n, told in lent.items()} | {"barcode": None, "due_at": due_at}
        )
        return "lent-here"
    return None


@effect(LENDING, name="note-loan")
async def note_loan(case: Case) -> None:
    """Circulation's loan: which item, until when."""
    told = case.told.here
    if told:
        case.told = case.told_with(note=case.row["holding"].get("note"))
    remember(case, lending=None, reasons=None, note=None, barcode=None, lent=None, lent_until=None)
    if told:
        case.row |= {
            "hold_id": None,
            "loan_id": told["loan_id"],
            "item_id": told["item_id"],
            "item_barcode": told["barcode"] or case.row["item_barcode"],
            "due_at": told["due_at"],
            "attention": None if case.row["attention"] in _OF_ITEMS else case.row["attention"],
        }


@effect(LENDING, name="note-refusal")
async def note_refusal(case: Case) -> None:
    """Circulation does not lend it: why, for staff."""
    remember(
        case,
        lending=None,
        lent=None,
        lent_until=None,
        reasons=[str(reason) for reason in case.told.here["reasons"]],
    )
    case.row["attention"] = case.steps[-1][0]


@effect(LENDING, name="take-back-here")
async def take_back_here(case: Case) -> None:
    """Have the loan ended, unless a desk has scanned it."""
    patron = await _patron_of_partner(case)
    if case.row["loan_id"] is None or case.row["item_id"] is None or patron is None:
        return
    event = PartnerLoanOver(
        version=next_number(case),
        occurred_at=case.now,
        request_id=case.id,
        patron_ref=patron,
        item_id=case.row["item_id"],
        loan_id=case.row["loan_id"],
        desk=case.doc.lending.desk or "",
    )
    await tell(case, event)


async def _move(case: Case, due_at: Any, why: str) -> None:
    event = LoanDateMoved(
        version=next_number(case),
        occurred_at=case.now,
        request_id=case.id,
        item_id=case.row["item_id"],
        loan_id=case.row["loan_id"],
        due_at=due_at,
        why=why,
    )
    await tell(case, event)


@effect(LENDING, name="move-partners-date")
async def move_partners_date(case: Case) -> None:
    """The loan to the partner is due as they were told."""
    if case.row["loan_id"] is not None and case.row["item_id"] is not None:
        await _move(case, case.row["due_at"], case.steps[-1][0])


# --- borrowing: our own shelves first ---


@effect(BORROWING, name="look-on-own-shelves")
async def look_on_own_shelves(case: Case) -> None:
    """Ask the catalogue whether we have it."""
    await _seek(case)


@effect(BORROWING, name="judge-own-shelves")
async def judge_own_shelves(case: Case) -> str:
    """Worth a look, or not."""
    titles = case.row["holding"]["titles"]
    found = held_here(
        service=case.row["service"],
        certain=case.row["holding"]["certain"],
        by=[title["by"] for title in titles],
    )
    return "held-here" if found else "not-held-here"


@effect(BORROWING, name="fill-by-itself")
async def fill_by_itself(case: Case) -> str | None:
    """Where the library wants it so, what was found by a number is held without staff."""
    certain = case.row["holding"].get("certain") and case.row["holding"].get("titles")
    return "fill-here" if case.doc.own_shelves == "fill" and certain else None


@effect(BORROWING, name="go-on-by-itself")
async def go_on_by_itself(case: Case) -> str | None:
    """Where nobody was to look: others are asked."""
    if case.doc.own_shelves != "fill":
        return None
    case.row["attention"] = None
    return "ask-elsewhere"


@effect(BORROWING, name="place-hold-here")
async def place_hold_here(case: Case) -> None:
    """Have circulation place the patron's hold: on the title that staff chose, or on what was found."""
    titles = [title["title_id"] for title in case.row["holding"].get("titles", ())]
    asked = next_number(case)
    event = HoldWantedHere.model_validate(
        {
            "version": asked,
            "occurred_at": case.now,
            "request_id": case.id,
            "patron_ref": case.row["patron_ref"],
            "title_ids": [case.told.title_id] if case.told.title_id else titles,
            "pickup": case.row["pickup"],
        }
    )
    await tell(case, event)
    remember(case, wanted=asked, reasons=None)


@effect(BORROWING, name="note-hold-here")
async def note_hold_here(case: Case) -> None:
    """Theirs is the place in the queue; or why not."""
    reasons = [str(reason) for reason in case.told.here["reasons"]]
    remember(case, wanted=None, reasons=reasons or None)
    case.row["attention"] = case.steps[-1][0] if reasons else None


# --- borrowing: the patron's loan follows its owner ---


@effect(BORROWING, name="charge-patron")
async def charge_patron(case: Case) -> None:
    """Whoever had it owes its price; what never came to them is for staff to settle with the owner."""
    await charge(case, "not-returned")


async def charge(case: Case, why: str) -> None:
    """Have circulation charge what the owner names, unless the library settles such things itself."""
    cost, currency = case.row["offer"].get("cost"), case.row["offer"].get("currency")
    if not cost or currency is None:
        return
    if case.doc.losses == "staff" or case.row["item_id"] is None or case.row["received_at"] is None:
        case.row["attention"] = case.steps[-1][0]
        return
    event = PatronChargeWanted(
        version=next_number(case),
        occurred_at=case.now,
        request_id=case.id,
        number=case.row["number"],
        patron_ref=case.row["patron_ref"],
        item_id=case.row["item_id"],
        amount=Amount(minor=cost, currency=currency),
        why=why,
    )
    await tell(case, event)


@effect(BORROWING, name="move-patrons-date")
async def move_patrons_date(case: Case) -> None:
    """The patron's loan, if there is one, is due in time for its owner."""
    if case.row["item_id"] is not None and not case.row["item_left"] and case.row["due_at"] is not None:
        why = "recalled" if case.steps[-1][0] == "supplier-recalls" else "renewed"
        await _move(case, _allowed(case), why)


def _allowed(case: Case) -> Any:
    return patrons_due(case.row["due_at"], back=timedelta(days=case.doc.times.send_back_days), now=case.now)


@effect(BORROWING, name="hold-to-owners-date")
async def hold_to_owners_date(case: Case) -> None:
    """Lent for longer than its owner lends it: the loan is due earlier."""
    lent = case.told.here.get("due_at")
    if lent is not None and case.row["due_at"] is not None and lent > _allowed(case):
        await _move(case, _allowed(case), "owner-needs-it")


@effect(BORROWING, name="ask-for-longer")
async def ask_for_longer(case: Case) -> None:
    """The patron renewed it with circulation past its owner's date: that is the owner's to say."""
    lent = case.told.here.get("due_at")
    if lent is None or case.row["due_at"] is None or lent <= _allowed(case):
        return
    await hold_to_owners_date(case)
    if not case.row["renewal_pending"]:
        await ask_renewal(case)
