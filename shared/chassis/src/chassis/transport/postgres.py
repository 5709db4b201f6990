"""The event bus in PostgreSQL: a database of the broker's own, the same guarantees as RabbitMQ's.

A publication is one statement: into every bound queue, in order, committed before it is confirmed. The
active consumer holds an advisory lock that dies with its connection; it reads the lowest messages it does
not have in hand, so that one committed late is never overtaken for good, and deletes what is done with.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from chassis.transport import (
    DELIVERY_LIMIT,
    DeadLetter,
    Delivery,
    Message,
    Published,
    QueueDepth,
    TransportDown,
)

POLL_SECONDS = 0.5
RETRY_SECONDS = 0.2
CHANNEL = "carrel_bus"
LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.AdminShutdownError,
    TimeoutError,
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS queue (
    name text PRIMARY KEY,
    handed bigint NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS binding (
    queue text NOT NULL REFERENCES queue,
    type text NOT NULL,
    PRIMARY KEY (type, queue)
);
CREATE TABLE IF NOT EXISTS message (
    queue text NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    id uuid NOT NULL,
    type text NOT NULL,
    key text NOT NULL,
    body bytea NOT NULL,
    replay boolean NOT NULL,
    attempts smallint NOT NULL DEFAULT 0,
    reason text,
    not_before timestamptz,
    PRIMARY KEY (queue, seq)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000, fillfactor = 90);
CREATE TABLE IF NOT EXISTS dead_letter (
    queue text NOT NULL,
    id uuid NOT NULL,
    type text NOT NULL,
    key text NOT NULL,
    body bytea NOT NULL,
    reason text NOT NULL,
    attempts smallint NOT NULL,
    died_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (queue, id)
);
"""

_PUBLISH = """
WITH told AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::boolean[])
    WITH ORDINALITY AS t (id, type, key, body, replay, place)
), kept AS (
    INSERT INTO message (queue, id, type, key, body, replay)
    SELECT b.queue, t.id, t.type, t.key, t.body, t.replay
    FROM told t JOIN binding b ON b.type = t.type
    ORDER BY t.place
    RETURNING id
), woken AS MATERIALIZED (SELECT pg_notify($6, ''))
SELECT DISTINCT id FROM kept, woken
"""
_PUBLISH_TO = """
WITH kept AS (
    INSERT INTO message (queue, id, type, key, body, replay)
    SELECT q.name, t.id, t.type, t.key, t.body, t.replay
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::boolean[])
        WITH ORDINALITY AS t (id, type, key, body, replay, place), queue q
    WHERE q.name = $7
    ORDER BY t.place
    RETURNING id
), woken AS MATERIALIZED (SELECT pg_notify($6, ''))
SELECT DISTINCT id FROM kept, woken
"""
_RECEIVE = """
SELECT seq, id, type, key, body, replay, attempts FROM message
WHERE queue = $1 AND NOT (seq = ANY ($2::bigint[])) AND (not_before IS NULL OR not_before <= clock_timestamp())
ORDER BY seq LIMIT $3
"""
_BURY = """
WITH gone AS (
    DELETE FROM message WHERE queue = $1 AND seq = ANY ($2::bigint[]) RETURNING *
)
INSERT INTO dead_letter (queue, id, type, key, body, reason, attempts)
SELECT queue, id, type, key, body, coalesce($3, reason, ''), attempts + $4::int FROM gone
ON CONFLICT (queue, id) DO UPDATE SET reason = excluded.reason, attempts = excluded.attempts,
    died_at = clock_timestamp()
"""


