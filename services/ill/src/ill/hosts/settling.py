"""What came of an act is written down, and the request hears it in the very words of our own circulation."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from chassis.database import Connection
from chassis.resources import Heard
from contracts.circulation import (
    BorrowedItemTaken,
    PartnerActRefused,
    PartnerItemKept,
    PartnerLoanMade,
    PatronLookedAt,
)
from contracts.events import Event
from ill.hosts.rules import QUESTIONS, Act, Means, Outcome
from ill.requests import handlers
from ill.requests.case import Case
from ill.requests.commands import happen, take_up
from ill.requests.rules import Told

ACTOR: Final = "system:circulation"
ATTENTION: Final = "host-to-be-told"
_LOCK = "SELECT id FROM request WHERE id = $1 FOR UPDATE"
_SETTLE = """
UPDATE host_act SET state = $2, told = told || $3, answer = coalesce($4, answer), last_error = $5, reason = NULL,
    next_at = NULL, settled_at = $6, settled_by = $7, doubtful = false
WHERE id = $1 AND state IN ('waiting', 'staff') RETURNING true
"""
_TO_STAFF = """
UPDATE host_act SET state = 'staff', reason = $2, answer = coalesce($3, answer), last_error = $4, next_at = NULL,
    doubtful = doubtful OR $5
