"""`make soak`: busy days for as long as you like; every other round with the answering process killed meanwhile.

    python tests/soak.py [--minutes 10] [--only stories|kills] [--seed 7]

Thousands of steps of what tests/circulation/test_busy_days.py does for some seconds. Ends with the first fault: its
story, shrunk where it can be told again, and exit code 1.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import random
import shutil
import socket
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parent))

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from circulation.app import SERVICE
from support import desk_process
from support.busy import Building, BusyDays, opened
from support.harness import Harness, migrated, running
from support.postgres import TestServer, reachable_folder

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
        try:
            while time.monotonic() < end:
                kills = asked.only == "kills" or (asked.only is None and number % 2 == 1)
                with building_for(runner, server, kills=kills) as building:
                    try:
                        _round(building, number, kills=kills)
                    except Exception:
                        traceback.print_exc()
                        print(f"FAULT with seed {number}{' and kills' if kills else ''}", flush=True)
                        return 1
                    told = (building.stories, building.steps, building.asked)
                    totals = [before + more for before, more in zip(totals, told, strict=True)]
                    words = f", {building.crashes} kills" if kills else ""
                    deadlocks = runner.run(_deadlocks(building.make.circulation))
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


def _round(building: Building, number: int, *, kills: bool) -> None:
    class Days(BusyDays):
        pass

    Days.building = building
    phases = (Phase.generate,) if kills else (Phase.generate, Phase.shrink)
    run_state_machine_as_test(
        seed(number)(Days),
        settings=settings(
            max_examples=STORIES // 10 if kills else STORIES,
            stateful_step_count=STEPS,
            phases=phases,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@contextlib.contextmanager
def building_for(runner: asyncio.Runner, server: TestServer, *, kills: bool) -> Iterator[Building]:
    """A library on a database of its own; its answering process may be one that is killed."""
    template = runner.run(server.template("circulation", lambda dsn: migrated(SERVICE, dsn)))
    dsn = runner.run(server.clone(template))
    house = running(SERVICE, dsn)
    circulation = runner.run(house.__aenter__())
    building = Building(runner, runner.run(opened(circulation)))
    logging.getLogger().addHandler(building.faults)
    folder = reachable_folder()
    try:
        with killable(building, dsn, folder / "said") if kills else contextlib.nullcontext():
            yield building
    finally:
        logging.getLogger().removeHandler(building.faults)
        runner.run(house.__aexit__(None, None, None))
        runner.run(server.drop(dsn))
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def killable(building: Building, dsn: str, said: Path) -> Iterator[None]:
    """What the desks ask goes to a process of its own; `building.crash` kills it and starts the next."""
    chance = random.Random(dsn)
    circulation = building.make.circulation
    within = circulation.client
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        desk = desk_process.Desk(dsn, listening, said)

        async def at_the_moment(request: httpx.Request) -> None:
            request.headers[desk_process.CLOCK_HEADER] = circulation.resources.clock().isoformat()

        async def crash() -> None:
            await asyncio.sleep(chance.uniform(0, 0.06))
            building.crashes += 1
            desk.kill()

        circulation.client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{listening.getsockname()[1]}",
            timeout=60,
            event_hooks={"request": [at_the_moment]},
        )
        building.crash = crash
        try:
            yield
        finally:
            desk.close()
            building.runner.run(circulation.client.aclose())
            circulation.client = within


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
