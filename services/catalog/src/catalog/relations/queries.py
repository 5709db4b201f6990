"""Which of our titles a linking entry means."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.relations.rules import Relation
from catalog.search.engine import Reader, SearchRequest
from catalog.search.grammar import QueryProblem
from catalog.titles.facts import key_of_number

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


async def found(
    session: AsyncSession, reader: Reader, relations: Sequence[Relation], *, own: str | None, hidden_too: bool
) -> list[list[Any]]:
    """For each relation the titles of ours that it names: by control number, else by ISSN or ISBN. `own` is the agency
    of the record that links, whose numbers need not name it."""
    keys = {key for each in relations for key in _keys(each, own)}
    by_key = {row.match_key: row.id for row in await session.execute(_BY_KEY, {"keys": sorted(keys)})}
    ids: list[list[UUID]] = []
    for each in relations:
        mine = [by_key[key] for key in _keys(each, own) if key in by_key]
        if not mine and (each.issns or each.isbns):
            mine = await asyncio.to_thread(_by_numbers, reader, each, hidden_too)
        ids.append(list(dict.fromkeys(UUID(int=one.int) for one in mine)))
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
