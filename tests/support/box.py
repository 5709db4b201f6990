"""Carrel as its users have it: `carrel up` in a process of its own, spoken to over HTTP."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from chassis.ids import uuid7
from support.postgres import reachable_folder

START_SECONDS = 90.0


class Library:
    """The library's front door, as the operator."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key
        self.http = httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)
        self.anonymous = httpx.AsyncClient(base_url=url, timeout=60)

    async def close(self) -> None:
        """Hang up."""
        await self.http.aclose()
        await self.anonymous.aclose()

    async def get(self, path: str, **params: Any) -> Any:
        """The JSON at a path."""
        answer = await self.http.get(path, params=params)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def post(self, path: str, told: Any = None, *, expect: int = 201, key: str | None = None) -> Any:
        """The JSON answer to a POST."""
        answer = await self.http.post(path, json=told, headers={"Idempotency-Key": key or str(uuid7())})
        assert answer.status_code == expect, f"{path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def put(self, path: str, told: Any) -> Any:
        """The JSON answer to a PUT."""
        answer = await self.http.put(path, json=told)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def imported(
        self,
        content: bytes,
        media_type: str = "application/marc",
        *,
        look: float = 0.05,
        seconds: float = 120,
        **params: Any,
    ) -> Any:
        """An import's job, when it has ended; `look` seconds between two looks at it."""
        answer = await self.http.post(
            "/v1/imports", content=content, params=params, headers={"Content-Type": media_type}
        )
        assert answer.status_code == 202, answer.text
        place = answer.headers["Location"]

        async def ended() -> Any:
            job = await self.get(place)
            return job if job["state"] not in ("queued", "running") else None

        return await until(ended, seconds=seconds, again=look)


async def until(look: Callable[[], Awaitable[Any]], *, seconds: float = 10.0, again: float = 0.05) -> Any:
    """What a look brings, once it brings something."""
    end = time.monotonic() + seconds
    while True:
        if found := await look():
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not so after {seconds} s: {look}")
        await asyncio.sleep(again)


class Box:
    """A one-box installation in a folder of its own; empty unless the demo library is asked for."""

    def __init__(self, folder: Path, port: int, *options: str, demo: bool = False) -> None:
        self.folder, self.port = folder, port
        self.options = options if demo else ("--no-demo", *options)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self.folder / "data"

    @property
    def key(self) -> str:
        """The operator's key."""
        return (self.data / "admin.key").read_text().strip()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def words(self) -> str:
        """What it has said so far."""
        return (self.folder / "said").read_text(errors="replace")

    def begin(self) -> None:
        """Start it, and do not wait."""
        with (self.folder / "said").open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "carrel.command", "up", *self.options],
                env={**os.environ, "CARREL_DATA": str(self.data), "CARREL_PORT": str(self.port)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def start(self) -> None:
        """Start it, and wait until it says that it is ready."""
        self.begin()
        self.wait_for("Press Ctrl-C")

    def wait_for(self, words: str) -> None:
        """Wait until it has said something."""
        assert self.process is not None
        end = time.monotonic() + START_SECONDS
        while words not in self.words:
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"carrel up did not start:\n{self.words}")
            time.sleep(0.05)

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def stop_if_running(self) -> None:
        """Ask it to stop, if there is anything to stop."""
        if self.process is not None and self.process.poll() is None:
            self.stop()

    def kill(self) -> None:
        """End its supervisor as a fault would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def family(self) -> list[psutil.Process]:
        """The supervisor and every process below it."""
        assert self.process is not None
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def kill_child(self, name: str) -> None:
        """End one of the supervisor's processes as a fault would."""
        assert self.process is not None
        for child in psutil.Process(self.process.pid).children():
            if name in " ".join(child.cmdline()):
                child.send_signal(signal.SIGKILL)
                return
        raise AssertionError(f"there is no {name}")

    def library(self) -> Library:
        """Its front door."""
        return Library(self.url, self.key)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def box_on_its_own(*options: str, demo: bool = False) -> Iterator[Box]:
    """An installation that is not started yet, ended and forgotten afterwards."""
    folder = reachable_folder("carrel-box-")
    box = Box(folder, free_port(), *options, demo=demo)
    try:
        yield box
    finally:
        box.stop_if_running()
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def open_box(*options: str, demo: bool = False) -> AsyncIterator[Box]:
    """A started installation, ended and forgotten afterwards."""
    with box_on_its_own(*options, demo=demo) as box:
        await asyncio.to_thread(box.start)
        yield box
        await asyncio.to_thread(box.stop_if_running)
