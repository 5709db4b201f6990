"""The event bus in PostgreSQL: a database of the broker's own, the same guarantees as RabbitMQ's.

A publication is one statement: into every bound queue, in order, committed before it is confirmed. The
active consumer holds an advisory lock that dies with its connection; it reads the lowest messages it does
not have in hand, so that one committed late is never passed over, and deletes what is done with.

Order: sequence order is not commit order, but a publisher that sends the second message of a key after the
first was confirmed has committed the first before the second drew its number, whoever else is publishing.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
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

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

POLL_SECONDS = 0.5
RETRY_SECONDS = 0.2
"""The pause before a message comes again, times its attempts."""
STATEMENT_SECONDS = 30.0
"""A statement that takes longer means that the server is gone without saying so."""
SLICE_BYTES = 8_000_000
"""Bodies in one statement: large ones go in several, and come in several receipts."""
CHANNEL = "carrel_bus"
VANISHED = "its consumers vanished with it in hand"

_CONSUMER_SETTINGS = {
    # What a crash of the server undoes here is an acknowledgement, and the message comes again.
    "synchronous_commit": "off",
    # A consumer whose host vanished gives its place up within seconds.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}

_COMPLETE = """
SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('dead_letter') AND attname = 'seq')
"""
SCHEMA = """
CREATE TABLE IF NOT EXISTS queue (name text PRIMARY KEY);
ALTER TABLE queue ADD COLUMN IF NOT EXISTS in_hand bigint[] NOT NULL DEFAULT '{}';
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
    PRIMARY KEY (queue, seq)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_insert_threshold = -1, autovacuum_vacuum_cost_delay = 0,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000, fillfactor = 90);
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
ALTER TABLE dead_letter ADD COLUMN IF NOT EXISTS replay boolean NOT NULL DEFAULT false;
ALTER TABLE dead_letter ADD COLUMN IF NOT EXISTS seq bigint NOT NULL DEFAULT 0;
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
    RETURNING id, queue
), woken AS MATERIALIZED (SELECT pg_notify($6, string_agg(DISTINCT queue, ',')) FROM kept)
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
), woken AS MATERIALIZED (SELECT pg_notify($6, $7) FROM kept LIMIT 1)
SELECT DISTINCT id FROM kept, woken
"""
# One that comes again goes alone; who has what in hand is written down in the same statement, so that it is
# known when the consumer vanishes.
_RECEIVE = """
WITH next AS MATERIALIZED (
    SELECT seq, id, type, key, body, replay, attempts FROM message
    WHERE queue = $1 AND seq <> ALL ($2::bigint[]) AND key <> ALL ($3::text[])
    ORDER BY seq LIMIT $4
), chosen AS MATERIALIZED (
    SELECT seq, id, type, key, body, replay, attempts FROM (
        SELECT n.*, row_number() OVER upto AS place, bool_or(attempts > 0) OVER upto AS again,
            sum(octet_length(body)) OVER upto AS bytes
        FROM next n WINDOW upto AS (ORDER BY seq)
    ) n
    WHERE place = 1 OR (NOT again AND bytes <= $5)
), noted AS (
    UPDATE queue SET in_hand = $2 || ARRAY (SELECT seq FROM chosen)
    WHERE name = $1 AND EXISTS (SELECT FROM chosen)
)
SELECT * FROM chosen ORDER BY seq
"""
_TAKE_OVER = """
WITH before AS (
    SELECT in_hand FROM queue WHERE name = $1 FOR UPDATE
), emptied AS (
    UPDATE queue SET in_hand = '{}' WHERE name = $1 AND EXISTS (SELECT FROM before)
)
UPDATE message SET attempts = attempts + 1
WHERE queue = $1 AND seq = ANY (ARRAY (SELECT unnest(in_hand) FROM before))
RETURNING seq, attempts
"""
_ACK = "DELETE FROM message WHERE queue = $1 AND seq = ANY ($2::bigint[])"
_RETRY = """
WITH noted AS (UPDATE queue SET in_hand = array_remove(in_hand, $2) WHERE name = $1)
UPDATE message SET attempts = $3, reason = $4 WHERE queue = $1 AND seq = $2
"""
_BURY = """
WITH gone AS (DELETE FROM message WHERE queue = $1 AND seq = ANY ($2::bigint[]) RETURNING *)
INSERT INTO dead_letter (queue, id, type, key, body, replay, seq, reason, attempts)
SELECT queue, id, type, key, body, replay, seq, $3, attempts + $4::int FROM gone ORDER BY seq
ON CONFLICT (queue, id) DO UPDATE SET reason = excluded.reason, attempts = excluded.attempts,
    seq = excluded.seq, died_at = clock_timestamp()
