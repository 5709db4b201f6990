"""Bulk edits of patrons are asked for, confirmed, cancelled and taken back."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import etags
from chassis.edits import Outcome
from chassis.ids import uuid7
from chassis.principal import Principal
from chassis.problems import Invalid, NotFound, Reason, Refused
from circulation.patronedits import queries
from circulation.patronedits.documents import PatronChangesDoc, PatronsDoc
from circulation.patronedits.rules import FROM, MOST_OPEN, MOST_UNKNOWN_KEPT, State, Step
from circulation.patronedits.tables import PatronEdit
from circulation.places.library import Library
from circulation.questions import queries as questions
from circulation.questions.commands import refuse
from circulation.questions.looking import START
from circulation.questions.vocabulary import Kind, read
from circulation.registration.own import facts_after, tags_after
from circulation.registration.writing import reasons_of

_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtext('patron edits'), hashtext(:by))")
_MOVE: Final = text("""
UPDATE patron_edit SET version = version + 1, state = :state, position = :position, confirmed_by = :confirmed_by,
    confirmed_at = :confirmed_at, ended_at = :ended_at WHERE id = :id
""")
_TRY_AGAIN: Final = text("""
UPDATE patron_edit_record SET outcome = 'edited' WHERE edit_id = :id AND outcome = 'conflict'
""")
_TOLD: Final = text("""
WITH told AS (
    SELECT t.id::text AS name, coalesce(p.id, m.patron_id) AS patron_id
    FROM unnest(CAST(:ids AS uuid[])) AS t (id) LEFT JOIN patron p ON p.id = t.id
        LEFT JOIN merged_patron m ON m.id = t.id
    UNION ALL
    SELECT t.barcode, coalesce(p.id, i.patron_id)
    FROM unnest(CAST(:barcodes AS text[])) AS t (barcode) LEFT JOIN patron p ON p.barcode = t.barcode
        LEFT JOIN patron_identifier i ON i.kind = 'barcode' AND i.value = t.barcode AND i.state = 'merged'
), seen AS (
    SELECT told.name, p.id FROM told LEFT JOIN patron p ON p.id = told.patron_id
        AND (CAST(:libraries AS text[]) IS NULL OR p.library IS NULL OR p.library = ANY (CAST(:libraries AS text[])))
), put AS (
    INSERT INTO patron_edit_record (edit_id, patron_id)
    SELECT DISTINCT CAST(:edit AS uuid), id FROM seen WHERE id IS NOT NULL RETURNING patron_id
)
SELECT (SELECT count(*) FROM put) AS matched, (SELECT count(*) FROM seen WHERE id IS NULL) AS unknown_count,
    ARRAY(SELECT name FROM seen WHERE id IS NULL ORDER BY name LIMIT :kept) AS unknown
""")


class PatronEditUnknown(NotFound):
    """There is no such edit (any more), or it is not yours to see."""

    code, title = "patron-edit-unknown", "There is no such bulk edit of patrons (any more)."


class PatronEditNot(Refused):
    """The edit's state does not allow it."""

    code, title = "patron-edit-state", "This cannot be done with the edit as it stands."


class TooManyPatronEdits(Refused):
    """As many edits of somebody are under way as may be."""

    code, title = "too-many-patron-edits", "As many bulk edits of yours are under way as may be at a time."


async def ask(
    session: AsyncSession,
    library: Library,
    *,
    name: str,
    patrons: PatronsDoc,
    changes: PatronChangesDoc,
    by: Principal,
    libraries: Collection[str] | None,
    now: datetime,
) -> UUID:
    """Ask for an edit; it is previewed, and nothing is changed before somebody confirms.

    `libraries`: whose patrons the asker may see; None: everybody's.
    """
    asker = str(by.actor)
    _possible(library, changes, now)
    source = await _source(session, patrons, asker, now)
    await session.execute(_LOCK, {"by": asker})
    if (under_way := await queries.open_of(session, asker)) >= MOST_OPEN:
        words, mend = f"Up to {MOST_OPEN} are worked on at a time.", "Ask again when one is done."
        raise TooManyPatronEdits(
            reasons=[Reason("too-many-patron-edits", words, mend=mend, value=under_way, limit=MOST_OPEN)]
        )
    made = PatronEdit(
        id=uuid7(),
        name=name,
        source=source,
        libraries=None if libraries is None else sorted(libraries),
        changes=changes.model_dump(mode="json", exclude_unset=True),
        state=State.PREVIEWING,
        gathered=not source,
        position=START,
        requested_by=asker,
        created_at=now,
    )
    session.add(made)
    await session.flush()
    if not source:
        told = {
            "edit": made.id,
            "ids": list(dict.fromkeys(patrons.ids or ())),
            "barcodes": list(dict.fromkeys(patrons.barcodes or ())),
            "libraries": made.libraries,
            "kept": MOST_UNKNOWN_KEPT,
        }
        found = (await session.execute(_TOLD, told)).one()
        made.matched, made.unknown_count, made.unknown = found.matched, found.unknown_count, found.unknown
        await session.flush()
    return made.id


