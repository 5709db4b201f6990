"""SIGTERM: nothing new is taken, what is under way is finished, the process ends by itself."""

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from chassis.ids import uuid7
from chassis.transport import transport_for
from support.harness import Harness
from support.telling import TYPES, heard, messages, moved

SLOW = """
import asyncio, contextlib, sys
from chassis import roles
from support import tiny

@tiny.router.get("/slow")
async def slow() -> dict[str, str]:
    print("slow", flush=True)
    await asyncio.sleep(1.5)
    return {"finished": "yes"}

async def slowly(connection, batch):
    print("hearing", flush=True)
    await asyncio.sleep(1.5)
    await tiny.on_moved(connection, batch)

async def tick(resources, now):
    print("ticking", flush=True)
    await asyncio.sleep(1.5)
    await resources.pool.execute("INSERT INTO thing VALUES (gen_random_uuid(), 'ticked', 0)")

import dataclasses, datetime
from chassis.resources import Timer
timer = Timer("slow", datetime.timedelta(hours=1), tick)
service = dataclasses.replace(tiny.SERVICE, subscriptions={tiny.ThingMoved: slowly}, timers=(timer,))
with tiny.known():
    roles.run(service, sys.argv[1])
"""
TESTS = Path(__file__).parents[2]


@pytest.fixture
def free_port() -> int:
    """One that nobody listens at just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@asynccontextmanager
async def process(harness: Harness, bus: str, role: str, **more: str) -> AsyncIterator[Process]:
    """The service's own process in one role."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(TESTS),
        "TINY_DATABASE_URL": harness.dsn,
        "TINY_TRANSPORT_URL": bus,
        **more,
    }
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SLOW, role, env=environment, stdout=PIPE, stderr=PIPE
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()


async def says(started: Process, word: str) -> None:
    assert started.stdout is not None
    async with asyncio.timeout(60):
        assert (await started.stdout.readline()).decode().strip() == word


async def ended(started: Process) -> int:
    started.send_signal(signal.SIGTERM)
    async with asyncio.timeout(20):
        _, errors = await started.communicate()
    assert all(json.loads(line) for line in errors.decode().splitlines())
    assert started.returncode is not None
    return started.returncode


async def test_a_request_under_way_is_answered_and_none_is_taken_after(
    tiny: Harness, database: Callable[..., Awaitable[str]], free_port: int
) -> None:
    url = f"http://127.0.0.1:{free_port}"
    async with (
        process(tiny, await database(), "serve", TINY_PORT=str(free_port)) as serving,
        aiohttp.ClientSession() as client,
    ):
        await answers(client, f"{url}/health/ready")
        slow = asyncio.create_task(finished(client, f"{url}/v1/things/slow"))
        await says(serving, "slow")
        ending = asyncio.create_task(ended(serving))
        await asyncio.sleep(0.5)
        with pytest.raises(aiohttp.ClientConnectionError):
            async with aiohttp.ClientSession() as late, late.get(f"{url}/health/live"):
                pass

        assert await slow == {"finished": "yes"}
        assert await ending in (0, -signal.SIGTERM)


async def answers(client: aiohttp.ClientSession, url: str) -> None:
    """Until somebody is there."""
    async with asyncio.timeout(60):
        while True:
            try:
                async with client.get(url):
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.1)


async def finished(client: aiohttp.ClientSession, url: str) -> object:
    async with client.get(url) as answer:
        return await answer.json()


async def test_an_event_being_handled_is_finished(
    tiny: Harness, database: Callable[..., Awaitable[str]]
) -> None:
    bus = await database()
    transport = transport_for(bus)
    await transport.declare("tiny", TYPES)
    await transport.publish(messages(tiny, [moved(uuid7(), "shelf")]))

    async with process(tiny, bus, "consume") as consuming:
        await says(consuming, "hearing")
        code = await ended(consuming)

    assert code == 0
    assert await heard(tiny) == ["shelf"]
    assert (await transport.depth("tiny")).waiting == 0
    await transport.close()


async def test_a_timer_at_work_is_finished_and_its_turn_given_back(
    tiny: Harness, database: Callable[..., Awaitable[str]]
) -> None:
    async with process(tiny, await database(), "work") as working:
        await says(working, "ticking")
        code = await ended(working)

    assert code == 0
    pool: asyncpg.Pool = tiny.resources.pool
    assert await pool.fetchval("SELECT count(*) FROM thing WHERE name = 'ticked'") == 1
    assert await pool.fetchval("SELECT last_error IS NULL FROM lease WHERE name = 'slow'")
    assert await pool.fetchval("SELECT pg_try_advisory_lock(hashtext('timer slow'))")
