"""Whoever reads the feed on misses nothing, gets nothing twice, and is told when it cannot be read on."""

import asyncio
import random
from datetime import timedelta
from uuid import UUID

import pytest

from chassis import outbox
from chassis.ids import uuid7
from chassis.principal import Principal
from chassis.relay import Relay
from chassis.transport.memory import MemoryTransport
from contracts.events import Actor
from support.harness import Harness
from support.telling import NOW, TYPES, moved, noted, write


@pytest.fixture
async def relay(tiny: Harness, bus: MemoryTransport) -> Relay:
    """The service's relay, with somebody to hear."""
    await bus.declare("tiny", TYPES)
    return Relay(tiny.resources.pool, bus, "tiny")


async def read(tiny: Harness, after: int = 0, **more: str | int) -> tuple[list[str], int]:
    """The subjects told of, and where to go on."""
    answer = await tiny.client.get("/v1/changes", params={"after": after, **more})
    told = answer.json()
    return [event["subject"] for event in told["events"]], told["position"]


async def test_the_feed_tells_published_events_in_order_page_by_page(tiny: Harness, relay: Relay) -> None:
    things = [uuid7() for _ in range(5)]
    await write(tiny, *(moved(thing, "shelf") for thing in things))
    assert await read(tiny) == ([], 0)
    await relay.carry()

    one = await read(tiny, limit=2)
    two = await read(tiny, one[1], limit=2)
    three = await read(tiny, two[1], limit=2)
    four = await read(tiny, three[1])

    assert [len(page[0]) for page in (one, two, three, four)] == [2, 2, 1, 0]
    assert one[0] + two[0] + three[0] == [str(thing) for thing in things]
    assert four[1] == three[1] == 5


async def test_a_reader_of_some_types_goes_past_the_others(tiny: Harness, relay: Relay) -> None:
    one, other, last = uuid7(), uuid7(), uuid7()
    await write(tiny, moved(one, "a"), noted(other), noted(last))
    await relay.carry()

    first = await read(tiny, types="tiny.thing-noted.v1", limit=1)
    rest = await read(tiny, first[1], types=" tiny.thing-noted.v1 ,, tiny.unheard-of.v1", limit=5)
    none = await read(tiny, types="tiny.unheard-of.v1")

    assert first == ([str(other)], 2)
    assert rest == ([str(last)], 3)
    assert none == ([], 3)


async def test_nothing_is_passed_over_while_many_write(tiny: Harness, relay: Relay) -> None:
    written: list[str] = []
    token = outbox.origin.set(tiny.resources.origin(Actor("system", "test")))

    async def work(number: int) -> None:
        for _ in range(10):
            thing = uuid7()
            async with tiny.resources.pool.acquire() as connection, connection.transaction():
                await outbox.record(connection, [moved(thing, "x")])
                await asyncio.sleep(random.random() / 50)  # committed in another order than numbered
            written.append(str(thing))

    stop = asyncio.Event()
    carrying = asyncio.create_task(relay.run(stop))
    working = asyncio.gather(*(work(number) for number in range(6)))
    seen: list[str] = []
    position = 0
    async with asyncio.timeout(30):
        while not working.done() or len(seen) < len(written):
            subjects, position = await read(tiny, position, limit=7)
            seen += subjects
            await asyncio.sleep(0.005)
    stop.set()
    await carrying
    outbox.origin.reset(token)

    assert len(seen) == 60
    assert sorted(seen) == sorted(written)


async def test_a_reader_left_behind_by_the_days_kept_is_told(tiny: Harness, relay: Relay) -> None:
    await write(tiny, *(moved(uuid7(), "x") for _ in range(4)))
    await relay.carry()
    await tiny.resources.pool.execute("DELETE FROM outbox WHERE position <= 2")

    late = await tiny.get("/v1/changes?after=1")

    assert (late.status_code, late.json()["code"]) == (422, "position-lost")
    (reason,) = late.json()["reasons"]
    assert (reason["code"], reason["pointer"]) == ("position-expired", "query/after")
    assert reason["mend"]
    assert len((await read(tiny, 2))[0]) == 2
    assert len((await read(tiny, 0))[0]) == 2


