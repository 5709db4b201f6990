"""`make soak`: busy days for as long as you like; every other round with the answering process killed meanwhile.

    python tests/soak.py [--minutes 10] [--only stories|kills] [--seed 7]

Thousands of steps of what tests/circulation/test_busy_days.py does for some seconds. Ends with the first fault: its
story, shrunk where it can be told again, and exit code 1. Deadlocks are no fault, since their victim asks again; what
the server says of them is told, so that an order of locks can be mended.
"""

import argparse
import asyncio
import os
import random
import shutil
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import asyncpg
import httpx

sys.path.insert(0, str(Path(__file__).resolve().parent))

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from support import desk_process
from support.busy import Building, BusyDays, building
from support.harness import Harness
from support.postgres import TestServer

STEPS = 60
"""Of a story at most."""
STORIES = 40
"""Of a round."""


def main(asked: argparse.Namespace) -> int:
    """Rounds until the time is up; 0 when everything held."""
    end = time.monotonic() + asked.minutes * 60
    number, totals = asked.seed, [0, 0, 0]
    print(f"soaking for {asked.minutes} minutes, from seed {number}", flush=True)
    with asyncio.Runner() as runner:
        server = runner.run(TestServer.start())
        runner.run(_talkative(server))
        try:
            while time.monotonic() < end:
                kills = asked.only == "kills" or (asked.only is None and number % 2 == 1)
                with building(runner, server) as library, killable(library) if kills else nullcontext():
                    try:
                        _round(library, number, kills=kills)
                    except Exception:
                        traceback.print_exc()
                        print(f"FAULT with seed {number}{' and kills' if kills else ''}", flush=True)
                        return 1
                    told = (library.stories, library.steps, library.asked)
                    totals = [before + more for before, more in zip(totals, told, strict=True)]
                    words = f", {library.crashes} kills" if kills else ""
                    deadlocks = runner.run(_deadlocks(library.make.circulation))
                    if deadlocks:
                        print(*_said_of_deadlocks(server), sep="\n", flush=True)
                    print(
                        f"seed {number}: {told[0]} stories, {told[1]} steps, {told[2]} acts{words}, "
                        f"{deadlocks} deadlocks",
                        flush=True,
                    )
                number += 1
        finally:
            runner.run(server.stop())
    print(f"everything held: {totals[0]} stories, {totals[1]} steps, {totals[2]} acts")
    return 0


def _round(library: Building, number: int, *, kills: bool) -> None:
    class Days(BusyDays):
        """Of this library."""

        def __init__(self) -> None:
            super().__init__(library)

    run_state_machine_as_test(
        seed(number)(Days),
        settings=settings(
            max_examples=STORIES // 4 if kills else STORIES,
            stateful_step_count=STEPS,
            phases=(Phase.generate,) if kills else (Phase.generate, Phase.shrink),
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@contextmanager
def killable(library: Building) -> Iterator[None]:
    """What the desks ask goes to a process of its own; `library.crash` kills it, and the next one begins."""
    circulation, chance = library.make.circulation, random.Random(library.make.desk)
    within, folder = circulation.client, Path(tempfile.mkdtemp())
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        desk = desk_process.Desk(circulation.dsn, listening, folder / "said")

        async def at_the_moment(request: httpx.Request) -> None:
            request.headers[desk_process.CLOCK_HEADER] = circulation.resources.clock().isoformat()

        async def crash() -> None:
            await asyncio.sleep(chance.uniform(0, 0.06))
            library.crashes += 1
            desk.kill()

        circulation.client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{listening.getsockname()[1]}",
            timeout=60,
            event_hooks={"request": [at_the_moment]},
        )
        library.crash = crash
        try:
            yield
        finally:
            desk.close()
            library.runner.run(circulation.client.aclose())
            circulation.client = within
            shutil.rmtree(folder)


async def _talkative(server: TestServer) -> None:
    """The server's log tells who waited for whom."""
    connection = await asyncpg.connect(server.admin_dsn)
    try:
        await connection.execute("ALTER SYSTEM SET log_error_verbosity = 'default'")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()


def _said_of_deadlocks(server: TestServer) -> list[str]:
    """The statements of the deadlocks so far, if the server is our own."""
    if server.cluster is None:
        return []
    said: list[str] = []
    for log in sorted(server.cluster.log.iterdir()):
        parts = log.read_text(errors="replace").split("deadlock detected")
        said += [part.split("HINT:")[0].strip() for part in parts[1:]]
    return said


async def _deadlocks(circulation: Harness) -> int:
    told: int = await circulation.resources.pool.fetchval(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    return told


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--only", choices=("stories", "kills"))
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    sys.exit(main(parser.parse_args()))
