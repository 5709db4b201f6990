"""Imports that are taken back, and the facts that decide about each record."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.imports.described import ITEM_FACTS
from catalog.imports.rules import Outcome
from catalog.imports.statements import SHELF_STANDS
from catalog.marc.storage import unpack
from catalog.titles.facts import TitleColumns, columns
from catalog.undoing.rules import Case, MadeItem

_UNDO = text("SELECT * FROM import_undo WHERE import_id = :import_id")
_COUNTS = text("""
SELECT outcome, count(*) AS number FROM import_undo_outcome WHERE undo_id = :id GROUP BY outcome
""")
_LIST = "SELECT ordinal, title_id, outcome, reasons FROM import_undo_outcome WHERE undo_id = :id AND ordinal > :after "
_OUTCOMES = text(_LIST + "ORDER BY ordinal LIMIT :limit")
_OF_A_KIND = text(_LIST + "AND outcome = :outcome ORDER BY ordinal LIMIT :limit")
_NEXT = text("""
SELECT ordinal, outcome, title_id, title_version FROM import_outcome
WHERE import_id = :import_id AND ordinal > :after AND title_id IS NOT NULL ORDER BY ordinal LIMIT :limit
""")
_WAITING = text("""
SELECT o.ordinal, o.outcome, o.title_id, o.title_version
FROM import_undo_outcome u JOIN import_outcome o ON o.import_id = :import_id AND o.ordinal = u.ordinal
WHERE u.undo_id = :id AND u.outcome = 'waiting' AND NOT EXISTS (
    SELECT FROM item i JOIN withdrawal w ON w.item_id = i.id AND w.state = 'requested'
    WHERE i.title_id = u.title_id AND i.import_id = :import_id)
ORDER BY u.ordinal LIMIT :limit
""")
_TITLES = text("""
SELECT id, version, match_key, record, suppressed, deleted_at, merged_into FROM title
WHERE id = ANY (:ids) ORDER BY id FOR UPDATE
""")
_BEFORE = text("""
SELECT v.title_id, v.record FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS bigint[])) AS asked (id, version)
JOIN title_version v ON v.title_id = asked.id AND v.version = asked.version
""")
_NUMBERS = text("SELECT id, match_key FROM title WHERE match_key = ANY (:keys)")
_ITEMS = text("""
SELECT i.id, i.title_id, i.base_state, i.import_id = :import_id AS made_here FROM item i
WHERE i.title_id = ANY (:ids) ORDER BY i.id FOR UPDATE
""")
_WITHDRAWALS = text("""
SELECT item_id, state, refusals FROM withdrawal
WHERE item_id = ANY (:ids) AND (state = 'requested' OR (state = 'refused' AND requested_at >= :since))
ORDER BY requested_at
""")
_BOUND = text("""
SELECT told.id, count(*) AS number FROM item i, unnest(i.bound_with) AS told (id)
WHERE i.bound_with <> '{}' AND i.bound_with && CAST(:ids AS uuid[]) AND i.base_state <> 'withdrawn' GROUP BY told.id
""")
_CHANGED_ITEMS = text(f"""
SELECT i.title_id, c.after = {ITEM_FACTS} AS as_left FROM item i
JOIN import_item_change c ON c.import_id = :import_id AND c.item_id = i.id
WHERE i.title_id = ANY (:ids) AND c.before <> {ITEM_FACTS}
""")  # noqa: S608 - our own text


_HOLD_SHELVES = text("""
SELECT h.id FROM holdings h JOIN import_holdings_change c ON c.holdings_id = h.id
WHERE c.import_id = :import_id AND c.title_id = ANY (:ids) ORDER BY h.id FOR UPDATE OF h
""")
_CHANGED_SHELVES = text(f"""
SELECT c.title_id, c.holdings_id, c.record, h.title_id = c.title_id AND h.deleted_at IS NULL AND h.merged_into IS NULL
    AND c.left_as = {SHELF_STANDS} AS as_left
FROM import_holdings_change c JOIN holdings h ON h.id = c.holdings_id
WHERE c.import_id = :import_id AND c.title_id = ANY (:ids)
    AND (h.record, h.call_number_scheme) IS DISTINCT FROM (c.record, c.call_number_scheme)
""")  # noqa: S608 - our own text
_SHELVES = text("""
SELECT title_id, count(*) AS number FROM holdings
WHERE title_id = ANY (:ids) AND import_id = :import_id AND deleted_at IS NULL GROUP BY title_id
""")


@dataclass(frozen=True, slots=True)
class Facts:
    """A record's case, and what its title is restored to."""

    ordinal: int
    title_id: UUID
    case: Case
    before: TitleColumns | None
    suppressed: bool


async def undo_of(session: AsyncSession, import_id: UUID) -> tuple[Any, dict[str, int]] | None:
    """How far an import is taken back, with its records by what became of them."""
    row = (await session.execute(_UNDO, {"import_id": import_id})).first()
    if row is None:
        return None
    return row, {each.outcome: each.number for each in await session.execute(_COUNTS, {"id": row.id})}


