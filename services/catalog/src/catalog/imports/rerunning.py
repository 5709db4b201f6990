"""Records that an import set aside are taken up again, as a file of their own."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.imports import commands, queries, uploading
from catalog.imports.commands import ImportUnknown
from catalog.imports.reading import KEPT_ORIGINAL
from catalog.imports.rules import OPEN_STATES
from catalog.marc.marcxml import NAMESPACE
from catalog.marc.reading import MARC_JSON, MARCXML, MODS, XML
from catalog.profiles.rules import NO_ITEMS
from chassis.ids import uuid7
from chassis.problems import Reason, Refused


class NothingSetAside(Refused):
    """The import has set nothing aside that could be taken up again, or has not ended."""

    code, title = "nothing-set-aside", "There is nothing that could be taken up again."


_AROUND: Final = {
    MARCXML: (f'<collection xmlns="{NAMESPACE}">'.encode(), b"\n", b"</collection>"),
    MARC_JSON: (b"", b"\n", b""),
    **dict.fromkeys((XML, MODS), (b"<collection>", b"\n", b"</collection>")),
}


async def _file(records: AsyncIterator[bytes], media_type: str) -> AsyncIterator[bytes]:
    """The records as one document of their format."""
    before, between, behind = _AROUND.get(media_type, (b"", b"", b""))
    some = False
    async for record in records:
        yield between + record if some else before + record
        some = True
    if some and behind:
        yield behind


async def rerun(
    session: AsyncSession,
    import_id: UUID,
    *,
    profile: str | None,
    dry_run: bool,
    data_dir: Path,
    limit: int,
    by: str,
    most: int,
    now: datetime,
) -> Any:
    """Put what an import has set aside (`matched-many`, `rejected`, `failed`) into the queue again: by its profile as
    that is now, or by another."""
    job = await queries.job(session, import_id)
    if job is None:
        raise ImportUnknown
    if job.state in OPEN_STATES:
        raise NothingSetAside(reasons=[Reason("import-under-way", f"It is {job.state}.")])
    if not (job.matched_many + job.rejected + job.failed):
        raise NothingSetAside(
            reasons=[Reason("all-taken", "Every record of it was taken, or not meant to be.")]
        )
    wish = await commands.wished(
        session,
        media_type=job.media_type,
        profile=profile or job.profile or NO_ITEMS,
        create_locations=job.create_locations and not dry_run,
        location=str(job.default_location_id) if job.default_location_id else None,
        dry_run=dry_run,
    )
    records = queries.set_aside(session, import_id, longest=KEPT_ORIGINAL)
    job_id = uuid7()
    try:
        upload = await uploading.receive(
            _file(records, job.media_type), data_dir, job_id, limit=limit, declared=None
        )
        return await commands.queue(session, job_id, upload, wish.again(import_id), by=by, most=most, now=now)
    except BaseException:
        uploading.place(data_dir, job_id).unlink(missing_ok=True)
        raise
