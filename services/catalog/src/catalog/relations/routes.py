"""Relations and links on the wire."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request
from pydantic import BaseModel

from catalog.marc.extract import extract
from catalog.marc.storage import unpack
from catalog.relations import queries
from catalog.relations.rules import BACK, links, relations
from catalog.search.engine import Reader
from catalog.titles.commands import TitleUnknown
from catalog.titles.routes import shown
from chassis import cursors
from chassis.application import new_router
from chassis.edge import ReadTx
from chassis.principal import Anyone
from chassis.problems import Invalid, problems

router = new_router(tag="titles")


class RelatedOut(BaseModel):
    """A title of ours that is meant."""

    id: UUID
    hrid: int
    title: str
    author: str | None
    year: int | None


class NumberOut(BaseModel):
    """A record's number, and the agency that gave it, where that was told."""

    agency: str | None
    number: str


class RelationOut(BaseModel):
    """How another title belongs to this one, as the record has it."""

    kind: str
    how: str | None
    title: str | None
    author: str | None
    label: str | None
    part: str | None
    numbers: list[NumberOut]
    issn: list[str]
    isbn: list[str]
    shown: bool
    titles: list[RelatedOut]
    """Titles of ours that are meant: known by control number, else by ISSN or ISBN."""


class NamedByOut(BaseModel):
    """A title that names this one in a linking entry, and how."""

    kind: str
    """What this title is to that one, as its record has it: its host, its preceding title …"""
    title_is: str | None
    """… and what that one is to this title, so: a constituent, the succeeding title. Null where there is no word."""
    how: str | None
    label: str | None
    part: str | None
    """Where in this title it stands: volume, issue, pages."""
    title: RelatedOut


class LinkOut(BaseModel):
    """Something to be had at an address."""

    url: str
    relation: str | None
    label: str | None
    material: str | None
    notes: list[str]
    holdings_id: UUID | None = None
    """Of holdings' own records: the holdings that it belongs to."""


class RelationsOut(BaseModel):
    """What belongs to a title, and what is to be had elsewhere."""

    relations: list[RelationOut]
    links: list[LinkOut]
    named_by: list[NamedByOut]
    """The way back: titles of ours that name this one, in the order in which they came to the catalogue. The search
    index knows them, a moment after they are written."""
    next_cursor: str | None
    """Goes on in `named_by`."""


@router.get(
    "/v1/titles/{title_id}/relations",
    response_model=RelationsOut,
    responses=problems(TitleUnknown, Invalid),
)
async def read_relations(
    request: Request,
    title_id: UUID,
    tx: ReadTx,
    asker: Anyone,
    limit: Annotated[int, Query(ge=1, le=200, description="How many titles that name this one")] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> dict[str, Any]:
    """Earlier and later titles, hosts and parts, other editions and forms, series (76X-78X, 800-830), each with the
    titles of ours that it names; the titles that name this one; and links (856), behind the title's
    own those of its holdings' records."""
    after = _place(cursor)
    row = await shown(tx, title_id, asker)
    record = unpack(row.record)
    told = await asyncio.to_thread(relations, record)
    reader: Reader = request.app.state.resources.own["reader"]
    own = (record.control("003") or "").strip() or None
    hidden_too = asker.may("titles:write")
    found = await queries.found(tx, reader, told, own=own, hidden_too=hidden_too)
    shelves = await queries.described(tx, title_id, hidden_too=hidden_too)
    of_shelves = await asyncio.to_thread(lambda: [(each.id, links(unpack(each.record))) for each in shelves])
    facts = await asyncio.to_thread(extract, record)
    named, last = await queries.naming(
        tx, reader, UUID(int=row.id.int), facts, after=after, most=limit, hidden_too=hidden_too
    )
    return {
        "relations": [
            {
                "kind": each.kind,
                "how": each.how,
                "title": each.title,
                "author": each.author,
                "label": each.label,
                "part": each.part,
                "numbers": [{"agency": agency, "number": number} for agency, number in each.numbers],
                "issn": list(each.issns),
                "isbn": list(each.isbns),
                "shown": each.shown,
                "titles": [dict(one._mapping) for one in ours],
            }
            for each, ours in zip(told, found, strict=True)
        ],
        "links": [
            {
                "url": each.url,
                "relation": each.relation,
                "label": each.label,
                "material": each.material,
                "notes": list(each.notes),
                "holdings_id": holdings_id,
            }
            for holdings_id, found_links in [(None, links(record)), *of_shelves]
            for each in found_links
        ],
        "named_by": [
            {
                "kind": each.relation.kind,
                "title_is": BACK.get(each.relation.kind),
                "how": each.relation.how,
                "label": each.relation.label,
                "part": each.relation.part,
                "title": dict(each.row._mapping),
            }
            for each in named
        ],
        "next_cursor": cursors.encode("named-by", last) if last is not None else None,
    }


def _place(cursor: str | None) -> int:
    """The number behind which the titles that name one go on."""
    if cursor is None:
        return 0
    what, number = cursors.decode(cursor, parts=2)
    if what != "named-by" or type(number) is not int or not 0 < number < 2**62:
        raise cursors.wrong_cursor()
    return number
