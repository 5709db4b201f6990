"""Records in one stream, read by a server-side cursor so that a million of them need no memory."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final
from uuid import UUID

import asyncpg
import orjson

from catalog.citations import bibtex, csl
from catalog.marc import iso2709, marcjson, marcxml
from catalog.marc.reading import MARC, MARCXML, MEDIA_TYPES
from catalog.marc.record import Record
from catalog.marc.storage import unpack
from catalog.search.engine import Reader, SearchRequest
from catalog.search.grammar import QueryProblem
from catalog.search.hitlists import DEEPEST_HIT
from catalog.titles.media import BIBLIOGRAPHY, BIBTEX, CITED, CSL, ENDNOTE, RIS
from chassis.principal import Principal
from chassis.problems import Invalid, Reason
from chassis.resources import Resources

log = logging.getLogger(__name__)

OFFERS: Final = (*MEDIA_TYPES, RIS, ENDNOTE, BIBTEX, CSL, BIBLIOGRAPHY)
"""The forms that many titles are given in, one behind the other."""
SLICE: Final = 500
MOST_IDS: Final = 1000
_BARE: Final = frozenset((MARC, RIS, ENDNOTE, BIBTEX))
"""Forms whose records stand behind each other with nothing around them."""
_ALL = "SELECT id, hrid, record FROM title WHERE ($1 OR NOT suppressed) AND deleted_at IS NULL ORDER BY id"
_SOME = """
SELECT id, hrid, record FROM title
WHERE id = ANY ($2::uuid[]) AND ($1 OR NOT suppressed) AND deleted_at IS NULL ORDER BY id
"""


_OF_LIST = """
SELECT t.id FROM title t WHERE t.deleted_at IS NULL AND t.id IN (
    SELECT CASE l.kind WHEN 'titles' THEN m.entity_id WHEN 'holdings' THEN h.title_id ELSE i.title_id END
    FROM saved_list l JOIN saved_list_member m ON m.list_id = l.id AND m.generation = l.generation
    LEFT JOIN holdings h ON l.kind = 'holdings' AND h.id = m.entity_id
    LEFT JOIN item i ON l.kind = 'items' AND i.id = m.entity_id
    WHERE l.id = $1
) ORDER BY t.hrid LIMIT $2
"""
_SEEN = "SELECT true FROM saved_list WHERE id = $1 AND (shared OR owner = $2)"


async def listed(resources: Resources, list_id: UUID, asker: Principal) -> Sequence[UUID]:
    """The titles of a saved list that the asker sees, by their numbers; those of its holdings or items."""
    if not await resources.pool.fetchval(_SEEN, list_id, str(asker.actor)):
        raise Invalid(reasons=[Reason("list-unknown", f"There is no list {list_id}.", "query/list_id")])
    rows = await resources.pool.fetch(_OF_LIST, list_id, DEEPEST_HIT + 1)
    if len(rows) > DEEPEST_HIT:
        words = f"Up to {DEEPEST_HIT} titles of a list are given in one stream."
        mend = "Ask for an export (/v1/exports)."
        raise Invalid(reasons=[Reason("list-too-long", words, "query/list_id", mend)])
    return [row["id"] for row in rows]


async def wanted(
    resources: Resources, query: str | None, ids: str | None, asker: Principal, list_id: UUID | None = None
) -> Sequence[UUID] | None:
    """The titles that were asked for; None for all."""
    if list_id is not None:
        return await listed(resources, list_id, asker)
    if ids is not None:
        try:
            told = [UUID(each.strip()) for each in ids.split(",") if each.strip()]
        except ValueError:
            raise Invalid(reasons=[Reason("id-malformed", "An id is a UUID.", "query/ids")]) from None
        if len(told) > MOST_IDS:
            raise Invalid(
                reasons=[
                    Reason("too-many-ids", f"Up to {MOST_IDS} at once.", "query/ids", "Ask again for more.")
                ]
            )
        return told
    if query is None:
        return None
    reader: Reader = resources.own["reader"]
    asked = SearchRequest(query=query, limit=DEEPEST_HIT, with_suppressed=asker.may("titles:write"))
    try:
        found = await asyncio.to_thread(reader.search, asked)
    except QueryProblem as problem:
        raise Invalid(reasons=[Reason(problem.code, problem.message, "query/query")]) from problem
    if found.total > DEEPEST_HIT:
        raise Invalid(
            reasons=[
                Reason(
                    "too-many-hits",
                    f"{found.total} titles match; up to {DEEPEST_HIT} are exported by query.",
                    "query/query",
                    "Narrow the query, or export all.",
                )
            ]
        )
    return [hit.title_id for hit in found.hits]


async def stream(
    pool: asyncpg.Pool, ids: Sequence[UUID] | None, kind: str, *, hidden_too: bool
) -> AsyncIterator[bytes]:
    """The records in one media type, a piece per slice."""
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        rows = (
            connection.cursor(_ALL, hidden_too, prefetch=SLICE)
            if ids is None
            else connection.cursor(_SOME, hidden_too, list(ids), prefetch=SLICE)
        )
        yield opening(kind)
        gathered: list[asyncpg.Record] = []
        first = True
        async for row in rows:
            gathered.append(row)
            if len(gathered) == SLICE:
                yield await asyncio.to_thread(piece, gathered, kind, first=first)
                gathered, first = [], False
        if gathered:
            yield await asyncio.to_thread(piece, gathered, kind, first=first)
        yield closing(kind)


def opening(kind: str) -> bytes:
    """What stands before the records."""
    if kind == MARCXML:
        return next(marcxml.write([]))
    return b"" if kind in _BARE else b"["


def closing(kind: str) -> bytes:
    """What stands behind them."""
    if kind == MARCXML:
        return b"</collection>\n"
    return b"" if kind in _BARE else b"]\n"


def _entry(item: csl.Csl) -> bytes:
    """With a key that no other title has: two books of one author and year may stand in one file."""
    return bibtex.dumps(item, alone=False).encode()


def piece(rows: Sequence[asyncpg.Record], kind: str, *, first: bool) -> bytes:
    """A slice of records."""
    if kind == MARCXML:
        return b"".join(marcxml.dumps(unpack(row["record"]), namespace=False) + b"\n" for row in rows)
    if kind == MARC:
        return b"".join(_sayable(rows))
    if kind in _BARE:
        write = _entry if kind == BIBTEX else CITED[kind]
        return b"".join(map(write, _cited(rows)))
    told = b",\n".join(
        map(orjson.dumps, _cited(rows))
        if kind == CSL
        else [marcjson.dumps(unpack(row["record"])) for row in rows]
    )
    return told if first else b",\n" + told


def _cited(rows: Sequence[asyncpg.Record]) -> Iterator[csl.Csl]:
    for row in rows:
        yield csl.csl(unpack(row["record"]), key=f"t{row['hrid']}")


def _sayable(rows: Sequence[asyncpg.Record]) -> Iterator[bytes]:
    for row in rows:
        record: Record = unpack(row["record"])
        try:
            yield iso2709.dumps(record)
        except iso2709.Inexpressible as error:
            log.warning(
                "a record was left out of an export", extra={"title": str(row["id"]), "why": str(error)}
            )
