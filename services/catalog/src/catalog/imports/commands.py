"""Ask for an import, cancel one."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.imports import queries
from catalog.imports.rules import OPEN_STATES
from catalog.imports.uploading import Upload
from chassis.problems import Invalid, NotFound, Reason, Refused


class ImportEnded(Refused):
    """An import that has ended cannot be cancelled."""

    code, title = "import-ended", "This import has ended."


class ImportUnknown(NotFound):
    """There is no such import."""

    code, title = "import-unknown", "There is no such import."


_INSERT = text("""
INSERT INTO import_job (id, media_type, profile, create_locations, default_location_id, size, digest, requested_by,
    created_at)
VALUES (:id, :media_type, :profile, :create_locations, :default_location_id, :size, :digest, :by, :now)
""")
_LOCATION = text("""
SELECT l.id FROM location l JOIN library b ON b.id = l.library_id
WHERE b.code || '/' || l.code = :told OR CAST(l.id AS text) = :told
""")


async def default_location(session: AsyncSession, told: str | None) -> UUID | None:
    """The location that items without a known one get: an id, or `LIBRARY/CODE`."""
    if told is None:
        return None
    found: UUID | None = await session.scalar(_LOCATION, {"told": told})
    if found is None:
        raise Invalid(
            reasons=[
                Reason(
                    "location-unknown",
                    f"There is no location {told!r}.",
                    "query/default_location",
                    "Name an id, or LIBRARY/CODE.",
                )
            ]
        )
    return found


async def queue(
    session: AsyncSession,
    job_id: UUID,
    upload: Upload,
    *,
    media_type: str,
    profile: str | None,
    create_locations: bool,
    location: str | None,
    by: str,
    now: datetime,
) -> Any:
    """Put a file into the queue."""
    place = await default_location(session, location)
    await session.execute(
        _INSERT,
        {
            "id": job_id,
            "media_type": media_type,
            "profile": profile,
            "create_locations": create_locations,
            "default_location_id": place,
            "size": upload.size,
            "digest": upload.digest,
            "by": by,
            "now": now,
        },
    )
    return await queries.job(session, job_id)


async def cancel(session: AsyncSession, job_id: UUID) -> Any:
    """Stop at the next slice's end; what is committed stays."""
    found = (
        await session.execute(text("SELECT state FROM import_job WHERE id = :id FOR UPDATE"), {"id": job_id})
    ).first()
    if found is None:
        raise ImportUnknown
    if found.state not in OPEN_STATES:
        raise ImportEnded(reasons=[Reason("import-ended", f"It is {found.state}.")])
    await session.execute(
        text("UPDATE import_job SET cancelling = true, version = version + 1 WHERE id = :id"), {"id": job_id}
    )
    return await queries.job(session, job_id)
