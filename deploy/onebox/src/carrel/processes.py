"""Child processes that cannot outlive their parent, and come back when they die."""

import asyncio
import contextlib
import ctypes
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1
RESTART_PAUSE = 0.5
QUICK_DEATH_SECONDS = 5.0
QUICK_DEATHS_ALLOWED = 5


class KeepsDying(Exception):
    """A process died again and again right after its start."""


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends, however that happens (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def told_settings() -> None:
    """Take the settings into the environment that the parent tells on standard input: a line of JSON.

    Raises `SystemExit` when the parent ends without a word.
    """
    line = sys.stdin.readline()
    if not line:
        raise SystemExit(1)
    os.environ.update(json.loads(line))


def port_in_use(host: str, port: int, *, setting: str = "CARREL_PORT") -> str | None:
    """Why nothing can listen there, in one line; None when something can."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        why = error.strerror or str(error)
        return f"Port {port} on {host} cannot be used ({why}): stop what is there, or set {setting}."
    return None


@dataclass(slots=True)
class Child:
    """One process of the installation: started, watched, restarted, drained.

    Its settings are told on its standard input (`told_settings`), so that it may be started before they are known.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    """Its settings; the rest of its environment is ours."""
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process has said that it is ready (a line `ready` on its standard output)."""
    process: asyncio.subprocess.Process | None = None
    restarts: int = 0
    _reader: "asyncio.Task[None] | None" = None
    _waits: bool = False
    """Whether it runs already, and waits for its settings."""

    async def warm(self) -> None:
        """Start it before its settings are known: what it imports meanwhile is most of its start."""
        await self._spawn()
        self._waits = True

    async def keep(self, stop: asyncio.Event) -> None:
        """Run it until told to stop; start it again when it dies. `KeepsDying` when that is no use."""
        quick = 0
        while not stop.is_set():
            began = time.monotonic()
            await self._start()
            assert self.process is not None
            ended = asyncio.create_task(self.process.wait())
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait([ended, stopping], return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if stop.is_set():
                ended.cancel()
                return
            self.ready.clear()
            self.restarts += 1
            code = ended.result()
            log.warning("a process ended; starting it again", extra={"child": self.name, "code": code})
            quick = quick + 1 if time.monotonic() - began < QUICK_DEATH_SECONDS else 0
            if quick >= QUICK_DEATHS_ALLOWED:
                raise KeepsDying(f"{self.name} dies right after its start (code {code})")
            await asyncio.sleep(RESTART_PAUSE * max(quick, 1))

    async def _start(self) -> None:
        if not self._waits or self.process is None or self.process.returncode is not None:
            await self._spawn()
        self._waits = False
        assert self.process is not None
        assert self.process.stdin is not None
        with contextlib.suppress(ConnectionError):  # it has ended: whoever waits for it sees that
            self.process.stdin.write(json.dumps(dict(self.env)).encode() + b"\n")
            await self.process.stdin.drain()
        self.process.stdin.close()

    async def _spawn(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *self.argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            preexec_fn=die_with_parent,
            start_new_session=True,
        )
        self._reader = asyncio.create_task(self._listen(self.process))

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            if line.strip() == b"ready":
                self.ready.set()

    async def drain(self, seconds: float) -> None:
        """Ask it to finish; end it when it does not."""
        process = self.process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), seconds)
        except TimeoutError:
            log.error("a process did not finish in time and is ended", extra={"child": self.name})
            process.kill()
            await process.wait()
