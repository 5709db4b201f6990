"""Lists are made, told more, renewed and dropped."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.conditions.looking import START, refuse
from catalog.conditions.statements import HERE, ID, TABLES
from catalog.conditions.vocabulary import Kind
from catalog.exports.queries import written
from catalog.lists import queries
from catalog.lists.documents import SourceDoc
from catalog.lists.rules import MOST_FILLING, MOST_LISTS, MOST_MEMBERS, MOST_UNKNOWN_KEPT, OPEN, State
from catalog.lists.tables import SavedList
from chassis import etags
from chassis.ids import uuid7
from chassis.problems import Invalid, NotFound, Reason, Refused

_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtext('saved lists'), hashtext(:by))")
_COUNT: Final = text("""
UPDATE saved_list SET version = version + 1, updated_at = :now, unknown_count = :unknown_count,
    unknown = CAST(:unknown AS jsonb), count = (
        SELECT count(*) FROM saved_list_member m
        WHERE m.list_id = saved_list.id AND m.generation = saved_list.generation)
WHERE id = :id RETURNING count
""")
_FILL_AGAIN: Final = text("""
UPDATE saved_list SET version = version + 1, state = 'queued', filled = 0, last_id = :start, index_wanted = :wanted,
    problem = NULL, updated_at = :now WHERE id = :id
""")
_CHANGE: Final = text("""
UPDATE saved_list SET version = version + 1, name = :name, note = :note, shared = :shared, frozen = :frozen,
    updated_at = :now WHERE id = :id
""")
_REMOVE: Final = text("""
DELETE FROM saved_list_member m USING saved_list l
WHERE l.id = :id AND m.list_id = l.id AND m.generation = l.generation AND m.entity_id = ANY (CAST(:ids AS uuid[]))
""")
_BY: Final = {"ids": ("{id}", "uuid"), "barcodes": ("i.barcode", "text"), "numbers": ("t.hrid", "bigint")}


class ListUnknown(NotFound):
    """There is no such list, or it is not yours to see."""

    code, title = "list-unknown", "There is no such list."


class TooManyLists(Refused):
    """Somebody keeps as many lists as may be."""

    code, title = "too-many-lists", "You keep as many lists as may be, or as many are being filled."


class ListBusy(Refused):
    """The list is being filled."""

    code, title = "list-busy", "This list is being filled; ask again in a moment."


class ListFixed(Refused):
    """The list is not filled by asking."""

    code, title = "list-fixed", "This list is not renewed: it is frozen, or its members were told one by one."


class ListFull(Refused):
    """A list holds no more."""

    code, title = "list-full", "A list holds no more."


async def make(
    session: AsyncSession,
    *,
    kind: Kind,
    source: SourceDoc,
    name: str,
    note: str | None = None,
    shared: bool = False,
    frozen: bool = False,
    passing: bool = False,
    by: str,
    at: str = "",
    now: datetime,
) -> UUID:
    """A new list: told members are in it at once, what is asked is found in the background."""
    _, faults = source.question(kind, at=at)
    refuse(faults)
    await _bounded(session, by, passing=passing)
    if source.combined is not None:
        await _combinable(session, source.combined.lists, kind, by, at=f"{at}/combined/lists")
    made = SavedList(
        id=uuid7(),
        version=1,
        kind=kind,
        name=name,
        note=note,
        owner=by,
        shared=shared,
        frozen=frozen,
        passing=passing,
        source=source.kept(),
        state=State.READY if source.is_told else State.QUEUED,
        count=0,
        generation=0,
        filled=0,
        unknown_count=0,
        last_id=START,
        index_wanted=await written(session),
        created_at=now,
        updated_at=now,
        filled_at=now if source.is_told else None,
    )
    session.add(made)
    await session.flush()
    if source.is_told:
        await add(session, made.id, kind, source, now=now)
    return made.id


async def _bounded(session: AsyncSession, by: str, *, passing: bool) -> None:
    """Whoever makes lists is counted one request after the other."""
    await session.execute(_LOCK, {"by": by})
    counts = await queries.counts(session, by=by)
    reasons = []
    if counts.kept >= MOST_LISTS and not passing:
        words, mend = f"Up to {MOST_LISTS} are kept.", "Delete one that is needed no more."
        reasons.append(Reason("too-many-lists", words, mend=mend, value=counts.kept, limit=MOST_LISTS))
    if counts.open >= MOST_FILLING:
        words, mend = f"Up to {MOST_FILLING} are filled at a time.", "Ask again when one is ready."
        reasons.append(Reason("too-many-filling", words, mend=mend, value=counts.open, limit=MOST_FILLING))
    if reasons:
        raise TooManyLists(reasons=reasons)


async def _combinable(session: AsyncSession, ids: Sequence[UUID], kind: Kind, by: str, *, at: str) -> None:
    found = await queries.several(session, ids, by=by)
    reasons = []
    for place, each in enumerate(ids):
        row = found.get(each)
        if row is None:
            reasons.append(Reason("list-unknown", f"There is no list {each}.", f"{at}/{place}"))
        elif row.kind != kind:
            words, mend = f"List {each} is of {row.kind}.", f"Name lists of {kind}."
            reasons.append(Reason("list-kind", words, f"{at}/{place}", mend))
    if reasons:
        raise Invalid(reasons=reasons)


async def add(
    session: AsyncSession, list_id: UUID, kind: Kind, told: SourceDoc, *, now: datetime
) -> list[str]:
    """Put what is told into a list, once each; what is not here is told back."""
    unknown: list[str] = []
    for name in ("ids", "barcodes", "numbers"):
        values = getattr(told, name)
        if values:
            unknown += await _add(session, list_id, kind, name, list(dict.fromkeys(values)))
    await _counted(session, list_id, unknown, now=now)
    return unknown


async def _add(
    session: AsyncSession, list_id: UUID, kind: Kind, name: str, values: Sequence[Any]
) -> list[str]:
    expression, sql_type = _BY[name]
    tables = TABLES[kind]
    if name == "barcodes" and kind is not Kind.ITEMS:
        tables = TABLES[Kind.ITEMS]
    found = await session.execute(
        text(f"""
