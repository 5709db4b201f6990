"""A RabbitMQ to work with: the one at AMQP_URL, else a private node of our own, which can be stopped.

The private node touches nothing of the system's broker: own name, ports, port mapper, cookie and folders,
under whoever runs it. It is made for `carrel cluster` on one machine and for the tests; production brings
its own. Virtual hosts are made when the node starts, so that every test has one nobody has used.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from carrel.processes import die_with_parent

VHOSTS = 64
"""Made when the node starts: making one later takes the control tool more than a second."""
START_SECONDS = 120.0
STOP_SECONDS = 60.0
HELLO = b"AMQP\x00\x00\x09\x01"


def program() -> Path | None:
    """The start script of an installed RabbitMQ; the one on PATH insists on the system's own account."""
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    found += sorted(Path("/opt/homebrew/opt/rabbitmq").glob("sbin/rabbitmq-server"))
    return found[-1] if found and shutil.which("epmd") else None


class BrokerProblem(Exception):
    """The broker cannot be had, or does not start; the message says why in one line."""


class NotOurs(BrokerProblem):
    """The broker at AMQP_URL is somebody else's to stop."""


@dataclass
class Broker:
    """A broker, given or our own."""

    given: str | None = None
    """AMQP_URL: somebody else's broker, to be used but not stopped."""
    folder: Path | None = None
    port: int = 0
    password: str = field(default_factory=lambda: secrets.token_hex(8))
    _node: "subprocess.Popen[bytes] | None" = None
    _mapper: "subprocess.Popen[bytes] | None" = None
    _mapper_port: int = 0
    _used: int = 0

    @classmethod
    def find(cls) -> Self:
        """The given broker, else a private one, started."""
        if given := os.environ.get("AMQP_URL"):
            return cls(given)
        if program() is None:
            raise BrokerProblem("RabbitMQ is not here: set AMQP_URL, or install rabbitmq-server.")
        broker = cls(folder=Path(tempfile.mkdtemp(prefix="carrel-rabbit-", dir="/tmp")))
        broker._prepare()
        try:
            broker.start()
        except BaseException:
            broker.close()
            raise
        return broker

    def url(self) -> str:
        """A virtual host nobody has used. (A given broker has one for all.)"""
        if self.given is not None:
            return self.given
        self._used += 1
        if self._used > VHOSTS:
            raise LookupError(f"more than {VHOSTS} virtual hosts are wanted: raise VHOSTS")
        return f"amqp://carrel:{self.password}@127.0.0.1:{self.port}/test{self._used}"

    def start(self) -> None:
        """Start the node, or start it again, and wait until it speaks."""
        self._must_be_ours()
        script = program()
        assert script is not None
        assert self.folder is not None
        with (self.folder / "said.log").open("ab") as words:
            self._node = subprocess.Popen(
                [script],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                cwd=self.folder,
                preexec_fn=die_with_parent,
                start_new_session=True,
            )
        until = time.monotonic() + START_SECONDS
        while not self.speaks():
            if self._node.poll() is not None or time.monotonic() > until:
                said = (self.folder / "said.log").read_text(errors="replace")[-1500:]
                raise BrokerProblem(f"RabbitMQ did not start: {said}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Shut the node down in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the node as a power cut would end its process."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """End everything that was started and forget it."""
        if self.folder is None:
            return
        self._end(signal.SIGKILL)
        if self._mapper is not None:
            self._mapper.kill()
            self._mapper.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def speaks(self) -> bool:
        """Whether somebody speaking AMQP answers at the port."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
                line.sendall(HELLO)
                return line.recv(1) == b"\x01"
        except OSError:
            return False

    def _must_be_ours(self) -> None:
        if self.given is not None:
            raise NotOurs("The broker at AMQP_URL is not ours to stop.")

    def _end(self, with_signal: signal.Signals) -> None:
        self._must_be_ours()
        if self._node is None or self._node.poll() is not None:
            return
        self._node.send_signal(with_signal)
        try:
            self._node.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._node.kill()
            self._node.wait()

    def _prepare(self) -> None:
        """What the node finds when it starts: ports, an account, virtual hosts, and a port mapper."""
        assert self.folder is not None
        self.port, self._mapper_port = _free_ports(2)
        names = ["/", *(f"test{number}" for number in range(1, VHOSTS + 1))]
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        definitions = {
            "users": [{"name": "carrel", "password": self.password, "tags": ["administrator"]}],
            "vhosts": [{"name": name} for name in names],
            "permissions": [{"user": "carrel", "vhost": name, **everything} for name in names],
        }
        (self.folder / "definitions.json").write_text(json.dumps(definitions))
        (self.folder / "rabbitmq.conf").write_text(
            f"load_definitions = {self.folder / 'definitions.json'}\n"
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            "disk_free_limit.absolute = 50MB\n"
            "log.console = true\n"
            "log.console.level = warning\n"
            "log.file = false\n"
        )
        (self.folder / "plugins").write_text("[].\n")
        # Left to itself the node would start the port mapper as a daemon that outlives everybody.
        self._mapper = subprocess.Popen(
            ["epmd", "-port", str(self._mapper_port), "-address", "127.0.0.1"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
            start_new_session=True,
        )

    def _environment(self) -> dict[str, str]:
        assert self.folder is not None
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))
        }
        return {
            **kept,
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"carrel{self.port}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(_free_ports(1)[0]),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            # Become the node rather than wait for it in a shell, so that our signals and our end reach it.
            "RUNNING_UNDER_SYSTEMD": "true",
        }


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
