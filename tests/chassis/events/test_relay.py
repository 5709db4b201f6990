"""From the outbox to the broker: in order, once marked, and past what nobody can be given yet."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from uuid import UUID

import asyncpg
import pytest

from chassis import outbox
from chassis.consuming import Consumer
from chassis.ids import uuid7
from chassis.metrics import REGISTRY
from chassis.relay import BATCH, Relay, rest
from chassis.transport import Message, Published, TransportDown, transport_for
from chassis.transport.memory import MemoryTransport
from contracts.events import Actor
from support.harness import Harness
from support.telling import TYPES, cut, moved, noted, unpublished, waiting, write
from support.tiny import ThingMoved, ThingNoted


@pytest.fixture
def relay(tiny: Harness, bus: MemoryTransport) -> Relay:
    """The tiny service's relay."""
    return Relay(tiny.resources.pool, bus, "tiny")


@pytest.fixture
async def asked(tiny: Harness, relay: Relay) -> AsyncIterator[list[str]]:
    """What the relay asks of the database, statement by statement."""
    statements: list[str] = []

    async def listening(connection: asyncpg.Connection) -> None:
        connection.add_query_logger(lambda query: statements.append(query.query))

    own = await asyncpg.create_pool(tiny.dsn, min_size=1, max_size=1, init=listening, reset=_nothing)
    relay.pool = own
    yield statements
    await own.close()


async def _nothing(connection: asyncpg.Connection) -> None:
    """A connection goes back as it is."""


async def test_events_go_in_the_order_they_were_written_and_get_positions_in_that_order(
    tiny: Harness, bus: MemoryTransport, relay: Relay
) -> None:
    await bus.declare("tiny", TYPES)
    await write(tiny, *(moved(uuid7(), f"p{number}") for number in range(7)))

    assert await relay.carry() == 7
    assert await relay.carry() == 0

    assert await waiting(bus) == [f"p{number}" for number in range(7)]
    kept = await tiny.resources.pool.fetch("SELECT position FROM outbox ORDER BY seq")
    assert [row["position"] for row in kept] == list(range(1, 8))


async def test_a_relay_with_nothing_to_carry_asks_one_question_and_goes_on_at_the_first_event(
    tiny: Harness, bus: MemoryTransport, relay: Relay, asked: list[str]
) -> None:
    await bus.declare("tiny", TYPES)
    assert await relay.carry() == 0
    asked.clear()

    assert await relay.carry() == 0
    assert len(asked) == 1

    await write(tiny, moved(uuid7(), "a"))
    assert await relay.carry() == 1


async def test_what_was_rolled_back_is_never_told(tiny: Harness, bus: MemoryTransport, relay: Relay) -> None:
    await bus.declare("tiny", TYPES)

    refused = await tiny.post("/v1/things", json={"name": "a", "refuse": True})
    made = await tiny.post("/v1/things", json={"name": "b"})

    assert (refused.status_code, made.status_code) == (409, 201)
    assert await relay.carry() == 1


async def test_an_event_that_nobody_relies_on_is_marked_without_a_broker(tiny: Harness, relay: Relay) -> None:
    await write(tiny, noted(uuid7()))

    assert await relay.carry() == 1
    assert await unpublished(tiny) == []


async def test_keys_keep_their_order_while_many_commit_at_once(
    tiny: Harness, bus: MemoryTransport, relay: Relay
) -> None:
    await bus.declare("tiny", TYPES)
    things = [uuid7() for _ in range(4)]
    for thing in things:
        await tiny.resources.pool.execute("INSERT INTO thing VALUES ($1, 'x', 0, 0)", thing)
    token = outbox.origin.set(tiny.resources.origin(Actor("system", "test")))

    async def move(thing: UUID) -> None:
        """As a command does: the aggregate's row is locked while its event is written."""
        async with tiny.resources.pool.acquire() as connection, connection.transaction():
            version = await connection.fetchval(
                "UPDATE thing SET version = version + 1 WHERE id = $1 RETURNING version", thing
            )
            await outbox.record(connection, [moved(thing, f"{thing}#{version}", version)])
            await asyncio.sleep(random.random() / 100)

    stop = asyncio.Event()
    relays = [Relay(tiny.resources.pool, bus, "tiny") for _ in range(2)]
    running = [asyncio.create_task(one.run(stop)) for one in relays]
    await asyncio.gather(*(move(thing) for thing in things for _ in range(25)))
    while await unpublished(tiny):  # noqa: ASYNC110 - the database's own state
        await asyncio.sleep(0.02)
    stop.set()
    await asyncio.gather(*running)
    outbox.origin.reset(token)

    told = await waiting(bus)
    assert len(told) == 100
    for thing in things:
        own = [int(place.split("#")[1]) for place in told if place.startswith(str(thing))]
        assert own == list(range(1, 26))
    positions = await tiny.resources.pool.fetch("SELECT position FROM outbox ORDER BY position")
    assert [row["position"] for row in positions] == list(range(1, 101))


