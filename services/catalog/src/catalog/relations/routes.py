"""Relations and links on the wire."""

import asyncio
from typing import Any
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel

from catalog.marc.storage import unpack
from catalog.relations import queries
from catalog.relations.rules import links, relations
from catalog.search.engine import Reader
from catalog.titles.commands import TitleUnknown
from catalog.titles.routes import shown
from chassis.application import new_router
from chassis.edge import ReadTx
from chassis.principal import Anyone
from chassis.problems import problems

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


@router.get("/v1/titles/{title_id}/relations", response_model=RelationsOut, responses=problems(TitleUnknown))
async def read_relations(request: Request, title_id: UUID, tx: ReadTx, asker: Anyone) -> dict[str, Any]:
    """Earlier and later titles, hosts and parts, other editions and forms (76X-78X), each with the titles of ours that
    it names; and links (856), behind the title's own those of its holdings' records."""
    row = await shown(tx, title_id, asker)
    record = unpack(row.record)
    told = await asyncio.to_thread(relations, record)
    reader: Reader = request.app.state.resources.own["reader"]
    own = (record.control("003") or "").strip() or None
    found = await queries.found(tx, reader, told, own=own, hidden_too=asker.may("titles:write"))
    shelves = await queries.described(tx, title_id, hidden_too=asker.may("titles:write"))
    of_shelves = await asyncio.to_thread(lambda: [(each.id, links(unpack(each.record))) for each in shelves])
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
    }
