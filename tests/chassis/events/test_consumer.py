"""Whatever comes, and however often, is reacted to once or set aside where everybody can see it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import orjson
import pytest

from chassis.consuming import LEVEL_NAME, Consumer, slices
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.resources import Heard, Sifted
from chassis.transport import DELIVERY_LIMIT, DeadLetter, Delivery, EventTransport, Message
from chassis.transport.memory import MemoryTransport
from support.harness import Harness
from support.postgres import TestServer
from support.telling import NOW, TYPES, cut, heard, messages, moved
from support.tiny import ThingEchoed, ThingMoved, ThingNoted

Eventually = Callable[..., Awaitable[None]]


@asynccontextmanager
async def consuming(harness: Harness) -> AsyncIterator[Consumer]:
    """The service's consumer at work."""
    stop = asyncio.Event()
    consumer = Consumer(harness.resources, harness.service.subscriptions)
    running = asyncio.create_task(consumer.run(stop))
    yield consumer
    stop.set()
    await asyncio.wait_for(running, 30)


@pytest.mark.parametrize(
    ("sizes", "parts"),
    [
        ([], []),
        ([10, 20, 30], [[10, 20, 30]]),
        ([60, 40, 1, 99], [[60, 40], [1, 99]]),
        ([500, 10, 10], [[500], [10, 10]]),
        ([10, 500, 10], [[10], [500], [10]]),
    ],
)
def test_large_events_are_handled_few_at_a_time_in_their_order(
    sizes: list[int], parts: list[list[int]]
) -> None:
    batch = [Delivery(Message(uuid7(), "tiny.x.v1", "key", bytes(size)), 1) for size in sizes]

    told = [[len(delivery.message.body) for delivery in part] for part in slices(batch, most=100)]

    assert told == parts


async def letters(harness: Harness) -> list[DeadLetter]:
    return await harness.resources.transport.dead_letters("tiny")


async def settled(harness: Harness, eventually: Eventually, *, told: int, dead: int = 0) -> None:
    """Until so many were heard and so many set aside, and nothing waits (what is in hand a broker may not count)."""

    async def level() -> bool:
        depth = await harness.resources.transport.depth("tiny")
        return depth.waiting == 0 and depth.dead == dead and len(await heard(harness)) >= told

    await eventually(level)


async def test_what_comes_twice_is_reacted_to_once(wired: Harness, eventually: Eventually) -> None:
    sent = messages(wired, [moved(uuid7(), "shelf"), moved(uuid7(), "desk")])

    async with consuming(wired):
        await wired.resources.transport.publish([*sent, *sent])
        await wired.resources.transport.publish(sent)

        await settled(wired, eventually, told=2)

    assert await heard(wired) == ["shelf", "desk"]
    assert await letters(wired) == []


async def test_several_handlers_racing_for_one_event_react_once(tiny: Harness) -> None:
    sent = messages(tiny, [moved(uuid7(), f"p{number}") for number in range(20)])

    consumers = [Consumer(tiny.resources, tiny.service.subscriptions) for _ in range(4)]
    new = await asyncio.gather(*(consumer.react(sent) for consumer in consumers))

    assert sorted(new) == [0, 0, 0, 20]
    assert len(await heard(tiny)) == 20


async def test_a_poisonous_event_is_tried_six_times_and_set_aside_while_others_go_on(
    wired: Harness, eventually: Eventually
) -> None:
    events = [moved(uuid7(), "a"), moved(uuid7(), "poison"), moved(uuid7(), "b")]
    sent = messages(wired, events)

    async with consuming(wired):
        await wired.resources.transport.publish(sent)
        await settled(wired, eventually, told=2, dead=1)

    (letter,) = await letters(wired)
    assert (letter.id, letter.attempts, letter.type) == (sent[1].id, DELIVERY_LIMIT, ThingMoved.type)
    assert "ValueError" in letter.reason
    assert letter.body == sent[1].body
    assert sorted(await heard(wired)) == ["a", "b"]
    assert not await remembered(wired, sent[1].id)


async def remembered(harness: Harness, event: UUID) -> bool:
    found: bool = await harness.resources.pool.fetchval(
        "SELECT EXISTS (SELECT FROM inbox WHERE event_id = $1)", event
    )
    return found


async def test_a_failed_reaction_leaves_nothing_behind(tiny: Harness, bus: MemoryTransport) -> None:
    """Neither what the handler wrote, nor what it announced, nor the memory of having heard."""
    await bus.declare("tiny", TYPES)
    thing = uuid7()
    sent = messages(tiny, [moved(thing, "echo"), moved(thing, "poison")])

    with pytest.raises(ValueError, match="nobody can go there"):
        await Consumer(tiny.resources, tiny.service.subscriptions).react(sent)

    assert await heard(tiny) == []
    assert await tiny.announced(ThingEchoed) == []
    assert not await remembered(tiny, sent[0].id)


def altered(message: Message, **changes: object) -> Message:
    told = {name: value for name, value in (orjson.loads(message.body) | changes).items() if value is not ...}
    return Message(message.id, message.type, message.key, orjson.dumps(told))


