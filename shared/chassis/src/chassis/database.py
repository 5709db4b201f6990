"""A service's own PostgreSQL: a pool for the busy paths, sessions for ordinary work."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from chassis import precedence, tracing

log = logging.getLogger(__name__)

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
"""A connection from the pool, in a transaction where a handler gets it."""

Sessions = async_sessionmaker[AsyncSession]

STATEMENT_TIMEOUT_MS = 30_000
LOCK_TIMEOUT_MS = 5_000
"""How long a duplicate in flight, or anybody behind a row lock, waits before it is told to try again."""


async def _prepare(connection: asyncpg.Connection) -> None:
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(
            kind, encoder=lambda told: orjson.dumps(told).decode(), decoder=orjson.loads, schema="pg_catalog"
        )
    if tracing.on():
        tracing.watch_connection(connection)


async def _as_it_is(connection: asyncpg.Connection) -> None:
    """Nothing to reset: the pool rolls back what is open, and whoever locks or listens lets go by themselves.

    (The default asks the server at each release: a third round trip for whatever takes two.)
    """


@asynccontextmanager
async def open_pool(
    dsn: str,
    *,
    size: int,
    name: str,
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
    niceness: int = 0,
) -> AsyncIterator[asyncpg.Pool]:
    """A pool of plain asyncpg connections; json columns read and write Python values.

    With a niceness the server's processes behind it come behind others (`precedence`).
    """

    async def prepare(connection: asyncpg.Connection) -> None:
        await _prepare(connection)
        if niceness:
            precedence.step_back_with(connection, niceness)

    pool = await asyncpg.create_pool(
        dsn.replace("postgresql+asyncpg://", "postgresql://"),
        min_size=1,
        max_size=size,
        init=prepare,
        reset=_as_it_is,
        server_settings={
            "application_name": name,
            "statement_timeout": str(statement_timeout_ms),
            "lock_timeout": str(LOCK_TIMEOUT_MS),
            "timezone": "UTC",
        },
    )
    try:
        yield pool
    finally:
        await pool.close()


def make_engine(dsn: str, *, size: int, name: str) -> AsyncEngine:
    """SQLAlchemy's engine over the same database."""
    engine = create_async_engine(
        "postgresql+asyncpg://" + dsn.split("://", 1)[1],
        pool_size=size,
        max_overflow=0,
        pool_timeout=10,
        hide_parameters=True,
        json_serializer=lambda told: orjson.dumps(told).decode(),
        json_deserializer=orjson.loads,
        connect_args={
            "server_settings": {
                "application_name": name,
                "statement_timeout": str(STATEMENT_TIMEOUT_MS),
                "lock_timeout": str(LOCK_TIMEOUT_MS),
                "timezone": "UTC",
            }
        },
    )
    if tracing.on():
        tracing.watch_engine(engine)
    return engine


def make_sessions(engine: AsyncEngine) -> Sessions:
    """The one session class: SQLAlchemy's own, nothing expires, nothing loads by itself."""
    return async_sessionmaker(engine, expire_on_commit=False)


def rows_affected(status: str) -> int:
    """The count in a command tag such as `UPDATE 3`."""
    return int(status.rsplit(" ", 1)[-1])


def plain(record: asyncpg.Record) -> dict[str, Any]:
    """A row as keyword arguments."""
    return dict(record.items())
