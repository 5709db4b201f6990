"""Holds are placed: one look, the rules judge, one act; when somebody was faster, look again.

After three misses the queue and the patron are held first. What a recall does to a loan, a page of a copy that stands
in several titles' queues, and what staff set aside follow in the same transaction.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import orjson
from starlette.responses import Response

from chassis import outbox
from chassis.database import Connection
from chassis.edge import Once, StoredAnswer
from chassis.ids import uuid7
from chassis.principal import Principal
from chassis.problems import Reason, Refused
from circulation.holds import queue
from circulation.holds.choosing import keep, looked_for_until, nearest
from circulation.holds.considering import Considered, Row
from circulation.holds.looking import Placing, considered, look
from circulation.holds.overriding import keep_override
from circulation.holds.recalling import recall
from circulation.holds.rules import TEXTS, expires_at, fitting, kind_for
from circulation.holds.statements import ACT_HOLD
from circulation.items.rules import State
from circulation.loans.desk import LOOKS, replayed
from circulation.places.library import Library, Shelf
from contracts.circulation import HoldPlaced, ItemAvailability, ItemAvailabilityChanged
from contracts.events import Event


class HoldRefused(Refused):
    """The hold cannot be placed; every reason is given."""

    code, title = "hold-refused", "This hold cannot be placed."


def reasons_for(seen: Considered) -> list[Reason]:
    """Why not; of limits how much there is, and how much is allowed."""
    limits = {each.measure.value: each for each in seen.wish.beyond}
    return [
        Reason(refusal, found.text, value=found.value, limit=found.limit)
        if (found := limits.get(refusal.value))
        else Reason(refusal, TEXTS[refusal])
        for refusal in seen.refusals
    ]


@dataclass(frozen=True, slots=True)
class Decided:
    """A hold as it is to be written."""

    library: Library
    seen: Considered
    row: Row
    paged: Row | None
    """The copy on its shelf that is kept for it."""
    out: list[Row]
    """The copies it may be filled by that are out: whoever brings one back has to know of it."""

    @property
    def more(self) -> bool:
        """Whether more hangs on it than one statement writes."""
        several = self.paged is not None and not self.at_once
        return self.row["kind"] == "recall" or several or self.seen.overridden is not None

    @property
    def at_once(self) -> bool:
        """Whether a paged copy is kept by the same statement: what is told of it counts one title's queue."""
        return self.paged is not None and len(self.paged["title_ids"]) == 1

    @property
    def guarded(self) -> list[Row]:
        """The copies that must be as they were seen."""
        return self.out if self.paged is None else [*self.out, self.paged]

    def events(self, *, now: datetime) -> list[Event]:
        """What is told in the statement that places it."""
        row, kept = self.row, self.seen.overridden
        told: list[Event] = [
            HoldPlaced(
                version=1,
                occurred_at=now,
                hold_id=row["id"],
                title_id=row["title_id"],
                hold=queue.facts_of(row),
                overridden=kept.refusals if kept else (),
            )
        ]
        if self.paged is not None and self.at_once:
            told.append(_kept(self.paged, row["position"], now=now))
        return told


def _kept(item: Row, queue_length: int, *, now: datetime) -> ItemAvailabilityChanged:
    availability = ItemAvailability(
        item_id=item["id"],
        version=item["guard"] + 1,
        title_ids=tuple(item["title_ids"]),
        library=item["library"] or "",
        location=item["location"] or "",
        state=State.PAGED,
        lendable=False,
        due_at=None,
        queue_length=queue_length,
        reshelving_until=None,
        as_of=now,
    )
    return ItemAvailabilityChanged(
        version=item["told"] + 1, occurred_at=now, item_id=item["id"], availability=availability
    )


def decide(library: Library, seen: Considered, asked: Placing, *, now: datetime) -> Decided:
    """Which kind, by which copy, under which policy; raises every reason not to."""
    if seen.refusals:
        raise HoldRefused(reasons=reasons_for(seen))
    kind, wish, facts = kind_for(seen.wish), seen.wish, seen.facts
    assert kind is not None
    chosen = nearest(seen, library, asked.pickup_id, kind, now=now)
    copies = fitting(wish)
    about = copies[0].item_id if chosen is None else chosen["id"]
    policy = next(copy.policy for copy in copies if copy.item_id == about)
    paged = chosen if kind == "page" else None
    fits = {copy.item_id for copy in copies}
    row = {
        "id": uuid7(),
        "kind": kind,
        "level": wish.level,
        "title_id": seen.title_id,
        "item_id": asked.item_id,
        "patron_id": seen.patron_id,
        "pickup_id": asked.pickup_id,
        "state": "waiting",
        "position": facts["queue_length"] + 1,
        "policy": policy.code,
        "placed_at": now,
        "expires_at": expires_at(policy, now=now),
        "proxy_id": seen.proxy.proxy_id if seen.proxy else None,
        "volume_key": wish.volume,
        "volume": next(item["volume"] for item in seen.items if item["volume_key"] == wish.volume)
        if wish.volume
        else None,
        "fulfilment": asked.fulfilment,
        "delivery_address_type": asked.delivery_address_type,
        "nth": 1 + max((held[0] for held in facts["held"] or ()), default=0),
        "retarget_at": None if paged is None else looked_for_until(library, paged, now=now),
        "ready_at": None,
        "shelf_expires_at": None,
        "closed_at": None,
        "reason": None,
        "suspended_at": None,
        "suspended_until": None,
        "version": 1,
    }
    out = [item for item in seen.items if item["id"] in fits and _is_out(item)]
    return Decided(library, seen, row, paged, out)


