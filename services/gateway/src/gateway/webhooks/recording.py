"""From the change feeds to deliveries: each event is written down once for everybody who hears of it.

A subscription is level with a feed, or has a place of its own in it (new, paused, disabled, being replayed) from
which it catches up before it is level again. Position and deliveries are written together, so nothing is left out
or written twice, whoever dies when.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from chassis import faults
from chassis.database import Connection
from chassis.feed import PositionLost
from chassis.ids import uuid7
from chassis.json import dumped
from chassis.resources import Resources
from gateway.webhooks import ending, statements
from gateway.webhooks.feeds import NEWEST, Feed, FeedAway, Piece
from gateway.webhooks.rules import Filter, passes, payload

log = logging.getLogger(__name__)

PIECE = 500
"""Events read at once."""
LOOK_SECONDS = 0.5
IDLE_SECONDS = 2.0
"""While nobody hears of anything."""

LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery to be written."""

    webhook_id: UUID
    message_id: str
    type: str
    key: str
    position: int
    body: bytes
    traceparent: str | None


def heard(row: asyncpg.Record) -> Filter:
    """What a subscription hears."""
    return Filter(
        frozenset(row["types"]),
        *(None if row[name] is None else frozenset(row[name]) for name in ("libraries", "locations", "keys")),
    )


def due(piece: Piece, webhooks: Iterable[asyncpg.Record], source: str) -> list[Due]:
    """Who is to be sent what of a piece of a feed, in its order; a body is made once for all who get the same."""
    listening = [(row["id"], heard(row), row["payload"] == "full") for row in webhooks]
    found = []
    for event, position in zip(piece.events, piece.positions, strict=True):
        bodies: dict[bool, bytes] = {}
        for webhook_id, wanted, whole in listening:
            if passes(wanted, event):
                if whole not in bodies:
                    bodies[whole] = dumped(payload(event, whole=whole))
                key = f"{source}/{event['partitionkey']}"
                trace = event.get("traceparent")
                found.append(Due(webhook_id, event["id"], event["type"], key, position, bodies[whole], trace))
    return found


@dataclass(slots=True)
class Recorder:
    """Reads every feed on."""

    resources: Resources
    feeds: Mapping[str, Feed]
    recorded: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there is something to send."""

    async def run(self, stop: asyncio.Event) -> None:
        """Read on until told to stop; a service or database that is away is waited for."""
        while not stop.is_set():
            wait = LOOK_SECONDS
            try:
                await ending.end_orphans(self.resources)
                busy = [await self.read(source) for source in self.feeds]
                if not await self.resources.pool.fetchval(statements.ANY_ACTIVE):
                    wait = IDLE_SECONDS
                elif any(busy):
                    wait = 0.0
            except LOST as error:
                log.warning("webhooks wait for their database", extra={"error": faults.told(error)})
            if wait:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), wait)

    async def read(self, source: str) -> bool:
        """Read one feed on, for those who are level and for each who is behind; whether there is more at once."""
        try:
            more = await self._level(source)
            for row in await self.resources.pool.fetch(statements.BEHIND, source):
                more |= await self._catch_up(source, row)
        except FeedAway as error:
            log.warning("a service's events wait", extra={"service": source, "error": str(error)})
            return False
        return more

    async def _level(self, source: str) -> bool:
        pool, feed = self.resources.pool, self.feeds[source]
        known = await pool.fetchrow(statements.FEED, source)
        if known is None:
            newest = (await feed.after(0, NEWEST, 1)).position
            await pool.execute(statements.ADD_FEED, source, newest)
            return False
        listening = await pool.fetch(statements.LISTENING, source)
        types = sorted({name for row in listening for name in row["types"]}) or NEWEST
        piece = await self._piece(source, known["position"], types)
        found = due(piece, listening, source)
        if piece.position == known["position"]:
            return False
        async with pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(
                statements.ADVANCE, source, piece.position, known["position"], known["generation"]
            ):
                return True
            await self._write(connection, found, again=False)
        return piece.more

    async def _catch_up(self, source: str, row: asyncpg.Record) -> bool:
        piece = await self._piece(source, row["position"], row["types"])
        found = due(piece, [row], source)
        async with self.resources.pool.acquire() as connection, connection.transaction():
            level_at = await connection.fetchval(statements.LOCK_FEED, source)
            if not await connection.fetch(statements.LOCK, [row["id"]]):
                return False
            again = await connection.fetchval(
                statements.MOVE_PLACE, row["id"], source, row["position"], piece.position
            )
            if again is None:
                return True
            await self._write(connection, found, again=again)
            if not piece.more and piece.position >= level_at:
                await connection.execute(statements.LEAVE_PLACE, row["id"], source)
                await connection.execute(statements.LEVEL, source)
                return False
        return True

    async def _piece(self, source: str, position: int, types: Sequence[str]) -> Piece:
        try:
            return await self.feeds[source].after(position, types, PIECE)
        except PositionLost as error:
            # Before a restore, or after more days away than are kept: what was sent is known, and not sent again.
            log.error(
                "a feed cannot be read on; it is read from its oldest event",
                extra={"service": source, "position": position, "reason": error.reasons[0].code},
            )
            return await self.feeds[source].after(0, types, PIECE)

    async def _write(self, connection: Connection, found: Sequence[Due], *, again: bool) -> None:
        ids = {each.webhook_id for each in found}
        locked = {row["id"] for row in await connection.fetch(statements.LOCK, list(ids))} if ids else set()
        told = [each for each in found if each.webhook_id in locked]
        if told:
            await record(connection, told, again=again, now=self.resources.clock())
            self.recorded.set()


async def record(connection: Connection, told: Sequence[Due], *, again: bool, now: datetime) -> None:
    """Write deliveries; the first that waits of each key becomes due. The subscriptions' rows are locked."""
    await connection.execute(
        statements.RECORD_AGAIN if again else statements.RECORD,
        [uuid7() for _ in told],
        [each.webhook_id for each in told],
        [each.message_id for each in told],
        [each.type for each in told],
        [each.key for each in told],
        [each.position for each in told],
        [each.body for each in told],
        [each.traceparent for each in told],
        now,
    )
    keys = list({(each.webhook_id, each.key) for each in told})
    if again:
        await connection.execute(statements.HOLD_BACK, [k[0] for k in keys], [k[1] for k in keys])
    await connection.execute(statements.BRING_FORWARD, [k[0] for k in keys], [k[1] for k in keys], now)
