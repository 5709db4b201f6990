"""Add a title, replace its record, hide it or show it again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.custom import queries as custom
from catalog.fastadd.rules import is_brief
from catalog.items.announcing import announce_items_of
from catalog.marc.record import Record
from catalog.marc.storage import unpack
from catalog.titles import queries
from catalog.titles.facts import TitleColumns, columns, summary
from chassis import etags, outbox
from chassis.ids import uuid7
from chassis.json import dumped
from chassis.problems import Invalid, NotFound, Reason, Refused
from contracts.catalog import TitleCreated, TitleUpdated


class ControlNumberTaken(Refused):
    """Another title has this control number (001) of this agency (003)."""

    code, title = "control-number-taken", "Another title has this control number."


class TitleUnknown(NotFound):
    """There is no such title, or it is not shown to you."""

    code, title = "title-unknown", "There is no such title."


class TitleGone(Refused):
    """The title is deleted, or was merged into another."""

    code, title = "title-deleted", "This title is deleted, or was merged into another."


class VersionUnknown(NotFound):
    """This version of the title is not kept."""

    code, title = "version-unknown", "This version of the title is not kept."


_INSERT = text("""
INSERT INTO title (id, match_key, control_number, control_agency, title, subtitle, author, year, format, suppressed,
    record, keys, created_at, updated_at)
VALUES (:id, :match_key, :control_number, :control_agency, :title, :subtitle, :author, :year, :format, :suppressed,
    :record, CAST(:keys AS text[]), :now, :now)
RETURNING hrid
""")
_LOCK = text("""
SELECT version, suppressed, record, deleted_at, merged_into, statistical_codes, tags, custom FROM title
WHERE id = :id FOR UPDATE
""")
_KEEP = text("""
INSERT INTO title_version (title_id, version, record, suppressed, replaced_at, replaced_by)
SELECT id, version, record, suppressed, :now, :by FROM title WHERE id = :id
""")
_REPLACE = text("""
UPDATE title SET version = version + 1, match_key = :match_key, control_number = :control_number,
    control_agency = :control_agency, title = :title, subtitle = :subtitle, author = :author, year = :year,
    format = :format, suppressed = :suppressed, record = :record, keys = CAST(:keys AS text[]), updated_at = :now,
    statistical_codes = CAST(:statistical_codes AS text[]), tags = CAST(:tags AS text[]),
    custom = CAST(:custom AS jsonb),
    brief_since = CASE WHEN :complete THEN NULL ELSE brief_since END
WHERE id = :id RETURNING hrid, version
""")
_HOLDER = text("SELECT id FROM title WHERE match_key = :match_key")


def read_columns(record: Record) -> TitleColumns:
    """The record's columns; `Invalid` when it holds what cannot be stored."""
    try:
        return columns(record)
    except (UnicodeError, TypeError) as error:
        raise Invalid(
            reasons=[
                Reason(
                    "unstorable-value",
                    "The record holds half of a surrogate pair, which is no character.",
                    mend="Send well-formed Unicode.",
                )
            ]
        ) from error


async def create(
    session: AsyncSession, record: Record, *, suppressed: bool, now: datetime, key: str | None = None
) -> UUID:
    """Add a title; `key` is what it is recognised by, where that is not its number or its content."""
    told = read_columns(record)
    if key is not None:
        told = _with_key(told, key)
    title_id = uuid7()
    await _refuse_taken(session, told, title_id)
    try:
        await session.execute(
            _INSERT, {"id": title_id, "suppressed": suppressed, "now": now, **told.parameters()}
        )
    except IntegrityError as error:
        raise ControlNumberTaken from error
    await queries.mark_changed(session, [title_id])
    await outbox.publish(
        session,
        TitleCreated(
            version=1,
            occurred_at=now,
            title_id=title_id,
            title=summary(title_id, 1, told, suppressed=suppressed),
        ),
    )
    return title_id


