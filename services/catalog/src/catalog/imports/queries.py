"""Import jobs and their outcomes, for clients and for the worker."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.imports.rules import Outcome

_JOB = text("SELECT * FROM import_job WHERE id = :id")
_JOBS = text("""
SELECT * FROM import_job
WHERE (CAST(:before AS uuid) IS NULL OR id < :before) AND (CAST(:state AS text) IS NULL OR state = :state)
ORDER BY id DESC LIMIT :limit
""")
TROUBLE: Final = (Outcome.DUPLICATE, Outcome.DISCARDED, Outcome.REJECTED, Outcome.FAILED)
_COLUMNS = (
    "SELECT ordinal, position, control_number, outcome, title_id, reasons, "
    "original IS NOT NULL AS has_original FROM import_outcome "
)
_OUTCOMES = text(
    _COLUMNS + "WHERE import_id = :id AND ordinal > :after "
    "AND (CAST(:outcome AS text) IS NULL OR outcome = :outcome) "
    "AND (NOT :with_reasons OR reasons <> '[]') ORDER BY ordinal LIMIT :limit"
)
_TROUBLES = text(
    _COLUMNS + "WHERE import_id = :id AND ordinal > :after AND outcome = :outcome "
    "AND outcome IN ('duplicate', 'discarded', 'rejected', 'failed') "
    "AND (NOT :with_reasons OR reasons <> '[]') ORDER BY ordinal LIMIT :limit"
)
_ORIGINAL = text("SELECT original FROM import_outcome WHERE import_id = :id AND ordinal = :ordinal")


async def job(session: AsyncSession, job_id: UUID) -> Any | None:
    """An import."""
    return (await session.execute(_JOB, {"id": job_id})).first()


async def jobs(session: AsyncSession, *, before: UUID | None, state: str | None, limit: int) -> Sequence[Any]:
    """Imports, newest first."""
    return (await session.execute(_JOBS, {"before": before, "state": state, "limit": limit})).all()


async def outcomes(
    session: AsyncSession,
    job_id: UUID,
    *,
    outcome: Outcome | None,
    with_reasons: bool,
    after: int,
    limit: int,
) -> Sequence[Any]:
    """What became of each record, in the file's order."""
    asked = {"id": job_id, "outcome": outcome, "with_reasons": with_reasons, "after": after, "limit": limit}
    return (await session.execute(_TROUBLES if outcome in TROUBLE else _OUTCOMES, asked)).all()


async def original(session: AsyncSession, job_id: UUID, ordinal: int) -> bytes | None:
    """The bytes of a record that was not taken."""
    found: bytes | None = await session.scalar(_ORIGINAL, {"id": job_id, "ordinal": ordinal})
    return found


_WAITING = """
SELECT * FROM import_job WHERE state IN ('queued', 'running') AND size <= $1 ORDER BY id LIMIT 20
"""
_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtext('import'), hashtext($1))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtext('import'), hashtext($1))"
_AGAIN = "SELECT * FROM import_job WHERE id = $1 AND state IN ('queued', 'running')"


async def take(connection: asyncpg.pool.PoolConnectionProxy, *, largest: int) -> asyncpg.Record | None:
    """The oldest open job that nobody is at, locked for as long as this connection lives or gives it back."""
    for row in await connection.fetch(_WAITING, largest):
        if await connection.fetchval(_TRY_LOCK, str(row["id"])):
            if (fresh := await connection.fetchrow(_AGAIN, row["id"])) is not None:
                return fresh
            await give_back(connection, row["id"])
    return None


async def give_back(connection: asyncpg.pool.PoolConnectionProxy, job_id: UUID) -> None:
    """Let others have it."""
    await connection.execute(_UNLOCK, str(job_id))
