"""Macros are kept, and done with a record."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.bulkedits.fields import CannotEdit, applied, protected
from catalog.macros.documents import MacroDoc
from catalog.marc.record import Record
from catalog.marc.storage import pack
from catalog.profiles.queries import protected_tags
from catalog.specifications.commands import hold_against
from catalog.specifications.rules import Finding
from catalog.titles import commands as titles
from chassis import etags
from chassis.problems import NotFound, Reason, Refused


class MacroUnknown(NotFound):
    """There is no such macro."""

    code, title = "macro-unknown", "There is no such macro."


class MacroRefused(Refused):
    """The macro cannot be done with this record."""

    code, title = "macro-refused", "The macro cannot be done with this record; nothing was changed."


_ALL: Final = text("SELECT * FROM record_macro ORDER BY code")
_ONE: Final = text("SELECT * FROM record_macro WHERE code = :code")
_VERSION: Final = text("SELECT version FROM record_macro WHERE code = :code FOR UPDATE")
_PUT: Final = text("""
INSERT INTO record_macro (code, version, name, document, updated_at, updated_by)
VALUES (:code, 1, :name, CAST(:document AS jsonb), :now, :by)
ON CONFLICT (code) DO UPDATE SET version = record_macro.version + 1, name = excluded.name,
    document = excluded.document, updated_at = excluded.updated_at, updated_by = excluded.updated_by
WHERE record_macro.version = :expected
RETURNING version
""")
_DELETE: Final = text("DELETE FROM record_macro WHERE code = :code")


async def every(session: AsyncSession) -> Sequence[Any]:
    """All macros, by code."""
    return (await session.execute(_ALL)).all()


async def one(session: AsyncSession, code: str) -> Any:
    """A macro's row."""
    row = (await session.execute(_ONE, {"code": code})).first()
    if row is None:
        raise MacroUnknown
    return row


async def put(
    session: AsyncSession, code: str, doc: MacroDoc, *, expected: int, by: str, now: datetime
) -> None:
    """Write a macro. One that is not there yet is at version 0."""
    etags.guard(expected=expected, found=int(await session.scalar(_VERSION, {"code": code}) or 0))
    told = {"code": code, "name": doc.name, "document": doc.model_dump_json(), "by": by, "now": now}
    version: int | None = await session.scalar(_PUT, told | {"expected": expected})
    if version != expected + 1:  # somebody has written a first one at the same time
        etags.guard(expected=expected, found=expected + 1)


async def delete(session: AsyncSession, code: str, *, expected: int) -> None:
    """Take a macro away."""
    found = await session.scalar(_VERSION, {"code": code})
    if found is None:
        raise MacroUnknown
    etags.guard(expected=expected, found=int(found))
    await session.execute(_DELETE, {"code": code})


async def done(session: AsyncSession, code: str, record: Record) -> Record:
    """The record with the macro done, or why it cannot be. Nothing is written."""
    actions = MacroDoc.model_validate((await one(session, code)).document).fields
    if stands := protected(actions, await protected_tags(session, None)):
        mend = "Change the specification that records are held against, or the macro."
        raise MacroRefused(
            reasons=[
                Reason("field-protected", f"The library protects {tag}.", f"/fields/{place}", mend)
                for tag, place in stands.items()
            ]
        )
    try:
        after = await asyncio.to_thread(applied, record, actions)
        pack(after)
    except CannotEdit as problem:
        raise MacroRefused(reasons=[Reason(problem.code, str(problem))]) from problem
    except (UnicodeError, ValueError, TypeError) as problem:
        raise MacroRefused(reasons=[Reason("unstorable-value", str(problem))]) from problem
    return after


async def apply(
    session: AsyncSession,
    code: str,
    title_id: UUID,
    record: Record,
    *,
    expected: int,
    by: str,
    now: datetime,
) -> list[Finding]:
    """Do it with a title's record, which was read at this version, and keep what comes of it as the newest; what is
    wrong with that by the specification for saving, where that does not refuse it."""
    after = await done(session, code, record)
    findings = await hold_against(session, after, named=None) if after is not record else []
    await titles.replace(session, title_id, after, expected=expected, by=by, now=now)
    return findings
