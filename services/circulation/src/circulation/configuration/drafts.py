"""Drafts: begun, changed, scheduled, brought into force when their moment comes, or given up."""

import logging
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import etags
from chassis.ids import uuid7
from chassis.problems import Invalid, NotFound, Reason, Refused
from chassis.resources import Resources
from circulation.configuration import applying
from circulation.configuration.applying import Occasion
from circulation.configuration.merging import brought_onto
from circulation.configuration.rules import OPEN, DraftState
from circulation.configuration.tables import ConfigurationDraft
from circulation.places.documents import ConfigurationDoc

log = logging.getLogger(__name__)


class DraftClosed(Refused):
    """The draft has come into force or was discarded."""

    code, title = "draft-closed", "This draft has come into force already, or was discarded."


class DraftNotScheduled(Refused):
    """The draft is not scheduled."""

    code, title = "draft-not-scheduled", "This draft is not scheduled."


class ActivationRefused(Refused):
    """The draft cannot be put in place as it is; every reason is given."""

    code, title = "activation-refused", "This configuration cannot be put in place."


UNSOUND = "The configuration is not sound; nothing was changed."


async def begin(
    session: AsyncSession, *, name: str, doc: ConfigurationDoc, by: str, now: datetime
) -> ConfigurationDraft:
    """A new draft, from the version now in force."""
    if flaws := applying.as_reasons(doc.flaws()):
        raise Invalid(UNSOUND, reasons=flaws)
    version, _ = await applying.current(session)
    draft = ConfigurationDraft(
        id=uuid7(),
        name=name,
        document=doc.model_dump(mode="json"),
        based_on=version,
        state=DraftState.DRAFT,
        created_at=now,
        changed_at=now,
        changed_by=by,
    )
    session.add(draft)
    return draft


async def locked(session: AsyncSession, draft_id: UUID, expected: int | None = None) -> ConfigurationDraft:
    """The draft, locked, open, and at the version that the client has read."""
    draft = await session.get(ConfigurationDraft, draft_id, with_for_update=True, populate_existing=True)
    if draft is None:
        raise NotFound("There is no such draft.")
    if expected is not None:
        etags.guard(expected=expected, found=draft.version)
    if draft.state not in OPEN:
        raise DraftClosed(
            reasons=[Reason("draft-closed", f"It is {draft.state}.", mend="Begin a new draft.")]
        )
    return draft


def touch(draft: ConfigurationDraft, state: DraftState, *, by: str, now: datetime, **changed: Any) -> None:
    """Change a draft; what the state does not have is emptied."""
    draft.state, draft.changed_at, draft.changed_by = state, now, by
    draft.activates_at, draft.reasons = None, None
    for field, value in changed.items():
        setattr(draft, field, value)
    draft.version += 1


async def change(
    session: AsyncSession,
    draft_id: UUID,
    *,
    name: str,
    doc: ConfigurationDoc,
    expected: int,
    by: str,
    now: datetime,
) -> ConfigurationDraft:
    """Rewrite a draft, from the version now in force; one that was scheduled has to be scheduled again."""
    draft = await locked(session, draft_id, expected)
    if flaws := applying.as_reasons(doc.flaws()):
        raise Invalid(UNSOUND, reasons=flaws)
    version, _ = await applying.current(session)
    touch(
        draft,
        DraftState.DRAFT,
        by=by,
        now=now,
        name=name,
        document=doc.model_dump(mode="json"),
        based_on=version,
    )
    return draft


async def schedule(
    session: AsyncSession, draft_id: UUID, *, at: datetime | None, expected: int, by: str, now: datetime
) -> ConfigurationDraft:
    """Let a draft come into force at a moment; at once when that has passed or none is named."""
    version, current = await applying.current(session, lock=True)
    draft = await locked(session, draft_id, expected)
    new, reasons = await _considered(session, draft, current)
    if reasons:
        raise ActivationRefused(reasons=reasons)
    if at is not None and at > now:
        touch(draft, DraftState.SCHEDULED, by=by, now=now, activates_at=at)
        return draft
    await _put(session, draft, current, new, version=version + 1, by=by, how="applied", now=now)
    return draft


async def _considered(
    session: AsyncSession, draft: ConfigurationDraft, current: ConfigurationDoc
) -> tuple[ConfigurationDoc, list[Reason]]:
    """The draft brought onto what is in force, and everything against it."""
    new, reasons = await brought_up(session, draft, current)
    return new, reasons or await applying.objections(session, current, new)


async def brought_up(
    session: AsyncSession, draft: ConfigurationDraft, current: ConfigurationDoc
) -> tuple[ConfigurationDoc, list[Reason]]:
    """The draft's own changes brought onto what is in force, and what contradicts it."""
    base = await version_of(session, draft.based_on)
    new, conflicts = brought_onto(base, ConfigurationDoc.model_validate(draft.document), current)
    return new, [
        Reason(
            "changed-meanwhile",
            f"{pointer} was changed by a version after version {draft.based_on}, otherwise than by this draft.",
            pointer,
            "Rewrite the draft on the configuration now in force.",
        )
        for pointer in conflicts
    ]


async def version_of(session: AsyncSession, version: int) -> ConfigurationDoc:
    """The configuration as of a version; before the first one it is empty."""
    document = await session.scalar(
        text("SELECT document FROM configuration_version WHERE version = :version"), {"version": version}
    )
    if document is None and version != 0:
        raise NotFound("There is no such version.")
    return ConfigurationDoc.model_validate(document or {})


async def _put(
    session: AsyncSession,
    draft: ConfigurationDraft,
    current: ConfigurationDoc,
    new: ConfigurationDoc,
    *,
    version: int,
    by: str,
    how: str,
    now: datetime,
) -> None:
    """In force, unless nothing is left to change."""
    if applying.difference(current, new):
        occasion = Occasion(by, how, draft.name)
        await applying.put_in_place(session, current, new, occasion, version=version, now=now)
    else:
        version -= 1
    touch(draft, DraftState.ACTIVATED, by=by, now=now, activated_version=version)


async def activate_drafts(resources: Resources, now: datetime) -> None:
    """The timer: every draft whose moment has come, each in a transaction of its own."""
    due = await resources.pool.fetch(
        "SELECT id FROM configuration_draft WHERE state = 'scheduled' AND activates_at <= $1 "
        "ORDER BY activates_at, id",
        now,
    )
    for row in due:
        async with resources.sessions.begin() as session:
            await _activate(session, row["id"], now=now)


async def _activate(session: AsyncSession, draft_id: UUID, *, now: datetime) -> None:
    version, current = await applying.current(session, lock=True)
    draft = await session.get(ConfigurationDraft, draft_id, with_for_update=True, populate_existing=True)
    if draft is None or draft.activates_at is None or draft.activates_at > now:
        return
    new, reasons = await _considered(session, draft, current)
    if reasons:
        log.error("a scheduled configuration could not be put in place", extra={"draft": str(draft_id)})
        told = [reason.as_json() for reason in reasons]
        touch(draft, DraftState.FAILED, by=draft.changed_by, now=now, reasons=told)
        return
    await _put(
        session, draft, current, new, version=version + 1, by=draft.changed_by, how="scheduled", now=now
    )
