"""Fast additions on the wire."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import text

from catalog.fastadd import commands
from catalog.fastadd.rules import Kind, Told
from catalog.items import queries
from catalog.items.commands import BarcodeTaken
from catalog.items.routes import Barcode, ItemIn, ItemOut, TypeCode, Words, as_columns, item_out
from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import OnceRequired, ReadTx, Tx
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, Unauthenticated, problems

router = new_router(tag="fast-additions")

MayAdd = Annotated[Principal, Depends(may("fast-additions:create", "items:write"))]
MayComplete = Annotated[Principal, Depends(may("titles:write"))]


class FastIn(BaseModel):
    """What lies on the desk."""

    model_config = ConfigDict(extra="forbid")

    title: Words
    author: Words | None = None
    isbn: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    year: Annotated[int, Field(ge=1, le=9999)] | None = None
    kind: Kind = "book"
    barcode: Barcode
    location_id: UUID
    material_type: TypeCode = "unspecified"
    loan_type: TypeCode = "standard"
    call_number: Words | None = None
    volume: Words | None = None
    note: Words | None = None


class FastOut(BaseModel):
    """What was added. It may be lent at once; the public is not shown it."""

    title_id: UUID
    item: ItemOut


class BriefOut(BaseModel):
    """A title that waits to be completed."""

    title_id: UUID
    hrid: int
    version: int
    title: str
    author: str | None
    since: datetime
    barcodes: list[str]


_BRIEF = text("""
SELECT t.id AS title_id, t.hrid, t.version, t.title, t.author, t.brief_since AS since,
    ARRAY(SELECT i.barcode FROM item i WHERE i.title_id = t.id AND i.barcode IS NOT NULL ORDER BY i.id LIMIT 20)
        AS barcodes
FROM title t
WHERE t.brief_since IS NOT NULL AND t.deleted_at IS NULL
  AND (CAST(:at AS timestamptz) IS NULL OR (t.brief_since, t.id) > (CAST(:at AS timestamptz), CAST(:id AS uuid)))
ORDER BY t.brief_since, t.id LIMIT :limit
""")


@router.post(
    "/v1/fast-additions",
    status_code=201,
    response_model=FastOut,
    responses=problems(Unauthenticated, Forbidden, BarcodeTaken, Invalid),
)
async def fast_add(
    body: FastIn, response: Response, by: MayAdd, _: OnceRequired, tx: Tx, now: Now
) -> dict[str, Any]:
    """Add what the catalogue does not know, title and item at once, so that it can be lent. The title is hidden, and
    listed here until a record that is not abbreviated (leader/17) replaces its own, or it is merged into another."""
    told = Told(body.title, body.author, body.isbn, body.year, body.kind)
    facts = body.model_dump(exclude={"title", "author", "isbn", "year", "kind"})
    item = as_columns(ItemIn(title_id=UUID(int=0), **facts).model_dump())
    title_id, item_id = await commands.add(tx, told, item, now=now)
    response.headers["Location"] = f"/v1/titles/{title_id}"
    return {"title_id": title_id, "item": item_out(await queries.item_in(tx, item_id), by)}


@router.get(
    "/v1/fast-additions",
    response_model=cursors.Page[BriefOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_fast_additions(
    request: Request,
    response: Response,
    tx: ReadTx,
    _: MayComplete,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> dict[str, Any]:
    """Titles that wait to be completed, the oldest first."""
    at, last = cursors.moment_and_id(cursor) if cursor else (None, None)
    rows = list((await tx.execute(_BRIEF, {"at": at, "id": last, "limit": limit + 1})).all())
    more = None
    if len(rows) > limit:
        more = cursors.encode(rows[limit - 1].since.isoformat(), str(rows[limit - 1].title_id))
    cursors.link_next(request, response, more)
    return {"items": [row._mapping for row in rows[:limit]], "next_cursor": more}
