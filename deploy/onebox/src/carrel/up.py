"""`carrel up`: the whole library in one folder, started, watched and stopped as one.

The supervisor holds the folder, runs PostgreSQL, brings every database to its newest revision, and keeps
the serving and the background process alive. Whatever kills it takes them all along; the next start finds
what was acknowledged.
"""

import asyncio
import importlib.util
import ipaddress
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import asyncpg

from carrel import sandbox
from carrel.installation import (
    PYTHON,
    SERVICES,
    Installation,
    connections_allowed,
    process_environment,
)
from carrel.postgres import AlreadyRunning, Cluster
from carrel.postgres.locking import held_by
from carrel.processes import Child, port_in_use

log = logging.getLogger(__name__)

READY_SECONDS = 60.0
DRAIN_SECONDS = 35.0
STARTING = (PYTHON, "-m", "carrel.starting")


class CannotStart(Exception):
    """Why Carrel does not start, in one line."""


@dataclass(slots=True)
class Box:
    """One running installation."""

    installation: Installation
    host: str
    port: int
    workers: int
    cluster: Cluster
    z3950: str | None = None
    """Where the catalogue answers by Z39.50, if it does."""
    children: list[Child] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where the gateway answers."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


class FirstStart(Protocol):
    """What is done once, when the folder is new: the demo library."""

    def begin(self) -> None:
        """Note that it is to be done; a kill does not make it forgotten."""

    @property
    def pending(self) -> bool:
        """Whether it was begun and has not ended."""

    async def load(self, box: Box) -> None:
        """Do it, or go on with it."""


async def up(
    installation: Installation,
    *,
    host: str,
    port: int,
    workers: int,
    say: Callable[[str], None],
    first_start: FirstStart | None = None,
    z3950_port: int | None = None,
) -> None:
    """Start everything and run until told to stop. Raises `CannotStart` or `PostgresProblem` in one line."""
    began = time.monotonic()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for told in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(told, stop.set)
    first = installation.prepare()
    if (holder := held_by(installation.cluster / "lock")) is not None:
        raise AlreadyRunning(installation.cluster, holder)
    if (reason := port_in_use(host, port)) is not None:
        raise CannotStart(reason)
    z3950 = z3950_at(z3950_port)
    if z3950 is not None and (reason := port_in_use(*z3950, setting="CARREL_Z3950_PORT")) is not None:
        raise CannotStart(reason)
    if first and first_start is not None:
        first_start.begin()
    children = _children(host, port, workers, z3950=z3950 is not None)
    try:
        await asyncio.gather(*(child.warm() for child in children))  # they import while PostgreSQL starts
        _tell()
        cluster = await Cluster.start(installation.cluster, max_connections=connections_allowed(workers))
    except BaseException:
        for child in children:
            await child.drain(DRAIN_SECONDS)
        raise
    address = z3950_address(*z3950) if z3950 is not None else None
    box = Box(installation, host, port, workers, cluster, address, children)
    try:
        environment = {**await _furnish(installation, cluster), **webhooks_near(host)}
        if z3950_port is not None:
            environment["CATALOG_Z3950_PORT"] = str(z3950_port)
        for child in box.children:
            child.env = environment
        async with asyncio.TaskGroup() as group:
            keepers = [group.create_task(child.keep(stop)) for child in box.children]
            keepers.append(group.create_task(cluster.keep(stop)))
            await _until_ready(box, stop)
            if not stop.is_set():
                installation.address_file.write_text(box.url)
                if box.z3950 is not None:
                    installation.z3950_file.write_text(box.z3950)
                await _greet(box, say, time.monotonic() - began, first_start, stop)
            await stop.wait()
            say("Stopping: what is under way is finished first …")
            await asyncio.gather(*(child.drain(DRAIN_SECONDS) for child in box.children))
        say("Stopped.")
    except* Exception as failed:
        raise CannotStart(_in_one_line(failed)) from failed
    finally:
        for file in (installation.address_file, installation.z3950_file):
            file.unlink(missing_ok=True)
        for child in box.children:
            await child.drain(DRAIN_SECONDS)
        await cluster.stop()


def _tell() -> None:
    """Log as every process does; imported only here, since it takes a while and the children can begin before."""
    from chassis import logs

    logs.configure("supervisor", "WARNING")


