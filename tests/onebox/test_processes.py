"""Processes are started before their settings are known, and told them when they are."""

import asyncio
import subprocess
import sys

from carrel.processes import Child

TOLD = """
import os
from carrel.processes import told_settings
told_settings()
print("told", os.environ["ROOM"], flush=True)
print("ready", flush=True)
import time
time.sleep(60)
"""


async def test_a_warm_process_waits_for_its_settings_and_is_the_one_that_is_kept() -> None:
    child, stop = Child("room", [sys.executable, "-c", TOLD]), asyncio.Event()
    await child.warm()
    assert child.process is not None
    began = child.process.pid
    assert not child.ready.is_set()

    child.env = {"ROOM": "reading"}
    keeping = asyncio.create_task(child.keep(stop))
    await asyncio.wait_for(child.ready.wait(), 20)

    assert child.process.pid == began
    stop.set()
    await keeping
    await child.drain(5)
    assert child.process.returncode is not None


async def test_one_that_died_before_it_was_told_is_started_anew() -> None:
    child, stop = Child("room", [sys.executable, "-c", TOLD], {"ROOM": "reading"}), asyncio.Event()
    await child.warm()
    assert child.process is not None
    began = child.process
    began.kill()
    await began.wait()

    keeping = asyncio.create_task(child.keep(stop))
    await asyncio.wait_for(child.ready.wait(), 20)

    assert child.process is not began
    stop.set()
    await keeping
    await child.drain(5)


def test_a_process_whose_parent_ends_without_a_word_ends_too() -> None:
    ended = subprocess.run([sys.executable, "-c", TOLD], stdin=subprocess.DEVNULL, check=False)

    assert ended.returncode == 1
