"""How events travel between services: the seam with two adapters, RabbitMQ and PostgreSQL.

At least once; in order for each (source, key) while nothing fails; one queue per consuming service with a
single active consumer; a delivery that fails six times goes to the queue's dead letters. Outbox, relay and
inbox are the same above either adapter, and one contract suite (tests/chassis/transport) holds for both.
"""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

DELIVERY_LIMIT = 6
"""Deliveries of one message before it is set aside."""


@dataclass(frozen=True, slots=True)
class Message:
    """One event as the transport sees it: the body is its CloudEvents envelope in JSON, never looked into."""

    id: UUID
    type: str
    key: str
    """Messages with one key keep their order."""
    body: bytes
    mandatory: bool = False
    """Somebody relies on hearing it: without a bound queue it is reported as unroutable, not lost."""
    replay: bool = False
    """Sent again on purpose: the receiver's inbox must not take it for a duplicate."""


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a batch."""

    confirmed: frozenset[UUID]
    """Safely kept by the broker, in every queue bound to the type."""
    unroutable: frozenset[UUID] = frozenset()
    """Mandatory, but no queue is bound to the type."""


@dataclass(slots=True)
class Delivery:
    """A message handed to a consumer, `attempt` counting from 1."""

    message: Message
    attempt: int
    receipt: Any = field(repr=False, default=None)
    """The adapter's own handle for settling it."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message set aside."""

    id: UUID
    queue: str
    type: str
    key: str
    body: bytes
    reason: str
    attempts: int
    died_at: datetime
    replay: bool = False
    """Kept, so that a replayed message that died is not taken for a duplicate when it comes back."""


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How much waits in a queue, and in its dead letters. What a consumer has in hand may be counted or not."""

    queue: str
    waiting: int
    dead: int


class TransportDown(Exception):
    """The broker cannot be reached; what was not confirmed must be sent again."""


class Subscription(Protocol):
    """A queue held by this process. Settling is per delivery; unsettled ones come again when it closes.

    A consumer that vanishes with a message in hand has used up one of its attempts, so that a message which
    kills the process ends as a dead letter, too. Whoever merely has to wait (its database is away) keeps the
    subscription and its deliveries: RabbitMQ counts leaving as an attempt, PostgreSQL does not. A message
    that comes again is handed out alone: one that kills its consumer takes no neighbours with it.
    """

    async def receive(self, limit: int, wait: float) -> list[Delivery]:
        """Up to `limit` deliveries in queue order, waiting up to `wait` seconds for the first.

        Empty while another consumer is the active one. Raises `TransportDown` when the broker is lost.
        """
        ...

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """These are done with."""
        ...

    async def retry(self, delivery: Delivery, reason: str) -> None:
        """Give it back for another attempt; after `DELIVERY_LIMIT` attempts it becomes a dead letter.

        It comes again after a short, growing pause and before later ones of its key, which wait for it (but
        for those already handed out); other keys go on.
        """
        ...

    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        """Set it aside at once: it can never be handled (unknown type, broken body)."""
        ...


class EventTransport(Protocol):
    """The seam. Adapters: `transport.rabbitmq.RabbitTransport`, `transport.postgres.PostgresTransport`."""

    async def open(self) -> None:
        """Connect; `TransportDown` when there is no broker."""
        ...

    async def close(self) -> None: ...

    async def declare(self, queue: str, types: Collection[str]) -> None:
        """Make the queue, its dead letters and exactly these bindings; again and again, harmlessly."""
        ...

    async def publish(self, messages: Sequence[Message], *, only_to: str | None = None) -> Published:
        """Hand over a batch and learn what was confirmed. `only_to` names one queue (a replay).

        Raises `TransportDown`; then nothing of the batch may be taken as confirmed.
        """
        ...

    def subscribe(self, queue: str, *, prefetch: int = 200) -> AbstractAsyncContextManager[Subscription]:
        """Become a consumer of the queue: active at once, or standing by until the active one goes."""
        ...

    async def depth(self, queue: str) -> QueueDepth: ...

    async def dead_letters(self, queue: str, *, limit: int = 100) -> list[DeadLetter]:
        """The oldest dead letters, left where they are."""
        ...

    async def replay_dead(self, queue: str, ids: Collection[UUID]) -> frozenset[UUID]:
        """Put these dead letters back into the queue with a fresh count; which were there."""
        ...

    async def discard_dead(self, queue: str, ids: Collection[UUID]) -> frozenset[UUID]:
        """Drop these dead letters for good; which were there. The caller records who and why."""
        ...


def transport_for(url: str) -> EventTransport:
    """The adapter for a URL: `amqp://` or `postgresql://`. Not yet opened."""
    if url.startswith("amqp"):
        from chassis.transport.rabbitmq import RabbitTransport

        return RabbitTransport(url)
    from chassis.transport.postgres import PostgresTransport

    return PostgresTransport(url)
