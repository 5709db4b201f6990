"""One box as its operator has it: started, killed in every way, started again."""

import asyncio
import os
import signal
import subprocess
import sys

import psutil
import pytest

from support.box import Box, Library, open_box, until
from support.university import CATALOG, CIRCULATION

pytestmark = pytest.mark.journey


async def test_a_second_start_on_the_same_data_says_so_and_ctrl_c_drains() -> None:
    async with open_box() as box:
        second = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "carrel.command", "up", "--no-demo", "--port", str(box.port + 1)],
            env={**os.environ, "CARREL_DATA": str(box.folder / "data")},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert second.returncode == 1
        assert "already running" in second.stderr.lower()
        assert second.stderr.count("\n") == 1

        family = _family(box)
        assert await asyncio.to_thread(box.stop) == 0

        assert "Stopped." in box.words
        assert await _gone(family)


async def test_a_taken_port_is_told_in_one_line() -> None:
    async with open_box() as box:
        other = Box(box.folder / "other", box.port)
        other.folder.mkdir()

        with pytest.raises(AssertionError, match=f"Port {box.port}"):
            await asyncio.to_thread(other.start)


async def test_nothing_acknowledged_is_lost_whatever_is_killed() -> None:
    async with open_box("--workers", "2") as box:
        library = box.library()
        await library.put("/v1/configuration/catalog", CATALOG)
        await library.put("/v1/configuration/circulation", CIRCULATION)
        kept: list[str] = []

        for victim in ("carrel.serving", "carrel.background", "postgres"):
            kept += await _registered(library, 5)
            _kill(box, victim)
            kept += await _registered(library, 5)
        await library.close()
        family = _family(box)
        box.kill()
        await until(lambda: _gone(family), seconds=15)

        await asyncio.to_thread(box.start)

        library = box.library()
        found = {patron["id"] for patron in (await library.get("/v1/patrons", limit=500))["items"]}
        assert set(kept) == found
        assert (await library.get("/v1/dead-letters"))["dead"] == {"catalog": 0, "circulation": 0}
        await library.close()


async def _registered(library: Library, count: int) -> list[str]:
    """Patrons whose registration was acknowledged; each is insisted on with its key."""
    made = []
    for _ in range(count):
        key = os.urandom(8).hex()

        async def once(key: str = key) -> str | None:
            try:
                answer = await library.http.post(
                    "/v1/patrons",
                    json={"group": "student", "family_name": "Reader", "external_id": key},
                    headers={"Idempotency-Key": key},
                    timeout=5,
                )
            except Exception:
                return None
            return answer.json()["id"] if answer.status_code == 201 else None

        made.append(await until(once, seconds=30))
    return made


def _family(box: Box) -> list[psutil.Process]:
    assert box.process is not None
    parent = psutil.Process(box.process.pid)
    return [parent, *parent.children(recursive=True)]


def _kill(box: Box, name: str) -> None:
    """End a direct child as a fault would."""
    assert box.process is not None
    for child in psutil.Process(box.process.pid).children():
        if name in " ".join(child.cmdline()):
            child.send_signal(signal.SIGKILL)
            return
    raise AssertionError(f"there is no {name}")


async def _gone(family: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family)