def _is_out(item: Row) -> bool:
    return item["loan_id"] is not None or item["transit_to"] is not None


_WRITTEN = (
    *(
        "id",
        "kind",
        "level",
        "item_id",
        "pickup_id",
        "policy",
        "placed_at",
        "expires_at",
        "proxy_id",
        "volume_key",
    ),
    *("volume", "fulfilment", "delivery_address_type", "nth", "retarget_at"),
)
"""Of the row, in the order of the statement's parameters."""


async def write(
    connection: Connection,
    decided: Decided,
    *,
    now: datetime,
    once: Once | None = None,
    stored: StoredAnswer | None = None,
) -> bool:
    """Write the hold with everything that hangs on it; False when somebody was faster."""
    row, facts = decided.row, decided.seen.facts
    told = [outbox.sealed(event) for event in decided.events(now=now)]
    kept: tuple[Any, ...] = (None,) * 5
    if once is not None and stored is not None:
        headers = orjson.dumps(stored.headers).decode()
        kept = (once.principal, once.key, once.fingerprint, headers, stored.body)
    done: bool = await connection.fetchval(
        ACT_HOLD,
        row["title_id"],
        facts["queue_guard"],
        row["position"],
        row["patron_id"],
        facts["patron_guard"],
        decided.library.version,
        [item["id"] for item in decided.guarded],
        [item["guard"] for item in decided.guarded],
        *(row[name] for name in _WRITTEN),
        decided.paged["id"] if decided.paged is not None and decided.at_once else None,
        [each.id for each in told],
        [each.type for each in told],
        [each.key for each in told],
        [each.envelope for each in told],
        *kept,
    )
    return done


@dataclass(frozen=True, slots=True)
class Asking:
    """A hold that is asked for: by whom, when, and how it is answered."""

    asked: Placing
    principal: Principal
    now: datetime
    once: Once | None = None
    answer: Callable[[Decided], StoredAnswer] | None = None
    every: bool = False
    """Whether each copy is to be told of."""


async def place(pool: asyncpg.Pool, shelf: Shelf, asking: Asking) -> Response:
    """Place a hold, or raise with every reason not to."""
    assert asking.answer is not None
    async with pool.acquire() as connection:
        for _ in range(LOOKS):
            decided = await _decided(connection, shelf, asking)
            if isinstance(decided, Response):
                return decided
            stored = asking.answer(decided)
            async with connection.transaction() if decided.more else nullcontext():
                if await write(connection, decided, now=asking.now, once=asking.once, stored=stored):
                    await _follow(connection, decided, now=asking.now)
                    return Response(stored.body, stored.status, stored.headers)
    async with pool.acquire() as connection, connection.transaction():
        held = await _place_locked(connection, shelf, asking)
        if isinstance(held, Response):
            return held
        stored = asking.answer(held)
        return Response(stored.body, stored.status, stored.headers)


_OUT = """
SELECT FROM item WHERE title_ids @> ARRAY[$1::uuid] AND (loan_id IS NOT NULL OR transit_to IS NOT NULL)
ORDER BY id FOR NO KEY UPDATE
"""
_ALL = "SELECT FROM item WHERE title_ids @> ARRAY[$1::uuid] ORDER BY id FOR NO KEY UPDATE"


async def place_within(
    connection: Connection, shelf: Shelf, asked: Placing, principal: Principal, *, now: datetime
) -> Row:
    """Place a hold in the transaction of whoever calls, or raise with every reason not to; the hold's row."""
    placed = await _place_locked(connection, shelf, Asking(asked, principal, now))
    assert isinstance(placed, Decided), "without a key nothing is answered again"
    return placed.row


async def _place_locked(connection: Connection, shelf: Shelf, asking: Asking) -> Decided | Response:
    """The same in a transaction that holds the configuration, the queue and the patron from here.

    Copies only where one of them was lent or came back meanwhile: first those that are out, then all.
    """
    first = await _decided(connection, shelf, asking)
    if isinstance(first, Response):
        return first
    await connection.execute("SELECT FROM reference FOR SHARE")
    await queue.lock_title(connection, [first.row["title_id"]])
    await connection.execute("SELECT FROM patron WHERE id = $1 FOR NO KEY UPDATE", first.row["patron_id"])
    for lock in (_OUT, _ALL, _ALL):
        decided = await _decided(connection, shelf, asking)
        if isinstance(decided, Response):
            return decided
        stored = asking.answer(decided) if asking.answer else None
        if await write(connection, decided, now=asking.now, once=asking.once, stored=stored):
            await _follow(connection, decided, now=asking.now)
            return decided
        await connection.execute(lock, decided.row["title_id"])
    raise AssertionError("the rows are locked")


async def _follow(connection: Connection, decided: Decided, *, now: datetime) -> None:
    """What one statement does not write."""
    library, hold_id = decided.library, decided.row["id"]
    if decided.paged is not None and not decided.at_once:
        await keep(connection, library, decided.paged, hold_id, decided.row["patron_id"], now=now)
    if (kept := decided.seen.overridden) is not None:
        await keep_override(connection, hold_id, kept, now=now)
    if decided.row["kind"] == "recall":
        await recall(connection, library, decided.seen, hold_id, now=now)


async def _decided(connection: Connection, shelf: Shelf, asking: Asking) -> Decided | Response:
    """Look and decide; the stored answer where it was done before."""
    seen = await look(connection, shelf, asking.asked, now=asking.now, once=asking.once, every=asking.every)
    if asking.once is not None and (answer := replayed(seen.facts, asking.once)) is not None:
        return answer
    told = await considered(connection, seen, asking.asked, asking.principal, now=asking.now)
    return decide(seen.library, told, asking.asked, now=asking.now)
