"""The event transport over RabbitMQ, 3.10 and later.

One topic exchange, `carrel.events`, with the event's type as routing key; for each consuming service three
quorum queues: `carrel.<queue>`, its dead letters `carrel.<queue>.dead`, and `carrel.<queue>.bindings`, which
holds one message naming the types that are bound: AMQP cannot list bindings, and the management plugin may
be absent, but what a release no longer subscribes to has to be unbound.

Attempts are counted by the broker (`x-delivery-count`), which counts every return, also of what a consumer
merely had waiting in its buffer when it went. So the limit is kept here: a retry beyond it is set aside, and
a new consumer sets aside what is first in the queue for the seventh time, for that alone was certainly in
hand. The broker's own limit is a far backstop. Reconnecting is explicit: a lost connection is reported by
`TransportDown`, and the next call connects anew.
"""

import asyncio
import contextlib
from bisect import insort
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import aio_pika
import orjson
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, HeadersType
from aio_pika.exceptions import (
    AMQPError,
    ChannelClosed,
    ChannelInvalidStateError,
    ChannelNotFoundEntity,
    DeliveryError,
    PublishError,
)

from chassis.transport import (
    DELIVERY_LIMIT,
    DeadLetter,
    Delivery,
    Message,
    Published,
    QueueDepth,
    TransportDown,
)

EVENTS = "carrel.events"
DEAD = "carrel.dead"
BACKSTOP = 100
"""Returns after which the broker itself sets a message aside: its consumers never lived to do so."""
UNLIMITED = 2**31 - 1
"""Later brokers drop what was looked at twenty times unless told otherwise."""
HEARTBEAT_SECONDS = 10
CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
"""A broker that confirms nothing for so long (blocked by an alarm, say) is as good as lost."""
RETRY_SECONDS = 0.2
"""The pause before a message comes again, times its attempts."""
RETURN_SECONDS = 5.0
"""How long a key waits for a message that was given back; it may have gone to another consumer."""
BATCH_BYTES = 8_000_000
VANISHED = "its consumers vanished with it in hand"


@contextlib.contextmanager
def _losses() -> Iterator[None]:
    """What means that the broker is not there for us."""
    try:
        yield
    except (AMQPError, ChannelInvalidStateError, OSError, TimeoutError) as error:
        raise TransportDown(str(error) or type(error).__name__) from error
    except asyncio.CancelledError as error:
        # Whoever waits when a connection breaks is told by a cancellation that nobody asked for.
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise TransportDown("the connection broke") from error


async def _connect(url: str, name: str) -> AbstractConnection:
    if "heartbeat=" not in url:
        url += f"{'&' if '?' in url else '?'}heartbeat={HEARTBEAT_SECONDS}"
    return await aio_pika.connect(
        url, timeout=CONNECT_SECONDS, client_properties={"connection_name": f"carrel {name}"}
    )


async def _shut(connection: AbstractConnection | None) -> None:
    if connection is not None:
        with contextlib.suppress(TransportDown), _losses():
            await asyncio.wait_for(connection.close(), 5)


def _sealed(message: Message, **headers: Any) -> aio_pika.Message:
    return aio_pika.Message(
        message.body,
        message_id=str(message.id),
        type=message.type,
        content_type="application/cloudevents+json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        headers={"key": message.key, "replay": message.replay, **headers},
    )


def _opened(incoming: AbstractIncomingMessage) -> Message:
    """Anything can be put into a queue: what is not ours gets an id from its body, and is set aside later."""
    try:
        found = UUID(incoming.message_id or "")
    except ValueError:
        found = uuid5(NAMESPACE_OID, incoming.body.hex())
    headers = incoming.headers
    return Message(
        found,
        incoming.type or incoming.routing_key or "",
        str(headers.get("key", "")),
        incoming.body,
        replay=bool(headers.get("replay", False)),
    )


def _returns(headers: HeadersType) -> int:
    """How often the message was given back; absent before the first time."""
    found = headers.get("x-delivery-count", 0)
    return found if isinstance(found, int) else 0


def _dead_letter(queue: str, incoming: AbstractIncomingMessage) -> DeadLetter:
    """Told by our own headers, or by the broker's when its backstop caught the message."""
    message, headers = _opened(incoming), incoming.headers
    told: Any = headers.get("died-at")
    attempts: Any = headers.get("attempts", BACKSTOP + 1)
    deaths: Any = headers.get("x-death")
    if isinstance(told, str):
        died_at = datetime.fromisoformat(told)
    elif deaths and isinstance(deaths[0].get("time"), datetime):
        died_at = deaths[0]["time"].astimezone(UTC)
    else:
        died_at = datetime.now(UTC)
    return DeadLetter(
        message.id,
        queue,
        message.type,
        message.key,
        message.body,
        str(headers.get("reason", VANISHED)),
        int(attempts),
        died_at,
        message.replay,
    )


