"""Bulk edits are asked for, confirmed, paused, cancelled and taken back."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.bulkedits import queries
from catalog.bulkedits.documents import ChangesDoc
from catalog.bulkedits.fields import protected
from catalog.bulkedits.own_rules import faults_of_all
from catalog.bulkedits.rules import FROM, MOST_OPEN, State, Step
from catalog.bulkedits.tables import BulkEdit
from catalog.conditions.looking import START
from catalog.conditions.vocabulary import Kind
from catalog.custom.queries import definitions
from catalog.items.commands import check_known
from catalog.items.rules import over
from catalog.lists import commands as making
from catalog.lists import queries as lists
from catalog.lists.documents import SourceDoc
from catalog.profiles.queries import protected_tags
from chassis import etags
from chassis.edits import Outcome
from chassis.ids import uuid7
from chassis.principal import Principal, demand
from chassis.problems import Invalid, NotFound, Reason, Refused

REFERRED: Final = (
    "location_id", "temporary_location_id", "material_type", "loan_type", "temporary_loan_type",
    "digitisation_policy",
)  # fmt: skip
SCOPES: Final = {Kind.TITLES: "titles:write", Kind.HOLDINGS: "items:write", Kind.ITEMS: "items:write"}
_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtext('bulk edits'), hashtext(:by))")
_MOVE: Final = text("""
UPDATE bulk_edit SET version = version + 1, state = :state, paused_from = :paused_from, position = :position,
    confirmed_by = :confirmed_by, confirmed_at = :confirmed_at, ended_at = :ended_at WHERE id = :id
""")

_TRY_AGAIN: Final = text("""
UPDATE bulk_edit_record SET outcome = 'edited' WHERE edit_id = :id AND outcome = 'conflict'
""")


class BulkEditUnknown(NotFound):
    """There is no such edit (any more)."""

    code, title = "bulk-edit-unknown", "There is no such bulk edit (any more)."


class BulkEditNot(Refused):
    """The edit's state does not allow it."""

    code, title = "bulk-edit-state", "This cannot be done with the edit as it stands."


class TooManyEdits(Refused):
    """As many edits of somebody are under way as may be."""

    code, title = "too-many-bulk-edits", "As many bulk edits of yours are under way as may be at a time."


async def ask(
    session: AsyncSession,
    changes: ChangesDoc,
    *,
    name: str,
    list_id: UUID | None,
    source: SourceDoc | None,
    by: Principal,
    now: datetime,
) -> UUID:
    """Ask for an edit; it is previewed, and nothing is changed before somebody confirms."""
    demand(by, SCOPES[changes.kind])
    asker = str(by.actor)
    await session.execute(_LOCK, {"by": asker})
    if (under_way := await queries.open_of(session, asker)) >= MOST_OPEN:
        words, mend = f"Up to {MOST_OPEN} are worked on at a time.", "Ask again when one is done."
        raise TooManyEdits(
            reasons=[Reason("too-many-bulk-edits", words, mend=mend, value=under_way, limit=MOST_OPEN)]
        )
    await _possible(session, changes, now)
    if source is not None:
        list_id = await making.make(
            session,
            kind=changes.kind,
            source=source,
            name=name,
            passing=True,
            by=asker,
            at="/source",
            now=now,
        )
    else:
        assert list_id is not None
        row = await lists.one(session, list_id, by=asker)
        if row is None:
            raise Invalid(reasons=[Reason("list-unknown", f"There is no list {list_id}.", "/list_id")])
        if row.kind != changes.kind:
            words = f"That list is of {row.kind}, and {changes.kind} are to be changed."
            raise Invalid(reasons=[Reason("list-kind", words, "/list_id")])
    made = BulkEdit(
        id=uuid7(),
        version=1,
        kind=changes.kind,
        name=name,
        list_id=list_id,
        changes=changes.kept(),
        state=State.PREVIEWING,
        gathered=False,
        matched=0,
        position=START,
        requested_by=asker,
        created_at=now,
    )
    session.add(made)
    await session.flush()
    return UUID(int=made.id.int)