def data(message: Message, **changes: object) -> dict[str, object]:
    told = orjson.loads(message.body)["data"] | changes
    return {name: value for name, value in told.items() if value is not ...}


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda m: Message(m.id, m.type, m.key, b"{broken"), "broken body"),
        (lambda m: Message(m.id, m.type, m.key, b"\xff\xfe"), "broken body"),
        (lambda m: Message(m.id, m.type, m.key, b""), "broken body"),
        (lambda m: Message(m.id, m.type, m.key, b"[" * 100_000), "broken body"),
        (lambda m: Message(m.id, m.type, m.key, b'"text"'), "broken body"),
        (lambda m: altered(m, data=...), "broken body"),
        (lambda m: altered(m, data=[1]), "broken body"),
        (lambda m: altered(m, id="no uuid"), "broken body"),
        (lambda m: altered(m, sequence="first"), "broken body"),
        (lambda m: altered(m, data=data(m, thing_id="no uuid")), "thing_id: Input should be a valid UUID"),
        (lambda m: altered(m, data=data(m, place=...)), "place: Field required"),
        (lambda m: altered(m, type="tiny.thing-moved.v2"), "unknown event type tiny.thing-moved.v2"),
        (lambda m: altered(m, type="nobody.knows.v1"), "unknown event type nobody.knows.v1"),
    ],
    ids=[
        "no JSON",
        "no text",
        "nothing",
        "too deep",
        "no object",
        "without data",
        "data of another shape",
        "an odd id",
        "an odd sequence",
        "an odd field",
        "an older one without a field we need",
        "a newer major version",
        "a type nobody knows",
    ],
)
async def test_what_can_never_be_handled_is_set_aside_at_once_with_its_reason(
    tiny: Harness, bus: MemoryTransport, spoil: Callable[[Message], Message], reason: str
) -> None:
    await bus.declare("tiny", TYPES)
    good, bad = messages(tiny, [moved(uuid7(), "good"), moved(uuid7(), "bad")])
    await bus.publish([spoil(bad), good])

    async with bus.subscribe("tiny") as subscription:
        consumer = Consumer(tiny.resources, tiny.service.subscriptions)
        await consumer.deliver(subscription, await subscription.receive(10, wait=0))

    (letter,) = await letters(tiny)
    assert reason in letter.reason
    assert letter.attempts == 1
    assert await heard(tiny) == ["good"]


async def test_broken_things_are_set_aside_on_the_real_transports_too(
    wired: Harness, eventually: Eventually
) -> None:
    one, two, good = messages(wired, [moved(uuid7(), place) for place in ("one", "two", "good")])
    broken = Message(one.id, one.type, one.key, b"\xff{")

    async with consuming(wired):
        await wired.resources.transport.publish([broken, altered(two, type="x.y.v1"), good])
        await settled(wired, eventually, told=1, dead=2)

    told = await letters(wired)
    assert {letter.id for letter in told} == {one.id, two.id}
    assert {letter.body for letter in told} >= {b"\xff{"}
    assert await heard(wired) == ["good"]


async def test_an_event_may_have_grown(tiny: Harness, bus: MemoryTransport) -> None:
    await bus.declare("tiny", TYPES)
    (sent,) = messages(tiny, [moved(uuid7(), "shelf")])
    grown = altered(sent, data=data(sent, colour="red"), newattribute="x", correlationid=None)

    await Consumer(tiny.resources, tiny.service.subscriptions).react([grown])

    assert await heard(tiny) == ["shelf"]


async def test_an_event_that_was_once_subscribed_to_is_not_dropped(
    tiny: Harness, bus: MemoryTransport
) -> None:
    """It lies in the queue from before: it counts its attempts and is set aside for somebody to see."""
    await bus.declare("tiny", [*TYPES, ThingNoted.type])
    noted = ThingNoted(thing_id=uuid7(), version=1, occurred_at=NOW)
    await bus.publish(messages(tiny, [noted]))

    async with bus.subscribe("tiny") as subscription:
        consumer = Consumer(tiny.resources, tiny.service.subscriptions)
        for _ in range(DELIVERY_LIMIT):
            await consumer.deliver(subscription, await subscription.receive(10, wait=0))

    (letter,) = await letters(tiny)
    assert "does not subscribe to tiny.thing-noted.v1" in letter.reason


async def test_a_database_that_is_away_costs_no_attempt(
    wired: Harness, server: TestServer, eventually: Eventually
) -> None:
    sent = messages(wired, [moved(uuid7(), "shelf")])
    name = urlsplit(wired.dsn).path[1:]
    other = await asyncpg.connect(server.admin_dsn)

    async with consuming(wired):
        await other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await cut_from(other, name)
        await wired.resources.transport.publish(sent)
        await asyncio.sleep(2)
        waiting = await wired.resources.transport.dead_letters("tiny")
        await other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await settled(wired, eventually, told=1)
    await other.close()

    assert waiting == []
    assert await heard(wired) == ["shelf"]


