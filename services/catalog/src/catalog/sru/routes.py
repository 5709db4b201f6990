"""SRU on the wire: one address, GET or a form; what is wrong with a request is a diagnostic (200), not an error."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import UUID

import asyncpg
from fastapi import Request, Response

from catalog.cql import parsing
from catalog.cql.parsing import CqlProblem
from catalog.cql.tree import Clause, Node
from catalog.marc.record import Record
from catalog.marc.storage import unpack
from catalog.oai.routes import address_of, form_of
from catalog.search.engine import DEEPEST_HIT, IndexAbsent, Reader, ScannedTerm, SearchRequest, SearchResult
from catalog.search.folding import tokens
from catalog.search.grammar import Listed, QueryProblem
from catalog.search.headings import KINDS
from catalog.search.hitlists import KEPT_SECONDS
from catalog.search.ordering import SortKey
from catalog.sru import answers, rules
from catalog.sru.asking import Asked, Refused, asked
from catalog.sru.indexes import Index
from catalog.sru.scanning import beginning
from chassis.application import new_router
from chassis.edge import streamed
from chassis.resources import Resources

router = new_router(tag="discovery")

XML: Final = "text/xml; charset=utf-8"
ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/xml": {"schema": {"type": "string"}}}, "description": "An SRU document"}
}
_RECORDS = "SELECT id, record FROM title WHERE id = ANY ($1::uuid[]) AND NOT suppressed"


@router.get("/sru", response_class=Response, responses=ANSWER)
async def search_retrieve(request: Request) -> Response:
    """SRU 1.1, 1.2 and 2.0 (docs/integrators.md): explain, searchRetrieve and scan."""
    return await answered(request, request.url.query)


@router.post("/sru", response_class=Response, responses=ANSWER)
@streamed
async def search_retrieve_by_form(request: Request) -> Response:
    """The same, with the parameters as a form."""
    return await answered(request, await form_of(request))


async def answered(request: Request, said: str) -> Response:
    """The answer, or the diagnostic that stands for it."""
    resources: Resources = request.app.state.resources
    base_url = address_of(request, resources.settings.public_url, "/sru")
    try:
        try:
            pairs = parse_qsl(said, keep_blank_values=True, max_num_fields=100)
        except ValueError as error:
            raise Refused("2.0", "explain", CqlProblem(8, "", "Too many parameters.")) from error
        wanted = asked(pairs)
        try:
            content = await _answer(resources, wanted, base_url)
        except CqlProblem as problem:
            raise Refused(wanted.version, wanted.operation, problem) from problem
        except IndexAbsent as error:
            told = CqlProblem(2, "", "The index of the catalogue is being made.")
            raise Refused(wanted.version, wanted.operation, told) from error
    except Refused as refused:
        content = answers.refusal(refused.version, refused.operation, refused.problem, base_url=base_url)
    return Response(content, media_type=XML)


async def _answer(resources: Resources, wanted: Asked, base_url: str) -> bytes:
    if wanted.operation == "explain":
        return answers.explained(wanted.version, base_url=base_url, escaped=wanted.escaped)
    reader: Reader = resources.own["reader"]
    if wanted.operation == "scan":
        return await _scan(reader, wanted)
    query = parsing.parse(wanted.clause)
    order = rules.order_of(query.sort) if query.sort else rules.order_of_keys(wanted.sort_keys)
    found = await asyncio.to_thread(_search, reader, wanted, query.root, order)
    records = await _records(
        resources.pool, [hit.title_id if hit is not None else None for hit in found.places]
    )
    return await asyncio.to_thread(
        answers.found,
        wanted.version,
        total=found.total,
        start=wanted.start,
        schema=wanted.schema,
        records=records,
        escaped=wanted.escaped,
        list_name=found.list_name,
    )


def _search(reader: Reader, wanted: Asked, root: Node, order: tuple[SortKey, ...]) -> SearchResult:
    """A page of the hits; one that starts behind the first goes on in the list that the same query found last."""
    offset = wanted.start - 1
    most = min(wanted.most, max(DEEPEST_HIT - offset, 0))
    asked = SearchRequest(sort=order, limit=most, offset=offset if most else 0, paged=True, whole=True)
    name = rules.named_set(root)
    try:
        if name is not None and not order:
            if (kept := reader.lists.get(name)) is None:
                raise CqlProblem(51, name[:200], f"A set is kept for {KEPT_SECONDS // 60} minutes.")
            found = reader.page(kept, asked)
        else:
            tree = rules.compiled(root, lambda name: _set(reader, name))
            found = reader.search(replace(asked, query=tree))
    except QueryProblem as problem:
        raise CqlProblem(48, problem.message) from problem
    if (offset and offset >= found.total) or (wanted.most and not most and found.total):
        raise CqlProblem(
            61, str(wanted.start), f"There are {found.total}; they are given up to {DEEPEST_HIT}."
        )
    return found


def _set(reader: Reader, name: str) -> Listed | None:
    kept = reader.lists.get(name)
    return Listed(tuple(kept.numbers)) if kept is not None else None


async def _records(pool: asyncpg.Pool, ids: Sequence[UUID | None]) -> list[Record | None]:
    """The records in the order of the hits; None for one that has gone since the index was written."""
    if not ids:
        return []
    stored = {row["id"]: row["record"] for row in await pool.fetch(_RECORDS, [each for each in ids if each])}
    return [unpack(stored[each]) if each in stored else None for each in ids]


async def _scan(reader: Reader, wanted: Asked) -> bytes:
    query = parsing.parse(wanted.clause)
    clause = query.root
    if not isinstance(clause, Clause) or query.sort:
        raise CqlProblem(48, wanted.clause[:200], "One clause is scanned from.")
    index = rules.index_of(clause)
    if not isinstance(index, Index) or not index.scannable:
        raise CqlProblem(16, clause.index)
    if clause.relation not in ("=", "scr", "==", "exact", "any", "all", "cql.scr", "cql.any", "cql.all"):
        raise CqlProblem(19, clause.relation)
    position = wanted.position
    before = max(position - 1, 0)
    skip = position == 0  # the list begins behind the term that was asked for
    if rules.is_whole(clause) and index.field in KINDS:
        text = rules.plain_text(clause.term)
        after = wanted.most - before + skip
        found = await asyncio.to_thread(reader.browse, index.field, text, before=before, after=after)
        terms = [ScannedTerm(each.text, each.count) for each in found.headings]
        if skip and [tokens(each.term) for each in terms[found.less : found.less + 1]] == [tokens(text)]:
            del terms[found.less]
        return answers.scanned(wanted.version, terms[: wanted.most])
    field, start = beginning(index, rules.plain_text(clause.term))
    terms, less = await asyncio.to_thread(
        reader.scan, field, start, before=before, after=wanted.most - before + skip
    )
    if skip and [each.term for each in terms[less : less + 1]] == [start]:
        del terms[less]
    return answers.scanned(wanted.version, terms[: wanted.most])
