"""Titles and items by what they were known by before, on the wire."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from catalog.legacy import queries
from chassis import cursors
from chassis.application import new_router
from chassis.edge import ReadTx
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, Unauthenticated, problems

router = new_router("/v1/migrations/{source}", tag="migrations")

MayLookUp = Annotated[Principal, Depends(may("migrations:run", "titles:read"))]
MayRun = Annotated[Principal, Depends(may("migrations:run"))]
Source = Annotated[
    str,
    Path(
        pattern=r"^[a-z][a-z0-9-]{0,39}$",
        description="The system that was migrated from, as the library calls it",
    ),
]
LegacyId = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Ids = Annotated[list[LegacyId] | None, Query(max_length=100, description="Only these; any number up to 100")]
Limit = Annotated[int, Query(ge=1, le=1000)]
Cursor = Annotated[str | None, Query(max_length=400)]


class MigratedTitleFacts(BaseModel):
    """What a handing-over system can tell of a title."""

    control_number: str | None
    title: str
    year: int | None


class MigratedTitleOut(BaseModel):
    """A title that was brought here; without id and fields where it has been deleted since."""

    legacy_id: str
    id: UUID | None
    fields: MigratedTitleFacts | None


class MigratedItemFacts(BaseModel):
    """What a handing-over system can tell of an item, in this library's codes."""

    title: str | None
    """The legacy id of its title."""
    title_id: UUID
    barcode: str | None
    library: str
    location: str
    material_type: str
    loan_type: str
    call_number: str | None
    volume: str | None
    copy_number: str | None


class MigratedItemOut(BaseModel):
    """An item that was brought here; without id and fields where it has been withdrawn since."""

    legacy_id: str
    id: UUID | None
    fields: MigratedItemFacts | None


class MigratedSumOut(BaseModel):
    """What all of them come to."""

    count: int
    checksum: str
    """SHA-256 of the SHA-256s of each record's line (docs/migrating.md), in the order of the legacy ids."""


class LegacyIdsIn(BaseModel):
    """Legacy ids to look up."""

    model_config = ConfigDict(extra="forbid")

    legacy_ids: list[LegacyId] = Field(min_length=1, max_length=1000)


class NamedOut(BaseModel):
    """What a legacy id names."""

    legacy_id: str
    id: UUID


class LookedUpOut(BaseModel):
    """Those that are known; the rest name nothing here."""

    items: list[NamedOut]


MAY_READ = problems(Unauthenticated, Forbidden, Invalid)


async def _page(
    request: Request,
    response: Response,
    tx: ReadTx,
    source: str,
    kind: str,
    ids: Sequence[str] | None,
    cursor: str | None,
    limit: int,
) -> tuple[list[dict[str, Any]], str | None]:
    if ids:
        return [dict(row._mapping) for row in await queries.named(tx, source, kind, ids)], None
    after = cursors.words_in(cursor) if cursor else ""
    rows = await queries.page(tx, source, kind, after=after, limit=limit + 1)
    more = cursors.encode(rows[limit - 1].legacy_id) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return [dict(row._mapping) for row in rows[:limit]], more


@router.get("/titles", response_model=cursors.Page[MigratedTitleOut], responses=MAY_READ)
async def list_migrated_titles(
    request: Request,
    response: Response,
    source: Source,
    tx: ReadTx,
    _: MayLookUp,
    legacy_id: Ids = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> cursors.Page[MigratedTitleOut]:
    """Titles by the id that they had in another system; one that was merged leads to what it was merged into."""
    rows, more = await _page(request, response, tx, source, "title", legacy_id, cursor, limit)
    return cursors.Page[MigratedTitleOut](
        items=[MigratedTitleOut.model_validate(row) for row in rows], next_cursor=more
    )


@router.get("/items", response_model=cursors.Page[MigratedItemOut], responses=MAY_READ)
async def list_migrated_items(
    request: Request,
    response: Response,
    source: Source,
    tx: ReadTx,
    _: MayLookUp,
    legacy_id: Ids = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> cursors.Page[MigratedItemOut]:
    """Items by the id that they had in another system."""
    rows, more = await _page(request, response, tx, source, "item", legacy_id, cursor, limit)
    return cursors.Page[MigratedItemOut](
        items=[MigratedItemOut.model_validate(row) for row in rows], next_cursor=more
    )


@router.get("/titles/sum", response_model=MigratedSumOut, responses=MAY_READ)
async def sum_migrated_titles(source: Source, tx: ReadTx, _: MayRun) -> MigratedSumOut:
    """How many titles came from a system, and their checksum, to be compared with its own."""
    return MigratedSumOut(**(await queries.whole(tx, source, "title"))._mapping)


@router.get("/items/sum", response_model=MigratedSumOut, responses=MAY_READ)
async def sum_migrated_items(source: Source, tx: ReadTx, _: MayRun) -> MigratedSumOut:
    """How many items came from a system, and their checksum, to be compared with its own."""
    return MigratedSumOut(**(await queries.whole(tx, source, "item"))._mapping)


async def _looked_up(tx: ReadTx, source: str, kind: str, body: LegacyIdsIn) -> LookedUpOut:
    rows = await queries.named(tx, source, kind, body.legacy_ids)
    return LookedUpOut(items=[NamedOut(legacy_id=row.legacy_id, id=row.id) for row in rows if row.id])


@router.post("/titles/lookups", response_model=LookedUpOut, responses=MAY_READ)
async def look_up_migrated_titles(source: Source, body: LegacyIdsIn, tx: ReadTx, _: MayRun) -> LookedUpOut:
    """Which titles many legacy ids name."""
    return await _looked_up(tx, source, "title", body)


@router.post("/items/lookups", response_model=LookedUpOut, responses=MAY_READ)
async def look_up_migrated_items(source: Source, body: LegacyIdsIn, tx: ReadTx, _: MayRun) -> LookedUpOut:
    """Which items many legacy ids name."""
    return await _looked_up(tx, source, "item", body)