"""
_DEAD = """
SELECT id, queue, type, key, body, reason, attempts, died_at, replay FROM dead_letter
WHERE queue = $1 ORDER BY died_at, seq LIMIT $2
"""
_REPLAY_DEAD = """
WITH back AS (
    DELETE FROM dead_letter WHERE queue = $1 AND id = ANY ($2::uuid[]) RETURNING *
), kept AS (
    INSERT INTO message (queue, id, type, key, body, replay)
    SELECT queue, id, type, key, body, replay FROM back ORDER BY seq RETURNING id
), woken AS MATERIALIZED (SELECT pg_notify($3, $1) FROM kept LIMIT 1)
SELECT id FROM kept, woken
"""


@contextlib.contextmanager
def _losses() -> Iterator[None]:
    """What means that the server is not there for us; our own mistakes are not disguised as that."""
    try:
        yield
    except asyncpg.DataError:
        raise
    except (asyncpg.exceptions.UnsupportedClientFeatureError, asyncpg.exceptions.ClientConfigurationError):
        raise
    except (
        OSError,
        TimeoutError,
        asyncpg.PostgresConnectionError,
        asyncpg.InterfaceError,
        asyncpg.OperatorInterventionError,
        asyncpg.InsufficientResourcesError,
        asyncpg.InternalClientError,  # a connection that was just lost in the middle of a protocol exchange
    ) as error:
        raise TransportDown(str(error) or type(error).__name__) from error


async def prepare(url: str) -> None:
    """Make the tables in an empty database, or complete older ones; any number of starters may race."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        if not await connection.fetchval(_COMPLETE):
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(hashtext('carrel bus'))")
                await connection.execute(SCHEMA)
    finally:
        await connection.close(timeout=5)


async def _unchanged(_: asyncpg.Connection) -> None:
    """Nothing to reset: publishing leaves no trace in a session. Saves a round trip each time."""


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
            with _losses():
                await prepare(self._url)
                self._pool = await asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=2,
                    timeout=10,
                    command_timeout=STATEMENT_SECONDS,
                    reset=_unchanged,
                    server_settings={"application_name": "carrel bus"},
                )

    async def close(self) -> None:
        """Close the connections."""
        pool, self._pool = self._pool, None
        if pool is not None:
            with contextlib.suppress(TransportDown), _losses():
                await asyncio.wait_for(pool.close(), 5)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator["PoolConnectionProxy"]:
        """A connection of the pool, which replaces broken ones when it is next asked."""
        if self._pool is None:
            await self.open()
        assert self._pool is not None
        with _losses():
            async with self._pool.acquire(timeout=STATEMENT_SECONDS) as connection:
                yield connection

    async def declare(self, queue: str, types: Collection[str]) -> None:
        """Bind exactly these types."""
        async with self._connection() as connection, connection.transaction():
            await connection.execute("INSERT INTO queue (name) VALUES ($1) ON CONFLICT DO NOTHING", queue)
            await connection.execute("SELECT FROM queue WHERE name = $1 FOR UPDATE", queue)
            await connection.execute(
                "DELETE FROM binding WHERE queue = $1 AND type <> ALL ($2::text[])", queue, list(types)
            )
            await connection.execute(
                "INSERT INTO binding (queue, type) SELECT $1, * FROM unnest($2::text[]) ON CONFLICT DO NOTHING",
                queue,
                list(types),
            )

    async def publish(self, messages: Sequence[Message], *, only_to: str | None = None) -> Published:
        """One statement and one commit, but for very large bodies."""
        kept: set[UUID] = set()
        for part in _parts(messages):
            told = (
                [message.id for message in part],
                [message.type for message in part],
                [message.key for message in part],
                [message.body for message in part],
                [message.replay for message in part],
                CHANNEL,
            )
            async with self._connection() as connection:
                if only_to is None:
                    rows = await connection.fetch(_PUBLISH, *told)
                else:
                    rows = await connection.fetch(_PUBLISH_TO, *told, only_to)
            kept.update(row["id"] for row in rows)
        unroutable = frozenset(m.id for m in messages if m.mandatory and m.id not in kept)
        return Published(frozenset(m.id for m in messages) - unroutable, unroutable)

    @asynccontextmanager
    async def subscribe(self, queue: str, *, prefetch: int = 200) -> AsyncIterator["PostgresSubscription"]:
        """Consume, on a connection of its own."""
        await self.open()
        with _losses():
            connection = await asyncpg.connect(
                self._url,
                timeout=10,
                command_timeout=STATEMENT_SECONDS,
                server_settings={"application_name": f"carrel bus {queue}", **_CONSUMER_SETTINGS},
            )
        subscription = PostgresSubscription(connection, queue, prefetch)
        try:
            await subscription.listen()
            yield subscription
        finally:
            await subscription.leave()

    async def depth(self, queue: str) -> QueueDepth:
        """What waits, including what is in hand."""
        async with self._connection() as connection:
            row = await connection.fetchrow(
                "SELECT (SELECT count(*) FROM message WHERE queue = $1) AS waiting, "
                "(SELECT count(*) FROM dead_letter WHERE queue = $1) AS dead",
                queue,
            )
        assert row is not None
        return QueueDepth(queue, row["waiting"], row["dead"])

    async def dead_letters(self, queue: str, *, limit: int = 100) -> list[DeadLetter]:
        """The oldest dead letters."""
        async with self._connection() as connection:
            rows = await connection.fetch(_DEAD, queue, limit)
        return [DeadLetter(**dict(row)) for row in rows]

    async def replay_dead(self, queue: str, ids: Collection[UUID]) -> frozenset[UUID]:
        """Back into the queue, at its end, in the order they once had."""
        async with self._connection() as connection:
            rows = await connection.fetch(_REPLAY_DEAD, queue, list(ids), CHANNEL)
        return frozenset(row["id"] for row in rows)

    async def discard_dead(self, queue: str, ids: Collection[UUID]) -> frozenset[UUID]:
        """Gone."""
        async with self._connection() as connection:
            rows = await connection.fetch(
                "DELETE FROM dead_letter WHERE queue = $1 AND id = ANY ($2::uuid[]) RETURNING id",
                queue,
                list(ids),
            )
        return frozenset(row["id"] for row in rows)


