"""Write import profiles."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.profiles import queries
from catalog.profiles.documents import ProfileDoc
from catalog.profiles.queries import ProfileUnknown
from catalog.specifications import queries as specifications
from catalog.specifications.queries import SpecificationUnknown
from chassis import etags
from chassis.problems import Invalid, Reason

_PUT = text("""
INSERT INTO import_profile (code, version, document, updated_at, updated_by)
VALUES (:code, 1, CAST(:document AS jsonb), :now, :by)
ON CONFLICT (code) DO UPDATE SET version = import_profile.version + 1, document = excluded.document,
    updated_at = excluded.updated_at, updated_by = excluded.updated_by
WHERE import_profile.version = :expected
RETURNING version
""")
_DELETE = text("DELETE FROM import_profile WHERE code = :code AND version = :expected RETURNING true")


async def unknown_specification(session: AsyncSession, doc: ProfileDoc, place: str = "") -> list[Reason]:
    """Whether the specification that a profile names is not there."""
    if doc.specification is None:
        return []
    try:
        await specifications.specification(session, doc.specification)
    except SpecificationUnknown:
        words = f"There is no specification {doc.specification!r}."
        mend = "Leave it out, or write it first."
        return [Reason("specification-unknown", words, f"{place}/specification", mend)]
    return []


async def put(
    session: AsyncSession, code: str, doc: ProfileDoc, *, expected: int, by: str, now: datetime
) -> int:
    """Write a profile; its version. One that nobody has written is at version 0. Imports that are under way go on
    by what they began with."""
    etags.guard(expected=expected, found=await queries.stored_version(session, code))
    if reasons := [*doc.flaws(), *await unknown_specification(session, doc)]:
        raise Invalid("The profile is not sound; nothing was changed.", reasons=reasons)
    told = {"code": code, "document": doc.model_dump_json(by_alias=True), "now": now, "by": by}
    version: int | None = await session.scalar(_PUT, told | {"expected": expected})
    if version != expected + 1:
        etags.guard(expected=expected, found=expected + 1)
    return expected + 1


async def delete(session: AsyncSession, code: str, *, expected: int) -> None:
    """Take back what was written; a shipped profile is again as it was shipped."""
    stored = await queries.stored_version(session, code)
    if not stored:
        raise ProfileUnknown("Nobody has written such a profile here.")
    etags.guard(expected=expected, found=stored)
    if not await session.scalar(_DELETE, {"code": code, "expected": expected}):
        etags.guard(expected=expected, found=expected + 1)
