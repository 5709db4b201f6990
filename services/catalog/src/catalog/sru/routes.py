"""SRU on the wire: one address, GET or a form; what is wrong with a request is a diagnostic (200), not an error."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

import asyncpg
from fastapi import Request, Response

from catalog.cql import parsing
from catalog.cql.parsing import CqlProblem
from catalog.cql.tree import Boolean, Clause
from catalog.marc.record import Record
from catalog.marc.storage import unpack
from catalog.oai.routes import address_of, form_of
from catalog.search.engine import Reader, ScannedTerm
from catalog.search.folding import tokens
from catalog.search.grammar import Listed, Node, QueryProblem
from catalog.search.headings import KINDS
from catalog.search.hitlists import DEEPEST_HIT, KEPT_SECONDS
from catalog.search.opened import IndexAbsent
from catalog.search.ordering import SortKey
from catalog.search.resultsets import Found, page
from catalog.sru import answers, rules
from catalog.sru.asking import Asked, Refused, asked
from catalog.sru.indexes import Index
from catalog.sru.scanning import beginning
from chassis.application import new_router
from chassis.edge import busy, streamed
from chassis.resources import Resources

router = new_router(tag="discovery")

XML: Final = "text/xml; charset=utf-8"
ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/xml": {"schema": {"type": "string"}}}, "description": "An SRU document"}
}
FEW_RECORDS: Final = 20
"""So many are written as MARCXML in less time than it takes to hand them over to a thread."""
_RECORDS: Final = "SELECT hrid, record FROM title WHERE hrid = ANY ($1::bigint[]) AND NOT suppressed"


async def _plain(request: Request) -> dict[str, Any]:
    """All that is asked is in the address, and whatever is wrong there is answered by a diagnostic."""
    return {"request": request}


@router.get("/sru", response_class=Response, responses=ANSWER)
@busy(_plain)
async def search_retrieve(request: Request) -> Response:
    """SRU 1.1, 1.2 and 2.0 (docs/integrators.md): explain, searchRetrieve and scan."""
    return await answered(request, request.scope["query_string"].decode("latin-1"))


@router.post("/sru", response_class=Response, responses=ANSWER)
@streamed
async def search_retrieve_by_form(request: Request) -> Response:
    """The same, with the parameters as a form."""
    return await answered(request, await form_of(request))


async def answered(request: Request, said: str) -> Response:
    """The answer, or the diagnostic that stands for it."""
    resources: Resources = request.app.state.resources
    try:
        try:
            pairs = parse_qsl(said, keep_blank_values=True, max_num_fields=100)
        except ValueError as error:
            raise Refused("2.0", "explain", CqlProblem(8, "", "Too many parameters.")) from error
        wanted = asked(pairs)
        try:
            content = await _answer(resources, wanted, request)
        except CqlProblem as problem:
            raise Refused(wanted.version, wanted.operation, problem) from problem
        except IndexAbsent as error:
            told = CqlProblem(2, "", "The index of the catalogue is being made.")
            raise Refused(wanted.version, wanted.operation, told) from error
    except Refused as refused:
        here = _address(resources, request)
        content = answers.refusal(refused.version, refused.operation, refused.problem, base_url=here)
    return Response(content, media_type=XML)


def _address(resources: Resources, request: Request) -> str:
    return address_of(request, resources.settings.public_url, "/sru")


async def _answer(resources: Resources, wanted: Asked, request: Request) -> bytes:
    if wanted.operation == "explain":
        here = _address(resources, request)
        return answers.explained(wanted.version, base_url=here, escaped=wanted.escaped)
    reader: Reader = resources.own["reader"]
    if wanted.operation == "scan":
        return await _scan(reader, wanted)
    query = parsing.parse(wanted.clause)
    order = rules.order_of(query.sort) if query.sort else rules.order_of_keys(wanted.sort_keys)
    found = None if order else _found_at_once(reader, wanted, query.root)
    if found is None:
        found = await asyncio.to_thread(_search, reader, wanted, query.root, order)
    records = await _records(resources.pool, found.numbers)

    def written() -> bytes:
        return answers.found(
            wanted.version,
            total=found.total,
            start=wanted.start,
            schema=wanted.schema,
            records=records,
            escaped=wanted.escaped,
            list_name=found.name,
        )

    if wanted.schema == "marcxml" and len(records) <= FEW_RECORDS:
        return written()
    return await asyncio.to_thread(written)


class _SetNamed(Exception):
    """A query names a result set, which may have to be found first."""


def _no_set(name: str) -> Node:
    raise _SetNamed(name)


def _found_at_once(reader: Reader, wanted: Asked, root: Clause | Boolean) -> Found | None:
    """The first page of what is found in no time; None for all else. (To hand a question over to a thread takes longer
    than to look one rare word up.)"""
    if wanted.start > 1:
        return None
    try:
        tree = rules.compiled(root, _no_set)
    except _SetNamed:
        return None
    return reader.sets.find_at_once(tree, most=wanted.most)


def _search(reader: Reader, wanted: Asked, root: Clause | Boolean, order: tuple[SortKey, ...]) -> Found:
    """A page of the hits; one that starts behind the first goes on in the set that the same query found last."""
    start = wanted.start
    most = min(wanted.most, max(DEEPEST_HIT - start + 1, 0))
    name = rules.named_set(root)
    try:
        if name is not None and not order:
            if (kept := reader.sets.kept(name)) is None:
                raise CqlProblem(51, name[:200], f"A set is kept for {KEPT_SECONDS // 60} minutes.")
            found = page(kept, start, most)
        else:
            tree = rules.compiled(root, lambda name: _set(reader, name))
            found = reader.sets.find(tree, order, start=start if most else 1, most=most)
    except QueryProblem as problem:
        raise CqlProblem(48, problem.message) from problem
    if (start > 1 and start > found.total) or (wanted.most and not most and found.total):
        raise CqlProblem(
            61, str(wanted.start), f"There are {found.total}; they are given up to {DEEPEST_HIT}."
        )
    return found


def _set(reader: Reader, name: str) -> Listed | None:
    kept = reader.sets.kept(name)
    return Listed(tuple(kept.numbers)) if kept is not None else None


async def _records(pool: asyncpg.Pool, numbers: Sequence[int]) -> list[Record | None]:
    """The records in the order of the hits; None for one that has gone, or been hidden, since it was found."""
    if not numbers:
        return []
    stored = {number: record for number, record in await pool.fetch(_RECORDS, numbers)}  # noqa: C416 - rows, not pairs
    return [unpack(stored[each]) if each in stored else None for each in numbers]


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
