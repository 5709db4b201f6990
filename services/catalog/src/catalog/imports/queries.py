"""Import jobs and their outcomes, for clients and for the worker."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.imports.rules import KEEPING, Outcome

_JOB = text("SELECT * FROM import_job WHERE id = :id")
_JOBS = text("""
SELECT * FROM import_job
WHERE (CAST(:before AS uuid) IS NULL OR id < :before) AND (CAST(:state AS text) IS NULL OR state = :state)
ORDER BY id DESC LIMIT :limit
""")
TROUBLE: Final = (Outcome.DUPLICATE, Outcome.DISCARDED, *KEEPING)
_COLUMNS = (
    "SELECT ordinal, position, control_number, outcome, title_id, title_version, matching, reasons, "
    "original IS NOT NULL AS has_original FROM import_outcome "
)
_OUTCOMES = text(
    _COLUMNS + "WHERE import_id = :id AND ordinal > :after "
    "AND (CAST(:outcome AS text) IS NULL OR outcome = :outcome) "
    "AND (NOT :with_reasons OR reasons <> '[]') ORDER BY ordinal LIMIT :limit"
)
_TROUBLES = text(
    _COLUMNS + "WHERE import_id = :id AND ordinal > :after AND outcome = :outcome "
    "AND outcome IN ('duplicate', 'discarded', 'matched-many', 'rejected', 'failed') "
    "AND (NOT :with_reasons OR reasons <> '[]') ORDER BY ordinal LIMIT :limit"
)
_OUTCOME = text(_COLUMNS.replace(" FROM", ", proposal FROM") + "WHERE import_id = :id AND ordinal = :ordinal")
_ORIGINAL = text("SELECT original FROM import_outcome WHERE import_id = :id AND ordinal = :ordinal")
_SET_ASIDE = text("""
SELECT ordinal, original FROM import_outcome
WHERE import_id = :id AND ordinal > :after AND outcome IN ('matched-many', 'rejected', 'failed')
    AND octet_length(original) < :longest
ORDER BY ordinal LIMIT 200
""")


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


async def outcome(session: AsyncSession, job_id: UUID, ordinal: int) -> Any | None:
    """What became of one record, with the record that a dry run would have made."""
    return (await session.execute(_OUTCOME, {"id": job_id, "ordinal": ordinal})).first()


async def original(session: AsyncSession, job_id: UUID, ordinal: int) -> bytes | None:
    """The bytes of a record that was not taken."""
    found: bytes | None = await session.scalar(_ORIGINAL, {"id": job_id, "ordinal": ordinal})
    return found


async def set_aside(session: AsyncSession, job_id: UUID, *, longest: int) -> AsyncIterator[bytes]:
    """The bytes of each record that was set aside, in the file's order, but of those that are not kept whole."""
    after = 0
    while rows := (
        await session.execute(_SET_ASIDE, {"id": job_id, "after": after, "longest": longest})
    ).all():
        for row in rows:
            yield bytes(row.original)
        after = rows[-1].ordinal


_WAITING = """
SELECT j.* FROM import_job j
LEFT JOIN LATERAL (
    SELECT started_at FROM import_job s WHERE s.requested_by = j.requested_by AND s.started_at IS NOT NULL
    ORDER BY s.started_at DESC LIMIT 1
) AS latest ON j.state = 'queued'
WHERE j.state IN ('queued', 'running') AND j.size <= $1
ORDER BY (j.state = 'queued'), latest.started_at NULLS FIRST, j.id LIMIT 20
"""
"""What was begun goes on first; then whoever was served longest ago, so that no one's pile stands before another's
single record."""
_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtext('import'), hashtext($1))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtext('import'), hashtext($1))"
_AGAIN = "SELECT * FROM import_job WHERE id = $1 AND state IN ('queued', 'running')"


async def take(connection: asyncpg.pool.PoolConnectionProxy, *, largest: int) -> asyncpg.Record | None:
    """The next open job that nobody is at, locked for as long as this connection lives or gives it back."""
    for row in await connection.fetch(_WAITING, largest):
        if await connection.fetchval(_TRY_LOCK, str(row["id"])):
            if (fresh := await connection.fetchrow(_AGAIN, row["id"])) is not None:
                return fresh
            await give_back(connection, row["id"])
    return None


async def give_back(connection: asyncpg.pool.PoolConnectionProxy, job_id: UUID) -> None:
    """Let others have it."""
    await connection.execute(_UNLOCK, str(job_id))