async def replace(
    session: AsyncSession,
    title_id: UUID,
    record: Record | None,
    *,
    suppressed: bool | None = None,
    beside: Mapping[str, Any] | None = None,
    expected: int,
    by: str,
    now: datetime,
) -> int:
    """Put another record in its place (None: the same one), keeping the old; the version that came of it. `beside` has
    what is to change of statistical codes, tags and the library's own facts."""
    found = (await session.execute(_LOCK, {"id": title_id})).first()
    if found is None:
        raise TitleUnknown
    etags.guard(expected=expected, found=found.version)
    if found.deleted_at is not None:
        raise TitleGone(merged_into=str(found.merged_into) if found.merged_into else None)
    before = columns(unpack(found.record))
    told = read_columns(record) if record is not None else before
    if told.match_key.startswith("content|") and before.match_key.startswith("content|"):
        told = _with_key(told, await _key_of(session, title_id))
    hidden = found.suppressed if suppressed is None else suppressed
    facts = {name: getattr(found, name) for name in ("statistical_codes", "tags", "custom")}
    changed = await _changed(session, facts, beside or {})
    facts |= changed
    if told.record == found.record and hidden == found.suppressed and not changed:
        return int(found.version)
    await _refuse_taken(session, told, title_id)
    await session.execute(_KEEP, {"id": title_id, "now": now, "by": by})
    try:
        row = (
            await session.execute(
                _REPLACE,
                {
                    "id": title_id,
                    "suppressed": hidden,
                    **facts,
                    "custom": dumped(facts["custom"]).decode(),
                    "now": now,
                    "complete": record is not None and not is_brief(record),
                    **told.parameters(),
                },
            )
        ).one()
    except IntegrityError as error:
        raise ControlNumberTaken from error
    await queries.mark_changed(session, [title_id])
    await outbox.publish(
        session,
        TitleUpdated(
            version=row.version,
            occurred_at=now,
            title_id=title_id,
            title=summary(title_id, row.version, told, suppressed=hidden, beside=changed),
        ),
    )
    shown = (told.short_title, told.short_author, hidden)
    if shown != (before.short_title, before.short_author, found.suppressed):
        await announce_items_of(session, [title_id], now=now)
    return int(row.version)


_CODES = text("""
SELECT code FROM statistical_code WHERE code = ANY (CAST(:codes AS text[])) ORDER BY code FOR SHARE
""")


async def _changed(
    session: AsyncSession, before: Mapping[str, Any], told: Mapping[str, Any]
) -> dict[str, Any]:
    """What differs of the facts that stand beside a record, once it is sound."""
    after = {name: sorted(set(told[name])) for name in ("statistical_codes", "tags") if name in told}
    if after.get("statistical_codes", before["statistical_codes"]) != before["statistical_codes"]:
        await _check_codes(session, after["statistical_codes"])
    own = (
        {"custom": await custom.changed(session, "titles", before["custom"], told["custom"])}
        if "custom" in told
        else {}
    )
    return {name: value for name, value in (after | own).items() if value != before[name]}


async def _check_codes(session: AsyncSession, codes: Sequence[str]) -> None:
    """Raise unless the configuration has all of these statistical codes."""
    known = {row.code for row in await session.execute(_CODES, {"codes": list(codes)})}
    if unknown := [code for code in codes if code not in known]:
        raise Invalid(
            reasons=[
                Reason("statistical-code-unknown", f"There is no {code}.", "/statistical_codes")
                for code in unknown
            ]
        )


async def restore(
    session: AsyncSession, title_id: UUID, version: int, *, expected: int, by: str, now: datetime
) -> int:
    """Put an earlier record back as the newest version; what stood meanwhile is kept, suppression stays."""
    earlier = await queries.earlier(session, title_id, version)
    if earlier is None:
        raise VersionUnknown
    return await replace(session, title_id, unpack(earlier.record), expected=expected, by=by, now=now)


async def _key_of(session: AsyncSession, title_id: UUID) -> str:
    return str(await session.scalar(text("SELECT match_key FROM title WHERE id = :id"), {"id": title_id}))


def _with_key(told: TitleColumns, key: str) -> TitleColumns:
    """An unnumbered title stays recognised by what it held when it first came."""
    return TitleColumns(**{name: getattr(told, name) for name in told.__slots__} | {"match_key": key})


async def _refuse_taken(session: AsyncSession, told: TitleColumns, title_id: UUID) -> None:
    holder = await session.scalar(_HOLDER, {"match_key": told.match_key})
    if holder is not None and holder != title_id:
        raise ControlNumberTaken(
            reasons=[
                Reason(
                    "control-number-taken",
                    f"{told.control_number or 'The same content'} is already title {holder}.",
                    mend="Change that title, or give this one another 001.",
                )
            ],
            title_id=str(holder),
        )


async def require(session: AsyncSession, ids: Sequence[UUID]) -> None:
    """Raise unless all of these titles are here."""
    rows = await session.execute(text("SELECT id FROM title WHERE id = ANY (:ids)"), {"ids": list(ids)})
    missing = sorted(set(map(str, ids)) - {str(row.id) for row in rows})
    if missing:
        raise Invalid(
            reasons=[Reason("title-unknown", f"There is no title {title_id}.") for title_id in missing]
        )
