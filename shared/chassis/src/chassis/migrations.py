"""Migrations: forward only, while the previous release serves; Alembic is loaded only when there is work."""

import asyncio
import re
import threading
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import MetaData

_one_at_a_time = threading.Lock()
"""Alembic keeps what it is at in module globals: two upgrades in one process would mix."""

LOCK = "SELECT pg_advisory_lock(hashtext('carrel migrations'))"


def migrations_beside(package_file: str) -> Path:
    """The migrations of a package: inside it when installed, beside `src` in a working copy."""
    here = Path(package_file).resolve().parent
    inside = here / "migrations"
    return inside if inside.is_dir() else here.parents[1] / "migrations"


def head(migrations: Path) -> str | None:
    """The newest revision, read from the files' names and heads without loading Alembic."""
    revisions: dict[str, str | None] = {}
    for file in (migrations / "versions").glob("*.py"):
        source = file.read_text()
        revision = re.search(r'^revision(?:: str)? = "([^"]+)"', source, re.MULTILINE)
        before = re.search(r'^down_revision(?:: [^=]+)? = (?:"([^"]+)"|None)', source, re.MULTILINE)
        if revision and revision[1] in revisions:
            raise ValueError(f"two migrations in {migrations} are called {revision[1]}")
        if revision:
            revisions[revision[1]] = before[1] if before else None
    newest = set(revisions) - set(revisions.values())
    if len(newest) > 1:
        raise ValueError(f"several heads in {migrations}: {sorted(newest)}")
    return newest.pop() if newest else None


async def migrate(migrations: Path, dsn: str) -> bool:
    """Bring a database to the newest revision; whether there was anything to do. Racers take turns."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(LOCK)
        if await current(connection) == head(migrations):
            return False
        await asyncio.to_thread(_upgrade, migrations, dsn)
        return True
    finally:
        await connection.close()


async def current(connection: asyncpg.Connection) -> str | None:
    """The revision that a database is at."""
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return found


def _upgrade(migrations: Path, dsn: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.attributes["dsn"] = dsn
    with _one_at_a_time:
        command.upgrade(config, "head")


def run(metadata: MetaData) -> None:
    """What a service's `migrations/env.py` calls."""
    import os

    from alembic import context
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    dsn = context.config.attributes.get("dsn") or os.environ["DATABASE_URL"]

    def upgrade(connection: Any) -> None:
        context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()

    async def go() -> None:
        engine = create_async_engine(
            "postgresql+asyncpg://" + dsn.split("://", 1)[1],
            poolclass=NullPool,
            connect_args={"server_settings": {"lock_timeout": "5s"}},
        )
        async with engine.connect() as connection:
            await connection.run_sync(upgrade)
            await connection.commit()
        await engine.dispose()

    asyncio.run(go())


def script(sql: str) -> None:
    """Run a script of several statements inside a migration; statements end with `;` at a line's end."""
    from alembic import op

    for statement in re.split(r";[ \t]*\n", sql):
        if statement.strip():
            op.execute(statement.strip().rstrip(";"))


def concurrently(name: str, on: str, *, unique: bool = False) -> None:
    """Build an index while others write: alone in its migration, for it stands outside of any transaction.

    A build that failed leaves an index of no use behind; it is dropped first, so that the migration can be run
    again. It waits for whoever writes to the table without stopping anybody, so the time to wait for a lock does
    not count here.
    """
    from alembic import op

    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute(f"CREATE {'UNIQUE ' if unique else ''}INDEX CONCURRENTLY {name} {on}")
        op.execute("RESET lock_timeout")