async def outcomes(
    session: AsyncSession, undo_id: UUID, *, outcome: str | None, after: int, limit: int
) -> Sequence[Any]:
    """What became of each record, in the file's order."""
    told = {"id": undo_id, "outcome": outcome, "after": after, "limit": limit}
    return (await session.execute(_OUTCOMES if outcome is None else _OF_A_KIND, told)).all()


async def next_records(session: AsyncSession, undo: Any, *, limit: int) -> Sequence[Any]:
    """Records of the import that were not seen to yet."""
    told = {"import_id": undo.import_id, "after": undo.position, "limit": limit}
    return (await session.execute(_NEXT, told)).all()


async def answered(session: AsyncSession, undo: Any, *, limit: int) -> Sequence[Any]:
    """Records that waited for circulation, and wait no more."""
    told = {"import_id": undo.import_id, "id": undo.id, "limit": limit}
    return (await session.execute(_WAITING, told)).all()


async def facts(session: AsyncSession, undo: Any, records: Sequence[Any]) -> list[Facts]:
    """Everything that decides about these records; their titles and items are locked."""
    ids = sorted({each.title_id for each in records})
    titles = {row.id: row for row in await session.execute(_TITLES, {"ids": ids})}
    made = {each.title_id: each.title_version for each in records if each.outcome == Outcome.UPDATED}
    asked = {"ids": list(made), "versions": [version - 1 for version in made.values()]}
    before = {
        row.title_id: _columns(bytes(row.record), titles[row.title_id].match_key)
        for row in await session.execute(_BEFORE, asked)
    }
    holders = {
        row.match_key: row.id
        for row in await session.execute(_NUMBERS, {"keys": [each.match_key for each in before.values()]})
    }
    items = await _items(session, undo, ids)
    bound = {row.id: row.number for row in await session.execute(_BOUND, {"ids": ids})}
    changed: dict[UUID, list[bool]] = defaultdict(list)
    for row in await session.execute(_CHANGED_ITEMS, {"import_id": undo.import_id, "ids": ids}):
        changed[row.title_id].append(row.as_left)
    made_here = {"import_id": undo.import_id, "ids": ids}
    shelves = {row.title_id: row.number for row in await session.execute(_SHELVES, made_here)}
    await session.execute(_HOLD_SHELVES, made_here)
    described: dict[UUID, list[bool]] = defaultdict(list)
    for row in await changed_shelves(session, undo, ids):
        described[row.title_id].append(row.as_left)
    told = []
    for each in records:
        title, old = titles[each.title_id], before.get(each.title_id)
        told.append(
            Facts(
                each.ordinal,
                each.title_id,
                Case(
                    outcome=Outcome(each.outcome),
                    made=each.title_version,
                    version=title.version,
                    deleted=title.deleted_at is not None,
                    merged=title.merged_into is not None,
                    as_before=old is not None and bytes(title.record) == old.record,
                    number_taken=old is not None and holders.get(old.match_key, title.id) != title.id,
                    bound=bound.get(each.title_id, 0),
                    items=tuple(items[each.title_id]),
                    changed_items=sum(changed[each.title_id]),
                    worked_items=sum(not as_left for as_left in changed[each.title_id]),
                    shelves=shelves.get(each.title_id, 0),
                    changed_shelves=sum(described[each.title_id]),
                    worked_shelves=sum(not as_left for as_left in described[each.title_id]),
                ),
                old,
                title.suppressed,
            )
        )
    return told


async def changed_shelves(session: AsyncSession, undo: Any, titles: Sequence[UUID]) -> Sequence[Any]:
    """Holdings of these titles whose record the import changed and that are not as they were before: each with that
    record, and whether they stand as the import left them."""
    told = {"import_id": undo.import_id, "ids": list(titles)}
    return (await session.execute(_CHANGED_SHELVES, told)).all()


async def _items(session: AsyncSession, undo: Any, ids: Sequence[UUID]) -> dict[UUID, list[MadeItem]]:
    rows = (await session.execute(_ITEMS, {"import_id": undo.import_id, "ids": ids})).all()
    mine = [row.id for row in rows if row.made_here]
    asked: set[UUID] = set()
    refused: dict[UUID, tuple[str, ...]] = {}
    for row in await session.execute(_WITHDRAWALS, {"ids": mine, "since": undo.started_at}):
        if row.state == "requested":
            asked.add(row.item_id)
        else:
            refused[row.item_id] = tuple(row.refusals)
    found: dict[UUID, list[MadeItem]] = defaultdict(list)
    for row in rows:
        refusals = refused.get(row.id, ()) if row.id not in asked else ()
        found[row.title_id].append(
            MadeItem(row.id, row.base_state, bool(row.made_here), row.id in asked, refusals)
        )
    return found


def _columns(record: bytes, match_key: str) -> TitleColumns:
    """An unnumbered title stays recognised as it was."""
    told = columns(unpack(record))
    if told.control_number is None and not match_key.startswith(("number|", "long|")):
        told.match_key = match_key
    return told
