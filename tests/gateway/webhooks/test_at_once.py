"""Several processes, slow receivers, deaths and odd answers: nothing is lost, nothing is sent twice at once."""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

from aiohttp import web

from chassis.ids import uuid7
from gateway.tokens.keys import Sealer
from gateway.webhooks import statements
from gateway.webhooks.recording import Recorder
from gateway.webhooks.sending import LEASE, READ_AT_MOST, Sender
from gateway.webhooks.trying import Pace
from support.front import SEALING
from support.library_events import CHECKED_IN, HOLD_READY, checked_in
from support.receiving import Hooks


def another_sender(hooks: Hooks, **more: Any) -> Sender:
    """As in another process."""
    return Sender(hooks.gateway.resources, hooks.sender.guard, Sealer(SEALING), draw=lambda: 0.5, **more)


async def test_several_processes_send_each_event_once_and_a_key_in_order(hooks: Hooks) -> None:
    await hooks.subscribed(CHECKED_IN, concurrency=8)
    items = [uuid7() for _ in range(5)]
    sent = {
        str(item): hooks.circulation.tell(*(checked_in(item, version=version) for version in range(1, 9)))
        for item in items
    }
    stop = asyncio.Event()
    senders = [another_sender(hooks) for _ in range(3)]
    recorders = [
        Recorder(hooks.gateway.resources, {"circulation": hooks.circulation}, sender.wake)
        for sender in senders
    ]
    running = [
        *(asyncio.create_task(sender.run(stop)) for sender in senders),
        *(asyncio.create_task(recorder.run(stop)) for recorder in recorders),
    ]

    await hooks.receiver.has(40)
    stop.set()
    await asyncio.gather(*running)

    got = [(each.told["subject"], each.id) for each in hooks.receiver.events]
    for subject, ids in sent.items():
        assert [id_ for key, id_ in got if key == subject] == ids
    pool = hooks.gateway.resources.pool
    assert await pool.fetchval("SELECT count(*) FROM webhook_delivery WHERE state <> 'delivered'") == 0


async def test_two_claims_at_one_moment_take_different_deliveries(hooks: Hooks) -> None:
    await hooks.subscribed(CHECKED_IN)
    hooks.circulation.tell(*(checked_in() for _ in range(6)))
    await hooks.read()
    async with AsyncExitStack() as stack:
        senders = [another_sender(hooks) for _ in range(4)]
        for sender in senders:
            await stack.enter_async_context(sender.open())
        begun = await asyncio.gather(*(sender.begin() for sender in senders for _ in range(3)))
        for sender in senders:
            await sender.finish()
            await sender.settle()

    assert sum(begun) == len(hooks.receiver.ids) == len(set(hooks.receiver.ids))
    await hooks.deliver()
    assert len(hooks.receiver.ids) == 6


async def test_what_a_dead_process_had_claimed_is_taken_up_when_its_lease_is_over(hooks: Hooks) -> None:
    made = await hooks.subscribed(CHECKED_IN)
    (id_,) = hooks.circulation.tell(checked_in())
    await hooks.read()
    hooks.receiver.says(500)
    dead = another_sender(hooks)
    async with dead.open():
        assert await dead.begin() == 1
        await dead.finish()  # tried, and dead before it was written down
    hooks.receiver.answer = None

    await hooks.deliver()
    assert hooks.receiver.ids == [id_]
    hooks.later(seconds=61)
    assert await hooks.sender.begin() == 1
    await hooks.sender.finish()
    await dead.settle()  # it was only slow: what it has to say comes too late
    row = await hooks.gateway.resources.pool.fetchrow("SELECT * FROM webhook_delivery WHERE kind = 'event'")
    await hooks.sender.settle()

    assert row is not None
    assert (row["state"], row["failures"], row["leased_until"] is None) == ("pending", 0, False)
    assert hooks.receiver.ids == [id_, id_]
    (delivery,) = await hooks.log(made)
    assert (delivery["state"], delivery["tries"]) == ("delivered", 2)
    assert [each["status"] for each in await hooks.history(made, delivery["id"])] == [204, 500]


