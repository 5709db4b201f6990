"""From the transport to the handlers: remember, react and commit together; acknowledge afterwards.

A batch is one transaction. When it fails, its events are tried one by one, so that a poisonous one is
found: it is tried six times in all and then set aside, visibly, while the others go on.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson
from opentelemetry.trace import SpanKind
from pydantic import ValidationError

from chassis import faults, logs, outbox, tracing
from chassis.database import Connection
from chassis.metrics import DEAD_LETTERS, HANDLED
from chassis.outbox import Origin
from chassis.resources import Handler, Heard, Resources, Sifted
from chassis.transport import Delivery, Message, Subscription, TransportDown
from contracts.events import Actor, Envelope, Event, UnknownEventType

log = logging.getLogger(__name__)

BATCH = 200
SLICE_BYTES = 500_000
"""Bodies handled in one transaction: its locks are soon let go, whatever a batch event carries."""

_FIRST_TIME = """
INSERT INTO inbox (event_id) SELECT * FROM unnest($1::uuid[])
ON CONFLICT (event_id) DO NOTHING RETURNING event_id
"""

LEVEL_NAME = "consumer level"
_LEVEL = """
INSERT INTO lease (name, last_run_at) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET last_run_at = excluded.last_run_at
"""

AWAY_SECONDS = 0.5
COUNT_SECONDS = 15.0
"""How often the depth of the dead letters is measured."""
LINKS = 32
"""Traces a batch is linked to at most."""
NAMED = 5
"""Events of a batch that a log line names."""

LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.InternalClientError,  # lost in the middle of an exchange
)


class DatabaseAway(Exception):
    """The database does not answer: nobody's fault, so no attempt is counted against a message."""


class Unreadable(Exception):
    """A message that can never be handled: broken, or of an unknown type."""


class NotSubscribed(LookupError):
    """A message that lies in the queue from before the subscription was given up."""


def opened(message: Message) -> tuple[Envelope, Event]:
    """Read a message; `Unreadable` when it is no event of ours."""
    try:
        envelope = Envelope.model_validate(orjson.loads(message.body))
        return envelope, envelope.opened()
    except UnknownEventType as error:
        raise Unreadable(f"unknown event type {error}") from error
    except (ValueError, ValidationError) as error:
        raise Unreadable(f"broken body: {faults.told(error)[:300]}") from error


def slices(batch: Sequence[Delivery], *, most: int = SLICE_BYTES) -> Iterator[Sequence[Delivery]]:
    """A batch in its order, in parts of bodies of so many bytes; one that is larger goes alone."""
    start = size = 0
    for place, delivery in enumerate(batch):
        size += len(delivery.message.body)
        if size > most and place > start:
            yield batch[start:place]
            start, size = place, len(delivery.message.body)
    if start < len(batch):
        yield batch[start:]


Read = dict[UUID, tuple[Envelope, Event]]
"""What messages turned out to be, by their ids: a batch is read once, however often it is tried."""


@dataclass(slots=True)
class Consumer:
    """One service's consumer."""

    resources: Resources
    subscriptions: Mapping[type[Event], Handler]
    level_at: datetime | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _counted_at: float = float("-inf")

    async def run(self, stop: asyncio.Event) -> None:
        """Declare the queue and handle what comes until told to stop; a lost broker is waited for."""
        queue, transport = self.resources.name, self.resources.transport
        self._stop = stop
        while not stop.is_set():
            try:
                await transport.open()
                await transport.declare(queue, [kind.type for kind in self.subscriptions])
                async with transport.subscribe(queue) as subscription:
                    while not stop.is_set():
                        batch = await subscription.receive(BATCH, wait=0.5)
                        for part in slices(batch):
                            await self.deliver(subscription, part)
                        if len(batch) < BATCH:
                            await self._level()
                        await self._measure()
            except TransportDown as error:
                log.warning("the broker is away", extra={"error": faults.told(error), "service": queue})
                await self._pause()
            except DatabaseAway:
                return

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), AWAY_SECONDS)

    async def _measure(self) -> None:
        if time.monotonic() - self._counted_at > COUNT_SECONDS:
            self._counted_at = time.monotonic()
            depth = await self.resources.transport.depth(self.resources.name)
            DEAD_LETTERS.labels(depth.queue).set(depth.dead)

    async def _level(self) -> None:
        """Remember, once a second, that the queue was read to its end: what was told of is known here."""
        now = self.resources.clock()
        if self.level_at is None or (now - self.level_at).total_seconds() >= 1:
            with contextlib.suppress(DatabaseAway):
                async with self._connection() as connection:
                    await connection.execute(_LEVEL, LEVEL_NAME, now)
                self.level_at = now

    async def deliver(self, subscription: Subscription, batch: Sequence[Delivery]) -> None:
        """Handle a batch, and settle each delivery."""
        readable: list[Delivery] = []
        read: Read = {}
        for delivery in batch:
            try:
                read[delivery.message.id] = opened(delivery.message)
            except Unreadable as error:
                log.error("message set aside", extra={"reason": str(error), "type": delivery.message.type})
                await subscription.dead_letter(delivery, str(error))
            else:
                readable.append(delivery)
        if not readable:
            return
        try:
            await self._react_once_there([delivery.message for delivery in readable], read)
        except DatabaseAway:
            raise
        except Exception as error:
            if len(readable) > 1:
                for delivery in readable:
                    await self.deliver(subscription, [delivery])
                return
            await self._failed(subscription, readable[0], error)
            return
        await subscription.ack(readable)

    async def _react_once_there(self, messages: Sequence[Message], read: Read) -> None:
        """React, waiting with the batch in hand while the database is away.

        To leave instead would cost every message an attempt at a broker that counts deliveries, and an
        outage of seconds would set healthy events aside.
        """
        while True:
            try:
                await self.react(messages, read)
            except DatabaseAway as error:
                log.warning(
                    "the database is away",
                    extra={"error": faults.told(error), "service": self.resources.name},
                )
                if self._stop.is_set():
                    raise
                await self._pause()
            else:
                return

    async def _failed(self, subscription: Subscription, delivery: Delivery, error: Exception) -> None:
        HANDLED.labels(self.resources.name, "failed").inc()
        envelope, _ = opened(delivery.message)
        token = logs.about.set(logs.ids(envelope.traceparent, event=str(delivery.message.id)))
        log.error(
            "an event could not be handled",
            extra={"type": delivery.message.type, "attempt": delivery.attempt},
            exc_info=error,
        )
        logs.about.reset(token)
        await subscription.retry(delivery, faults.told(error)[:500])

    async def react(self, messages: Sequence[Message], read: Read | None = None) -> int:
        """Remember and react in one transaction; how many were new: once in effect, however often."""
        if read is None:
            read = {message.id: opened(message) for message in messages}
        sifted = {
            message.id
            for message in messages
            if isinstance(self.subscriptions.get(type(read[message.id][1])), Sifted)
        }
        async with self._connection() as connection, connection.transaction():
            new = await _first_time(connection, {message.id for message in messages} - sifted)
            fresh = {m.id: m for m in messages if m.id in new or m.replay or m.id in sifted}
            await react(connection, self.resources, self.subscriptions, list(fresh.values()), read)
        HANDLED.labels(self.resources.name, "done").inc(len(fresh))
        return len(fresh)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        """A connection; `DatabaseAway` when there is none, or when it is lost under the work."""
        try:
            connection = await self.resources.pool.acquire()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            raise DatabaseAway(faults.told(error)) from error
        try:
            yield connection
        except Exception as error:
            if _is_lost(connection) or isinstance(error, LOST):
                raise DatabaseAway(faults.told(error)) from error
            raise
        finally:
            await self.resources.pool.release(connection)


