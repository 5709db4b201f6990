"""Search other libraries' servers, and import what was found there."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.copycat import queries
from catalog.copycat.asking import Told, ask_all
from catalog.copycat.documents import CopySearchIn, TargetDoc
from catalog.imports import commands as imports
from catalog.imports import uploading
from catalog.marc import marcxml
from catalog.marc.extract import Facts, extract
from catalog.marc.reading import MARCXML
from catalog.marc.storage import pack, unpack
from catalog.matching.keys import keys_of
from chassis.ids import uuid7
from chassis.problems import Invalid, NotFound, Reason
from chassis.resources import Resources

SURE = ("system:", "oclc:", "isbn:", "issn:", "lccn:", "other:")
"""Keys by which a title of ours is told beside what was found."""


class FoundUnknown(NotFound):
    """There is no such found record, or it was found more than a day ago."""

    code, title = "found-record-unknown", "There is no such found record; search again."


@dataclass(frozen=True, slots=True)
class Preview:
    """A found record, kept."""

    id: UUID
    facts: Facts
    keys: list[str]


def wanted(known: Sequence[TargetDoc], asked: CopySearchIn) -> list[TargetDoc]:
    """The servers that are asked; `Invalid` for one that nobody has told of, and where there is none."""
    by_code = {each.code: each for each in known}
    reasons = [
        Reason("target-unknown", f"There is no target {code!r}.", f"/targets/{place}")
        for place, code in enumerate(asked.targets)
        if code not in by_code
    ]
    if not known:
        mend = "Write search_targets in the configuration."
        reasons.append(Reason("no-targets", "No server is told of here.", "/targets", mend))
    if reasons:
        raise Invalid(reasons=reasons)
    return [by_code[code] for code in dict.fromkeys(asked.targets)] or list(known)


async def search(
    resources: Resources, asked: CopySearchIn, *, by: str, now: datetime
) -> list[tuple[Told, list[Preview], dict[str, list[UUID]]]]:
    """Ask them all; no transaction is open meanwhile. What was found is kept for a day."""
    async with resources.sessions() as session:
        known = await queries.targets(session)
    settings = resources.settings
    told = await ask_all(
        wanted(known, asked), asked, networks=settings.networks, limit=settings.search_target_limit
    )
    previews = await asyncio.to_thread(lambda: [_previews(each) for each in told])
    async with resources.sessions.begin() as session:
        rows = [
            {"id": one.id, "target": each.target, "record": record, "by": by, "now": now}
            for each, found in zip(told, previews, strict=True)
            for one, record in found
        ]
        await queries.keep(session, rows)
        keys = sorted({key for found in previews for one, _ in found for key in one.keys})
        ours = await queries.ours(session, keys)
    return [(each, [one for one, _ in found], ours) for each, found in zip(told, previews, strict=True)]


def _previews(told: Told) -> list[tuple[Preview, bytes]]:
    """Costs CPU."""
    found = []
    for record in told.records:
        try:
            packed = pack(record)
        except ValueError:
            told.unreadable += 1
            continue
        keys = [key for key in keys_of(record) if key.startswith(SURE)]
        found.append((Preview(uuid7(), extract(record), keys), packed))
    return found


async def take(
    session: AsyncSession,
    resources: Resources,
    found_id: UUID,
    *,
    profile: str,
    dry_run: bool,
    by: str,
    now: datetime,
) -> Any:
    """Import a found record, as a file of its own: by the same profile, with the same outcome and the same way back."""
    row = await queries.found(session, found_id, now=now)
    if row is None:
        raise FoundUnknown
    wish = await imports.wished(
        session, media_type=MARCXML, profile=profile, create_locations=False, location=None, dry_run=dry_run
    )
    settings, job_id = resources.settings, uuid7()
    content = await asyncio.to_thread(lambda: b"".join(marcxml.write([unpack(row.record)])))

    async def pieces() -> AsyncIterator[bytes]:
        yield content

    try:
        upload = await uploading.receive(
            pieces(), settings.data_dir, job_id, limit=settings.upload_limit, declared=None
        )
        return await imports.queue(
            session, job_id, upload, wish, by=by, most=settings.import_jobs_per_user, now=now
        )
    except BaseException:
        uploading.place(settings.data_dir, job_id).unlink(missing_ok=True)
        raise
