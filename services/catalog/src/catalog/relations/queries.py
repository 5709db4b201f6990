"""Which of our titles a linking entry means, and which titles mean this one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.marc.extract import Facts
from catalog.marc.storage import unpack
from catalog.matching.keys import key_of_number
from catalog.relations.rules import Relation, keys_of_title, relations
from catalog.search.engine import Reader, SearchRequest
from catalog.search.folding import identifier
from catalog.search.grammar import Naming, QueryProblem

_BY_KEY = text("""
SELECT match_key, coalesce(merged_into, id) AS id FROM title
WHERE match_key = ANY (:keys) AND (merged_into IS NOT NULL OR deleted_at IS NULL)
""")
_SHOWN = text("""
SELECT id, hrid, title, author, year FROM title
WHERE id = ANY (:ids) AND deleted_at IS NULL AND (:hidden_too OR NOT suppressed)
""")

_DESCRIBED = text("""
SELECT id, record FROM holdings
WHERE title_id = :title_id AND record IS NOT NULL AND deleted_at IS NULL AND (:hidden_too OR NOT suppressed)
ORDER BY id LIMIT 200
""")


async def described(session: AsyncSession, title_id: UUID, *, hidden_too: bool) -> Sequence[Any]:
    """A title's holdings that have records of their own."""
    told = {"title_id": title_id, "hidden_too": hidden_too}
    return (await session.execute(_DESCRIBED, told)).all()


_MATCH_KEYS = text("SELECT match_key FROM title WHERE id = :id OR merged_into = :id")
_NAMING = text("""
SELECT id, hrid, title, author, year, record FROM title
WHERE id = ANY (:ids) AND id <> :id AND deleted_at IS NULL AND (:hidden_too OR NOT suppressed) ORDER BY hrid
""")


@dataclass(frozen=True, slots=True)
class Named:
    """A title that names another, and how it does."""

    row: Any
    relation: Relation


async def naming(
    session: AsyncSession,
    reader: Reader,
    title_id: UUID,
    facts: Facts,
    *,
    after: int,
    most: int,
    hidden_too: bool,
) -> tuple[list[Named], int | None]:
    """Titles that name this one, as `found` would find it from there, by their numbers from behind `after` on; and the
    number to go on behind, if there may be more. The search index knows who may, and each of these is looked at."""
    keys = [row.match_key for row in await session.execute(_MATCH_KEYS, {"id": title_id})]
    isbns = [identifier(each) for each in (*facts.isbns, *facts.invalid_isbns)]
    asked = SearchRequest(query=Naming(keys_of_title(keys, facts.issns, isbns)), with_suppressed=hidden_too)
    walked = await asyncio.to_thread(reader.walk, asked, after=after, most=most)
    ids = [UUID(each) for each in walked.ids]
    rows = list(await session.execute(_NAMING, {"ids": ids, "id": title_id, "hidden_too": hidden_too}))
    told = await asyncio.to_thread(_told, rows, set(facts.issns), set(isbns))
    wanted = {key for _, each, own, _ in told for key in _keys(each, own)}
    by_key = await _by_key(session, wanted)
    named = []
    for row, each, own, by_number in told:
        meant = {by_key[key] for key in _keys(each, own) if key in by_key}
        if title_id in meant or (not meant and by_number):
            named.append(Named(row, each))
    return named, walked.last if len(walked.ids) == most else None


def _told(
    rows: Sequence[Any], issns: set[str], isbns: set[str]
) -> list[tuple[Any, Relation, str | None, bool]]:
    """Every linking entry of these titles, its record's agency, and whether it has one of these ISSNs or ISBNs."""
    told = []
    for row in rows:
        record = unpack(row.record)
        own = (record.control("003") or "").strip() or None
        for each in relations(record):
            by_number = not issns.isdisjoint(each.issns) or not isbns.isdisjoint(each.isbns)
            told.append((row, each, own, by_number))
    return told


async def _by_key(session: AsyncSession, keys: set[str]) -> dict[str, UUID]:
    """Our titles by what they are recognised by."""
    rows = await session.execute(_BY_KEY, {"keys": sorted(keys)})
    return {row.match_key: UUID(int=row.id.int) for row in rows}


async def found(
    session: AsyncSession, reader: Reader, relations: Sequence[Relation], *, own: str | None, hidden_too: bool
) -> list[list[Any]]:
    """For each relation the titles of ours that it names: by control number, else by ISSN or ISBN. `own` is the agency
    of the record that links, whose numbers need not name it."""
    keys = {key for each in relations for key in _keys(each, own)}
    by_key = await _by_key(session, keys)
    ids: list[list[UUID]] = []
    for each in relations:
        mine = [by_key[key] for key in _keys(each, own) if key in by_key]
        if not mine and (each.issns or each.isbns):
            mine = await asyncio.to_thread(_by_numbers, reader, each, hidden_too)
        ids.append(list(dict.fromkeys(mine)))
    wanted = {one for mine in ids for one in mine}
    rows = {
        row.id: row
        for row in await session.execute(_SHOWN, {"ids": sorted(wanted), "hidden_too": hidden_too})
    }
    return [[rows[one] for one in mine if one in rows] for mine in ids]


def _keys(each: Relation, own: str | None) -> list[str]:
    told = []
    for agency, number in each.numbers:
        told += [key_of_number(name, number) for name in ([agency] if agency else [own, None])]
    return list(dict.fromkeys(told))


def _by_numbers(reader: Reader, each: Relation, hidden_too: bool) -> list[UUID]:
    terms = [f"issn:{value}" for value in each.issns] + [f"isbn:{value}" for value in each.isbns]
    try:
        request = SearchRequest(query=" OR ".join(terms[:5]), limit=5, with_suppressed=hidden_too)
        return [hit.title_id for hit in reader.search(request).hits]
    except QueryProblem:
        return []
