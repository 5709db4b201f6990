"""The migrated database is what the tables declare; timers run before anything is configured."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

import gateway.budgets.tables
import gateway.consents.tables
import gateway.lti.tables  # noqa: F401 - declares tables that statements alone use
from gateway.app import SERVICE
from gateway.tables import Table
from support.front import Front

CHASSIS = ("outbox", "inbox", "idempotency", "lease", "dead_letter_verdict", "alembic_version")


async def test_the_migrated_database_equals_the_declared_tables(gateway: Front) -> None:
    engine = create_async_engine("postgresql+asyncpg://" + gateway.dsn.split("://", 1)[1])

    def compared(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": False,
                "include_name": lambda name, kind, _: kind != "table" or not str(name).startswith(CHASSIS),
            },
        )
        return list(compare_metadata(context, Table.metadata))

    async with engine.connect() as connection:
        differences = await connection.run_sync(compared)
    await engine.dispose()

    assert differences == []


async def test_no_timer_fails_before_anything_is_configured(gateway: Front) -> None:
    for timer in SERVICE.timers:
        await gateway.tick(timer.name)

    told = await gateway.resources.pool.fetch("SELECT name, last_error FROM lease")
    assert {row["name"]: row["last_error"] for row in told} == {timer.name: None for timer in SERVICE.timers}