async def _first_time(connection: Connection, ids: Collection[UUID]) -> set[UUID]:
    """Those that were never heard before; from now on they were."""
    if not ids:
        return set()
    return {row["event_id"] for row in await connection.fetch(_FIRST_TIME, list(ids))}


def _is_lost(connection: Connection) -> bool:
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:  # the pool has taken it back, since the server ended it
        return True


async def react(
    connection: Connection,
    resources: Resources,
    subscriptions: Mapping[type[Event], Handler],
    messages: Sequence[Message],
    read: Read,
) -> None:
    """Hand events to their handlers: runs of one handler in one call, in the order of arrival."""
    runs: list[tuple[Handler, list[Heard], list[Envelope]]] = []
    for message in messages:
        envelope, event = read[message.id]
        handler = subscriptions.get(type(event))
        if handler is None:
            raise NotSubscribed(f"{resources.name} does not subscribe to {envelope.type}")
        heard = Heard(event, envelope.id, envelope.source, envelope.sequence, envelope.epoch, envelope.time)
        if runs and runs[-1][0] is handler:
            runs[-1][1].append(heard)
            runs[-1][2].append(envelope)
        else:
            runs.append((handler, [heard], [envelope]))
    again = {message.id for message in messages if message.replay}
    for handler, batch, envelopes in runs:
        if isinstance(handler, Sifted):
            wanted = set(await handler.concerns(connection, batch))
            wanted = await _first_time(connection, wanted - again) | (wanted & again)
            batch = [heard for heard in batch if heard.id in wanted]
            envelopes = [envelope for envelope in envelopes if envelope.id in wanted]
        if batch:
            await _react_to_run(connection, resources, handler, batch, envelopes)


async def _react_to_run(
    connection: Connection,
    resources: Resources,
    handler: Handler,
    batch: Sequence[Heard],
    envelopes: Sequence[Envelope],
) -> None:
    """What the handler announces follows from the event, where there is one; several share a trace or none."""
    first, traces = envelopes[0], {envelope.traceparent for envelope in envelopes}
    single = len(envelopes) == 1
    with tracing.span(
        f"hear {first.type}",
        first.traceparent if len(traces) == 1 else None,
        kind=SpanKind.CONSUMER,
        links=[] if len(traces) == 1 else sorted(filter(None, traces))[:LINKS],
        carrel__service=resources.name,
        messaging__batch__message_count=len(batch),
        **({"messaging__message__id": str(first.id)} if single else {}),
    ) as (traceparent, _):
        told = outbox.origin.set(
            Origin(
                resources.name,
                resources.epoch,
                Actor("system", resources.name),
                traceparent,
                causationid=first.id if single else None,
                correlationid=(first.correlationid or first.id) if single else None,
            )
        )
        token = logs.about.set(logs.ids(traceparent, event=", ".join(str(one.id) for one in batch[:NAMED])))
        try:
            await handler(connection, batch)
        finally:
            logs.about.reset(token)
            outbox.origin.reset(told)