class PostgresTransport:
    """The bus in the database at a URL."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        """Connect, and make the tables when they are missing."""
        async with self._opening:
            if self._pool is not None:
                return
            try:
                pool = await asyncpg.create_pool(
                    self._url, min_size=0, max_size=2, server_settings={"application_name": "carrel bus"}
                )
                async with pool.acquire() as connection, connection.transaction():
                    if await connection.fetchval("SELECT to_regclass('dead_letter')") is None:
                        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('carrel bus'))")
                        await connection.execute(SCHEMA)
            except LOST as error:
                raise TransportDown(str(error)) from error
            self._pool = pool

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            with contextlib.suppress(*LOST):
                await asyncio.wait_for(pool.close(), 5)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
        if self._pool is None:
            await self.open()
        assert self._pool is not None
        try:
            async with self._pool.acquire() as connection:
                yield connection
        except LOST as error:
            raise TransportDown(str(error)) from error

    async def declare(self, queue: str, types: Collection[str]) -> None:
        """Bind exactly these types."""
        async with self._connection() as connection, connection.transaction():
            await connection.execute("INSERT INTO queue (name) VALUES ($1) ON CONFLICT DO NOTHING", queue)
            await connection.execute(
                "DELETE FROM binding WHERE queue = $1 AND NOT (type = ANY ($2::text[]))", queue, list(types)
            )
            await connection.execute(
                "INSERT INTO binding (queue, type) SELECT $1, * FROM unnest($2::text[]) ON CONFLICT DO NOTHING",
                queue,
                list(types),
            )

    async def publish(self, messages: Sequence[Message], *, only_to: str | None = None) -> Published:
        """One statement, one commit."""
        if not messages:
            return Published(frozenset())
        told = [
            [message.id for message in messages],
            [message.type for message in messages],
            [message.key for message in messages],
            [message.body for message in messages],
            [message.replay for message in messages],
            CHANNEL,
        ]
        async with self._connection() as connection:
            if only_to is None:
                rows = await connection.fetch(_PUBLISH, *told)
            else:
                rows = await connection.fetch(_PUBLISH_TO, *told, only_to)
        kept = {row["id"] for row in rows}
        unroutable = frozenset(m.id for m in messages if m.mandatory and m.id not in kept)
        return Published(frozenset(m.id for m in messages) - unroutable, unroutable)

    @asynccontextmanager
    async def subscribe(self, queue: str, *, prefetch: int = 200) -> AsyncIterator["_PostgresSubscription"]:
        """Consume, on a connection of its own."""
        try:
            connection = await asyncpg.connect(
                self._url, timeout=5, server_settings={"application_name": f"carrel bus {queue}"}
            )
        except LOST as error:
            raise TransportDown(str(error)) from error
        subscription = _PostgresSubscription(connection, queue, prefetch)
        try:
            await subscription.listen()
            yield subscription
        finally:
            with contextlib.suppress(*LOST):
                await connection.close(timeout=2)

    async def depth(self, queue: str) -> QueueDepth:
        """What waits."""
        async with self._connection() as connection:
            waiting = await connection.fetchval("SELECT count(*) FROM message WHERE queue = $1", queue)
            dead = await connection.fetchval("SELECT count(*) FROM dead_letter WHERE queue = $1", queue)
        return QueueDepth(queue, waiting, dead)

    async def dead_letters(self, queue: str, *, limit: int = 100) -> list[DeadLetter]:
        """The oldest dead letters."""
        async with self._connection() as connection:
            rows = await connection.fetch(
                "SELECT id, queue, type, key, body, reason, attempts, died_at FROM dead_letter "
                "WHERE queue = $1 ORDER BY died_at, id LIMIT $2",
                queue,
                limit,
            )
        return [DeadLetter(**dict(row)) for row in rows]

    async def replay_dead(self, queue: str, ids: Collection[UUID]) -> int:
        """Back into the queue, at its end."""
        async with self._connection() as connection, connection.transaction():
            rows = await connection.fetch(
                "WITH back AS (DELETE FROM dead_letter WHERE queue = $1 AND id = ANY ($2::uuid[]) RETURNING *) "
                "INSERT INTO message (queue, id, type, key, body, replay) "
                "SELECT queue, id, type, key, body, false FROM back ORDER BY died_at RETURNING id",
                queue,
                list(ids),
            )
            await connection.execute("SELECT pg_notify($1, '')", CHANNEL)
        return len(rows)

    async def discard_dead(self, queue: str, ids: Collection[UUID]) -> int:
        """Gone."""
        async with self._connection() as connection:
            rows = await connection.fetch(
                "DELETE FROM dead_letter WHERE queue = $1 AND id = ANY ($2::uuid[]) RETURNING id",
                queue,
                list(ids),
            )
        return len(rows)


class _PostgresSubscription:
    def __init__(self, connection: asyncpg.Connection, queue: str, prefetch: int) -> None:
        self._connection, self._queue, self._prefetch = connection, queue, prefetch
        self._in_hand: set[int] = set()
        self._active = False
        self._woken = asyncio.Event()

    async def listen(self) -> None:
        """Be woken by publications."""
        await self._connection.add_listener(CHANNEL, lambda *_: self._woken.set())

    async def receive(self, limit: int, wait: float) -> list[Delivery]:
        """What is lowest and not in hand; nothing while another consumer is the active one."""
        try:
            if not self._active and not await self._become_active():
                await asyncio.sleep(min(wait, POLL_SECONDS))
                return []
            self._woken.clear()
            batch = await self._next(limit)
            if not batch:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), min(wait, POLL_SECONDS))
                batch = await self._next(limit)
            return batch
        except LOST as error:
            raise TransportDown(str(error)) from error

    async def _become_active(self) -> bool:
        self._active = await self._connection.fetchval(
            "SELECT pg_try_advisory_lock(hashtext('carrel bus consumer'), hashtext($1))", self._queue
        )
        if self._active:
            async with self._connection.transaction():
                await self._connection.execute(
                    "UPDATE message m SET attempts = attempts + 1 FROM queue q "
                    "WHERE q.name = $1 AND m.queue = $1 AND m.seq <= q.handed",
                    self._queue,
                )
                worn = await self._connection.fetch(
                    "SELECT seq FROM message WHERE queue = $1 AND attempts >= $2", self._queue, DELIVERY_LIMIT
                )
                await self._connection.execute(
                    _BURY,
                    self._queue,
                    [row["seq"] for row in worn],
                    "its consumers vanished with it in hand",
                    0,
                )
        return self._active

    async def _next(self, limit: int) -> list[Delivery]:
        room = min(limit, self._prefetch - len(self._in_hand))
        if room <= 0:
            return []
        rows = await self._connection.fetch(_RECEIVE, self._queue, list(self._in_hand), room)
        if rows:
            await self._connection.execute(
                "UPDATE queue SET handed = greatest(handed, $2) WHERE name = $1", self._queue, rows[-1]["seq"]
            )
            self._in_hand.update(row["seq"] for row in rows)
        return [
            Delivery(
                Message(row["id"], row["type"], row["key"], row["body"], replay=row["replay"]),
                row["attempts"] + 1,
                row["seq"],
            )
            for row in rows
        ]

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Done with."""
        await self._settle(
            "DELETE FROM message WHERE queue = $1 AND seq = ANY ($2::bigint[])",
            [delivery.receipt for delivery in deliveries],
        )

    async def retry(self, delivery: Delivery, reason: str) -> None:
        """Again, a little later; or set aside."""
        if delivery.attempt >= DELIVERY_LIMIT:
            await self.dead_letter(delivery, reason)
            return
        await self._settle(
            "UPDATE message SET attempts = $3, reason = $4, "
            "not_before = clock_timestamp() + make_interval(secs => $5) "
            "WHERE queue = $1 AND seq = ANY ($2::bigint[])",
            [delivery.receipt],
            delivery.attempt,
            reason,
            RETRY_SECONDS * delivery.attempt,
        )

    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        """Set aside."""
        await self._settle(_BURY, [delivery.receipt], reason, 1)

    async def _settle(self, statement: str, receipts: list[int], *more: object) -> None:
        try:
            await self._connection.execute(statement, self._queue, receipts, *more)
        except LOST as error:
            raise TransportDown(str(error)) from error
        self._in_hand.difference_update(receipts)