async def test_a_reader_left_behind_is_told_though_nothing_is_kept_any_more(
    tiny: Harness, relay: Relay
) -> None:
    await write(tiny, moved(uuid7(), "x"), moved(uuid7(), "y"))
    await relay.carry()
    await tiny.resources.pool.execute("DELETE FROM outbox")

    assert (await tiny.get("/v1/changes?after=1")).status_code == 422
    assert await read(tiny, 2) == ([], 2)


async def test_a_position_from_before_a_restore_is_told(tiny: Harness, relay: Relay) -> None:
    await write(tiny, moved(uuid7(), "x"))
    await relay.carry()

    ahead = await tiny.get("/v1/changes?after=2")

    assert ahead.status_code == 422
    assert ahead.json()["reasons"][0]["code"] == "position-unknown"


async def test_a_reader_may_begin_at_a_moment(tiny: Harness, relay: Relay) -> None:
    first, second, third = uuid7(), uuid7(), uuid7()
    for days, thing in ((3, first), (2, second), (1, third)):
        await write(tiny, moved(thing, "x"))
        await relay.carry()
        await tiny.resources.pool.execute(
            "UPDATE outbox SET published_at = $1 WHERE position = (SELECT max(position) FROM outbox)",
            NOW - timedelta(days=days),
        )

    seen = {
        hours: await read(tiny, since=(NOW - timedelta(hours=hours)).isoformat())
        for hours in (100, 72, 71, 47, 24, 23)
    }
    both = await tiny.client.get("/v1/changes", params={"after": 1, "since": NOW.isoformat()})

    told = {hours: [str(thing) for thing in things] for hours, things in {
        100: (first, second, third), 72: (first, second, third), 71: (second, third),
        47: (third,), 24: (third,), 23: (),
    }.items()}  # fmt: skip
    assert {hours: subjects for hours, (subjects, _) in seen.items()} == told
    assert {position for _, position in seen.values()} == {3}
    assert (both.status_code, both.json()["code"]) == (422, "start-named-twice")


async def test_a_moment_in_an_empty_feed_is_its_end(tiny: Harness, relay: Relay) -> None:
    assert await read(tiny, since=NOW.isoformat()) == ([], 0)
    await write(tiny, moved(uuid7(), "x"))
    await relay.carry()
    await tiny.resources.pool.execute("DELETE FROM outbox")

    assert await read(tiny, since=NOW.isoformat()) == ([], 1)


@pytest.mark.parametrize(
    "query",
    [
        "since=yesterday",
        "since=2026-01-01",
        "since=0001-01-01T00:00:00Z",
        "after=-1",
        "after=x",
        "after=1.5",
        "after=" + "9" * 30,
        "after=9223372036854775807",
        "limit=0",
        "limit=1001",
        "types=" + "x" * 2001,
        "types=%00",
    ],
)
async def test_an_odd_position_limit_or_type_is_told(tiny: Harness, query: str) -> None:
    answer = await tiny.get(f"/v1/changes?{query}")

    assert answer.status_code in (400, 422)
    assert answer.json()["reasons"]


async def test_the_feed_is_for_those_who_may_read_it(tiny: Harness) -> None:
    with tiny.asking(Principal("client", "x", frozenset({"events:operate"}))):
        assert (await tiny.get("/v1/changes")).status_code == 403
    with tiny.asking(None):
        assert (await tiny.get("/v1/changes")).status_code == 401


async def test_an_envelope_in_the_feed_is_the_one_that_was_sealed(tiny: Harness, relay: Relay) -> None:
    await tiny.post("/v1/things", json={"name": "a"})
    await relay.carry()

    (told,) = (await tiny.get("/v1/changes")).json()["events"]
    (kept,) = await tiny.envelopes()

    assert UUID(told["id"]) == kept.id
    assert told["specversion"] == "1.0"
    assert told["actor"] == "staff:test-desk"
