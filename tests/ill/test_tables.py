"""The migrated database is what the tables declare; timers run before anything is configured."""

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from ill.app import SERVICE
from ill.tables import METADATA
from support.harness import Harness

CHASSIS = ("outbox", "inbox", "idempotency", "lease", "dead_letter_verdict", "alembic_version")


async def test_the_migrated_database_equals_the_declared_tables(ill: Harness) -> None:
    engine = create_async_engine("postgresql+asyncpg://" + ill.dsn.split("://", 1)[1])

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


async def test_no_timer_fails_before_anything_is_configured(ill: Harness) -> None:
    for timer in SERVICE.timers:
        await ill.tick(timer.name)

    told = await ill.resources.pool.fetch("SELECT name, last_error FROM lease")
    assert {row["name"]: row["last_error"] for row in told} == {timer.name: None for timer in SERVICE.timers}


PAGES = {
    "/v1/ill/requests?state=sent&side=borrowing": "request",
    "/v1/ill/partners": "partner",
}


@pytest.mark.parametrize("path", PAGES)
async def test_pages_hold_each_thing_once(ill: Harness, path: str) -> None:
    await ill.resources.pool.execute("""
        INSERT INTO partner (id, name, scheme, symbol, created_at)
        SELECT gen_random_uuid(), 'Library ' || n % 7, 'ISIL', 'XX-' || n, now() FROM generate_series(1, 60) n
    """)
    await ill.resources.pool.execute("""
        INSERT INTO request (id, number, side, state, service, citation, likeness, patron_ref, offer, created_at,
            created_by, changed_at)
        SELECT gen_random_uuid(), n, 'borrowing', 'sent', 'loan', '{}', n, gen_random_uuid(), '{}', now(), 'x', now()
        FROM generate_series(1, 60) n
    """)

    seen: list[str] = []
    url: str | None = f"{path}{'&' if '?' in path else '?'}limit=25"
    while url is not None:
        answer = await ill.get(url)
        seen += [each["id"] for each in answer.json()["items"]]
        url = answer.links["next"]["url"] if answer.json()["next_cursor"] else None

    assert len(seen) == len(set(seen)) == 60
    assert (await ill.get(f"{path}{'&' if '?' in path else '?'}cursor=abc")).status_code == 422
