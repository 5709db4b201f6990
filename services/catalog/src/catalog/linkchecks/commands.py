"""Checks are asked for, by somebody or by a schedule, and cancelled; a redirection is taken over into a record."""

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.holdings import describing
from catalog.items import queries as shelves
from catalog.linkchecks import queries
from catalog.linkchecks.documents import LinkCheckDoc
from catalog.linkchecks.rules import MOST_OPEN, OPEN, State
from catalog.linkchecks.tables import LinkCheck
from catalog.lists import queries as lists
from catalog.marc.record import Field, Record
from catalog.marc.storage import unpack
from catalog.titles import commands as titles
from catalog.titles import queries as title_queries
from catalog.titles.commands import TitleUnknown
from chassis.ids import uuid7
from chassis.problems import Invalid, NotFound, Reason, Refused

_CANCEL: Final = text("""
UPDATE link_check SET state = 'cancelled', finished_at = :now WHERE id = :id AND state = ANY (:open)
""")
_FORGET: Final = text("DELETE FROM link_check_link WHERE check_id = :id AND outcome IS NULL")
_NOT_THERE: Final = text("""
DELETE FROM link_place WHERE link_id = :link_id AND kind = :kind AND entity_id = :entity_id
""")


class CheckUnknown(NotFound):
    """There is no such check."""

    code, title = "link-check-unknown", "There is no such check of links (any more)."


class LinkUnknown(NotFound):
    """There is no such link."""

    code, title = "link-unknown", "There is no such link (any more)."


class CheckEnded(Refused):
    """There is nothing left to stop."""

    code, title = "link-check-ended", "This check has ended already."


class TooManyChecks(Refused):
    """The asker has as many checks under way as may be."""

    code, title = "too-many-link-checks", "As many checks of yours are under way as may be at a time."


class NotMoved(Refused):
    """The link does not lead there for good, or the record does not have it."""

    code, title = "link-not-moved", "This address cannot take the other's place."


async def ask(session: AsyncSession, doc: LinkCheckDoc, *, by: str, now: datetime) -> LinkCheck:
    """Ask for a check; whoever asks is counted one request after the other."""
    await made_of(session, doc, by=by)
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtext('link checks of'), hashtext(:by))"), {"by": by}
    )
    if (under_way := await queries.open_of(session, by)) >= MOST_OPEN:
        words, mend = f"Up to {MOST_OPEN} wait or are made at a time.", "Ask again when one is done."
        raise TooManyChecks(
            reasons=[Reason("too-many-link-checks", words, mend=mend, value=under_way, limit=MOST_OPEN)]
        )
    return await begin(session, doc, by=by, now=now)


async def made_of(session: AsyncSession, doc: LinkCheckDoc, *, by: str) -> None:
    """Raise unless the asker sees the list that is named, and it has been filled once."""
    if doc.list_id is None:
        return
    row = await lists.one(session, doc.list_id, by=by)
    if row is None:
        raise Invalid(reasons=[Reason("list-unknown", f"There is no list {doc.list_id}.", "/list_id")])
    if row.generation == 0 and row.state != "ready":
        words = f"The list is {row.state}."
        raise Invalid(reasons=[Reason("list-unfilled", words, "/list_id", "Ask again when it is ready.")])


async def begin(
    session: AsyncSession, doc: LinkCheckDoc, *, by: str, now: datetime, schedule: str | None = None
) -> LinkCheck:
    """Put a check into the queue."""
    made = LinkCheck(
        id=uuid7(),
        schedule=schedule,
        source=doc.model_dump(mode="json", include=set(LinkCheckDoc.model_fields)),
        requested_by=by,
        state=State.QUEUED,
        last_number=0,
        titles=0,
        links=0,
        checked=0,
        well=0,
        moved=0,
        broken=0,
        unclear=0,
        not_asked=0,
        broke=0,
        mended=0,
        created_at=now,
    )
    session.add(made)
    await session.flush()
    return made


async def cancel(session: AsyncSession, check_id: UUID, *, now: datetime) -> Any:
    """Stop a check; what it has found by then stays."""
    if await queries.check(session, check_id) is None:
        raise CheckUnknown
    stopped: Any = await session.execute(_CANCEL, {"id": check_id, "open": [*OPEN], "now": now})
    if not stopped.rowcount:
        raise CheckEnded
    await session.execute(_FORGET, {"id": check_id})
    return await queries.check(session, check_id)


async def take_over(
    session: AsyncSession,
    link_id: UUID,
    *,
    kind: Literal["title", "holdings"],
    entity_id: UUID,
    to: str,
    expected: int,
    by: str,
    now: datetime,
) -> int:
    """Put the address that a link has moved to in its place in one record; the record's version then."""
    link = await queries.link(session, link_id)
    if link is None:
        raise LinkUnknown
    if link.moved_to != to:
        words = f"It leads to {link.moved_to or 'no other address'} for good, by the last check."
        raise NotMoved(reasons=[Reason("moved-elsewhere", words, "/to", "Look at the link again.")])
    if kind == "title":
        row = await title_queries.title(session, entity_id)
        if row is None:
            raise TitleUnknown
        changed = _without(unpack(row.record), link.url, to)
        version = await titles.replace(session, entity_id, changed, expected=expected, by=by, now=now)
    else:
        held = await shelves.holdings(session, entity_id)
        if held is None or held.record is None:
            raise describing.RecordUnknown
        changed = _without(unpack(held.record), link.url, to)
        await describing.describe(session, entity_id, changed, expected=expected, by=by, now=now)
        version = expected + 1
    told = {"link_id": link_id, "kind": kind, "entity_id": entity_id}
    await session.execute(_NOT_THERE, told)
    return version


def _without(record: Record, old: str, new: str) -> Record:
    """The record with the new address wherever an 856 has the old one."""
    fields = [with_address(each, old, new) if each.tag == "856" else each for each in record]
    if all(one is other for one, other in zip(fields, record, strict=True)):
        raise NotMoved(reasons=[Reason("link-not-there", "The record does not have this link (any more).")])
    return Record(record.leader, fields)


def with_address(field: Field, old: str, new: str) -> Field:
    """A field 856 with another address in the old one's place; the same field where it has not got it."""
    if field.is_control or old not in [value.strip() for value in field.all("u")]:
        return field
    told = [(code, new if code == "u" and value.strip() == old else value) for code, value in field.subfields]
    return Field.from_parts(field.tag, field.ind1, field.ind2, told)
