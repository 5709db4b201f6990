"""Holds end before they are filled: given up, or run out."""

from datetime import datetime
from uuid import UUID

import asyncpg

from chassis.database import Connection
from chassis.principal import Principal
from chassis.problems import Invalid, NotFound, Reason, Refused
from circulation.fees.charging import charge
from circulation.fees.rules import Money
from circulation.holds import queue
from circulation.holds.passing import pass_on
from circulation.holds.rules import CANCELLATION_TEXTS, HoldState, cancellation_flaws
from circulation.places.library import Library
from contracts.circulation import HoldCancelled, HoldExpired


class ReasonWrong(Invalid):
    """The reason cannot be given so; every flaw is told."""

    code, title = "cancellation-reason-wrong", "The hold cannot be given up for this reason."


class HoldClosed(Refused):
    """The hold has ended already."""

    code, title = "hold-closed", "This hold has ended already."


async def cancel(
    connection: Connection,
    library: Library,
    hold_id: UUID,
    principal: Principal,
    *,
    reason: str,
    text: str | None = None,
    now: datetime,
) -> asyncpg.Record:
    """Give a hold up for one of the library's reasons; an item kept for it goes to the next in line, or back."""
    by = "staff" if principal.may("holds:manage") else "patron"
    if flaws := cancellation_flaws(library.cancellation_reasons, reason, text, by=by):
        raise ReasonWrong(
            reasons=[
                Reason(flaw, said, where, mend)
                for flaw in flaws
                for said, where, mend in [CANCELLATION_TEXTS[flaw]]
            ]
        )
    row = await queue.locked(connection, hold_id, ending=True)
    if row is None or (not principal.may("holds:manage") and row["patron_id"] != principal.patron_id):
        raise NotFound("There is no such hold.")
    if row["state"] not in queue.OPEN_STATES:
        raise HoldClosed(reasons=[Reason("hold-closed", f"It is {row['state']}.")])
    change = queue.Change(HoldState.CANCELLED, reason=reason, reason_text=text)
    done = await queue.change(connection, hold_id, change, HoldCancelled, now=now, reason=reason)
    await pass_on(connection, library, hold_id, now=now)
    return done


async def expire(connection: Connection, library: Library, hold_id: UUID, *, now: datetime) -> bool:
    """Let a hold run out, if its time has come; an item on the shelf goes to the next in line, or back."""
    row = await queue.locked(connection, hold_id, ending=True)
    if row is None:
        return False
    waited = row["state"] == HoldState.WAITING and row["expires_at"] is not None and row["expires_at"] <= now
    uncollected = row["state"] == HoldState.READY and row["shelf_expires_at"] <= now
    if not (waited or uncollected):
        return False
    state = HoldState.SHELF_EXPIRED if uncollected else HoldState.EXPIRED
    await queue.change(
        connection, hold_id, queue.Change(state, reason=state.value), HoldExpired, now=now, reason=state.value
    )
    if uncollected:
        await _charge_unclaimed(connection, library, row, now=now)
    await pass_on(connection, library, hold_id, now=now)
    return True


async def _charge_unclaimed(
    connection: Connection, library: Library, row: asyncpg.Record, *, now: datetime
) -> None:
    policy = library.hold_policy(row["policy"])
    if policy.unclaimed_fee and row["fulfilment"] == "hold-shelf":
        await charge(
            connection,
            patron_id=row["patron_id"],
            loan_id=None,
            item_id=row["item_id"],
            kind="unclaimed-hold",
            policy=policy.code,
            amount=Money(policy.unclaimed_fee, library.currency),
            now=now,
        )
