"""One embedded PostgreSQL server with its data, its socket and its passwords in one folder.

    <folder>/lock               held while it runs; says by whom and where the socket is
    <folder>/version            major version that wrote the data; there from the first complete start on
    <folder>/cluster/           data/ (PostgreSQL's own) and passwords.json (readable by the owner alone)
    <folder>/socket/, log/      the only door, and what the server says

Every role has a password of its own, asked for even on the socket: what reaches one service's database must
not reach another's. There is no TCP port.
"""

import asyncio
import contextlib
import json
import logging
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import asyncpg
import psutil

from carrel.postgres import binaries as programs
from carrel.postgres.binaries import Binaries
from carrel.postgres.locking import FolderLock
from carrel.postgres.ownership import Account, account_for
from carrel.postgres.refusals import CannotStart, NotACluster, PostgresProblem, Unreachable
from carrel.postgres.server import Server, command, environment

log = logging.getLogger(__name__)

SUPERUSER = "carrel"
PORT = 5432
"""Only names the socket file."""
LONGEST_SOCKET_PATH = 107
"""`sun_path` on Linux (macOS has 103; both leave room by the file's own name being counted)."""
PLAIN_PATH = re.compile(r"[A-Za-z0-9._+/ -]*[A-Za-z0-9._+/-]")
NAME = re.compile(r"[a-z][a-z0-9_]{0,50}")
NEVER_READY_SECONDS = 600.0
QUICK_DEATHS_ALLOWED = 5
LOCALES = ("C.UTF-8", "C")
"""Characters by Unicode where the system can, order by code point always: sorting for people is our own."""

