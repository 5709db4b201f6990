"""`carrel cluster`: the process list of compose.yaml on this machine, without containers.

Command, environment, order and health checks are read from compose.yaml. What a container network would do
is done here: hosts become ports of this machine, databases and the broker are an embedded PostgreSQL and a
private RabbitMQ (or the ones at CARREL_TEST_POSTGRES and AMQP_URL), volumes are folders.
"""

import asyncio
import contextlib
import os
import re
import shlex
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from carrel.installation import Installation
from carrel.postgres import Cluster
from carrel.processes import die_with_parent, port_in_use
from carrel.rabbitmq import Broker

COMPOSE = Path(__file__).resolve().parents[4] / "compose.yaml"
OUTSIDE = ("postgres", "rabbitmq")
"""Services of compose.yaml that are not ours to run as such."""
HEALTHY_SECONDS = 90.0
DRAIN_SECONDS = 35.0
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


class ClusterProblem(Exception):
    """Why the cluster does not start, in one line."""


@dataclass(slots=True)
class Member:
    """One process of the list."""

    name: str
    command: list[str]
    env: dict[str, str]
    health: list[str] | None
    after: dict[str, str]
    log: Path
    process: asyncio.subprocess.Process | None = None

    @property
    def once(self) -> bool:
        """Runs to its end: a migration."""
        return self.health is None

    async def start(self) -> None:
        """Start it; its words go to its log."""
        with self.log.open("ab") as out:
            self.process = await asyncio.create_subprocess_exec(
                *self.command,
                env={**os.environ, **self.env},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                preexec_fn=die_with_parent,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it as a fault would."""
        if self.running:
            assert self.process is not None
            self.process.kill()

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self.process is not None and self.process.returncode is None

    async def stop(self) -> None:
        """Ask it to finish."""
        if not self.running:
            return
        assert self.process is not None
        self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), DRAIN_SECONDS)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    async def healthy(self, seconds: float = HEALTHY_SECONDS) -> None:
        """Wait for its health check to pass; for one that runs once, for its good end."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while loop.time() < until:
            if self.once:
                assert self.process is not None
                code = await asyncio.wait_for(self.process.wait(), max(until - loop.time(), 0.1))
                if code:
                    raise ClusterProblem(f"{self.name} failed:\n{_tail(self.log)}")
                return
            if not self.running:
                raise ClusterProblem(f"{self.name} ended:\n{_tail(self.log)}")
            assert self.health is not None
            if (
                not await self._listens()
            ):  # a check is a process; twenty that ask in vain hold up what they ask for
                await asyncio.sleep(0.1)
                continue
            check = await asyncio.create_subprocess_exec(
                *self.health, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
            )
            if await check.wait() == 0:
                return
            await asyncio.sleep(0.2)
        raise ClusterProblem(f"{self.name} is not healthy after {seconds:.0f} s:\n{_tail(self.log)}")

    async def _listens(self) -> bool:
        """Whether somebody is at the address that the health check asks; of a check without one, nobody knows."""
        told = urlsplit(self.health[-1]) if self.health else urlsplit("")
        if not told.hostname or not told.port:
            return True
        try:
            _, writer = await asyncio.open_connection(told.hostname, told.port)
        except OSError:
            return False
        writer.close()
        return True


@dataclass(slots=True)
class Distributed:
    """The running list."""

    members: dict[str, Member]
    url: str
    admin_key: str
    dsns: dict[str, str]
    broker: Broker
    folder: Path
    ports: dict[str, int] = field(default_factory=dict)

    async def start(self) -> None:
        """Start every member, those that it waits for first."""
        started: dict[str, asyncio.Task[None]] = {}

        async def go(member: Member) -> None:
            for name in member.after:
                if name in self.members:
                    await started[name]
            await member.start()
            await member.healthy()

        for member in _ordered(self.members):
            started[member.name] = asyncio.create_task(go(member))
        try:
            await asyncio.gather(*started.values())
        except BaseException:
            for task in started.values():
                task.cancel()
            await self.stop()
            raise

    async def stop(self) -> None:
        """Drain everything, last first."""
        for member in reversed(_ordered(self.members)):
            await member.stop()

    @property
    def lasting(self) -> list[Member]:
        """Members that stay."""
        return [member for member in self.members.values() if not member.once]


def _ordered(members: Mapping[str, Member]) -> list[Member]:
    """Each after those that it waits for."""
    told: dict[str, Member] = {}

    def visit(member: Member) -> None:
        if member.name in told:
            return
        for name in member.after:
            if name in members:
                visit(members[name])
        told[member.name] = member

    for member in members.values():
        visit(member)
    return list(told.values())


@contextlib.asynccontextmanager
async def distributed(
    installation: Installation, *, gateway_port: int | None = None, broker: Broker | None = None
) -> AsyncIterator[Distributed]:
    """PostgreSQL, RabbitMQ and the list, made ready; `start()` starts the list."""
    installation.prepare()
    database = await Cluster.start(installation.cluster, max_connections=300)
    rabbit: Broker | None = broker
    try:
        # Not in a thread: the node is bound to the life of the thread that starts it.
        rabbit = broker if broker is not None else Broker.find()
        made = await _made(installation, database, rabbit, gateway_port)
        try:
            yield made
        finally:
            await made.stop()
    finally:
        if broker is None and rabbit is not None:
            rabbit.close()
        await database.stop()


async def _made(
    installation: Installation, database: Cluster, broker: Broker, gateway_port: int | None
) -> Distributed:
    listed = ours(COMPOSE.read_text(), os.environ.get("COMPOSE_PROFILES", "").split(","))
    ports = {name: _free_port() for name in listed}
    if gateway_port is not None:
        ports["gateway"] = gateway_port
    services = sorted({each["command"][2] for each in listed.values()})
    here = Here(
        dsns={name: await database.ensure_service(name) for name in services},
        amqp=broker.url(),
        ports=ports,
        health_ports={name: _free_port() for name in listed},
        secrets={
            "ERM_SEALING_KEY": installation.secret("erm-sealing"),
            "ILL_SEALING_KEY": installation.secret("ill-sealing"),
            "GATEWAY_SEALING_KEY": installation.secret("sealing"),
            "GATEWAY_ADMIN_KEY": installation.secret("admin"),
        },
        files=installation.files,
        logs=installation.logs,
    )
    return Distributed(
        members_of(listed, here),
        f"http://127.0.0.1:{ports['gateway']}",
        here.secrets["GATEWAY_ADMIN_KEY"],
        here.dsns,
        broker,
        installation.data,
        ports,
    )


@dataclass(frozen=True, slots=True)
class Here:
    """What stands on this machine for the container network, its databases, broker, secrets and volumes."""

    dsns: dict[str, str]
    amqp: str
    ports: dict[str, int]
    health_ports: dict[str, int]
    secrets: dict[str, str]
    files: Path
    logs: Path

    def value(self, name: str, service: str, variable: str, told: str) -> str:
        """A variable's value as it is here."""
        told = _filled_in(told, self.secrets)
        if variable.endswith("_DATABASE_URL"):
            return self.dsns[service]
        if variable.endswith("_TRANSPORT_URL"):
            return self.amqp
        if variable.endswith("_HOST"):
            return "127.0.0.1"
        if variable.endswith("_PORT"):
            return str(self.ports[name])
        if variable.endswith("_DATA_DIR"):
            return str(self.files)
        return re.sub(
            r"http://([a-z-]+):8000",
            lambda found: f"http://127.0.0.1:{self.ports[found[1]]}" if found[1] in self.ports else found[0],
            told,
        )

    def words(self, name: str, command: list[str]) -> list[str]:
        """A command as it is here: the Python that runs us, and our ports."""
        return _ours([_local_port(part, self.ports[name], self.health_ports[name]) for part in command])


def ours(compose: str, profiles: Collection[str] = ()) -> dict[str, Any]:
    """The services of compose.yaml that are processes of ours; of those with a profile, what these profiles have."""
    return {
        name: each
        for name, each in yaml.safe_load(compose)["services"].items()
        if name not in OUTSIDE and ("profiles" not in each or set(each["profiles"]) & set(profiles))
    }


def members_of(listed: Mapping[str, Any], here: Here) -> dict[str, Member]:
    """The list as processes of this machine."""
    members = {}
    for name, each in listed.items():
        service = each["command"][2]
        check = each.get("healthcheck", {}).get("test")
        environment = {
            variable: here.value(name, service, variable, str(told))
            for variable, told in each["environment"].items()
        }
        members[name] = Member(
            name,
            here.words(name, each["command"]),
            environment,
            here.words(name, check[1:]) if check else None,
            {after: how["condition"] for after, how in each.get("depends_on", {}).items()},
            here.logs / f"{name}.log",
        )
    return members


def _ours(command: list[str]) -> list[str]:
    """`python` is the one that runs us."""
    return [sys.executable, *command[1:]] if command[0] == "python" else command


def _local_port(part: str, port: int, health_port: int) -> str:
    """The container's ports as ours."""
    if part == "8001":
        return str(health_port)
    return part.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace(
        "127.0.0.1:8001", f"127.0.0.1:{health_port}"
    )


def _filled_in(value: str, known: Mapping[str, str]) -> str:
    """Compose's `${NAME:-default}` and `${NAME:?message}`."""

    def fill(found: re.Match[str]) -> str:
        name, how, rest = found.groups()
        if name in known:
            return known[name]
        if name in os.environ:
            return os.environ[name]
        if how == "?":
            raise ClusterProblem(f"{name} is not set: {rest}")
        return rest or ""

    return _VARIABLE.sub(fill, value)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _tail(log: Path) -> str:
    with contextlib.suppress(OSError):
        return log.read_text(errors="replace")[-1500:]
    return ""


async def run(installation: Installation, *, port: int, say: Callable[[str], None]) -> None:
    """Start the list and keep it until told to stop."""
    stop = asyncio.Event()
    for told in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(told, stop.set)
    if (reason := port_in_use("127.0.0.1", port)) is not None:
        raise ClusterProblem(reason)
    async with distributed(installation, gateway_port=port) as cluster:
        await cluster.start()
        installation.address_file.write_text(cluster.url)
        say(
            f"{len(cluster.lasting)} processes on PostgreSQL and RabbitMQ; the gateway answers at {cluster.url}"
        )
        for member in cluster.lasting:
            assert member.process is not None
            say(f"  {member.process.pid:>7}  {member.name:<20} {shlex.join(member.command[1:])}")
        say(
            f"Operate it with CARREL_DATA={shlex.quote(str(installation.data))} carrel status (token, doctor, …)."
        )
        say(f"Logs: {installation.logs}. Press Ctrl-C to stop.")
        await stop.wait()
        say("Stopping …")
    with contextlib.suppress(FileNotFoundError):
        installation.address_file.unlink()
