"""Write specifications, and hold records against them when they are saved."""

import asyncio
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.marc.record import Record
from catalog.specifications import queries
from catalog.specifications.documents import SpecificationDoc, specification_of
from catalog.specifications.queries import SpecificationUnknown
from catalog.specifications.rules import Finding, errors, validate
from chassis import etags
from chassis.problems import Invalid, Reason, Refused

MOST_REASONS: Final = 200
"""Faults that a refusal tells."""


class SaveTaken(Refused):
    """Another specification of this kind is what records are held against when they are saved."""

    code, title = "on-save-taken", "Records are held against another specification when they are saved."


class RecordFaulty(Invalid):
    """The record has errors by the specification that it is held against."""

    code, title = "record-faulty", "The record has errors; nothing was saved."


_IN_TURN = text("SELECT pg_advisory_xact_lock(hashtext('record specifications'))")
"""Of two who write one anew at once, PostgreSQL would tell the second that its place on saving is taken, by itself."""
_PUT = text("""
INSERT INTO record_specification (code, version, kind, on_save, document, updated_at, updated_by)
VALUES (:code, 1, :kind, :on_save, CAST(:document AS jsonb), :now, :by)
ON CONFLICT (code) DO UPDATE SET version = record_specification.version + 1, kind = excluded.kind,
    on_save = excluded.on_save, document = excluded.document, updated_at = excluded.updated_at,
    updated_by = excluded.updated_by
WHERE record_specification.version = :expected
RETURNING version
""")
_DELETE = text("DELETE FROM record_specification WHERE code = :code AND version = :expected RETURNING true")


async def put(
    session: AsyncSession, code: str, doc: SpecificationDoc, *, expected: int, by: str, now: datetime
) -> int:
    """Write a specification; its version. One that nobody has written is at version 0."""
    await session.execute(_IN_TURN)
    stored = await queries.stored_version(session, code)
    etags.guard(expected=expected, found=stored)
    told = {"code": code, "kind": doc.kind, "on_save": doc.on_save, "by": by, "now": now}
    try:
        version: int | None = await session.scalar(
            _PUT, told | {"document": doc.model_dump_json(), "expected": expected}
        )
    except IntegrityError as error:
        raise SaveTaken(
            reasons=[
                Reason(
                    "on-save-taken",
                    f"Another specification of {doc.kind} records is held against on saving.",
                    "/on_save",
                    "Set that one's on_save to nothing first.",
                )
            ]
        ) from error
    if version is None or version != expected + 1:
        etags.guard(expected=expected, found=expected + 1)
    return expected + 1


async def delete(session: AsyncSession, code: str, *, expected: int) -> None:
    """Take back what was written; a shipped specification is again as it was shipped."""
    stored = await queries.stored_version(session, code)
    if not stored:
        raise SpecificationUnknown("Nobody has written such a specification here.")
    etags.guard(expected=expected, found=stored)
    if not await session.scalar(_DELETE, {"code": code, "expected": expected}):
        etags.guard(expected=expected, found=expected + 1)


async def found_in(record: Record, doc: SpecificationDoc) -> list[Finding]:
    """Everything that is wrong. Costs CPU, so it is done in a thread."""
    return await asyncio.to_thread(lambda: validate(record, specification_of(doc)))


async def hold_against(
    session: AsyncSession, record: Record, *, named: str | None, kind: str = "bibliographic"
) -> list[Finding]:
    """What is wrong with a record that is to be saved; raises when it has errors and the specification refuses them.

    A specification that the client names refuses errors, unless it says that it only warns.
    """
    if named is not None:
        _, doc = await queries.specification(session, named)
        if doc.kind != kind:
            raise Invalid(
                reasons=[
                    Reason(
                        "specification-kind",
                        f"{named} is about {doc.kind} records.",
                        "query/specification",
                        f"Name one about {kind} records.",
                    )
                ]
            )
        refuses = doc.on_save != "warn"
    else:
        found = await queries.on_save(session, kind)
        if found is None:
            return []
        doc, refuses = found, found.on_save == "refuse"
    findings = await found_in(record, doc)
    if refuses and (wrong := errors(findings)):
        raise RecordFaulty(
            reasons=[Reason(each.code, each.text, each.where, each.mend) for each in wrong[:MOST_REASONS]]
        )
    return findings
