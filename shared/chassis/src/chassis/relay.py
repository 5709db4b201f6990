"""The relay carries events from the outbox to the transport, in order, one relay at a time.

Rows are taken by `seq` among what is committed and unpublished: an aggregate's earlier event is committed
before its later one is written, so it is always seen first. The position given out at publication is
committed under the same row lock, hence in order, and is what the change feed reads by.
"""

import asyncio
import logging
import time
from dataclasses import dataclass

import asyncpg

from chassis.database import Connection
from chassis.ids import minted_at
from chassis.metrics import OUTBOX_AGE, OUTBOX_WAITING, PUBLISHED
from chassis.transport import EventTransport, Message, TransportDown
from contracts.events import UnknownEventType, event_type

log = logging.getLogger(__name__)

BATCH = 500
IDLE_SECONDS = 0.05
STUCK_SECONDS = 1.0
COUNT_SECONDS = 5.0
"""How often a backlog longer than a batch is counted."""

_STATE = "SELECT last_position FROM outbox_state FOR UPDATE"
_WAITING = """
SELECT seq, written_on, id, type, key, envelope FROM outbox
WHERE published_at IS NULL ORDER BY seq LIMIT $1
"""
_COUNT = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
_PUBLISHED = """
UPDATE outbox o SET published_at = now(), position = p.position
FROM unnest($1::date[], $2::bigint[], $3::bigint[]) AS p (written_on, seq, position)
WHERE o.written_on = p.written_on AND o.seq = p.seq
"""


@dataclass(slots=True)
class Relay:
    """One service's relay."""

    pool: asyncpg.Pool
    transport: EventTransport
    source: str
    stuck: bool = False
    """Whether the last batch held events that no queue is bound for."""
    _counted_at: float = float("-inf")

    async def run(self, stop: asyncio.Event) -> None:
        """Carry until told to stop; a lost broker or database is waited for."""
        while not stop.is_set():
            try:
                moved = await self.carry()
            except TransportDown as error:
                log.warning("the broker is away; events wait in the outbox", extra={"error": str(error)})
                await _pause(stop, 1.0)
                await self._reopen()
                continue
            except (
                OSError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
            ) as error:
                log.warning("the outbox cannot be read", extra={"error": str(error)})
                await _pause(stop, 1.0)
                continue
            if self.stuck:
                await _pause(stop, STUCK_SECONDS)
            elif moved < BATCH:
                await _pause(stop, IDLE_SECONDS)

    async def _reopen(self) -> None:
        try:
            await self.transport.open()
        except TransportDown:
            return

    async def carry(self) -> int:
        """Publish the oldest waiting events; how many went. One that nobody could be given waits, loudly."""
        async with self.pool.acquire() as connection, connection.transaction():
            position = await connection.fetchval(_STATE)
            rows = await connection.fetch(_WAITING, BATCH)
            await self._measure(connection, rows)
            self.stuck = False
            if not rows:
                return 0
            published = await self.transport.publish([_message(row) for row in rows if _heard(row["type"])])
            self.stuck = bool(published.unroutable)
            if published.unroutable:
                log.error(
                    "no queue is bound for events that somebody relies on; they wait",
                    extra={"count": len(published.unroutable), "source": self.source},
                )
            gone = _in_order(rows, published.confirmed)
            if gone:
                await connection.execute(
                    _PUBLISHED,
                    [row["written_on"] for row in gone],
                    [row["seq"] for row in gone],
                    [position + step for step in range(1, len(gone) + 1)],
                )
                await connection.execute("UPDATE outbox_state SET last_position = $1", position + len(gone))
        PUBLISHED.labels(self.source).inc(len(gone))
        return len(gone)

    async def _measure(self, connection: Connection, rows: list[asyncpg.Record]) -> None:
        """Tell how much waits and since when; an event's id holds the moment it was minted."""
        age = time.time() - minted_at(rows[0]["id"]) if rows else 0.0
        OUTBOX_AGE.labels(self.source).set(max(age, 0.0))
        if len(rows) < BATCH:
            OUTBOX_WAITING.labels(self.source).set(len(rows))
        elif time.monotonic() - self._counted_at > COUNT_SECONDS:
            OUTBOX_WAITING.labels(self.source).set(await connection.fetchval(_COUNT))
            self._counted_at = time.monotonic()


def _heard(type_name: str) -> bool:
    """Whether anybody relies on the event; others are read from the change feed alone."""
    try:
        return bool(event_type(type_name).listeners)
    except UnknownEventType:
        return False


def _message(row: asyncpg.Record) -> Message:
    return Message(
        id=row["id"],
        type=str(row["type"]),
        key=str(row["key"]),
        body=str(row["envelope"]).encode(),
        mandatory=True,
    )


def _in_order(rows: list[asyncpg.Record], confirmed: frozenset[object]) -> list[asyncpg.Record]:
    """What may be marked: confirmed or unheard, but nothing behind a waiting event of its own key."""
    waiting: set[str] = set()
    gone = []
    for row in rows:
        if row["key"] in waiting:
            continue
        if row["id"] in confirmed or not _heard(row["type"]):
            gone.append(row)
        else:
            waiting.add(row["key"])
    return gone


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
