"""A PostgreSQL for the tests, and a database of its own for each: cloned from a migrated template."""

import itertools
import os
import secrets
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from carrel.postgres import Cluster
from support.again import Original

Migrate = Callable[[str], Awaitable[None]]

QUICK = {"wal_level": "minimal", "max_wal_senders": "0", "autovacuum": "off"}
"""What a server that nobody relies on may save."""

MEMORY_WANTED = 6 * 1024**3
"""Bytes that must be free for the servers of a run to live in memory; all of them together take a third."""


@dataclass
class TestServer:
    """A running server. Databases belong to a role without powers, as a service's own does."""

    __test__ = False

    admin_dsn: str
    cluster: Cluster | None = None
    folder: Path | None = None
    role: str = field(default_factory=lambda: f"carrel_test_{secrets.token_hex(4)}")
    """Of this run alone: several runs, and workers of one run, may share a server."""
    password: str = field(default_factory=lambda: secrets.token_hex(16))
    _templates: dict[str, Original | None] = field(default_factory=dict)
    _idle: dict[str, list[str]] = field(default_factory=dict)
    """Of each template, what tests are done with and the next ones may have."""
    _lent: dict[str, str] = field(default_factory=dict)
    """The template of each database that a test has."""
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @classmethod
    async def start(cls) -> "TestServer":
        """The server named by CARREL_TEST_POSTGRES (a superuser's URL), else an embedded one of our own."""
        if given := os.environ.get("CARREL_TEST_POSTGRES"):
            server = cls(given)
        else:
            folder = reachable_folder()
            cluster = await Cluster.start(folder / "pg", fsync=False, max_connections=300, settings=QUICK)
            server = cls(cluster.dsn("postgres"), cluster, folder)
        # A secret of this length needs no thousands of rounds at each connection.
        await server._admin(
            "SELECT set_config(name, '1', false) FROM pg_settings WHERE name = 'scram_iterations'",
            f"CREATE ROLE {server.role} LOGIN CREATEDB PASSWORD '{server.password}'",
        )
        return server

    async def stop(self) -> None:
        """End it and forget everything."""
        if self.cluster is not None:
            await self.cluster.stop("immediate")
        else:
            made = [*self._templates, *(name for idle in self._idle.values() for name in idle)]
            await self._admin(
                *(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in made), f"DROP ROLE {self.role}"
            )
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def dsn(self, database: str) -> str:
        """A database of this server, as the role that owns it."""
        told = urlsplit(self.admin_dsn)
        place = told.netloc.rpartition("@")[2]
        return urlunsplit(
            told._replace(netloc=f"{self.role}:{self.password}@{place}", path=f"/{quote(database)}")
        )

    def _admin_dsn(self, database: str) -> str:
        return urlunsplit(urlsplit(self.admin_dsn)._replace(path=f"/{quote(database)}"))

    async def _admin(self, *statements: str) -> None:
        connection = await asyncpg.connect(self.admin_dsn)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def template(self, name: str, migrate: Migrate) -> str:
        """A migrated database to clone from, made once."""
        database = f"{self.role}_{name}"
        if database not in self._templates:
            await self._admin(f"CREATE DATABASE {database} OWNER {self.role} TEMPLATE template0")
            self._templates[database] = None
            await migrate(self.dsn(database))
            connection = await asyncpg.connect(self._admin_dsn(database))
            try:
                self._templates[database] = await Original.read(connection)
            finally:
                await connection.close()
        return database

    async def lend(self, template: str | None = None) -> str:
        """A database, empty or like the template, for one test; its URL."""
        if template and (idle := self._idle.get(template)):
            database = idle.pop()
        else:
            database = f"{self.role}_{next(self._numbers)}"
            await self._admin(
                f"CREATE DATABASE {database} OWNER {self.role} TEMPLATE {template or 'template0'} "
                "STRATEGY file_copy"
            )
        if template:
            self._lent[database] = template
        return self.dsn(database)

    async def take_back(self, dsn: str) -> None:
        """The test is done with it: it is put back for the next one, or dropped, whoever is still connected."""
        database = urlsplit(dsn).path[1:]
        template = self._lent.pop(database, None)
        if template and await self._put_back(database, self._templates[template]):
            self._idle.setdefault(template, []).append(database)
        else:
            await self._admin(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    async def _put_back(self, database: str, original: Original | None) -> bool:
        if original is None:
            return False
        try:
            connection = await asyncpg.connect(self._admin_dsn(database))
        except (asyncpg.PostgresError, OSError):
            return False
        try:
            return await original.put_back(connection)
        except asyncpg.PostgresError:
            return False
        finally:
            await connection.close()


def reachable_folder(prefix: str = "carrel-") -> Path:
    """A new temporary folder with a short name that the server's account can reach, too (pytest's cannot)."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=_temporary()))
    folder.chmod(0o711)
    return folder


def _temporary() -> str:
    """Memory, where there is plenty: what tests write need not outlive the machine, and disks are slow to forget."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free >= MEMORY_WANTED
    return str(memory) if roomy else "/tmp"
