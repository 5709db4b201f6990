"""The migrated database is what the tables declare; timers run before anything is configured."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from erm.tables import METADATA
from support.harness import Harness

CHASSIS = ("outbox", "inbox", "idempotency", "lease", "dead_letter_verdict", "alembic_version")


async def test_the_migrated_database_equals_the_declared_tables(erm: Harness) -> None:
    engine = create_async_engine("postgresql+asyncpg://" + erm.dsn.split("://", 1)[1])

    def compared(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": False,
                "include_name": lambda name, kind, _: kind != "table" or not str(name).startswith(CHASSIS),
            },
        )
        return list(compare_metadata(context, METADATA))

    async with engine.connect() as connection:
        differences = await connection.run_sync(compared)
    await engine.dispose()

    assert differences == []