async def test_a_subscription_has_no_more_under_way_than_it_may_among_all_processes(hooks: Hooks) -> None:
    under_way = most = 0

    async def answer(_: web.Request) -> web.StreamResponse:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.02)
        under_way -= 1
        return web.Response()

    await hooks.subscribed(CHECKED_IN, concurrency=3)
    hooks.receiver.answer = answer
    hooks.circulation.tell(*(checked_in() for _ in range(20)))
    await hooks.read()
    stop = asyncio.Event()
    running = [asyncio.create_task(another_sender(hooks).run(stop)) for _ in range(3)]
    await hooks.receiver.has(20)
    stop.set()
    await asyncio.gather(*running)

    assert 1 < most <= 3


async def test_a_receiver_that_never_ends_is_cut_off_and_holds_up_nobody(hooks: Hooks) -> None:
    async def dripping(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x")
            await asyncio.sleep(0.05)

    async def flooding(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(10_000):
            await response.write(b"y" * READ_AT_MOST)
        return response

    drips, floods, quick = hooks.another(), hooks.another(), hooks.another()
    made = [await hooks.subscribed(CHECKED_IN, receiver=each) for each in (drips, floods, quick)]
    drips.answer, floods.answer = dripping, flooding
    hooks.circulation.tell(checked_in())
    await hooks.read()
    sender = another_sender(hooks, seconds=0.5)
    began = time.monotonic()
    async with sender.open():
        assert await sender.begin() == 3
        await sender.finish()
        took = time.monotonic() - began
        await sender.settle()

    (dripped,), (flooded,), (went,) = [await hooks.log(each) for each in made]
    assert took < 3
    assert (dripped["state"], dripped["last_error"]) == ("pending", "timeout")
    assert (flooded["state"], went["state"]) == ("delivered", "delivered")
    (told,) = await hooks.history(made[1], flooded["id"])
    assert told["answer"] == "y" * 1024


async def test_slow_receivers_have_half_of_the_places_and_quick_ones_the_rest(hooks: Hooks) -> None:
    slow = [hooks.another() for _ in range(4)]
    sender = another_sender(hooks, slots=8)
    gate = asyncio.Event()

    async def waiting(_: web.Request) -> web.StreamResponse:
        await gate.wait()
        return web.Response()

    for each in slow:
        await hooks.subscribed(CHECKED_IN, receiver=each)
        each.answer = waiting
    await hooks.subscribed(CHECKED_IN)
    pool = hooks.gateway.resources.pool
    for row in await pool.fetch("SELECT id, url FROM webhook"):
        if row["url"] != hooks.receiver.url:
            sender.paces[row["id"]] = Pace(slots=8, seconds=5.0)
    hooks.circulation.tell(*(checked_in() for _ in range(8)))
    await hooks.read()
    async with sender.open():
        await sender.begin()
        async with asyncio.timeout(10):
            while len(hooks.receiver.events) < 8:
                await asyncio.sleep(0.01)
                await sender.settle()
                await sender.begin()
        held = sum(len(each.events) for each in slow)
        gate.set()
        await sender.finish()
        await sender.settle()

    assert held == 4


async def test_odd_answers_are_failures_and_end_nothing(hooks: Hooks) -> None:
    odd = {
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nxy": "answer-broken",
        b"nonsense\r\n\r\n": "answer-broken",
        b"": "answer-broken",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 20_000 + b"\r\n\r\n": "answer-broken",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nzz": None,
        b"HTTP/1.1 204 No Content\r\nSet-Cookie: a=b\r\n\r\n": None,
        b"HTTP/1.1 503 \r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n": None,
    }
    raw = b""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    made = await hooks.subscribed(CHECKED_IN)
    pool = hooks.gateway.resources.pool
    await pool.execute("UPDATE webhook SET url = $1", f"http://127.0.0.1:{port}/")
    for raw in odd:  # noqa: B007 - what the server says
        hooks.circulation.tell(checked_in())
        await pool.execute("UPDATE webhook SET failures = 0, rests_until = NULL")
        await hooks.deliver()
    server.close()
    hooks.circulation.tell(checked_in())
    await pool.execute("UPDATE webhook SET failures = 0, rests_until = NULL")
    await hooks.deliver()

    log = list(reversed(await hooks.log(made)))
    assert [each["last_error"] for each in log] == [*odd.values(), "connect-failed"]
    assert [each["state"] for each in log[4:]] == ["delivered", "delivered", "pending", "pending"]


async def test_a_service_that_is_away_or_has_lost_the_position_is_read_when_it_can_be(hooks: Hooks) -> None:
    await hooks.subscribed(CHECKED_IN)
    hooks.circulation.away = True
    first = hooks.circulation.tell(checked_in())
    await hooks.deliver()
    assert hooks.receiver.ids == []

    hooks.circulation.away = False
    await hooks.deliver()
    second = hooks.circulation.tell(checked_in(), checked_in())
    hooks.circulation.oldest = 2  # those before are no longer kept
    await hooks.gateway.resources.pool.execute("UPDATE webhook_feed SET position = 1")
    await hooks.deliver()

    assert sorted(hooks.receiver.ids) == sorted([*first, *second[1:]])


async def test_nothing_is_left_out_while_subscriptions_come_and_go_and_events_are_told(hooks: Hooks) -> None:
    told: list[str] = []
    stop = asyncio.Event()
    recorder = Recorder(hooks.gateway.resources, {"circulation": hooks.circulation}, hooks.sender.wake)
    steady = await hooks.subscribed(CHECKED_IN)
    running = [
        asyncio.create_task(recorder.run(stop)),
        asyncio.create_task(another_sender(hooks).run(stop)),
    ]

    async def come_and_go() -> None:
        for _ in range(6):
            for act, body in (("pauses", None), ("activations", {"start": "resume"})):
                answer = await hooks.ask("POST", f"/v1/webhooks/{steady['id']}/{act}", json=body)
                assert answer.status_code == 201, answer.text
                await asyncio.sleep(0.02)

    async def tell() -> None:
        for _ in range(60):
            told.extend(hooks.circulation.tell(checked_in()))
            await asyncio.sleep(0.005)

    await asyncio.gather(come_and_go(), tell())
    await hooks.receiver.has(len(told))
    stop.set()
    await asyncio.gather(*running)

    assert sorted(hooks.receiver.ids) == sorted(told)


async def test_what_is_read_while_somebody_becomes_level_is_read_again_with_them(hooks: Hooks) -> None:
    await hooks.subscribed(HOLD_READY)
    new = hooks.another()
    await hooks.subscribe(CHECKED_IN, receiver=new)
    while await hooks.sender.begin():
        await hooks.sender.finish()
        await hooks.sender.settle()
    gate = hooks.circulation.gate = asyncio.Event()
    slow = asyncio.create_task(hooks.recorder.read("circulation"))  # knows of the first one alone, and waits
    await hooks.circulation.held.wait()
    await Recorder(hooks.gateway.resources, {"circulation": hooks.circulation}).read("circulation")
    (id_,) = hooks.circulation.tell(checked_in())
    gate.set()
    await slow

    await hooks.deliver()

    assert new.ids == [id_]


async def test_however_many_claim_at_a_time_each_delivery_is_claimed_once(hooks: Hooks) -> None:
    await hooks.subscribed(CHECKED_IN)
    hooks.circulation.tell(*(checked_in() for _ in range(150)))
    await hooks.read()
    pool = hooks.gateway.resources.pool
    await pool.execute("UPDATE webhook SET concurrency = 1000")
    arguments: tuple[Any, ...] = (hooks.now, hooks.now + LEASE, 2, 1000, 5, [], [], [], False)
    claimed: list[UUID] = []

    async def claim() -> None:
        idle = 0
        async with pool.acquire() as connection:
            while idle < 20:
                rows = await connection.fetch(statements.CLAIM, *arguments)
                claimed.extend(row["id"] for row in rows)
                idle = 0 if rows else idle + 1

    await asyncio.gather(*(claim() for _ in range(6)))

    assert len(claimed) == len(set(claimed)) == 150
