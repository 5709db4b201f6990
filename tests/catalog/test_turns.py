"""How workers go on: behind a failure as before it, at once when told to stop, and never two at one job."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from catalog import turns
from catalog.turns import held, in_turns
from chassis.ids import uuid7
from support.harness import Harness


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "AGAIN_SECONDS", 0)


async def test_a_worker_goes_on_behind_a_failure_and_rests_when_there_is_nothing_to_do() -> None:
    stop = asyncio.Event()
    told: Iterator[bool | Exception] = iter(
        [True, asyncpg.InterfaceError("away"), OSError("full"), False, True]
    )
    seen: list[bool | Exception] = []

    async def turn() -> bool:
        seen.append(each := next(told))
        if len(seen) == 5:
            stop.set()
        if isinstance(each, Exception):
            raise each
        return each

    await asyncio.wait_for(in_turns(turn, stop, of="turns", idle_seconds=0), 5)

    assert len(seen) == 5


async def test_a_worker_that_rests_is_stopped_at_once() -> None:
    stop = asyncio.Event()

    async def turn() -> bool:
        asyncio.get_running_loop().call_soon(stop.set)
        return False

    await asyncio.wait_for(in_turns(turn, stop, of="turns", idle_seconds=60), 5)


async def test_what_is_no_matter_of_the_database_is_not_kept_still_about() -> None:
    async def turn() -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await in_turns(turn, asyncio.Event(), of="turns", idle_seconds=0)


async def test_a_job_is_ones_alone_until_they_let_go_or_fail(catalog: Harness) -> None:
    job = uuid7()
    pool = catalog.resources.pool
    async with pool.acquire() as one, pool.acquire() as other:
        with pytest.raises(OSError, match="full"):
            async with (
                held(one, "job", job) as mine,
                held(other, "job", job) as theirs,
                held(other, "another job", job) as beside,
            ):
                raise OSError("full")
        async with held(other, "job", job) as later:
            pass

    assert (mine, theirs, beside, later) == (True, False, True, True)
