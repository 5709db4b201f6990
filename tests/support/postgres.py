"""A PostgreSQL for the tests, and a database of its own for each: cloned from a migrated template."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from carrel.postgres import Cluster

Migrate = Callable[[str], Awaitable[None]]


@dataclass
class TestServer:
    """A running server; databases are made and dropped through its superuser."""

    __test__ = False

    admin_dsn: str
    cluster: Cluster | None = None
    folder: Path | None = None
    _templates: set[str] = field(default_factory=set)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @classmethod
    async def start(cls) -> "TestServer":
        """The server named by CARREL_TEST_POSTGRES (a superuser's URL), else an embedded one of our own."""
        if given := os.environ.get("CARREL_TEST_POSTGRES"):
            return cls(given)
        folder = Path(tempfile.mkdtemp(prefix="carrel-test-"))
        folder.chmod(0o755)
        cluster = await Cluster.start(folder / "pg", fsync=False, settings={"max_connections": "200"})
        return cls(cluster.dsn("postgres"), cluster, folder)

    async def stop(self) -> None:
        """End it and forget everything."""
        if self.cluster is not None:
            await self.cluster.stop()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def dsn(self, database: str) -> str:
        """A database of this server, as superuser."""
        return f"{self.admin_dsn.rsplit('/', 1)[0]}/{database}"

    async def _admin(self, *statements: str) -> None:
        connection = await asyncpg.connect(self.admin_dsn)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def template(self, name: str, migrate: Migrate) -> str:
        """A migrated database to clone from, made once."""
        database = f"template_{name}_{os.getpid()}"
        if database not in self._templates:
            await self._admin(f"DROP DATABASE IF EXISTS {database}", f"CREATE DATABASE {database}")
            await migrate(self.dsn(database))
            self._templates.add(database)
        return database

    async def clone(self, template: str | None = None) -> str:
        """A fresh database, empty or like the template; its URL."""
        database = f"test_{os.getpid()}_{next(self._numbers)}"
        like = f" TEMPLATE {template}" if template else ""
        await self._admin(f"CREATE DATABASE {database}{like}")
        return self.dsn(database)

    async def drop(self, dsn: str) -> None:
        """Drop a database, whoever is still connected."""
        await self._admin(f"DROP DATABASE IF EXISTS {dsn.rsplit('/', 1)[1]} WITH (FORCE)")