WHERE id = $1 AND state = 'waiting' RETURNING true
"""
_OPEN_TASKS = "SELECT EXISTS (SELECT FROM host_act WHERE request_id = $1 AND state = 'staff')"
_REFUSALS: Final = {
    Act.LEFT: "take-back",
    Act.LET_GO: "take-back",
    Act.OVER: "take-back",
    Act.DATE: "move-date",
    Act.CHARGE: "charge",
}
"""What `PartnerActRefused` calls them."""


async def settle(
    connection: Connection,
    act: Mapping[str, Any],
    outcome: Outcome,
    *,
    now: datetime,
    by: str = ACTOR,
    answer: Mapping[str, Any] | None = None,
) -> bool:
    """An act is done, or refused for good; False where it was settled or withdrawn meanwhile."""
    await connection.execute(_LOCK, act["request_id"])
    state = "done" if outcome.means is Means.DONE else "refused"
    error = ", ".join(outcome.reasons) or None
    done = await connection.fetchval(_SETTLE, act["id"], state, dict(outcome.told), answer, error, now, by)
    if not done:
        return False
    await _clear_attention(connection, act, now)
    await _hear(connection, act, outcome, now)
    return True


async def hand_to_staff(
    connection: Connection,
    act: Mapping[str, Any],
    reason: str,
    *,
    now: datetime,
    error: str | None = None,
    answer: Mapping[str, Any] | None = None,
    doubtful: bool = False,
) -> None:
    """An act becomes a task, and its request shows that there is one. A question to a host is none: it is let be."""
    await connection.execute(_LOCK, act["request_id"])
    if Act(act["kind"]) in QUESTIONS:
        told = await connection.fetchval(
            _SETTLE, act["id"], "refused", {}, answer, error or reason, now, ACTOR
        )
        case = await take_up(connection, act["request_id"], actor=ACTOR, now=now)
        if told and case.row["holding"].get("patron") == act["question"]["version"]:
            await happen(case, "circulation-silent")
        return
    if await connection.fetchval(_TO_STAFF, act["id"], reason, answer, error, doubtful):
        case = await take_up(connection, act["request_id"], actor=ACTOR, now=now, told=Told(note=reason))
        await _note(case, ATTENTION)


async def _clear_attention(connection: Connection, act: Mapping[str, Any], now: datetime) -> None:
    case = await take_up(connection, act["request_id"], actor=ACTOR, now=now)
    if case.row["attention"] == ATTENTION and not await connection.fetchval(_OPEN_TASKS, case.id):
        await happen(case, "seen")


async def _note(case: Case, attention: str) -> None:
    case.row["attention"] = attention
    case.steps.append((attention, case.row["state"], case.row["state"]))
    await case.write()


async def _hear(connection: Connection, act: Mapping[str, Any], outcome: Outcome, now: datetime) -> None:
    found = heard(act, outcome, now)
    if found is None:
        return
    event, hear = found
    await hear(connection, [Heard(event, act["id"], "host", event.version, 1, now)])
    if isinstance(event, PartnerLoanMade):
        await _hear_of_loan(connection, act, event, now)


async def _hear_of_loan(
    connection: Connection, act: Mapping[str, Any], event: PartnerLoanMade, now: datetime
) -> None:
    """A loan that nobody waits for any more was made all the same: as when a desk was faster."""
    if event.loan_id is None:
        return
    case = await take_up(connection, act["request_id"], actor=ACTOR, now=now)
    if case.row["loan_id"] is None:
        told = event.model_dump(include={"loan_id", "item_id", "barcode", "due_at"})
        case.told = Told(here=told)
        await happen(case, "lent-here")


Hear = Callable[[Connection, Sequence[Heard]], Awaitable[None]]


def heard(act: Mapping[str, Any], outcome: Outcome, now: datetime) -> tuple[Event, Hear] | None:
    """What our own circulation would have answered, and who hears it; None where it would have said nothing."""
    kind, question = Act(act["kind"]), act["question"]
    done = outcome.means is Means.DONE
    told: dict[str, Any] = {
        "version": question["version"],
        "occurred_at": now,
        "request_id": act["request_id"],
        "reasons": () if done else outcome.reasons or ("refused",),
    }
    if kind is Act.ARRIVED:
        hold = _id(act, "hold", act["facts"]["request_id"]) if done else None
        taken = told | {"item_id": question["item_id"], "hold_id": hold}
        return BorrowedItemTaken.model_validate(taken), handlers.note_taken
    if kind is Act.PATRON:
        stands = {
            "known": outcome.told.get("known", True),
            "reasons": outcome.told.get("stops", outcome.reasons),
        }
        return PatronLookedAt.model_validate(_answer(told, question) | stands), handlers.note_patron
    if kind in (Act.KEEP, Act.HOLD):
        kept = _kept(act, outcome, question) if done else {}
        return PartnerItemKept.model_validate(_answer(told, question) | kept), handlers.note_kept
    if kind is Act.LEND:
        lent = _lent(act, outcome, question) if done else {}
        return PartnerLoanMade.model_validate(_answer(told, question) | lent), handlers.note_lent
    if done or kind not in _REFUSALS:
        return None
    item = question.get("item_id") or _id(act, "item", act["facts"].get("barcode", ""))
    refused = {"item_id": item, "act": _REFUSALS[kind]}
    return PartnerActRefused.model_validate(_answer(told, question) | refused), handlers.note_refused


def _answer(told: Mapping[str, Any], question: Mapping[str, Any]) -> dict[str, Any]:
    return dict(told) | {"asked": question["version"]}


def _id(act: Mapping[str, Any], what: str, told: str) -> UUID:
    """The same thing of a host has the same id each time, and no other has it."""
    return uuid5(act["host_id"], f"{what}:{told}")


def _kept(act: Mapping[str, Any], outcome: Outcome, question: Mapping[str, Any]) -> dict[str, Any]:
    ref = act["facts"]["request_id"]
    barcode = outcome.told.get("barcode") or act["facts"].get("barcode")
    titles = question.get("title_ids") or ()
    return {
        "hold_id": _id(act, "hold", ref),
        "title_id": titles[0] if titles else _id(act, "title", act["facts"].get("record_id", ref)),
        "item_id": _id(act, "item", barcode or ref),
        "barcode": barcode,
        "location": outcome.told.get("location"),
        "call_number": outcome.told.get("call_number"),
    }


def _lent(act: Mapping[str, Any], outcome: Outcome, question: Mapping[str, Any]) -> dict[str, Any]:
    barcode = outcome.told.get("barcode") or act["facts"].get("barcode")
    return {
        "loan_id": _id(act, "loan", f"{act['facts']['request_id']}:{question['version']}"),
        "item_id": _id(act, "item", barcode or act["facts"]["request_id"]),
        "barcode": barcode,
        "due_at": outcome.told.get("due_at") or question["due_at"],
    }
