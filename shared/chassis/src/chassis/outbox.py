"""Events are written in the transaction (or the one statement) that makes the change, and leave by the relay.

Write the row while its aggregate's row is locked or guarded, so that two events of one aggregate cannot
commit out of order. Nothing here notifies: committing notifiers queue on one cluster-wide lock.
"""

import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.database import Connection
from chassis.ids import minted_at, uuid7
from chassis.json import dumped
from chassis.schema import OUTBOX_DAYS, PARTITIONS_AHEAD
from contracts.events import SPEC_VERSION, Actor, Event, schema_uri

LOCK_PATIENCE_MS = 200

_INSERT_MANY = """
INSERT INTO outbox (id, type, key, envelope)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
"""
_INSERT = text("INSERT INTO outbox (id, type, key, envelope) VALUES (:id, :type, :key, :envelope)")


@dataclass(frozen=True, slots=True)
class Origin:
    """What surrounds an event: the service and its epoch, who acted, and what it follows from."""

    source: str
    epoch: int
    actor: Actor
    traceparent: str | None = None
    causationid: UUID | None = None
    correlationid: UUID | None = None


origin: ContextVar[Origin] = ContextVar("origin")
"""Set at the edge: by the request, by the consumer for the event being handled, by a timer for itself."""


@dataclass(frozen=True, slots=True)
class Plain:
    """An event without its model, for batches of thousands of parts: to make a model of each costs more than to write
    the row it tells of. Whoever makes one holds by the event's schema; a test reads it by the model."""

    kind: type[Event]
    version: int
    occurred_at: datetime
    fields: Mapping[str, Any]
    """Everything else that the event tells, as JSON takes it; what is as the schema's default says may be left out."""

    @property
    def subject_id(self) -> str:
        """The aggregate's id as text."""
        return str(self.fields[self.kind.subject])

    @property
    def partition_key(self) -> str:
        """What it is ordered by."""
        return str(self.fields[self.kind.partition or self.kind.subject])

    @property
    def type(self) -> str:
        """The event's type."""
        return self.kind.type

    def model_dump(self) -> dict[str, Any]:
        """Its data."""
        return {"version": self.version, "occurred_at": self.occurred_at, **self.fields}


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An event ready to be written, for statements that write everything at once."""

    id: UUID
    type: str
    key: str
    envelope: str


def sealed(event: Event | Plain, *, around: Origin | None = None) -> OutboxRow:
    """Put an event into its envelope."""
    where = around or origin.get()
    event_id = uuid7()
    key = event.partition_key
    envelope = {
        "specversion": SPEC_VERSION,
        "id": event_id,
        "source": where.source,
        "type": event.type,
        "subject": event.subject_id,
        "time": event.occurred_at,
        "datacontenttype": "application/json",
        "dataschema": schema_uri(event.type),
        "partitionkey": key,
        "sequence": event.version,
        "epoch": where.epoch,
        "actor": str(where.actor),
        "traceparent": where.traceparent,
        "causationid": where.causationid,
        "correlationid": where.correlationid,
        "data": event.model_dump(),
    }
    if where.traceparent is None:
        del envelope["traceparent"]
    if where.causationid is None:
        del envelope["causationid"], envelope["correlationid"]
    return OutboxRow(event_id, event.type, key, dumped(envelope).decode())


async def publish(session: AsyncSession, *events: Event) -> None:
    """Write events in the session's transaction."""
    for row in map(sealed, events):
        await session.execute(
            _INSERT, {"id": row.id, "type": row.type, "key": row.key, "envelope": row.envelope}
        )


async def record(connection: Connection, events: Sequence[Event | Plain]) -> None:
    """Write events in the connection's transaction, as one statement."""
    if events:
        rows = [sealed(event) for event in events]
        await connection.execute(
            _INSERT_MANY,
            [row.id for row in rows],
            [row.type for row in rows],
            [row.key for row in rows],
            [row.envelope for row in rows],
        )


async def read_epoch(connection: Connection | asyncpg.Pool) -> int:
    """The service's epoch; raised after a restore, so that readers take the re-announced state."""
    return int(await connection.fetchval("SELECT epoch FROM outbox_state"))


OLDEST = "SELECT id FROM outbox WHERE published_at IS NULL ORDER BY seq LIMIT 1"


async def age(connection: Connection) -> float:
    """Seconds that the oldest event which is not yet published has waited; none: 0. Its id holds when it was minted."""
    oldest = await connection.fetchval(OLDEST)
    return max(time.time() - minted_at(oldest), 0.0) if oldest else 0.0


async def keep_partitions(connection: Connection, *, today: date) -> list[str]:
    """Make the days ahead, drop the days past keeping; the names of what was dropped.

    Both lock the whole outbox, and everybody queues behind who waits for such a lock: what cannot be had at once
    is left for the next time. Rows that fell into the default partition (the timer was away for days) stay
    readable there.
    """
    known = {
        row["name"]
        for row in await connection.fetch(
            "SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = 'outbox'::regclass"
        )
    }
    for ahead in range(PARTITIONS_AHEAD + 1):
        day = today + timedelta(days=ahead)
        if (name := _partition(day)) not in known:
            strays = await connection.fetchval(
                "SELECT EXISTS (SELECT FROM outbox_default WHERE written_on = $1)", day
            )
            if not strays:
                await _at_once(
                    connection,
                    f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF outbox "
                    f"FOR VALUES FROM ('{day}') TO ('{day + timedelta(days=1)}')",
                )
    oldest = _partition(today - timedelta(days=OUTBOX_DAYS))
    dropped = []
    for name in sorted(name for name in known if name != "outbox_default" and name < oldest):
        waiting = await connection.fetchval(f"SELECT EXISTS (SELECT FROM {name} WHERE published_at IS NULL)")  # noqa: S608 - our own table's name
        if not waiting and await _at_once(connection, f"DROP TABLE {name}"):
            dropped.append(name)
    await connection.execute(
        "DELETE FROM outbox_default WHERE written_on < $1 AND published_at IS NOT NULL",
        today - timedelta(days=OUTBOX_DAYS),
    )
    return dropped


async def _at_once(connection: Connection, statement: str) -> bool:
    """Run a statement that locks the outbox, unless somebody holds it; whether it ran."""
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_PATIENCE_MS}ms'")
            await connection.execute(statement)
    except asyncpg.LockNotAvailableError:
        return False
    return True


def _partition(day: date) -> str:
    return f"outbox_{day:%Y%m%d}"
