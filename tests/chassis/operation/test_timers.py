"""Many processes look, one of them does it, and whoever dies holding the turn gives it back."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from chassis.leases import run_if_due, run_timers
from chassis.resources import Resources, Timer
from chassis.transport.memory import MemoryTransport
from support import tiny as smallest
from support.harness import Harness, running
from support.telling import NOW, cut
from support.tiny import TICKING, Gate

Eventually = Callable[..., Awaitable[None]]


@pytest.fixture
async def other(tiny_dsn: str, tiny: Harness, bus: MemoryTransport) -> AsyncIterator[Harness]:
    """Another process of the service, over the same database."""
    async with running(smallest.SERVICE, tiny_dsn, transport=bus) as harness:
        yield harness


async def test_one_of_many_runs_a_timer(tiny: Harness, other: Harness) -> None:
    gate = tiny.resources.own["gate"] = other.resources.own["gate"] = Gate()

    looking = [
        asyncio.create_task(run_if_due(one.resources, TICKING)) for one in (tiny, other) for _ in "abc"
    ]
    await gate.came.wait()
    while sum(task.done() for task in looking) < 5:  # noqa: ASYNC110 - the others find it taken
        await asyncio.sleep(0.01)
    gate.open.set()

    assert sorted(await asyncio.gather(*looking)) == [False] * 5 + [True]
    assert tiny.resources.own.get("ticks", 0) + other.resources.own.get("ticks", 0) == 1


async def test_a_timer_runs_when_its_time_has_come_and_not_before(tiny: Harness, other: Harness) -> None:
    tiny.at(NOW)
    assert await run_if_due(tiny.resources, TICKING)

    other.at(NOW + TICKING.every - timedelta(seconds=1))
    early = await run_if_due(other.resources, TICKING)
    other.at(NOW + TICKING.every)
    due = await run_if_due(other.resources, TICKING)

    assert (early, due) == (False, True)


async def test_the_last_run_is_kept_with_what_went_wrong(tiny: Harness) -> None:
    tiny.at(NOW)
    tiny.resources.own["fail"] = "the shelf is full"
    assert await run_if_due(tiny.resources, TICKING)
    failed = await tiny.resources.pool.fetchrow("SELECT * FROM lease WHERE name = 'ticking'")
    del tiny.resources.own["fail"]
    tiny.at(NOW + TICKING.every)
    assert await run_if_due(tiny.resources, TICKING)
    mended = await tiny.resources.pool.fetchrow("SELECT * FROM lease WHERE name = 'ticking'")

    assert failed is not None
    assert mended is not None
    assert (failed["last_run_at"], failed["last_error"]) == (NOW, "RuntimeError: the shelf is full")
    assert failed["last_took"] >= timedelta(0)
    assert (mended["last_run_at"], mended["last_error"]) == (NOW + TICKING.every, None)


async def test_a_failing_timer_does_not_hold_up_the_next(tiny: Harness) -> None:
    ran: list[str] = []
    stop = asyncio.Event()

    async def fail(resources: Resources, now: object) -> None:
        ran.append("first")
        raise RuntimeError

    async def go_on(resources: Resources, now: object) -> None:
        ran.append("second")
        stop.set()

    timers = [Timer("first", timedelta(hours=1), fail), Timer("second", timedelta(hours=1), go_on)]
    await asyncio.wait_for(run_timers(tiny.resources, timers, stop), 30)

    assert ran == ["first", "second"]


HOLDER = """
import asyncio, sys, asyncpg
async def main():
    connection = await asyncpg.connect(sys.argv[1])
    print(await connection.fetchval("SELECT pg_try_advisory_lock(hashtext('timer ticking'))"), flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_whoever_dies_in_its_turn_gives_it_back(tiny: Harness, eventually: Eventually) -> None:
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, tiny.dsn, stdout=asyncio.subprocess.PIPE
    )
    assert holder.stdout is not None
    assert (await holder.stdout.readline()).strip() == b"True"
    taken = await run_if_due(tiny.resources, TICKING)

    holder.kill()
    await holder.wait()

    async def mine() -> bool:
        return await run_if_due(tiny.resources, TICKING)

    await eventually(mine)
    assert not taken


async def test_timers_go_on_after_the_database_was_away(tiny: Harness, eventually: Eventually) -> None:
    stop = asyncio.Event()
    await cut(tiny)
    running_on = asyncio.create_task(run_timers(tiny.resources, [TICKING], stop))

    async def ticked() -> bool:
        return bool(tiny.resources.own.get("ticks"))

    await eventually(ticked)
    stop.set()
    await asyncio.wait_for(running_on, 30)
