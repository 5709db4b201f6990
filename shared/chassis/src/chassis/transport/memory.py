"""The transport inside one process: for unit tests alone. Keeps nothing when the process ends."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from chassis.transport import DELIVERY_LIMIT, DeadLetter, Delivery, Message, Published, QueueDepth


@dataclass(slots=True, eq=False)
class _Kept:
    message: Message
    attempts: int = 0
    in_hand: bool = False


@dataclass(slots=True)
class _Queue:
    messages: list[_Kept] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    holder: object | None = None
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class MemoryTransport:
    """Queues in a dictionary."""

    def __init__(self) -> None:
        self._queues: defaultdict[str, _Queue] = defaultdict(_Queue)
        self._bindings: dict[str, set[str]] = {}

    async def open(self) -> None:
        """Nothing to connect to."""

    async def close(self) -> None:
        """Nothing to close."""

    async def declare(self, queue: str, types: Collection[str]) -> None:
        """Bind exactly these types."""
        self._bindings[queue] = set(types)

    async def publish(self, messages: Sequence[Message], *, only_to: str | None = None) -> Published:
        """Append to every bound queue."""
        confirmed: set[UUID] = set()
        unroutable: set[UUID] = set()
        for message in messages:
            queues = [
                name
                for name, types in self._bindings.items()
                if (name == only_to if only_to else message.type in types)
            ]
            for name in queues:
                self._queues[name].messages.append(_Kept(message))
                self._queues[name].woken.set()
            (confirmed if queues or not message.mandatory else unroutable).add(message.id)
        return Published(frozenset(confirmed), frozenset(unroutable))

    @asynccontextmanager
    async def subscribe(self, queue: str, *, prefetch: int = 200) -> AsyncIterator["MemorySubscription"]:
        """Consume; active as soon as nobody else is."""
        subscription = MemorySubscription(self._queues[queue], queue, prefetch)
        try:
            yield subscription
        finally:
            subscription.leave()

    async def depth(self, queue: str) -> QueueDepth:
        """What waits."""
        return QueueDepth(queue, len(self._queues[queue].messages), len(self._queues[queue].dead))

    async def dead_letters(self, queue: str, *, limit: int = 100) -> list[DeadLetter]:
        """The oldest dead letters."""
        return self._queues[queue].dead[:limit]

    async def replay_dead(self, queue: str, ids: Collection[UUID]) -> frozenset[UUID]:
        """Back into the queue."""
        found = self._take_dead(queue, ids)
        for letter in found:
            message = Message(letter.id, letter.type, letter.key, letter.body, replay=letter.replay)
            self._queues[queue].messages.append(_Kept(message))
        self._queues[queue].woken.set()
        return frozenset(letter.id for letter in found)

    async def discard_dead(self, queue: str, ids: Collection[UUID]) -> frozenset[UUID]:
        """Gone."""
        return frozenset(letter.id for letter in self._take_dead(queue, ids))

    def _take_dead(self, queue: str, ids: Collection[UUID]) -> list[DeadLetter]:
        kept = self._queues[queue]
        found = [letter for letter in kept.dead if letter.id in set(ids)]
        kept.dead = [letter for letter in kept.dead if letter not in found]
        return found


class MemorySubscription:
    """One consumer of a queue."""

    def __init__(self, queue: _Queue, name: str, prefetch: int) -> None:
        self._queue, self._name, self._prefetch = queue, name, prefetch

    async def receive(self, limit: int, wait: float) -> list[Delivery]:
        """Deliver what is first and not in hand."""
        batch = self._next(limit)
        if not batch:
            self._queue.woken.clear()
            try:
                await asyncio.wait_for(self._queue.woken.wait(), wait)
            except TimeoutError:
                return []
            batch = self._next(limit)
        return batch

    def _next(self, limit: int) -> list[Delivery]:
        if self._queue.holder not in (None, self):
            return []
        self._queue.holder = self
        room = self._prefetch - sum(kept.in_hand for kept in self._queue.messages)
        batch: list[_Kept] = []
        for kept in self._queue.messages:
            if kept.in_hand:
                continue
            if len(batch) >= min(limit, room) or (batch and kept.attempts):
                break
            batch.append(kept)
            if kept.attempts:
                break
        for kept in batch:
            kept.in_hand = True
        return [Delivery(kept.message, kept.attempts + 1, kept) for kept in batch]

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Done with."""
        for delivery in deliveries:
            self._queue.messages.remove(delivery.receipt)

    async def retry(self, delivery: Delivery, reason: str) -> None:
        """Again, or set aside."""
        kept: _Kept = delivery.receipt
        kept.attempts, kept.in_hand = kept.attempts + 1, False
        if kept.attempts >= DELIVERY_LIMIT:
            self._bury(kept, reason)
        self._queue.woken.set()

    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        """Set aside."""
        delivery.receipt.attempts += 1
        self._bury(delivery.receipt, reason)

    def _bury(self, kept: _Kept, reason: str) -> None:
        self._queue.messages.remove(kept)
        message = kept.message
        self._queue.dead.append(
            DeadLetter(
                message.id,
                self._name,
                message.type,
                message.key,
                message.body,
                reason,
                kept.attempts,
                datetime.now(UTC),
                message.replay,
            )
        )

    def leave(self) -> None:
        """Whatever is in hand comes again, to whoever is next."""
        if self._queue.holder is self:
            self._queue.holder = None
            for kept in self._queue.messages:
                kept.in_hand = False
            self._queue.woken.set()
