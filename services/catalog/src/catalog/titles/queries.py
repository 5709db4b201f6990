"""Titles by id, whole."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.custom.queries import PUBLIC
from catalog.marc.extract import Facts

_TITLE = text(f"""
SELECT id, hrid, hrid_prefix, version, suppressed, record, created_at, updated_at, deleted_at, merged_into,
    statistical_codes, tags, custom, {PUBLIC.format("t")} AS custom_public
FROM title t WHERE id = :id
""")  # noqa: S608 - our own text
_VERSION = text(f"""
SELECT t.id, t.hrid, t.hrid_prefix, v.version, v.suppressed, v.record, t.created_at, v.replaced_at AS updated_at,
    t.deleted_at, t.merged_into, t.statistical_codes, t.tags, t.custom, {PUBLIC.format("t")} AS custom_public
FROM title_version v JOIN title t ON t.id = v.title_id WHERE v.title_id = :id AND v.version = :version
""")  # noqa: S608 - our own text
_VERSIONS = text("""
SELECT version, replaced_at, replaced_by FROM title_version WHERE title_id = :id ORDER BY version DESC LIMIT :limit
""")
_STEPS = text("""
SELECT v.version, v.record, v.suppressed, v.replaced_at, v.replaced_by FROM title_version v
WHERE v.title_id = :id AND v.version < :before ORDER BY v.version DESC LIMIT :limit
""")
_CHANGED = text("INSERT INTO title_change (title_id) SELECT unnest(CAST(:ids AS uuid[]))")

_WAKE = text("SELECT pg_notify('title_change', '')")
"""Librarians' writes are few; a desk's own statement never notifies."""


async def title(session: AsyncSession, title_id: UUID) -> Any | None:
    """A title's row with its record."""
    return (await session.execute(_TITLE, {"id": title_id})).first()


async def earlier(session: AsyncSession, title_id: UUID, version: int) -> Any | None:
    """The record as it was."""
    return (await session.execute(_VERSION, {"id": title_id, "version": version})).first()


async def earlier_versions(session: AsyncSession, title_id: UUID, *, limit: int) -> Sequence[Any]:
    """When and by whom earlier versions were replaced, newest first."""
    return (await session.execute(_VERSIONS, {"id": title_id, "limit": limit})).all()


async def steps(session: AsyncSession, title_id: UUID, *, before: int, limit: int) -> Sequence[Any]:
    """Earlier states with their records, newest first: each was replaced by the one after it."""
    told = {"id": title_id, "before": before, "limit": limit}
    return (await session.execute(_STEPS, told)).all()


async def mark_changed(session: AsyncSession, ids: Sequence[UUID]) -> None:
    """Let the indexer know."""
    await session.execute(_CHANGED, {"ids": list(ids)})
    await session.execute(_WAKE)


def as_json(
    *,
    title_id: UUID,
    hrid: int,
    record_number: str,
    version: int,
    suppressed: bool,
    facts: Facts,
    created_at: datetime,
    updated_at: datetime,
    deleted_at: datetime | None = None,
    statistical_codes: Sequence[str] = (),
    tags: Sequence[str] = (),
    custom: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A title's JSON view."""
    return {
        "id": title_id,
        "hrid": hrid,
        "record_number": record_number,
        "version": version,
        "suppressed": suppressed,
        "title": facts.title,
        "subtitle": facts.subtitle,
        "responsibility": facts.responsibility,
        "other_titles": facts.other_titles,
        "author": facts.author,
        "contributors": facts.contributors,
        "publisher": facts.publisher,
        "place": facts.place,
        "year": facts.year,
        "edition": facts.edition,
        "languages": facts.languages,
        "format": facts.format,
        "subjects": facts.subjects,
        "genres": facts.genres,
        "series": facts.series,
        "identifiers": {
            "control_number": facts.control_number,
            "control_agency": facts.control_agency,
            "isbn": facts.isbns,
            "invalid_isbn": facts.invalid_isbns,
            "issn": facts.issns,
            "lccn": facts.lccn,
            "invalid_lccn": facts.cancelled_lccns,
            "other": facts.other_ids,
        },
        "call_numbers": facts.call_numbers,
        "summary": facts.summary,
        "contents": facts.contents,
        "notes": facts.notes,
        "urls": facts.urls,
        "statistical_codes": list(statistical_codes),
        "tags": list(tags),
        "custom": dict(custom or {}),
        "created_at": created_at,
        "updated_at": updated_at,
        "deleted_at": deleted_at,
    }
