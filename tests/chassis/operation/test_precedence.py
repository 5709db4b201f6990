"""The desk comes first: what works behind it, and its database's share of that, asks for less of the processor."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from chassis import precedence
from chassis.database import open_pool

AUTOGROUPS = Path("/proc/self/autogroup").exists()


@pytest.fixture
def bystanders() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that only wait: one in a session of its own, one in ours."""
    started = [subprocess.Popen(["sleep", "60"], start_new_session=alone) for alone in (True, False)]
    yield started
    for process in started:
        process.kill()
        process.wait()


def weight(pid: int) -> str:
    """How the kernel weighs the process's session, in its own words; the first session of all has no weight."""
    words = Path(f"/proc/{pid}/autogroup").read_text().split() if AUTOGROUPS else []
    return words[-1] if words else "none"


async def niceness_behind(connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy) -> int:
    """The niceness of the server's process."""
    return os.getpriority(os.PRIO_PROCESS, connection.get_server_pid())


def test_who_steps_back_takes_along_its_own_session_and_nobody_elses(
    bystanders: list[subprocess.Popen[bytes]],
) -> None:
    alone, among_us = bystanders
    ours = weight(os.getpid())

    stepped = [precedence.step_back(7, process.pid) for process in bystanders]

    assert stepped == [True, True]
    assert [os.getpriority(os.PRIO_PROCESS, process.pid) for process in bystanders] == [7, 7]
    assert weight(among_us.pid) == weight(os.getpid()) == ours
    assert weight(alone.pid) == ("7" if AUTOGROUPS else "none")


def test_who_stands_further_back_already_is_not_called_forward(
    bystanders: list[subprocess.Popen[bytes]],
) -> None:
    precedence.step_back(12, bystanders[1].pid)
    precedence.step_back(7, bystanders[1].pid)

    assert os.getpriority(os.PRIO_PROCESS, bystanders[1].pid) == 12


def test_a_process_that_is_gone_is_no_trouble(bystanders: list[subprocess.Popen[bytes]]) -> None:
    gone = bystanders[0]
    gone.kill()
    gone.wait()

    assert not precedence.step_back(7, gone.pid)


async def test_a_background_pool_takes_its_database_processes_along(tiny_dsn: str) -> None:
    async with (
        open_pool(tiny_dsn, size=2, name="desk") as desk,
        open_pool(tiny_dsn, size=2, name="background", niceness=precedence.BACKGROUND) as background,
        desk.acquire() as first,
        background.acquire() as behind,
    ):
        for _ in range(100):
            if await niceness_behind(behind):
                break
            await asyncio.sleep(0.05)

        assert await niceness_behind(behind) == precedence.BACKGROUND
        assert weight(behind.get_server_pid()) in (str(precedence.BACKGROUND), "none")
        assert await niceness_behind(first) == 0


async def test_a_database_elsewhere_is_left_alone(tiny_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process has a number that here belongs to somebody else."""
    stranger = os.getpid()
    before = os.getpriority(os.PRIO_PROCESS, stranger)
    monkeypatch.setattr(asyncpg.Connection, "get_server_pid", lambda _: stranger)
    async with open_pool(tiny_dsn, size=1, name="far", niceness=9) as pool:
        await pool.fetchval("SELECT 1")

    assert os.getpriority(os.PRIO_PROCESS, stranger) == before