async def cut_from(connection: asyncpg.Connection, name: str) -> None:
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
    )


async def test_a_connection_lost_under_the_work_costs_no_attempt(
    tiny: Harness, bus: MemoryTransport, eventually: Eventually
) -> None:
    await bus.declare("tiny", TYPES)
    attempts: list[int] = []

    async def lost_once(connection: asyncpg.Connection, batch: list[Heard]) -> None:
        attempts.append(len(batch))
        if len(attempts) == 1:
            await cut(tiny)
        await connection.execute(
            "INSERT INTO heard (event_id, place, run) VALUES ($1, 'there', 1)", batch[0].id
        )

    consumer = Consumer(tiny.resources, {ThingMoved: lost_once})  # type: ignore[dict-item]
    await bus.publish(messages(tiny, [moved(uuid7(), "shelf")]))
    async with bus.subscribe("tiny") as subscription:
        (delivery,) = await subscription.receive(10, wait=0)
        await consumer.deliver(subscription, [delivery])

    assert len(attempts) >= 2
    assert (await bus.depth("tiny")).waiting == 0
    assert await heard(tiny) == ["there"]


async def test_a_consumer_told_to_stop_while_its_database_is_away_stops_and_loses_nothing(
    tiny: Harness, bus: MemoryTransport, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    await bus.declare("tiny", TYPES)
    await tiny.resources.pool.close()
    await bus.publish(messages(tiny, [moved(uuid7(), "shelf")]))

    async def said() -> bool:
        return "the database is away" in caplog.text

    async with consuming(tiny):
        await eventually(said)

    assert (await bus.depth("tiny")).waiting == 1
    assert (await bus.depth("tiny")).dead == 0


async def test_a_handler_gets_the_attributes_that_order_what_it_hears(tiny: Harness) -> None:
    got: list[tuple[str, int, int]] = []

    async def keep(_: asyncpg.Connection, batch: list[Heard]) -> None:
        got.extend((heard.source, heard.epoch, heard.sequence) for heard in batch)

    thing = uuid7()
    sent = [
        tiny.message(moved(thing, "before", 7), source="catalog", epoch=1),
        tiny.message(moved(thing, "restored", 3), source="catalog", epoch=2),
    ]
    await Consumer(tiny.resources, {ThingMoved: keep}).react(sent)  # type: ignore[dict-item]

    assert got == [("catalog", 1, 7), ("catalog", 2, 3)]


async def test_a_level_queue_is_remembered_with_its_moment(
    tiny: Harness, bus: MemoryTransport, eventually: Eventually
) -> None:
    tiny.at(NOW + timedelta(days=1))

    async def level() -> bool:
        told = await tiny.resources.pool.fetchval("SELECT last_run_at FROM lease WHERE name = $1", LEVEL_NAME)
        return bool(told == NOW + timedelta(days=1))

    async with consuming(tiny):
        await eventually(level)


async def test_two_consumers_share_nothing_and_the_second_takes_over(
    wired: Harness, carrier: EventTransport, eventually: Eventually
) -> None:
    sent = messages(wired, [moved(uuid7(), f"p{number}") for number in range(40)])

    async with contextlib.AsyncExitStack() as stack:
        async with consuming(wired):
            await stack.enter_async_context(consuming(wired))
            await carrier.publish(sent[:20])
            await settled(wired, eventually, told=20)
        await carrier.publish(sent[20:])
        await settled(wired, eventually, told=40)

    assert await heard(wired) == [f"p{number}" for number in range(40)]


async def test_of_what_concerns_nobody_not_even_that_it_was_heard_is_written(tiny: Harness) -> None:
    things = [uuid7() for _ in range(3)]
    told: list[list[str]] = []

    async def concerns(connection: Connection, batch: Sequence[Heard]) -> Collection[UUID]:
        known = await connection.fetchval(
            "SELECT count(*) FROM heard"
        )  # by what was handled before in the batch
        return [one.id for one in batch if getattr(one.event, "place", "") == "here" and known]

    async def handle(connection: Connection, batch: Sequence[Heard]) -> None:
        told.append([str(getattr(one.event, "place", "")) for one in batch])

    async def remember(connection: Connection, batch: Sequence[Heard]) -> None:
        await connection.execute(
            "INSERT INTO heard (event_id, place, run) VALUES ($1, 'noted', txid_current())", things[0]
        )

    consumer = Consumer(tiny.resources, {ThingMoved: Sifted(handle, concerns), ThingNoted: remember})
    first = tiny.message(ThingNoted(thing_id=things[0], version=1, occurred_at=NOW))
    moves = messages(tiny, [moved(things[1], "here"), moved(things[2], "there")])

    handled = [await consumer.react([first, *moves]), await consumer.react([*moves, moves[0]])]
    again = replace(moves[0], replay=True)
    await consumer.react([again])

    rows = await tiny.resources.pool.fetch("SELECT event_id FROM inbox")
    assert told == [["here"], ["here"]]  # once, and when it was sent again on purpose
    assert {row["event_id"] for row in rows} == {first.id, moves[0].id}
    assert handled == [3, 2]