async def _greet(
    box: Box,
    say: Callable[[str], None],
    seconds: float,
    first_start: FirstStart | None,
    stop: asyncio.Event,
) -> None:
    say(f"Carrel is ready after {seconds:.1f} s.")
    say(f"  catalogue  {box.url}/search")
    say(f"  API        {box.url}          (page: {box.url}/docs)")
    if box.z3950 is not None:
        say(f"  Z39.50     {box.z3950}")
    say(f"  data       {box.installation.data}")
    say("  operator   carrel status | carrel token --admin")
    if sandbox.is_one(box.installation):
        say("  sandbox    carrel sandbox reset (when it is stopped) ends all data")
    if first_start is not None and first_start.pending:
        await _demo(box, say, first_start, stop)
    logins = box.installation.data / "demo-logins"
    if logins.exists():
        say("  demo       " + logins.read_text().strip().replace("\n", "\n             "))
    say("Press Ctrl-C to stop.")


async def _demo(
    box: Box,
    say: Callable[[str], None],
    first_start: FirstStart,
    stop: asyncio.Event,
) -> None:
    work = asyncio.create_task(first_start.load(box))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait([work, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if work.done():
        if (error := work.exception()) is not None:
            say(f"The demo library could not be loaded: {error}")
    else:
        work.cancel()
        await asyncio.wait([work])


def _in_one_line(group: BaseExceptionGroup[Exception]) -> str:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return str(first) or type(first).__name__


async def _furnish(installation: Installation, cluster: Cluster) -> Mapping[str, str]:
    """Databases, roles and the newest revisions; the environment of the processes."""
    from chassis.transport.postgres import PostgresTransport

    dsns = {name: await cluster.ensure_service(name) for name in SERVICES}
    bus = await cluster.ensure_service("bus")
    transport = PostgresTransport(bus)
    await asyncio.gather(transport.open(), *(_migrate(name, dsn) for name, dsn in dsns.items()))
    await transport.close()
    await _check_connections(cluster)
    return process_environment(installation, dsns, bus)


def webhooks_near(host: str) -> dict[str, str]:
    """Whoever serves this machine alone may send webhooks to it; a setting of one's own goes before."""
    try:
        alone = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        alone = False
    named = "GATEWAY_WEBHOOK_NETWORKS"
    return {named: "127.0.0.0/8,::1/128"} if alone and named not in os.environ else {}


async def _migrate(name: str, dsn: str) -> None:
    from chassis import migrations

    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    await migrations.migrate(migrations.migrations_beside(spec.origin), dsn)


async def _check_connections(cluster: Cluster) -> None:
    """The pools of all processes stay within their share of what the server allows."""
    connection = await asyncpg.connect(cluster.dsn("postgres"))
    try:
        allowed = int(await connection.fetchval("SHOW max_connections"))
    finally:
        await connection.close()
    if allowed < 60:
        raise CannotStart(f"The database allows {allowed} connections; Carrel needs 60 or more.")


def z3950_at(port: int | None) -> tuple[str, int] | None:
    """Where the catalogue is to answer by Z39.50: on this machine alone, unless its own setting says otherwise."""
    return None if port is None else (os.environ.get("CATALOG_Z3950_HOST") or "127.0.0.1", port)


def z3950_address(host: str, port: int) -> str:
    """The same as clients say it."""
    database = os.environ.get("CATALOG_Z3950_DATABASE") or "catalog"
    return f"z3950://{f'[{host}]' if ':' in host else host}:{port}/{database}"


def _children(host: str, port: int, workers: int, *, z3950: bool = False) -> list[Child]:
    shared = ["--shared"] if workers > 1 else []
    where = ["--host", host, "--port", str(port)]
    serving = [
        Child(f"serve-{number}", [*STARTING, "carrel.serving", "--told", *where, *shared])
        for number in range(1, workers + 1)
    ]
    others = ("background", "z3950") if z3950 else ("background",)
    return [*serving, *(Child(name, [*STARTING, f"carrel.{name}", "--told"]) for name in others)]


async def _all_ready(box: Box) -> bool:
    for child in box.children:
        await child.ready.wait()
    return True


async def _until_ready(box: Box, stop: asyncio.Event) -> None:
    stopping = asyncio.create_task(stop.wait())
    ready = asyncio.create_task(_all_ready(box))
    done, _ = await asyncio.wait(
        [stopping, ready], timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED
    )
    stopping.cancel()
    if not done:
        ready.cancel()
        late = ", ".join(child.name for child in box.children if not child.ready.is_set())
        raise CannotStart(f"Not ready after {READY_SECONDS:.0f} s: {late}.")
