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

Migrate = Callable[[str], Awaitable[None]]


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
    _templates: set[str] = field(default_factory=set)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @classmethod
    async def start(cls) -> "TestServer":
        """The server named by CARREL_TEST_POSTGRES (a superuser's URL), else an embedded one of our own."""
        if given := os.environ.get("CARREL_TEST_POSTGRES"):
            server = cls(given)
        else:
            folder = reachable_folder()
            cluster = await Cluster.start(folder / "pg", fsync=False, max_connections=300)
            server = cls(cluster.dsn("postgres"), cluster, folder)
        await server._admin(f"CREATE ROLE {server.role} LOGIN CREATEDB PASSWORD '{server.password}'")
        return server

    async def stop(self) -> None:
        """End it and forget everything."""
        if self.cluster is not None:
            await self.cluster.stop("immediate")
        else:
            for template in self._templates:
                await self._admin(f"DROP DATABASE IF EXISTS {template} WITH (FORCE)")
            await self._admin(f"DROP ROLE {self.role}")
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def dsn(self, database: str) -> str:
        """A database of this server, as the role that owns it."""
        told = urlsplit(self.admin_dsn)
        place = told.netloc.rpartition("@")[2]
        return urlunsplit(
            told._replace(netloc=f"{self.role}:{self.password}@{place}", path=f"/{quote(database)}")
        )

    async def _admin(self, statement: str) -> None:
        connection = await asyncpg.connect(self.admin_dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def template(self, name: str, migrate: Migrate) -> str:
        """A migrated database to clone from, made once."""
        database = f"{self.role}_{name}"
        if database not in self._templates:
            await self._admin(f"CREATE DATABASE {database} OWNER {self.role} TEMPLATE template0")
            self._templates.add(database)
            await migrate(self.dsn(database))
        return database

    async def clone(self, template: str | None = None) -> str:
        """A fresh database, empty or like the template; its URL."""
        database = f"{self.role}_{next(self._numbers)}"
        await self._admin(f"CREATE DATABASE {database} OWNER {self.role} TEMPLATE {template or 'template0'}")
        return self.dsn(database)

    async def drop(self, dsn: str) -> None:
        """Drop a database, whoever is still connected."""
        await self._admin(f"DROP DATABASE IF EXISTS {urlsplit(dsn).path[1:]} WITH (FORCE)")


def reachable_folder() -> Path:
    """A new temporary folder with a short name that the server's account can reach, too (pytest's cannot)."""
    folder = Path(tempfile.mkdtemp(prefix="carrel-", dir="/tmp"))
    folder.chmod(0o711)
    return folder