def _parts(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """The batch as it is, unless its bodies are too much for one statement."""
    start = size = 0
    for place, message in enumerate(messages):
        size += len(message.body)
        if size > SLICE_BYTES and place > start:
            yield messages[start:place]
            start, size = place, len(message.body)
    if start < len(messages):
        yield messages[start:]


class PostgresSubscription:
    """One consumer of a queue, active while its connection holds the queue's lock."""

    def __init__(self, connection: asyncpg.Connection, queue: str, prefetch: int) -> None:
        self._connection, self._queue, self._prefetch = connection, queue, prefetch
        self._in_hand: set[int] = set()
        self._resting: dict[int, tuple[str, float]] = {}
        """Given back for another attempt: the key that waits for it, and until when."""
        self._active = False
        self._woken = asyncio.Event()

    async def listen(self) -> None:
        """Be woken by publications to this queue."""
        with _losses():
            await self._connection.add_listener(CHANNEL, self._hear)

    def _hear(self, _connection: object, _pid: int, _channel: str, queues: object) -> None:
        if self._queue in str(queues).split(","):
            self._woken.set()

    async def leave(self) -> None:
        """In good order: what is in hand goes back uncounted."""
        with contextlib.suppress(TransportDown), _losses():
            if self._active and self._in_hand:
                await self._connection.execute(
                    "UPDATE queue SET in_hand = '{}' WHERE name = $1", self._queue, timeout=2
                )
            await self._connection.close(timeout=2)

    async def receive(self, limit: int, wait: float) -> list[Delivery]:
        """What is lowest and not in hand; nothing while another consumer is the active one."""
        clock = asyncio.get_running_loop().time
        until = clock() + wait
        with _losses():
            while True:
                if self._active or await self._become_active():
                    self._woken.clear()
                    if batch := await self._next(limit, clock()):
                        return batch
                    pause = min([POLL_SECONDS, *(at - clock() for _, at in self._resting.values())])
                else:
                    pause = POLL_SECONDS
                if (left := until - clock()) <= 0:
                    return []
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), max(0.0, min(left, pause)))
                if not self._active:
                    # Publications wake a consumer that stands by, too; it has no use for them.
                    self._woken.clear()

    async def _become_active(self) -> bool:
        if await self._connection.fetchval(
            "SELECT pg_try_advisory_lock(hashtext('carrel bus consumer'), hashtext($1))", self._queue
        ):
            async with self._connection.transaction():
                again = await self._connection.fetch(_TAKE_OVER, self._queue)
                worn = [row["seq"] for row in again if row["attempts"] >= DELIVERY_LIMIT]
                if worn:
                    await self._connection.execute(_BURY, self._queue, worn, VANISHED, 0)
            self._active = True
        return self._active

    async def _next(self, limit: int, now: float) -> list[Delivery]:
        self._resting = {seq: (key, at) for seq, (key, at) in self._resting.items() if at > now}
        room = min(limit, self._prefetch - len(self._in_hand))
        if room <= 0:
            return []
        rows = await self._connection.fetch(
            _RECEIVE,
            self._queue,
            list(self._in_hand),
            [key for key, _ in self._resting.values()],
            room,
            SLICE_BYTES,
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
        receipts = [delivery.receipt for delivery in deliveries]
        with _losses():
            await self._connection.execute(_ACK, self._queue, receipts)
        self._in_hand.difference_update(receipts)

    async def retry(self, delivery: Delivery, reason: str) -> None:
        """Again, a little later and before others of its key; or set aside."""
        if delivery.attempt >= DELIVERY_LIMIT:
            await self.dead_letter(delivery, reason)
            return
        with _losses():
            await self._connection.execute(_RETRY, self._queue, delivery.receipt, delivery.attempt, reason)
        at = asyncio.get_running_loop().time() + RETRY_SECONDS * delivery.attempt
        self._resting[delivery.receipt] = (delivery.message.key, at)
        self._in_hand.discard(delivery.receipt)

    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        """Set aside."""
        with _losses():
            await self._connection.execute(_BURY, self._queue, [delivery.receipt], reason, 1)
        self._in_hand.discard(delivery.receipt)
