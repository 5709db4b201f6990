"""Ask for an import, cancel one."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.imports import queries
from catalog.imports.rules import OPEN_STATES
from catalog.imports.uploading import Upload
from catalog.profiles import queries as profiles
from catalog.profiles.rules import NO_ITEMS
from chassis.problems import Invalid, NotFound, Reason, Refused


class ImportEnded(Refused):
    """An import that has ended cannot be cancelled."""

    code, title = "import-ended", "This import has ended."


class ImportUnknown(NotFound):
    """There is no such import."""

    code, title = "import-unknown", "There is no such import."


class TooManyImports(Refused):
    """This user has as many imports waiting as one may have."""

    code, title = "too-many-imports", "You have as many imports waiting as one may have; let some end first."


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done with a file."""

    media_type: str
    profile: str
    version: int
    """Of the profile."""
    plan: dict[str, Any]
    """The profile as it is now, and what the library protects: the job goes by it to its end."""
    create_locations: bool = False
    location: str | None = None
    dry_run: bool = False
    rerun_of: UUID | None = None

    def again(self, import_id: UUID) -> "Wish":
        """The same for records that this import has set aside."""
        return replace(self, rerun_of=import_id)


_INSERT = text("""
INSERT INTO import_job (id, media_type, profile, profile_version, plan, create_locations, default_location_id, dry_run,
    rerun_of, size, digest, requested_by, created_at)
VALUES (:id, :media_type, :profile, :version, CAST(:plan AS jsonb), :create_locations, :default_location_id, :dry_run,
    :rerun_of, :size, :digest, :by, :now)
""")
_ONE_BY_ONE = text("SELECT pg_advisory_xact_lock(hashtext('imports of'), hashtext(:by))")
_OPEN = text("SELECT count(*) FROM import_job WHERE requested_by = :by AND state IN ('queued', 'running')")
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


async def wished(
    session: AsyncSession,
    *,
    media_type: str,
    profile: str,
    create_locations: bool,
    location: str | None,
    dry_run: bool,
) -> Wish:
    """What is asked for, with the profile as it is now; `Invalid` with every reason."""
    reasons = []
    found = await profiles.find(session, profile)
    if found is None:
        known = ", ".join(code for code, _, _ in await profiles.profiles(session))
        text_ = f"There is no profile {profile!r}."
        reasons.append(Reason("profile-unknown", text_, "query/profile", f"Choose one of {known}."[:400]))
    if dry_run and create_locations:
        reasons.append(
            Reason(
                "dry-run-makes-nothing",
                "A dry run makes no locations, and what items stand there cannot be told without them.",
                "query/create_locations",
                "Leave it out: the codes that are not known are told.",
            )
        )
    if reasons or found is None:
        raise Invalid(reasons=reasons)
    version, doc = found
    plan = {
        "code": profile,
        "profile": doc.model_dump(mode="json", by_alias=True),
        "protected": await profiles.protected_tags(session, doc.specification),
    }
    return Wish(media_type, profile, version, plan, create_locations, location, dry_run)


async def _refuse_too_many(session: AsyncSession, *, by: str, most: int) -> None:
    """Raise when this user has too many imports waiting."""
    waiting = int(await session.scalar(_OPEN, {"by": by}) or 0)
    if waiting >= most:
        text_ = f"{waiting} of your imports are waiting or running."
        mend = "Send several records in one file, or wait."
        raise TooManyImports(
            reasons=[Reason("too-many-imports", text_, None, mend, value=waiting, limit=most)]
        )


async def queue(
    session: AsyncSession, job_id: UUID, upload: Upload, wish: Wish, *, by: str, most: int, now: datetime
) -> Any:
    """Put a file into the queue."""
    await session.execute(_ONE_BY_ONE, {"by": by})
    await _refuse_too_many(session, by=by, most=most)
    place = await default_location(session, wish.location)
    await session.execute(
        _INSERT,
        {
            "id": job_id,
            "media_type": wish.media_type,
            "profile": None if wish.profile == NO_ITEMS else wish.profile,
            "version": wish.version,
            "plan": orjson.dumps(wish.plan).decode(),
            "create_locations": wish.create_locations,
            "default_location_id": place,
            "dry_run": wish.dry_run,
            "rerun_of": wish.rerun_of,
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
