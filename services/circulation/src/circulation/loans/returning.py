"""An item comes in: the loan ends, and the desk is told the next step.

On loan, on time, nobody waiting: two round trips, like a check-out. A fine, a hold or an item that was not
on loan goes the unhurried way, in a transaction that holds the title's queue.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson
from starlette.responses import Response

from chassis import outbox
from chassis.database import Connection
from chassis.edge import Once
from chassis.principal import Principal
from chassis.problems import Invalid, NotFound, Reason
from circulation.arrivals.commands import Looked, count_use, find, pieces_of, refused
from circulation.arrivals.rules import asks_for_pieces, back_on_shelf_at, refusals, used_in_house
from circulation.fees import reminder_blocks
from circulation.fees.commands import By
from circulation.fees.overdue import Final, Late, late, make_final, would_be_suspended
from circulation.fees.rules import Money
from circulation.floating.commands import stay
from circulation.holds import queue
from circulation.holds.passing import pass_on
from circulation.inlibrary.rules import RETURNED
from circulation.items.rules import State
from circulation.loans import statements
from circulation.loans.answers import LoanOut, PiecesOut, PlaceOut, ReturnOut
from circulation.loans.desk import (
    LOOKS,
    answer_of,
    desk_for,
    desk_missing,
    explained,
    loan_facts,
    loan_fields,
    look,
    remember,
    replayed,
)
from circulation.loans.facts import Seen, resting_state
from circulation.loans.following import (
    Following,
    homeward,
    is_taken_for_found,
    step_out,
    what_follows,
    write_hold,
)
from circulation.loans.rules import NextStep, Step
from circulation.lost import commands as lost
from circulation.lost.rules import Resolution
from circulation.places.library import Desk, Shelf
from circulation.rentals.commands import give_back
from contracts.circulation import ItemCheckedIn, LoanReturned
from contracts.events import Event


@dataclass(frozen=True, slots=True)
class Return:
    """What the desk asks for."""

    item_id: UUID | None
    item_barcode: str | None
    desk_id: UUID | None
    returned_at: datetime
    once: Once
    explain: bool = False
    resolution: Resolution | None = None
    """How a claim ends that it was brought back before."""
    looked: Looked | None = None
    """What was said of its pieces, by whoever looked at them."""


async def take_back(
    pool: asyncpg.Pool, shelf: Shelf, asked: Return, principal: Principal, *, now: datetime
) -> Response:
    """Check an item in."""
    async with pool.acquire() as connection:
        for _ in range(LOOKS):
            seen = await _look(connection, shelf, asked)
            if (answer := replayed(seen, asked.once)) is not None:
                return answer
            desk = _known(seen, asked, principal)
            unhurried = (
                seen["open_loan_id"] is None or seen["waiting_for_it"] or seen["loss"] or seen["deposit"]
            )
            unhurried = unhurried or is_taken_for_found(seen) or seen["reminded"]
            if unhurried or _late(seen, asked.returned_at):
                break
            following = homeward(seen, desk)
            if following.floats_to is not None:
                break
            answer = await _close(connection, seen, asked, desk, following, now=now)
            if answer is not None:
                return answer
    async with pool.acquire() as connection, connection.transaction():
        return await take_back_locked(connection, shelf, asked, principal, now=now)


async def would_take_back(
    pool: asyncpg.Pool, shelf: Shelf, asked: Return, principal: Principal, *, now: datetime
) -> ReturnOut:
    """What a check-in would come to: the same look and the same rules, nothing written."""
    async with pool.acquire() as connection:
        seen = await _look(connection, shelf, asked)
        desk = _known(seen, asked, principal)
        following = await what_follows(connection, seen, desk, now=now)
    loan = LoanOut(**loan_fields(seen)) if seen["open_loan_id"] is not None else None
    following = replace(
        following, found=is_taken_for_found(seen), used=_used(seen, desk, following.step, now=now)
    )
    told = _answer(seen, asked, following, loan, None)
    found = _late(seen, asked.returned_at)
    if found is None:
        return told
    until = would_be_suspended(found, now=now) if found.days else None
    changed = {"fine_minor": found.fine.minor, "currency": found.fine.currency, "suspended_until": until}
    return told.model_copy(update=changed)


async def _look(connection: Connection | asyncpg.Pool, shelf: Shelf, asked: Return) -> Seen:
    return await look(
        connection,
        shelf,
        statements.LOOK_RETURN,
        asked.item_id,
        asked.item_barcode,
        asked.once.principal,
        asked.once.key,
    )


def _known(seen: Seen, asked: Return, principal: Principal) -> Desk:
    if seen["item_id"] is None:
        pointer = "/item_barcode" if asked.item_id is None else "/item_id"
        missing = [Reason("item-unknown", "There is no such item.", pointer)]
        raise NotFound(
            "The item is unknown here.", reasons=missing + desk_missing(seen, principal, asked.desk_id)
        )
    desk = desk_for(seen.library, principal, asked.desk_id)
    _not_before_it_was_lent(seen, asked)
    settings = seen.library.desk_rules
    reasons = refusals(
        base=seen["base"],
        loss=seen["loss"],
        withdrawn=settings.withdrawn,
        lost=settings.lost,
        pieces=seen["pieces"],
        confirm=asks_for_pieces("check-in", settings.confirm_pieces),
        confirmed=asked.looked is not None,
    )
    if reasons:
        raise refused(seen.row, reasons)
    return desk


def _used(seen: Seen, desk: Desk, step: NextStep, *, now: datetime) -> bool:
    """Whether the scan of an item that was not on loan tells that it was used in the house."""
    return used_in_house(
        counted=seen.library.desk_rules.in_house_use,
        state=seen["state"],
        reshelving_until=seen["reshelving_until"],
        now=now,
        reshelved=step.step is Step.RESHELVE,
        serves_home=(seen["library"] or "") in desk.serves,
    )


def _not_before_it_was_lent(seen: Seen, asked: Return) -> None:
    """A moment before the loan began speaks of an earlier loan: to end this one by it would be wrong."""
    if seen["open_loan_id"] is not None and asked.returned_at < seen["lent_at"]:
        text = "The item was lent after that moment."
        mend = "Name a later moment, or none for now."
        raise Invalid(reasons=[Reason("returned-before-lent", text, "/returned_at", mend)])


def _late(seen: Seen, to: datetime | None) -> Late | None:
    """What a loan comes to that is late up to a moment; None when it is nothing."""
    return None if to is None or seen["open_loan_id"] is None else late(seen.library, seen.row, to)


async def _close(
    connection: Connection | asyncpg.Pool,
    seen: Seen,
    asked: Return,
    desk: Desk,
    following: Following,
    *,
    now: datetime,
    queue_length: int | None = None,
    final: Final | None = None,
) -> Response | None:
    """Write the end of the loan; None when somebody was faster."""
    row, step = seen.row, following.step
    version = row["loan_version"] + 1
    shelved = step.step.kept
    state = resting_state(row, hold_shelf=shelved, transit=step.step is Step.TRANSIT)
    until = _back_on_shelf_at(seen, desk, step, state, now)
    event = LoanReturned(
        version=version,
        occurred_at=now,
        loan_id=row["open_loan_id"],
        item_id=row["item_id"],
        loan=loan_facts(seen),
        service_point_id=desk.id,
        returned_at=asked.returned_at,
        system_returned_at=now,
        next_step=step.step,
        availability=seen.availability(
            state=state,
            lendable=state is State.AVAILABLE,
            due_at=None,
            now=now,
            queue_length=queue_length,
            reshelving_until=until,
        ),
    )
    loan = LoanOut(
        **loan_fields(seen)
        | {
            "returned_at": asked.returned_at,
            "version": version,
            "in_library": RETURNED if row["in_library"] else None,
            "held_until": None,
        }
    )
    answer = _answer(seen, asked, following, loan, final)
    stored = answer_of(answer, 200, {})
    outgoing = outbox.sealed(event)
    done: bool = await connection.fetchval(
        statements.ACT_RETURN,
        row["patron_id"],
        row["item_id"],
        row["item_guard"],
        row["open_loan_id"],
        row["loan_version"],
        state.value,
        step.hold_id,
        following.kept_for,
        shelved,
        step.to if step.step is Step.TRANSIT else None,
        now,
        desk.id,
        asked.returned_at,
        outgoing.id,
        outgoing.type,
        outgoing.key,
        outgoing.envelope,
        asked.once.principal,
        asked.once.key,
        asked.once.fingerprint,
        stored.status,
        orjson.dumps(stored.headers).decode(),
        stored.body,
        until,
        asked.looked is not None,
        asked.looked.missing if asked.looked else None,
    )
    return Response(stored.body, stored.status, stored.headers) if done else None


def _back_on_shelf_at(seen: Seen, desk: Desk, step: NextStep, state: State, now: datetime) -> datetime | None:
    shelved = step.step is Step.RESHELVE and state is State.AVAILABLE
    minutes = seen.library.reshelving_minutes(
        desk, library=seen["library"], location=seen["location"], material_type=seen["material_type"]
    )
    return back_on_shelf_at(reshelved=shelved, minutes=minutes, now=now)


def _answer(
    seen: Seen,
    asked: Return,
    following: Following,
    loan: LoanOut | None,
    final: Final | None,
) -> ReturnOut:
    pieces, place = pieces_of(seen.row), following.floats_to
    if pieces is not None and asked.looked is not None:
        pieces |= {"missing": asked.looked.missing}
    return ReturnOut(
        item_id=seen["item_id"],
        item_barcode=seen["item_barcode"],
        title=seen["short_title"],
        loan=loan,
        next_step=step_out(seen.library, following.step, following.hold),
        fee_id=final.fee_id if final else None,
        fine_minor=final.fine.minor if final else 0,
        currency=final.fine.currency if final else None,
        suspended_until=final.suspended_until if final else None,
        deposit_minor=final.deposit_minor if final else 0,
        explanation=explained(seen) if asked.explain and loan is not None else None,
        found=following.found,
        passed_over=list(following.passed_over),
        floated_to=PlaceOut(library=place.library, location=place.location) if place else None,
        used_in_house=following.used,
        pieces=PiecesOut.model_validate(pieces) if pieces is not None else None,
        item_notes=seen["check_in_notes"],
    )


async def take_back_locked(
    connection: Connection, shelf: Shelf, asked: Return, principal: Principal, *, now: datetime
) -> Response:
    """The same in the transaction of whoever calls; it holds the title's queue, the patron and the item from here."""
    seen = await _look(connection, shelf, asked)
    _known(seen, asked, principal)
    await queue.lock_title(connection, seen["title_ids"])
    borrower = seen["patron_id"]
    if seen["loss"] is not None and borrower is None:
        borrower = await lost.borrower_of(connection, seen["item_id"])
    await connection.execute("SELECT FROM patron WHERE id = $1 FOR NO KEY UPDATE", borrower)
    await connection.execute("SELECT FROM item WHERE id = $1 FOR NO KEY UPDATE", seen["item_id"])
    seen = await _look(connection, shelf, asked)
    if (answer := replayed(seen, asked.once)) is not None:
        return answer
    desk = _known(seen, asked, principal)

    before, back = seen, lost.Back(asked.returned_at)
    if is_taken_for_found(before):
        await find(connection, before.row, desk.id, now=now)
        seen = await _look(connection, shelf, asked)
    if seen["loss"] is not None:
        back = await lost.came_back(
            connection,
            seen.library,
            seen["item_id"],
            back_at=asked.returned_at,
            by=By(str(principal.actor), desk.id, now),
            resolution=asked.resolution,
        )
        seen = await _look(connection, shelf, asked)
    final = None
    if (found := _late(seen, back.overdue_to)) is not None:
        final = await make_final(connection, seen.library, seen.row, found, now=now)
    if seen["open_loan_id"] is not None and seen["deposit"]:
        by = By(str(principal.actor), desk.id, now)
        nothing = Final(Money(0, seen.library.currency), None, None)
        final = replace(final or nothing, deposit_minor=await give_back(connection, seen["open_loan_id"], by))
    following = await what_follows(connection, seen, desk, now=now)
    following = replace(
        following, found=is_taken_for_found(before), used=_used(before, desk, following.step, now=now)
    )
    await write_hold(connection, seen, following, now=now)
    if following.location_id is not None:
        await stay(connection, seen.row, following.location_id, desk.id, now=now)
        seen = await _look(connection, shelf, asked)
    length: int = await connection.fetchval(
        "SELECT count(*) FROM hold WHERE title_id = ANY ($1::uuid[]) AND state = ANY ($2::text[])",
        seen["title_ids"],
        list(queue.OPEN_STATES),
    )
    if seen["open_loan_id"] is not None:
        answer = await _close(
            connection, seen, asked, desk, following, now=now, queue_length=length, final=final
        )
        assert answer is not None, "the rows are locked"
        if seen["reminded"]:
            await reminder_blocks.lift(connection, [seen["open_loan_id"]], now=now)
    else:
        answer = await _shelve(connection, seen, asked, desk, following, length, now=now)
    if following.waiting is not None:
        await pass_on(connection, seen.library, following.waiting.hold_id, now=now, but=seen["item_id"])
    return answer