WITH told AS MATERIALIZED (SELECT unnest(CAST(:values AS {sql_type}[])) AS value),
found AS MATERIALIZED (
    SELECT told.value, e.id FROM told CROSS JOIN LATERAL (
        SELECT {ID[kind]} AS id FROM {tables} WHERE {expression.format(id=ID[kind])} = told.value AND {HERE[kind]}
    ) e
),
added AS (
    INSERT INTO saved_list_member (list_id, generation, entity_id)
    SELECT DISTINCT l.id, l.generation, found.id FROM found, saved_list l WHERE l.id = :id
    ON CONFLICT DO NOTHING
)
SELECT value::text AS value FROM told EXCEPT SELECT value::text FROM found ORDER BY 1
"""),  # noqa: S608 - our own text
        {"values": list(values), "id": list_id},
    )
    return [row.value for row in found]


async def _counted(session: AsyncSession, list_id: UUID, unknown: Sequence[str], *, now: datetime) -> None:
    count = await session.scalar(
        _COUNT,
        {
            "id": list_id,
            "now": now,
            "unknown_count": len(unknown),
            "unknown": orjson.dumps(list(unknown[:MOST_UNKNOWN_KEPT])).decode(),
        },
    )
    if (count or 0) > MOST_MEMBERS:
        raise ListFull(
            reasons=[Reason("list-full", f"Up to {MOST_MEMBERS}.", value=count, limit=MOST_MEMBERS)]
        )


async def held(session: AsyncSession, list_id: UUID, *, by: str) -> Any:
    """A list of the asker's own to be changed. A shared one of somebody else is known, and refused as unknown."""
    row = await queries.own(session, list_id, by=by)
    if row is None or row.passing:
        raise ListUnknown
    return row


async def change_members(
    session: AsyncSession, list_id: UUID, told: SourceDoc, *, remove: Sequence[UUID], by: str, now: datetime
) -> list[str]:
    """Add what is told, then take out what is named; what is not here is told back."""
    row = await held(session, list_id, by=by)
    if row.state in OPEN:
        raise ListBusy
    if row.frozen:
        raise ListFixed
    unknown = await add(session, list_id, Kind(row.kind), told, now=now)
    if remove:
        await session.execute(_REMOVE, {"id": list_id, "ids": list(remove)})
        await _counted(session, list_id, unknown, now=now)
    return unknown


async def change(
    session: AsyncSession, list_id: UUID, changes: dict[str, Any], *, expected: int, by: str, now: datetime
) -> None:
    """Another name or note; shared or not; frozen or not."""
    row = await held(session, list_id, by=by)
    etags.guard(expected=expected, found=row.version)
    before = {name: getattr(row, name) for name in ("name", "note", "shared", "frozen")}
    after = before | changes
    if after != before:
        await session.execute(_CHANGE, after | {"id": list_id, "now": now})


async def renew(session: AsyncSession, list_id: UUID, *, by: str, now: datetime) -> None:
    """Ask again what the list was made of; what it holds stays until the answer is whole."""
    row = await held(session, list_id, by=by)
    if row.frozen or not row.source:
        raise ListFixed
    if row.state in OPEN:
        raise ListBusy
    await _bounded(session, by, passing=True)
    told = {"id": list_id, "start": START, "wanted": await written(session), "now": now}
    await session.execute(_FILL_AGAIN, told)


async def drop(session: AsyncSession, list_id: UUID, *, by: str) -> None:
    """Forget a list."""
    await held(session, list_id, by=by)
    await session.execute(text("DELETE FROM saved_list WHERE id = :id"), {"id": list_id})
