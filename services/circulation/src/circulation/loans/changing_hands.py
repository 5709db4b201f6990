"""An item goes from one patron to another in one step: returned from the one, lent to the other, or neither.

By a setting (`desk.auto_return`), for a desk that may check in as well, and never for a moment in the past: what
a desk writes down later says itself when the item came back. Claimed and lost items are checked in first.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import asyncpg
from starlette.responses import Response

from chassis.database import Connection
from chassis.edge import Once
from chassis.principal import Principal
from circulation.arrivals.commands import ReturnRefused
from circulation.blocks.rules import Block
from circulation.holds import queue
from circulation.holds.rules import hold_to_fill
from circulation.loans import lending, returning, unhurried
from circulation.loans.desk import LOOKS, reasons_for, replayed
from circulation.loans.facts import Seen
from circulation.loans.lending import CheckOut, CheckOutRefused, decide
from circulation.places.library import Shelf


def may_change_hands(seen: Seen, asked: CheckOut, principal: Principal, *, now: datetime) -> bool:
    """Whether lending this item, which somebody has, returns it first."""
    return (
        seen.library.desk_rules.auto_return
        and seen["loan_id"] is not None
        and seen["loss"] is None
        and seen["patron_id"] is not None
        and seen["lent_to"] != seen["patron_id"]
        and asked.lent_at == now
        and principal.may("returns:create")
    )


async def check_out(
    pool: asyncpg.Pool, shelf: Shelf, asked: CheckOut, principal: Principal, *, now: datetime
) -> Response:
    """Return it and lend it, or raise with every reason not to lend it; then it stays where it is."""
    for _ in range(LOOKS):
        async with pool.acquire() as connection, connection.transaction():
            if (answer := await _change(connection, shelf, asked, principal, now=now)) is not None:
                return answer
    raise CheckOutRefused(reasons=reasons_for([Block.ITEM_ON_LOAN]))


async def _change(
    connection: Connection, shelf: Shelf, asked: CheckOut, principal: Principal, *, now: datetime
) -> Response | None:
    """None when it was lent to a third meanwhile."""
    seen = await lending.look_check_out(connection, shelf, asked, now)
    decide(seen, asked, principal, now=now)
    holder = seen["lent_to"]
    await unhurried.lock(connection, seen, and_patron=holder)
    seen = await lending.look_check_out(connection, shelf, asked, now)
    if (answer := replayed(seen, asked.once)) is not None:
        return answer
    if seen["lent_to"] != holder:
        return None
    if may_change_hands(seen, asked, principal, now=now):
        once = Once(asked.once.principal, f"{asked.once.key}/return", asked.once.fingerprint)
        back = returning.Return(
            seen["item_id"], None, asked.desk_id, asked.lent_at, once, looked=asked.looked
        )
        asked = replace(asked, instead_of=seen["loan_id"])
        try:
            await returning.take_back_locked(connection, shelf, back, principal, now=now)
        except ReturnRefused as refused:
            raise CheckOutRefused(reasons=refused.reasons) from refused
    return await unhurried.check_out_locked(connection, shelf, asked, principal, now=now)


async def blocks_after(
    pool: asyncpg.Pool, seen: Seen, asked: CheckOut, blocks: Sequence[Block]
) -> list[Block]:
    """What stands against lending it once it is returned: no longer the loan, but whoever waits for it."""
    async with pool.acquire() as connection:
        waiting = hold_to_fill(seen["item_id"], await queue.queue_of(connection, seen["title_ids"]))
    left: list[Block] = [block for block in blocks if block is not Block.ITEM_ON_LOAN]
    aside = asked.override.blocks if asked.override else frozenset()
    if (
        waiting is not None
        and waiting.hold_id != seen["own_hold"]
        and Block.ITEM_HELD_FOR_ANOTHER not in aside
    ):
        left.append(Block.ITEM_HELD_FOR_ANOTHER)
    return left