class Slow(MemoryTransport):
    """Takes its time, so that two relays would meet."""

    async def publish(self, messages: Sequence[Message], *, only_to: str | None = None) -> Published:
        await asyncio.sleep(0.05)
        return await super().publish(messages, only_to=only_to)


async def test_two_relays_send_nothing_twice(tiny: Harness) -> None:
    slow = Slow()
    await slow.declare("tiny", TYPES)
    await write(tiny, *(moved(uuid7(), f"p{number}") for number in range(20)))

    went = await asyncio.gather(*(Relay(tiny.resources.pool, slow, "tiny").carry() for _ in range(3)))

    assert sorted(went) == [0, 0, 20]
    assert len(await waiting(slow)) == 20


async def test_an_event_without_a_queue_waits_loudly_and_holds_back_only_its_key(
    tiny: Harness, bus: MemoryTransport, relay: Relay, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = uuid7(), uuid7()
    await write(tiny, moved(one, "first"), noted(one, 2), noted(other))

    went = await relay.carry()

    assert went == 1
    assert await unpublished(tiny) == [ThingMoved.type, ThingNoted.type]
    assert "no queue is bound" in caplog.text
    assert gauge("carrel_outbox_age_seconds") > 0


async def test_a_backlog_without_a_queue_does_not_stand_before_others(
    tiny: Harness, bus: MemoryTransport, relay: Relay
) -> None:
    await write(tiny, *(moved(uuid7(), "nowhere") for _ in range(501)))
    await relay.carry()
    await relay.carry()
    await write(tiny, noted(uuid7()))

    went = await relay.carry()

    assert went == 1
    assert set(await unpublished(tiny)) == {ThingMoved.type}


async def test_what_is_behind_a_waiting_event_is_not_sent_over_and_over(
    tiny: Harness, bus: MemoryTransport, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.relay.PROBE_SECONDS", 0.0)
    monkeypatch.setattr(ThingNoted, "listeners", frozenset({"tiny"}))
    await bus.declare("other", [ThingNoted.type])
    thing = uuid7()
    await write(tiny, moved(thing, "first"), noted(thing, 2))

    for _ in range(5):
        await relay.carry()

    assert (await bus.depth("other")).waiting == 1


async def test_a_waiting_event_goes_once_somebody_listens_and_what_is_behind_it_follows(
    tiny: Harness, bus: MemoryTransport, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.relay.PROBE_SECONDS", 0.0)
    thing = uuid7()
    await write(tiny, moved(thing, "first"), noted(thing, 2), moved(thing, "second", 3))
    assert await relay.carry() == 0

    await bus.declare("tiny", TYPES)
    went = await relay.carry() + await relay.carry()

    assert went == 3
    assert await waiting(bus) == ["first", "second"]
    kept = await tiny.resources.pool.fetch("SELECT seq, position FROM outbox ORDER BY seq")
    assert [row["position"] for row in kept] == [1, 2, 3]


async def test_an_event_of_a_newer_release_waits_for_a_relay_that_knows_it(
    tiny: Harness, bus: MemoryTransport, relay: Relay, caplog: pytest.LogCaptureFixture
) -> None:
    await bus.declare("tiny", [*TYPES, "tiny.thing-sung.v1"])
    thing = uuid7()
    await tiny.resources.pool.execute(
        "INSERT INTO outbox (id, type, key, envelope) VALUES ($1, 'tiny.thing-sung.v1', $2, '{}')",
        uuid7(),
        str(thing),
    )
    await write(tiny, moved(thing, "behind"), moved(uuid7(), "beside"))

    assert await relay.carry() == 1

    assert await waiting(bus) == ["beside"]
    assert await unpublished(tiny) == ["tiny.thing-sung.v1", ThingMoved.type]
    assert "tiny.thing-sung.v1" in str([vars(record).get("types") for record in caplog.records])


class DiesAfterSending(MemoryTransport):
    """The relay is lost between the broker's yes and its own mark."""

    async def publish(self, messages: Sequence[Message], *, only_to: str | None = None) -> Published:
        await super().publish(messages, only_to=only_to)
        raise ConnectionResetError


async def test_a_relay_that_dies_after_sending_sends_again_and_it_is_heard_once(tiny: Harness) -> None:
    dying = DiesAfterSending()
    await dying.declare("tiny", TYPES)
    await write(tiny, moved(uuid7(), "shelf"))
    with pytest.raises(ConnectionResetError):
        await Relay(tiny.resources.pool, dying, "tiny").carry()
    alive = MemoryTransport()
    alive._queues, alive._bindings = dying._queues, dying._bindings

    assert await Relay(tiny.resources.pool, alive, "tiny").carry() == 1

    assert await waiting(alive) == ["shelf", "shelf"]
    async with alive.subscribe("tiny") as subscription:
        consumer = Consumer(tiny.resources, tiny.service.subscriptions)
        await consumer.deliver(subscription, await subscription.receive(10, wait=0))
    assert await tiny.resources.pool.fetchval("SELECT count(*) FROM heard") == 1
    assert await waiting(alive) == []


class Away(MemoryTransport):
    """A broker that is away until it comes back."""

    away = True

    async def publish(self, messages: Sequence[Message], *, only_to: str | None = None) -> Published:
        if self.away:
            raise TransportDown("nobody answers")
        return await super().publish(messages, only_to=only_to)


async def test_while_the_broker_is_away_events_wait_and_work_goes_on(
    tiny: Harness, eventually: Callable[..., Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    broker = Away()
    await broker.declare("tiny", TYPES)
    stop = asyncio.Event()
    running = asyncio.create_task(Relay(tiny.resources.pool, broker, "tiny").run(stop))

    made = await tiny.post("/v1/things", json={"name": "a"})

    async def said() -> bool:
        return "the broker is away" in caplog.text

    async def gone() -> bool:
        return not await unpublished(tiny)

    await eventually(said)
    assert made.status_code == 201
    assert await unpublished(tiny) == [ThingMoved.type]

    broker.away = False

    await eventually(gone)
    stop.set()
    await running
    assert await waiting(broker) == ["shelf"]


async def test_a_relay_goes_on_when_its_database_comes_back(
    tiny: Harness, bus: MemoryTransport, eventually: Callable[..., Awaitable[None]]
) -> None:
    await bus.declare("tiny", TYPES)
    stop = asyncio.Event()
    running = asyncio.create_task(Relay(tiny.resources.pool, bus, "tiny").run(stop))
    await cut(tiny)
    await write(tiny, moved(uuid7(), "after"))

    async def gone() -> bool:
        return not await unpublished(tiny)

    await eventually(gone)
    stop.set()
    await running
    assert await waiting(bus) == ["after"]


async def test_events_are_carried_over_the_real_bus(
    tiny: Harness, database: Callable[..., Awaitable[str]]
) -> None:
    bus = transport_for(await database())
    await bus.open()
    await bus.declare("tiny", TYPES)
    await write(tiny, moved(uuid7(), "a"), noted(uuid7()), moved(uuid7(), "b"))

    assert await Relay(tiny.resources.pool, bus, "tiny").carry() == 3

    async with bus.subscribe("tiny") as subscription:
        got = await subscription.receive(10, wait=5)
        assert [delivery.message.type for delivery in got] == [ThingMoved.type] * 2
        assert isinstance(got[0].message, Message)
    await bus.close()


def gauge(name: str) -> float:
    found = REGISTRY.get_sample_value(name, {"service": "tiny"})
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("moved", "age", "held", "seconds"),
    [
        (0, 0.0, False, 0.05),
        (1, 0.05, False, 0.052),
        (100, 0.3, False, 0.25),
        (BATCH, 9.9, False, 1.05),
        (BATCH, 10.0, False, 0.0),
        (BATCH - 1, 10.0, False, 0.05),
        (BATCH, 60.0, True, 0.0),
        (3, 60.0, True, 0.5),
    ],
)
def test_a_flood_lets_the_desks_go_first_until_its_oldest_event_is_late(
    moved: int, age: float, held: bool, seconds: float
) -> None:
    assert rest(moved, age=age, held=held) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("quiet", "held", "seconds"),
    [(0, False, 0.05), (100, False, 0.05), (101, False, 0.15), (10_000, False, 0.15), (101, True, 0.5)],
)
def test_after_a_silence_it_looks_less_often(quiet: int, held: bool, seconds: float) -> None:
    assert rest(0, age=0.0, held=held, quiet=quiet) == pytest.approx(seconds)


async def test_the_first_event_ends_the_silence(
    tiny: Harness, bus: MemoryTransport, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bus.declare("tiny", TYPES)
    monkeypatch.setattr("chassis.relay.QUIET_LOOKS", 3)
    stop, rests = asyncio.Event(), list[float]()

    async def pause(_: asyncio.Event, seconds: float) -> None:
        rests.append(seconds)
        if len(rests) == 5:
            await write(tiny, moved(uuid7(), "a"))
        if len(rests) == 7:
            stop.set()

    monkeypatch.setattr("chassis.relay._pause", pause)
    await relay.run(stop)

    assert rests == pytest.approx([0.05, 0.05, 0.05, 0.15, 0.15, 0.052, 0.05])