async def _possible(session: AsyncSession, changes: ChangesDoc, now: datetime) -> None:
    """What all of them would be refused for is told at once."""
    told = {name: value for name, value in changes.told.items() if name in REFERRED}
    kind = "items" if changes.items is not None else "holdings"
    if found := list(over(changes.told, now=now)):
        raise Invalid(
            reasons=[
                Reason(each.code, each.text, f"/changes/{kind}/set{each.pointer}", each.mend)
                for each in found
            ]
        )
    if told:
        try:
            await check_known(session, told)
        except Invalid as problem:
            raise Invalid(
                reasons=[
                    Reason(each.code, each.text, f"/changes/{kind}/set{each.pointer}")
                    for each in problem.reasons
                ]
            ) from problem
    if changes.items is not None and changes.told.get("base_state") == "withdrawn":
        words = "An item is withdrawn by a withdrawal, since circulation has a say in it."
        mend = "POST /v1/items/{id}/withdrawals"
        raise Invalid(reasons=[Reason("withdrawal-needed", words, "/changes/items/set/base_state", mend)])
    if changes.own.custom:
        await _fitting(session, changes)
    if changes.titles is not None and changes.titles.fields:
        stands = protected(changes.titles.fields, await protected_tags(session, None))
        if stands:
            mend = "Change the specification that records are held against, or leave these fields alone."
            raise Invalid(
                reasons=[
                    Reason(
                        "field-protected",
                        f"The library protects {tag}.",
                        f"/changes/titles/fields/{place}",
                        mend,
                    )
                    for tag, place in stands.items()
                ]
            )


async def _fitting(session: AsyncSession, changes: ChangesDoc) -> None:
    """Facts of the library's own that no record could have."""
    of, at = ("titles", "titles") if changes.titles is not None else ("items", "items/set")
    if faults := faults_of_all(changes.own.custom, await definitions(session, of)):
        raise Invalid(
            reasons=[Reason(each.code, each.text, f"/changes/{at}{each.pointer}") for each in faults]
        )


async def take(
    session: AsyncSession,
    edit_id: UUID,
    step: Step,
    *,
    expected: int | None = None,
    by: Principal,
    now: datetime,
) -> None:
    """Confirm, pause, resume, cancel or undo. To confirm means what was read: by its version."""
    row = await queries.edit(session, edit_id, hold=True)
    if row is None:
        raise BulkEditUnknown
    demand(by, SCOPES[Kind(row.kind)])
    if expected is not None:
        etags.guard(expected=expected, found=row.version)
    if row.state not in FROM[step]:
        wanted = ", ".join(sorted(FROM[step]))
        words = f"It is {row.state}; {step} is for an edit that is {wanted}."
        raise BulkEditNot(reasons=[Reason("bulk-edit-state", words)])
    told = {
        "id": edit_id,
        "state": row.state,
        "paused_from": None,
        "position": row.position,
        "confirmed_by": row.confirmed_by,
        "confirmed_at": row.confirmed_at,
        "ended_at": None,
    }
    await session.execute(_MOVE, told | await _moved(session, row, step, str(by.actor), now))


async def _moved(session: AsyncSession, row: Any, step: Step, by: str, now: datetime) -> dict[str, Any]:
    if step is Step.PAUSE:
        return {"state": State.PAUSED, "paused_from": row.state}
    if step is Step.RESUME:
        return {"state": row.paused_from}
    if step is Step.CANCEL:
        if row.paused_from == State.UNDOING:
            words, mend = "It is being taken back.", "Resume it."
            raise BulkEditNot(reasons=[Reason("bulk-edit-state", words, mend=mend)])
        return {"state": State.CANCELLED, "ended_at": now}
    counts = await queries.counts(session, row.id)
    if step is Step.CONFIRM:
        if not counts.get(Outcome.CHANGE):
            raise BulkEditNot(reasons=[Reason("nothing-to-change", "The preview found nothing to change.")])
        return {"state": State.APPLYING, "position": START, "confirmed_by": by, "confirmed_at": now}
    if not counts.get(Outcome.EDITED) and not counts.get(Outcome.CONFLICT):
        raise BulkEditNot(
            reasons=[Reason("nothing-to-undo", "It has changed nothing that is not taken back.")]
        )
    await session.execute(_TRY_AGAIN, {"id": row.id})
    return {"state": State.UNDOING, "position": START, "confirmed_by": by}
