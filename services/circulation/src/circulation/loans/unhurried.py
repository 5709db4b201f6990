"""The desk's slower way: the rows are locked first, then the same look, the same rules, the same act.

For what touches a hold's queue or charges a fine, and for whoever lost the race three times.
"""

from datetime import datetime
from uuid import UUID

import asyncpg
from starlette.responses import Response

from chassis.database import Connection
from chassis.principal import Principal
from circulation.fees import reminder_blocks
from circulation.fees.commands import By
from circulation.fees.overdue import Late, late, make_final, owner_at
from circulation.holds import queue
from circulation.holds.passing import pass_on
from circulation.holds.rules import HoldState
from circulation.loans import copies, lending, renewing
from circulation.loans.desk import Override, replayed
from circulation.loans.facts import Seen
from circulation.loans.lending import CheckOut, decide
from circulation.loans.renewing import Renewal, decide_renewal
from circulation.lost import commands as lost
from circulation.places.library import Shelf
from circulation.rentals.commands import charge_for
from contracts.circulation import HoldCancelled, HoldFilled, HoldRequeued

LENT_TO_ANOTHER = "lent-to-another"


async def check_out(
    pool: asyncpg.Pool, shelf: Shelf, asked: CheckOut, principal: Principal, *, now: datetime
) -> Response:
    """Lend with the rows locked; the patron's own hold on the title is filled by it."""
    async with pool.acquire() as connection, connection.transaction():
        seen = await lending.look_check_out(connection, shelf, asked, now)
        decide(seen, asked, principal, now=now)
        kept = seen["kept_for"] if asked.override is not None and asked.override.cancels_hold else None
        await lock(connection, seen, and_patron=kept)
        return await check_out_locked(connection, shelf, asked, principal, now=now)


async def check_out_locked(
    connection: Connection, shelf: Shelf, asked: CheckOut, principal: Principal, *, now: datetime
) -> Response:
    """The same within the transaction of whoever has locked the rows."""
    seen = await lending.look_check_out(connection, shelf, asked, now)
    proxy = await lending.proxy_of(connection, seen, asked, lock=True)
    if (answer := replayed(seen, asked.once)) is not None:
        return answer
    decided = decide(seen, asked, principal, now=now, proxy=proxy)
    if decided.blocks:
        raise decided.refusal(seen)
    own = seen["own_hold"]
    await _settle_holds(connection, seen, asked.override, now=now)
    seen = await lending.look_check_out(connection, shelf, asked, now)
    answer = await lending.lend(connection, seen, asked, decided, now=now)
    assert answer is not None, "the rows are locked"
    await charge_for(connection, seen, decided.charges, decided.loan_id, decided.desk.owner, now=now)
    if own is not None:
        await pass_on(connection, seen.library, own, now=now, but=seen["item_id"])
    return answer


async def lock(connection: Connection, seen: Seen, *, and_patron: UUID | None = None) -> None:
    """The rules, the queue, patrons, item: one order everywhere. What is decided by them is written by them."""
    await connection.execute("SELECT FROM reference FOR SHARE")
    await queue.lock_title(connection, seen["title_ids"])
    await connection.execute(
        "SELECT FROM patron WHERE id = $1 OR id = $2 ORDER BY id FOR NO KEY UPDATE",
        seen["patron_id"],
        and_patron,
    )
    await connection.execute("SELECT FROM item WHERE id = $1 FOR NO KEY UPDATE", seen["item_id"])


async def _settle_holds(
    connection: Connection, seen: Seen, override: Override | None, *, now: datetime
) -> None:
    """The borrower's own hold is filled; one that this item was kept for (overridden) waits again, or ends."""
    own, kept = seen["own_hold"], seen["hold_id"]
    if kept is not None and kept != own:
        if override is not None and override.cancels_hold:
            change = queue.Change(HoldState.CANCELLED, reason=LENT_TO_ANOTHER)
            await queue.change(connection, kept, change, HoldCancelled, now=now, reason=LENT_TO_ANOTHER)
        else:
            await queue.change(connection, kept, queue.Change(HoldState.WAITING), HoldRequeued, now=now)
    if own is not None:
        change = queue.Change(HoldState.FILLED, seen["item_id"])
        await queue.change(connection, own, change, HoldFilled, now=now)


def owing(seen: Seen, *, now: datetime) -> Late | None:
    """What a late renewal makes final; None when it is nothing or the policy forgives it."""
    found = late(seen.library, seen.row, now)
    return None if found is None or found.policy.forgive_on_renewal else found


async def _found(
    connection: Connection, shelf: Shelf, asked: Renewal, seen: Seen, principal: Principal, *, now: datetime
) -> Seen:
    """A lost item that is renewed by override is lost no more."""
    by = By(str(principal.actor), asked.desk_id or principal.service_point_id, now)
    await lost.came_back(connection, seen.library, seen["item_id"], back_at=now, by=by, goes_on=True)
    return await renewing.look_renewal(connection, shelf, asked, now)


async def renew(
    pool: asyncpg.Pool, shelf: Shelf, asked: Renewal, principal: Principal, *, now: datetime
) -> Response:
    """Renew with the rows locked; a late renewal is charged for the days past due."""
    async with pool.acquire() as connection, connection.transaction():
        seen = await renewing.look_renewal(connection, shelf, asked, now)
        suffice = await copies.suffice(connection, seen)
        decide_renewal(seen, asked, principal, now=now, suffice=suffice)
        await lock(connection, seen)
        seen = await renewing.look_renewal(connection, shelf, asked, now)
        if (answer := replayed(seen, asked.once)) is not None:
            return answer
        suffice = await copies.suffice(connection, seen)
        extended = decide_renewal(seen, asked, principal, now=now, suffice=suffice)
        if extended.blocks:
            raise extended.refusal()
        if seen["loss"] is not None:
            seen = await _found(connection, shelf, asked, seen, principal, now=now)
        if (found := owing(seen, now=now)) is not None:
            await make_final(connection, seen.library, seen.row, found, now=now)
            seen = await renewing.look_renewal(connection, shelf, asked, now)
        answer = await renewing.extend(connection, seen, asked, extended, now=now)
        assert answer is not None, "the rows are locked"
        if seen["reminded"]:
            await reminder_blocks.lift(connection, [asked.loan_id], now=now)
        owner = owner_at(seen.library, seen.row)
        await charge_for(connection, seen, extended.charges, asked.loan_id, owner, now=now)
        return answer