SETTINGS: Mapping[str, str] = {
    "jit": "off",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "random_page_cost": "1.1",
    "synchronous_commit": "on",
    # A new log file costs every committing desk 10 to 40 ms of waiting for 16 MB of zeros; it is as safe without.
    "wal_init_zero": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "on",
    "log_filename": "postgresql-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    # Values of a patron's row stand in DETAIL and in the text of a failing statement.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
UNSAFE: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Cluster:
    """A running embedded server. Make one with `start`."""

    def __init__(self, folder: Path, lock: FolderLock, settings: Mapping[str, str]) -> None:
        self.folder, self.lock, self.settings = folder, lock, dict(settings)
        self.binaries: Binaries
        self.account: Account
        self.socket: Path
        self.server: Server | None = None
        self._passwords: dict[str, str] = {}
        self._borrowed: Path | None = None

    @property
    def data(self) -> Path:
        """PostgreSQL's own data folder."""
        return self.folder / "cluster" / "data"

    @property
    def log(self) -> Path:
        """The folder with the server's log."""
        return self.folder / "log"

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        if self.server is None:
            raise CannotStart("The database is not running.")
        return self.server.pid

    @classmethod
    async def start(
        cls,
        folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        max_connections: int = 100,
        fsync: bool = True,
        choice: Mapping[str, str] = os.environ,
    ) -> "Cluster":
        """Start the server of this folder, made when the folder is new, and wait until it answers.

        A `PostgresProblem` says in one line why not. `choice` is where CARREL_POSTGRES_BIN and PATH are read.
        """
        folder = folder.absolute()
        told = {**SETTINGS, "max_connections": str(max_connections), **({} if fsync else UNSAFE)}
        cluster = cls(folder, FolderLock(folder / "lock"), {**told, **(settings or {})})
        try:
            _make_folder(folder)
            await asyncio.to_thread(cluster.lock.take, cluster.data / "postmaster.pid")
        except OSError as error:
            raise Unreachable(f"{folder} cannot be used: {error.strerror}. Set CARREL_DATA.") from error
        try:
            await asyncio.to_thread(cluster._prepare, choice, fsync)
            await cluster._launch()
            await cluster._close_shared_doors()
        except OSError as error:
            await cluster.stop("immediate")
            raise Unreachable(f"{error.filename or folder} cannot be used: {error.strerror}.") from error
        except BaseException:
            await cluster.stop("immediate")
            raise
        return cluster

    def dsn(self, database: str, role: str | None = None) -> str:
        """An URL for asyncpg, SQLAlchemy and libpq; the superuser's unless a role is named."""
        user = role or SUPERUSER
        password = quote(self._passwords[user], safe="")
        return f"postgresql://{user}:{password}@/{quote(database)}?host={quote(str(self.socket), safe='')}&port={PORT}"

    async def ensure_service(self, name: str) -> str:
        """The URL of a database that only this service's role (and the superuser) can connect to."""
        role = f"carrel_{name}"
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name for a service's role")
        if role not in self._passwords:
            self._passwords[role] = secrets.token_urlsafe(24)
            self._write_passwords(self.folder / "cluster")
        connection = await asyncpg.connect(self.dsn("postgres"))
        try:
            known = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
            verb = "ALTER" if known else "CREATE"
            await connection.execute(
                f"{verb} ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '{self._passwords[role]}'"
            )
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", role):
                await connection.execute(f"CREATE DATABASE {role} OWNER {role} TEMPLATE template0")
            await connection.execute(f"REVOKE ALL ON DATABASE {role} FROM PUBLIC")
        finally:
            await connection.close()
        return self.dsn(role, role)

    async def keep(self, stop: asyncio.Event) -> None:
        """Start the server again whenever it ends by itself, until told to stop. `CannotStart` when in vain."""
        quick = 0
        while not stop.is_set() and self.server is not None:
            began = time.monotonic()
            ended = asyncio.create_task(self.server.wait())
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait([ended, stopping], return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if stop.is_set() or self.server is None:
                ended.cancel()
                return
            quick = quick + 1 if time.monotonic() - began < 5 else 0
            if quick > QUICK_DEATHS_ALLOWED:
                raise CannotStart(f"The database ends right after its start: {self._last_words()}")
            log.error("the database ended; starting it again", extra={"code": ended.result()})
            await self._launch()

    async def stop(self, mode: str = "fast") -> None:
        """End the server (smart, fast or immediate) and let go of the folder."""
        server, self.server = self.server, None
        if server is not None:
            await server.stop(mode)
        if self._borrowed is not None:
            shutil.rmtree(self._borrowed, ignore_errors=True)
        if self.lock.descriptor >= 0:
            self.lock.release()

    def _prepare(self, choice: Mapping[str, str], fsync: bool) -> None:
        """Everything up to the start: whose it is, which programs, the data itself, the doors."""
        major = self._recorded_major()
        self.binaries = programs.choose(major, choice)
        self.account = account_for(self.data)
        self.account.needs(self.folder)
        self.binaries = self.binaries.within_reach(self.account, self.folder / "binaries")
        for place in (self.log, self.folder / "socket"):
            place.mkdir(exist_ok=True)
            self.account.give(place, 0o700)
        if major is None:
            self._create(fsync)
        if not (self.folder / "version").exists():
            _write_whole(self.folder / "version", f"{self.binaries.major}\n")
        self._passwords = json.loads((self.folder / "cluster" / "passwords.json").read_text())
        self._forget_stale_pid()
        self.socket = self._choose_socket()
        self.lock.note(socket=str(self.socket))

    def _recorded_major(self) -> int | None:
        """The version of the data; None when the folder is new. Data that is missing is not a new folder."""
        if (self.data / "PG_VERSION").exists():
            return int((self.data / "PG_VERSION").read_text())
        strange = {file.name for file in self.folder.iterdir()} - {
            "lock",
            "cluster.new",
            "log",
            "socket",
            "binaries",
        }
        if strange:
            raise NotACluster(
                f"{self.folder} is not empty ({', '.join(sorted(strange)[:3])}) but its database is not there. "
                f"Put the data back (is a disk missing?) or choose an empty data folder."
            )
        return None

    def _create(self, fsync: bool) -> None:
        """A new database cluster; it gets its name only when it is complete."""
        fresh = self.folder / "cluster.new"
        if fresh.exists():
            shutil.rmtree(fresh)
        fresh.mkdir(mode=0o711)
        self._passwords = {SUPERUSER: secrets.token_urlsafe(24)}
        self._write_passwords(fresh)
        for locale in LOCALES:
            said = self._initdb(fresh, locale, fsync)
            if said is None:
                break
        else:
            raise CannotStart(f"The database could not be made: {said}")
        fresh.rename(self.folder / "cluster")
        _sync(self.folder)

    def _initdb(self, fresh: Path, locale: str, fsync: bool) -> str | None:
        """Make the data; None, or what initdb said instead."""
        data, secret = fresh / "data", fresh / "secret"
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir()
        self.account.give(data, 0o700)
        secret.touch(0o600)
        secret.write_text(self._passwords[SUPERUSER])
        self.account.give(secret, 0o600)
        told: list[str | Path] = [
            self.binaries.program("initdb"),
            f"--pgdata={data}",
            f"--username={SUPERUSER}",
        ]
        told += [f"--pwfile={secret}", "--auth=scram-sha-256", "--encoding=UTF8", f"--locale={locale}"]
        told += ["--data-checksums", "--text-search-config=simple"]
        if self.binaries.major >= 17:
            told += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if not fsync:
            told += ["--no-sync"]
        made = subprocess.run(
            command(self.account, told), capture_output=True, text=True, env=environment(), check=False
        )
        secret.unlink()
        if made.returncode == 0:
            return None
        return (made.stderr.strip() or made.stdout.strip() or f"initdb ended with {made.returncode}")[-500:]

    def _write_passwords(self, place: Path) -> None:
        _write_whole(place / "passwords.json", json.dumps(self._passwords, indent=1), owner_of=place)

    def _forget_stale_pid(self) -> None:
        """Remove the pid file of a server that was killed; PostgreSQL trusts any process of that number.

        We hold the lock, which every server of ours inherits, so only one started by other means counts.
        """
        file = self.data / "postmaster.pid"
        try:
            pid = int(file.read_text().split("\n")[0])
        except (OSError, ValueError):
            file.unlink(missing_ok=True)
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            try:
                place: str | None = process.cwd()
            except psutil.AccessDenied:
                place = None
            if "postgres" in process.name() and (place is None or Path(place) == self.data.resolve()):
                raise CannotStart(
                    f"A server not started by carrel (process {pid}) uses {self.data}. Stop it first."
                )
        file.unlink()

    def _choose_socket(self) -> Path:
        """The folder of the socket: with the data, else a short private one."""
        left = self.folder / "borrowed-socket"
        if left.exists():
            before = Path(left.read_text())
            if before.is_dir() and not before.is_symlink() and before.stat().st_uid == self.account.uid:
                shutil.rmtree(before, ignore_errors=True)
            left.unlink()
        beside = self.folder / "socket"
        if len(os.fsencode(beside / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET_PATH - 4 and PLAIN_PATH.fullmatch(
            str(beside)
        ):
            return beside
        self._borrowed = Path(tempfile.mkdtemp(prefix="carrel-", dir="/tmp"))
        self.account.give(self._borrowed, 0o700)
        left.write_text(str(self._borrowed))
        return self._borrowed

    async def _launch(self) -> None:
        """Start the postmaster and wait until it answers; recovery after a crash takes what it takes."""
        told: list[str | Path] = [self.binaries.program("postgres"), "-D", self.data, "-p", str(PORT)]
        settings = {
            **self.settings,
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket),
            "unix_socket_permissions": "0700",
            "log_directory": str(self.log),
        }
        if self.binaries.major >= 16:
            # Our passwords are 24 random bytes: stretching them would only slow each connection down.
            settings["scram_iterations"] = "1"
        for name, value in settings.items():
            told += ["-c", f"{name}={value}"]
        until = time.monotonic() + NEVER_READY_SECONDS
        while True:
            words = self.log / "start.log"
            self.server = Server(command(self.account, told), words=words, lock=self.lock.descriptor)
            if await self._answers(self.server, until):
                return
            # The children of a postmaster that was killed need a moment to notice.
            if "shared memory" not in self._last_words() or time.monotonic() > until:
                raise CannotStart(f"The database did not start: {self._last_words()}")
            await asyncio.sleep(0.2)

    async def _answers(self, server: Server, until: float) -> bool:
        """Wait until somebody can connect; False when the server ended instead."""
        while not server.ended.done():
            try:
                connection = await asyncpg.connect(self.dsn("postgres"), timeout=10)
            except (
                OSError,
                TimeoutError,
                asyncpg.CannotConnectNowError,
                asyncpg.ConnectionDoesNotExistError,
            ):
                if time.monotonic() > until:
                    raise CannotStart(f"The database does not answer: {self._last_words()}") from None
                await asyncio.sleep(0.02)
            else:
                await connection.close()
                return True
        return False

    def _last_words(self) -> str:
        """The end of what the server said, on one line."""
        said = ""
        for file in sorted(self.log.glob("*.log"), key=lambda file: file.stat().st_mtime)[-2:]:
            said += file.read_text(errors="replace")[-2000:] + "\n"
        lines = [line for line in said.splitlines() if "FATAL" in line or "PANIC" in line or "ERROR" in line]
        return " / ".join((lines or said.strip().splitlines() or ["it said nothing"])[-3:])

    async def _close_shared_doors(self) -> None:
        """Nobody but the superuser connects to the databases that every cluster has."""
        connection = await asyncpg.connect(self.dsn("postgres"))
        try:
            open_ones = await connection.fetch(
                "SELECT datname FROM pg_database WHERE datname IN ('postgres', 'template1') AND (datacl IS NULL "
                "OR EXISTS (SELECT FROM aclexplode(datacl) WHERE grantee = 0 AND privilege_type = 'CONNECT'))"
            )
            for row in open_ones:
                await connection.execute(f"REVOKE ALL ON DATABASE {row['datname']} FROM PUBLIC")
        finally:
            await connection.close()


def _make_folder(folder: Path) -> None:
    """Make what is missing on the way: closed to others, but for root searchable by the server's account."""
    for place in (*reversed(folder.parents), folder):
        with contextlib.suppress(FileExistsError):
            if not place.exists():
                place.mkdir()
                place.chmod(0o711 if os.geteuid() == 0 else 0o700)


def _write_whole(file: Path, text: str, *, owner_of: Path | None = None) -> None:
    """Replace a file by a complete new one that only its owner reads."""
    handle, half = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(handle, "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
        if owner_of is not None and os.geteuid() == 0:
            kept = owner_of.stat()
            os.fchown(out.fileno(), kept.st_uid, kept.st_gid)
    Path(half).replace(file)
    _sync(file.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


__all__ = ["SUPERUSER", "Cluster", "PostgresProblem"]