class RabbitTransport:
    """The broker at a URL. One connection to publish and administer, one for each subscription."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._opening = asyncio.Lock()
        self._alone_here = asyncio.Lock()

    async def open(self) -> None:
        """Connect, unless connected, and make the exchanges."""
        await self._ready()

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection, self._channel = self._connection, None, None
        await _shut(connection)

    async def _ready(self) -> AbstractChannel:
        """The channel to publish on."""
        async with self._opening:
            if self._channel is not None and not self._channel.is_closed:
                return self._channel
            await self.close()
            with _losses():
                self._connection = await _connect(self._url, "publisher")
                async with asyncio.timeout(ANSWER_SECONDS):
                    channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
                    await channel.declare_exchange(EVENTS, aio_pika.ExchangeType.TOPIC, durable=True)
                    await channel.declare_exchange(DEAD, aio_pika.ExchangeType.DIRECT, durable=True)
            self._channel = channel
            return channel

    @asynccontextmanager
    async def _spare(self) -> AsyncIterator[AbstractChannel]:
        """A channel for one purpose: errors close it, and closing it gives back what was looked at."""
        await self._ready()
        assert self._connection is not None
        with _losses():
            channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    yield channel
            finally:
                with contextlib.suppress(AMQPError, ChannelInvalidStateError):
                    await asyncio.wait_for(channel.close(), 5)

    @asynccontextmanager
    async def _alone(self, purpose: str) -> AsyncIterator[AbstractChannel]:
        """A spare channel while nobody else, in any process, does the same: an exclusive queue is the lock."""
        async with self._alone_here:
            clock = asyncio.get_running_loop().time
            until = clock() + ANSWER_SECONDS
            while True:
                async with self._spare() as keeper:
                    try:
                        await keeper.declare_queue(f"{purpose}.lock", exclusive=True)
                    except ChannelClosed:
                        if clock() > until:
                            raise
                    else:
                        try:
                            async with self._spare() as channel:
                                yield channel
                        finally:
                            await keeper.queue_delete(f"{purpose}.lock")
                        return
                await asyncio.sleep(0.05)

    async def declare(self, queue: str, types: Collection[str]) -> None:
        """Bind exactly these types. What is bound is written down before it is bound."""
        name, wanted = f"carrel.{queue}", set(types)
        async with self._alone(name) as channel:
            dead = await channel.declare_queue(
                f"{name}.dead",
                durable=True,
                arguments={"x-queue-type": "quorum", "x-delivery-limit": UNLIMITED},
            )
            await dead.bind(DEAD, name)
            main = await channel.declare_queue(
                name,
                durable=True,
                arguments={
                    "x-queue-type": "quorum",
                    "x-single-active-consumer": True,
                    "x-delivery-limit": BACKSTOP,
                    "x-dead-letter-exchange": DEAD,
                    "x-dead-letter-routing-key": name,
                    # Else a dead letter that finds its queue without a leader would be lost.
                    "x-dead-letter-strategy": "at-least-once",
                    "x-overflow": "reject-publish",
                },
            )
            record = await channel.declare_queue(
                f"{name}.bindings",
                durable=True,
                arguments={"x-queue-type": "quorum", "x-delivery-limit": UNLIMITED},
            )
            noted = [page async for page in _pages(record)]
            bound = {kind for page in noted for kind in orjson.loads(page.body)}
            page = aio_pika.Message(
                orjson.dumps(sorted(bound | wanted)), delivery_mode=aio_pika.DeliveryMode.PERSISTENT
            )
            await channel.default_exchange.publish(page, record.name)
            for old in noted:
                await old.ack()
            for kind in sorted(wanted):
                await main.bind(EVENTS, kind)
            for kind in sorted(bound - wanted):
                await main.unbind(EVENTS, kind)
            if bound - wanted:
                page = aio_pika.Message(
                    orjson.dumps(sorted(wanted)), delivery_mode=aio_pika.DeliveryMode.PERSISTENT
                )
                if (old_page := await record.get(fail=False)) is not None:
                    await channel.default_exchange.publish(page, record.name)
                    await old_page.ack()

    async def publish(self, messages: Sequence[Message], *, only_to: str | None = None) -> Published:
        """In order on one channel; the confirmations are awaited together."""
        if not messages:
            return Published(frozenset())
        channel = await self._ready()
        with _losses():
            if only_to is None:
                exchange = await channel.get_exchange(EVENTS, ensure=False)
            else:
                exchange = channel.default_exchange
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    # Tasks start in the order they are made, and the channel writes first come, first served.
                    outcomes = await asyncio.gather(
                        *(
                            exchange.publish(
                                _sealed(message),
                                message.type if only_to is None else f"carrel.{only_to}",
                                mandatory=message.mandatory,
                            )
                            for message in messages
                        ),
                        return_exceptions=True,
                    )
            except BaseException:
                # Confirmations that come later must not be taken for those of another batch.
                await self.close()
                raise
            confirmed, unroutable = set(), set()
            for message, outcome in zip(messages, outcomes, strict=True):
                if isinstance(outcome, PublishError):
                    unroutable.add(message.id)
                elif isinstance(outcome, DeliveryError):
                    continue
                elif isinstance(outcome, BaseException):
                    raise outcome
                else:
                    confirmed.add(message.id)
        return Published(frozenset(confirmed - unroutable), frozenset(unroutable))

    @asynccontextmanager
    async def subscribe(self, queue: str, *, prefetch: int = 200) -> AsyncIterator["RabbitSubscription"]:
        """Consume, on a connection of its own; what is unsettled in the end goes back to the queue."""
        with _losses():
            connection = await _connect(self._url, f"consumer of {queue}")
        try:
            subscription = RabbitSubscription(connection, queue)
            with _losses():
                async with asyncio.timeout(ANSWER_SECONDS):
                    await subscription.start(prefetch)
            yield subscription
        finally:
            await _shut(connection)

    async def depth(self, queue: str) -> QueueDepth:
        """What waits, without what is in a consumer's hands: the protocol does not tell that."""
        return QueueDepth(
            queue, await self._waiting(f"carrel.{queue}"), await self._waiting(f"carrel.{queue}.dead")
        )

    async def _waiting(self, name: str) -> int:
        async with self._spare() as channel:
            try:
                found = await channel.declare_queue(name, passive=True)
            except ChannelNotFoundEntity:
                return 0
            return found.declaration_result.message_count or 0

    async def dead_letters(self, queue: str, *, limit: int = 100) -> list[DeadLetter]:
        """The oldest dead letters: taken, and given back together when the channel closes."""
        async with self._alone(f"carrel.{queue}.dead") as channel:
            letters = await channel.get_queue(f"carrel.{queue}.dead", ensure=False)
            try:
                return [_dead_letter(queue, page) async for page in _pages(letters, limit)]
            except ChannelNotFoundEntity:
                return []

    async def replay_dead(self, queue: str, ids: Collection[UUID]) -> frozenset[UUID]:
        """Back into the queue, at its end."""
        return await self._judge(queue, ids, again=True)

    async def discard_dead(self, queue: str, ids: Collection[UUID]) -> frozenset[UUID]:
        """Gone."""
        return await self._judge(queue, ids, again=False)

    async def _judge(self, queue: str, ids: Collection[UUID], *, again: bool) -> frozenset[UUID]:
        wanted, found = set(ids), set[UUID]()
        async with self._alone(f"carrel.{queue}.dead") as channel:
            letters = await channel.get_queue(f"carrel.{queue}.dead", ensure=False)
            try:
                async for page in _pages(letters):
                    message = _opened(page)
                    if message.id in wanted:
                        if again:
                            await channel.default_exchange.publish(_sealed(message), f"carrel.{queue}")
                        await page.ack()
                        wanted.discard(message.id)
                        found.add(message.id)
                    if not wanted:
                        break
            except ChannelNotFoundEntity:
                return frozenset()
        return frozenset(found)


