"""The relay carries events from the outbox to the transport, in order, one relay at a time.

Rows are taken by `seq` among what is committed and unpublished: an aggregate's earlier event is committed
before its later one is written, so it is always seen first. The position given out at publication is
committed under the same row lock, hence in order, and is what the change feed reads by.
"""

import asyncio
import logging
import time
from dataclasses import dataclass, field

import asyncpg

from chassis import faults
from chassis.database import Connection
from chassis.ids import minted_at
from chassis.metrics import OUTBOX_AGE, OUTBOX_WAITING, PUBLISHED
from chassis.outbox import OLDEST
from chassis.transport import EventTransport, Message, TransportDown
from contracts.events import UnknownEventType, event_type

log = logging.getLogger(__name__)

BATCH = 500
IDLE_SECONDS = 0.05
QUIET_SECONDS = 0.15
"""The same once nothing has come for a while: looks of five relays are much of what a box does at rest."""
QUIET_LOOKS = 100
"""So many looks that found nothing are a while: five seconds."""
REST_SECONDS = 0.002
"""Rest for each event carried: in a flood the desks come first, and larger batches cost less."""
LATE_SECONDS = 10.0
"""An event that has waited so long ends the resting: what is behind the desks stays bounded."""
HELD_SECONDS = 0.5
"""While something waits for a queue, looking past it costs more."""
PROBE_SECONDS = 1.0
COUNT_SECONDS = 5.0
"""How often a backlog longer than a batch is counted."""

_STATE = "SELECT last_position FROM outbox_state FOR UPDATE"
_WAITING = """
SELECT seq, written_on, id, type, key, envelope FROM outbox
WHERE published_at IS NULL ORDER BY seq LIMIT $1
"""
_WAITING_BUT = """
SELECT seq, written_on, id, type, key, envelope FROM outbox o
WHERE published_at IS NULL AND type <> ALL ($2::text[]) AND NOT EXISTS (
    SELECT FROM outbox held WHERE held.published_at IS NULL AND held.type = ANY ($2::text[])
    AND held.key = o.key AND held.seq < o.seq)
ORDER BY seq LIMIT $1
"""
# Of each type that waits, the oldest that nothing of its own key stands before.
_PROBES = """
SELECT DISTINCT ON (type) seq, written_on, id, type, key, envelope FROM outbox o
WHERE published_at IS NULL AND type = ANY ($1::text[]) AND NOT EXISTS (
    SELECT FROM outbox held WHERE held.published_at IS NULL AND held.key = o.key AND held.seq < o.seq)
ORDER BY type, seq
"""
_ANY = "SELECT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)"
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
    held: set[str] = field(default_factory=set)
    """Types that nobody could be given; they and what is behind them under their own keys wait, others pass."""
    age: float = 0.0
    """Seconds that the oldest event had waited when the last batch was taken."""
    _idle: bool = False
    """Whether nothing was there when it looked last: then one question is enough until there is something."""
    _quiet: int = 0
    """Looks in a row that found nothing."""
    _probed_at: float = float("-inf")
    _counted_at: float = float("-inf")

    async def run(self, stop: asyncio.Event) -> None:
        """Carry until told to stop; a lost broker or database is waited for."""
        while not stop.is_set():
            try:
                moved = await self.carry()
            except TransportDown as error:
                log.warning(
                    "the broker is away; events wait in the outbox", extra={"error": faults.told(error)}
                )
                await _pause(stop, 1.0)
                await self._reopen()
                continue
            except (
                OSError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
            ) as error:
                log.warning("the outbox cannot be read", extra={"error": faults.told(error)})
                await _pause(stop, 1.0)
                continue
            self._quiet = 0 if moved else self._quiet + 1
            if seconds := rest(moved, age=self.age, held=bool(self.held), quiet=self._quiet):
                await _pause(stop, seconds)

    async def _reopen(self) -> None:
        try:
            await self.transport.open()
        except TransportDown:
            return

    async def carry(self) -> int:
        """Publish the oldest waiting events; how many went. One that nobody could be given waits, loudly."""
        if self._idle and not await self.pool.fetchval(_ANY):
            return 0
        async with self.pool.acquire() as connection, connection.transaction():
            position = await connection.fetchval(_STATE)
            rows = await self._next(connection)
            await self._measure(connection, rows)
            self._idle = not rows and not self.held
            if not rows:
                return 0
            unknown = {row["type"] for row in rows if not _known(row["type"])}
            sent = [_message(row) for row in _before(rows, unknown) if _heard(row["type"])]
            published = await self.transport.publish(sent)
            unheard = {row["type"] for row in rows if row["id"] in published.unroutable}
            self.held -= {row["type"] for row in rows} - unheard - unknown
            for told, types in (
                ("no queue is bound for events that somebody relies on; they wait", unheard),
                ("events are of types that this release does not know; they wait for one that does", unknown),
            ):
                if types:
                    log.error(told, extra={"types": sorted(types), "source": self.source})
            self.held |= unheard | unknown
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

    async def _next(self, connection: Connection) -> list[asyncpg.Record]:
        """What may go, oldest first; once a second one of each type that waits, to see whether it may now."""
        if not self.held:
            return list(await connection.fetch(_WAITING, BATCH))
        if time.monotonic() - self._probed_at >= PROBE_SECONDS:
            self._probed_at = time.monotonic()
            if probes := await connection.fetch(_PROBES, list(self.held)):
                return list(probes)
            self.held.clear()
        return list(await connection.fetch(_WAITING_BUT, BATCH, list(self.held)))

    async def _measure(self, connection: Connection, rows: list[asyncpg.Record]) -> None:
        """Tell how much waits and since when; an event's id holds the moment it was minted."""
        oldest = await connection.fetchval(OLDEST) if self.held else rows[0]["id"] if rows else None
        self.age = max(time.time() - minted_at(oldest), 0.0) if oldest else 0.0
        OUTBOX_AGE.labels(self.source).set(self.age)
        if len(rows) < BATCH and not self.held:
            OUTBOX_WAITING.labels(self.source).set(len(rows))
        elif time.monotonic() - self._counted_at > COUNT_SECONDS:
            OUTBOX_WAITING.labels(self.source).set(await connection.fetchval(_COUNT))
            self._counted_at = time.monotonic()