async def _source(session: AsyncSession, patrons: PatronsDoc, asker: str, now: datetime) -> dict[str, Any]:
    """The condition by which patrons are found; empty where they are told one by one."""
    if patrons.question_id is not None:
        row = await questions.one(session, patrons.question_id, by=asker)
        if row is None:
            words = f"There is no question {patrons.question_id}."
            raise Invalid(reasons=[Reason("question-unknown", words, "/patrons/question_id")])
        if row.kind != Kind.PATRONS:
            words, mend = f"That question is about {row.kind}.", "Ask for patrons of whom there are some."
            raise Invalid(reasons=[Reason("question-kind", words, "/patrons/question_id", mend)])
        return {"condition": row.condition}
    if patrons.condition is None:
        return {}
    _, faults = read(patrons.condition, Kind.PATRONS, now=now, at="/patrons/condition")
    refuse(faults)
    return {"condition": patrons.condition}


def _possible(library: Library, changes: PatronChangesDoc, now: datetime) -> None:
    """What everybody would be refused for is told at once."""
    registration = library.registration
    own, found = [], []
    if changes.custom is not None:
        own += facts_after(registration.custom_fields, {}, changes.custom, demand=False)[1]
    judged = {"group": changes.told.get("group"), "statistics": changes.statistics}
    for each in reasons_of(library, judged, now):
        pointer = f"/set{each.pointer}" if each.pointer == "/group" else each.pointer or ""
        own.append(Reason(each.code, each.text, pointer, each.mend))
    if changes.tags is not None:
        for each in tags_after(registration.tags, (), changes.tags.add)[1]:
            pointer = (each.pointer or "").replace("/tags/", "/tags/add/", 1)
            own.append(Reason(each.code, each.text, pointer, each.mend))
    if changes.block is not None and changes.block.template not in library.block_templates:
        known = ", ".join(sorted(library.block_templates)) or "none"
        words = f"There is no block template {changes.block.template!r}."
        own.append(
            Reason("block-template-unknown", words, "/block/template", f"Those that are configured: {known}.")
        )
    found += [Reason(each.code, each.text, f"/changes{each.pointer}", each.mend) for each in own]
    if found:
        raise Invalid(reasons=found)


async def take(
    session: AsyncSession,
    edit_id: UUID,
    step: Step,
    *,
    expected: int | None = None,
    by: Principal,
    alone: bool,
    now: datetime,
) -> None:
    """Confirm, cancel or undo. To confirm means what was read: by its version. `alone`: only what is one's own."""
    row = await queries.edit(session, edit_id, hold=True)
    if row is None or (alone and row.requested_by != str(by.actor)):
        raise PatronEditUnknown
    if expected is not None:
        etags.guard(expected=expected, found=row.version)
    if row.state not in FROM[step]:
        wanted = ", ".join(sorted(FROM[step]))
        words = f"It is {row.state}; {step} is for an edit that is {wanted}."
        raise PatronEditNot(reasons=[Reason("patron-edit-state", words)])
    told = {
        "id": edit_id,
        "state": row.state,
        "position": row.position,
        "confirmed_by": row.confirmed_by,
        "confirmed_at": row.confirmed_at,
        "ended_at": None,
    }
    await session.execute(_MOVE, told | await _moved(session, edit_id, step, str(by.actor), now))


async def _moved(session: AsyncSession, edit_id: UUID, step: Step, by: str, now: datetime) -> dict[str, Any]:
    if step is Step.CANCEL:
        return {"state": State.CANCELLED, "ended_at": now}
    counts = await queries.counts(session, edit_id)
    if step is Step.CONFIRM:
        if not counts.get(Outcome.CHANGE):
            reason = Reason("nothing-to-change", "The preview found nothing to change.")
            raise PatronEditNot(reasons=[reason])
        return {"state": State.APPLYING, "position": START, "confirmed_by": by, "confirmed_at": now}
    if not counts.get(Outcome.EDITED) and not counts.get(Outcome.CONFLICT):
        words = "It has changed nothing that is not taken back."
        raise PatronEditNot(reasons=[Reason("nothing-to-undo", words)])
    await session.execute(_TRY_AGAIN, {"id": edit_id})
    return {"state": State.UNDOING, "position": START, "confirmed_by": by}