_SHELVED = """
UPDATE item SET guard = guard + 1, told = told + 1, state = $2, hold_id = $3, kept_for = $4, hold_shelf = $5,
    transit_from = CASE WHEN $6::uuid IS NULL THEN NULL WHEN transit_to = $6 THEN transit_from ELSE $8::uuid END,
    transit_since = CASE WHEN $6::uuid IS NULL THEN NULL WHEN transit_to = $6 THEN transit_since
        ELSE $7::timestamptz END,
    transit_to = $6, last_seen_at = $7, last_seen_by = $8, reshelving_until = $9,
    missing_pieces = CASE WHEN $10::boolean THEN $11::text ELSE missing_pieces END
WHERE id = $1
"""
"""Scanned on its way, it set out where and when it did."""


async def _shelve(
    connection: Connection,
    seen: Seen,
    asked: Return,
    desk: Desk,
    following: Following,
    length: int,
    *,
    now: datetime,
) -> Response:
    """An item that was not on loan: scanned, seen, told of; harmless however often."""
    row, step = seen.row, following.step
    shelved = step.step.kept
    state = resting_state(row, hold_shelf=shelved, transit=step.step is Step.TRANSIT)
    until = _back_on_shelf_at(seen, desk, step, state, now)
    if following.used:
        await count_use(connection, row, desk.id, used_at=asked.returned_at, now=now)
    await connection.execute(
        _SHELVED,
        row["item_id"],
        state.value,
        step.hold_id,
        following.kept_for,
        shelved,
        step.to if step.step is Step.TRANSIT else None,
        now,
        desk.id,
        until,
        asked.looked is not None,
        asked.looked.missing if asked.looked else None,
    )
    events: list[Event] = [
        ItemCheckedIn(
            version=row["told"] + 1,
            occurred_at=now,
            item_id=row["item_id"],
            service_point_id=desk.id,
            next_step=step.step,
            availability=seen.availability(
                state=state,
                lendable=state is State.AVAILABLE,
                due_at=None,
                now=now,
                queue_length=length,
                reshelving_until=until,
            ),
        )
    ]
    await outbox.record(connection, events)
    stored = answer_of(_answer(seen, asked, following, None, None), 200, {})
    await remember(connection, asked.once, stored)
    return Response(stored.body, stored.status, stored.headers)