def rest(moved: int, *, age: float, held: bool, quiet: int = 0) -> float:
    """Seconds until the next batch: longer the more there was to carry, none once the oldest is late.

    A steady trickle waits some 50 ms, the first event after a silence (of so many looks: `quiet`) up to 150. A flood
    is carried at less than half its speed for as long as it is young, and at full speed from then on.
    """
    if held:
        return HELD_SECONDS if moved < BATCH else 0.0
    if quiet > QUIET_LOOKS:
        return QUIET_SECONDS
    if age < LATE_SECONDS:
        return IDLE_SECONDS + moved * REST_SECONDS
    return IDLE_SECONDS if moved < BATCH else 0.0


def _known(type_name: str) -> bool:
    """Whether this release knows the type: a newer one that serves beside it may write others."""
    try:
        event_type(type_name)
    except UnknownEventType:
        return False
    return True


def _heard(type_name: str) -> bool:
    """Whether anybody relies on the event; others are read from the change feed alone."""
    return bool(event_type(type_name).listeners)


def _message(row: asyncpg.Record) -> Message:
    return Message(
        id=row["id"],
        type=str(row["type"]),
        key=str(row["key"]),
        body=str(row["envelope"]).encode(),
        mandatory=True,
    )


def _before(rows: list[asyncpg.Record], held: set[str]) -> list[asyncpg.Record]:
    """What is not of these types, nor behind one of them under its own key."""
    waiting: set[str] = set()
    passing = []
    for row in rows:
        if row["type"] in held:
            waiting.add(row["key"])
        elif row["key"] not in waiting:
            passing.append(row)
    return passing


def _in_order(rows: list[asyncpg.Record], confirmed: frozenset[object]) -> list[asyncpg.Record]:
    """What may be marked: confirmed or unheard, but nothing behind a waiting event of its own key."""
    waiting: set[str] = set()
    gone = []
    for row in rows:
        known = _known(row["type"])
        if row["key"] not in waiting and known and (row["id"] in confirmed or not _heard(row["type"])):
            gone.append(row)
        else:
            waiting.add(row["key"])
    return gone


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