async def _pages(
    queue: aio_pika.abc.AbstractQueue, limit: int | None = None
) -> AsyncIterator[AbstractIncomingMessage]:
    """What lies in a queue, taken but not settled."""
    while limit is None or limit > 0:
        page = await queue.get(fail=False)
        if page is None:
            return
        yield page
        limit = None if limit is None else limit - 1


@dataclass(order=True, slots=True)
class _Waiting:
    """Delivered by the broker, not yet handed out."""

    place: int
    """In the order of first arrival: what comes back has its old place."""
    message: Message = field(compare=False)
    incoming: AbstractIncomingMessage = field(compare=False)

    @property
    def attempt(self) -> int:
        return _returns(self.incoming.headers) + 1


@dataclass(slots=True)
class _Resting:
    """Given back for another attempt; later messages of its key wait for it."""

    place: int
    key: str
    until: float


class RabbitSubscription:
    """One consumer of a queue; the broker makes one of them the active one."""

    def __init__(self, connection: AbstractConnection, queue: str) -> None:
        self._connection, self._queue = connection, f"carrel.{queue}"
        self._channel: AbstractChannel | None = None
        self._waiting: list[_Waiting] = []
        self._resting: dict[UUID, _Resting] = {}
        self._unsettled: set[int] = set()
        self._arrived = 0
        self._handed_out = False
        self._woken = asyncio.Event()
        self._lost: str | None = None

    async def start(self, prefetch: int) -> None:
        """Ask for deliveries."""
        self._connection.close_callbacks.add(self._lose)
        self._channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
        self._channel.close_callbacks.add(self._lose)
        underlay = await self._channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(lambda _: self._lose(None, None))
        await self._channel.set_qos(prefetch_count=prefetch)
        queue = await self._channel.get_queue(self._queue, ensure=False)
        await queue.consume(self._arrive)

    def _lose(self, _: object, error: BaseException | None) -> None:
        self._lost = str(error or "the broker ended the subscription")
        self._woken.set()

    async def _arrive(self, incoming: AbstractIncomingMessage) -> None:
        message = _opened(incoming)
        self._arrived += 1
        rested = self._resting.get(message.id)
        insort(self._waiting, _Waiting(rested.place if rested else self._arrived, message, incoming))
        self._unsettled.add(incoming.delivery_tag or 0)
        self._woken.set()

    async def receive(self, limit: int, wait: float) -> list[Delivery]:
        """What came first and is not in hand."""
        clock = asyncio.get_running_loop().time
        until = clock() + wait
        while True:
            self._woken.clear()
            self._must_live()
            if not self._handed_out and self._waiting and self._waiting[0].attempt > DELIVERY_LIMIT:
                self._handed_out = True
                worn = self._waiting.pop(0)
                await self._bury(worn, worn.attempt - 1, VANISHED)
            if batch := self._next(limit, clock()):
                self._handed_out = True
                return [Delivery(found.message, found.attempt, found) for found in batch]
            left = until - clock()
            if left <= 0:
                return []
            pauses = [rest.until - clock() for rest in self._resting.values() if rest.until > clock()]
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), min([left, *pauses]))

    def _must_live(self) -> None:
        if self._lost is not None:
            raise TransportDown(self._lost)

    def _next(self, limit: int, now: float) -> list[_Waiting]:
        """The first few; one that comes again goes alone, and nothing overtakes it within its key."""
        self._resting = {
            found: rest for found, rest in self._resting.items() if rest.until + RETURN_SECONDS > now
        }
        first: dict[str, int] = {}
        for rest in self._resting.values():
            first[rest.key] = min(rest.place, first.get(rest.key, rest.place))
        batch: list[_Waiting] = []
        size = 0
        for found in self._waiting:
            if found.place > first.get(found.message.key, found.place):
                continue
            rest_here = self._resting.get(found.message.id)
            if rest_here is not None and rest_here.until > now:
                continue
            size += len(found.message.body)
            if batch and (found.attempt > 1 or size > BATCH_BYTES):
                break
            batch.append(found)
            if found.attempt > 1 or len(batch) >= limit:
                break
        for found in batch:
            self._waiting.remove(found)
            self._resting.pop(found.message.id, None)
        return batch

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Done with: in one word where nothing unsettled lies between."""
        tags = sorted(delivery.receipt.incoming.delivery_tag for delivery in deliveries)
        if not tags:
            return
        self._must_live()
        rest = self._unsettled.difference(tags)
        with _losses():
            assert self._channel is not None
            underlay = await self._channel.get_underlay_channel()
            if min(rest, default=tags[-1] + 1) > tags[-1]:
                await underlay.basic_ack(tags[-1], multiple=True)
            else:
                for tag in tags:
                    await underlay.basic_ack(tag, wait=tag == tags[-1])
        self._unsettled = rest

    async def retry(self, delivery: Delivery, reason: str) -> None:
        """Back to the broker, which counts; it comes to its old place, a little later. Or set aside."""
        if delivery.attempt >= DELIVERY_LIMIT:
            await self.dead_letter(delivery, reason)
            return
        self._must_live()
        found: _Waiting = delivery.receipt
        until = asyncio.get_running_loop().time() + RETRY_SECONDS * delivery.attempt
        self._resting[found.message.id] = _Resting(found.place, found.message.key, until)
        with _losses():
            await found.incoming.nack(requeue=True)
        self._unsettled.discard(found.incoming.delivery_tag or 0)

    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        """Set aside."""
        await self._bury(delivery.receipt, delivery.attempt, reason)

    async def _bury(self, found: _Waiting, attempts: int, reason: str) -> None:
        """Confirmed among the dead letters before it leaves the queue: twice rather than never."""
        self._must_live()
        letter = _sealed(
            found.message,
            reason=reason,
            attempts=attempts,
            **{"died-at": datetime.now(UTC).isoformat()},
        )
        with _losses():
            assert self._channel is not None
            await self._channel.default_exchange.publish(
                letter, f"{self._queue}.dead", timeout=ANSWER_SECONDS
            )
            await found.incoming.ack()
        self._unsettled.discard(found.incoming.delivery_tag or 0)
