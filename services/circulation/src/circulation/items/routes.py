"""Availability: one title or up to 200 in one query; anonymous, and nothing about patrons."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from chassis import cursors, outbox
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import busy, plain_body
from chassis.json import Json
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Unauthenticated, problems
from circulation.items.announcing import announce_all
from circulation.items.by_volume import VolumeAvailabilityOut, volumes_of
from circulation.items.rules import UNTIL_SCANNED, State, shown
from circulation.places.library import NotConfigured, Shelf
from circulation.titles.queries import current, meant
from circulation.waits.queries import queues_of

router = new_router(tag="availability")

Detail = Literal["summary", "items"]


class ItemAvailabilityOut(BaseModel):
    """Whether and how an item can be had."""

    item_id: UUID
    barcode: str | None
    library: str | None
    location: str | None
    call_number: str | None
    volume: str | None
    copy_number: str | None
    material_type: str
    loan_type: str
    state: str
    lendable: bool
    due_at: datetime | None
    reshelving_until: datetime | None = None
    """Of an item that can be had, and is on its way back to its shelf: when it will stand there, if that is known."""


class TitleAvailabilityOut(BaseModel):
    """A title: how many copies, how many of them to be had now, how many wait."""

    title_id: UUID
    available: int
    total: int
    queue_length: int
    next_due_at: datetime | None
    as_of: datetime
    estimated_ready_at: datetime | None = None
    """When a hold placed now will probably be ready (docs/holds.md). Told of one title with no copy on its shelf."""
    items: list[ItemAvailabilityOut] | None = None
    volumes: list[VolumeAvailabilityOut] | None = None
    next_cursor: str | None = None


class BatchIn(BaseModel):
    """Which titles."""

    model_config = ConfigDict(extra="forbid")

    ids: list[UUID] = Field(min_length=1, max_length=200)
    detail: Detail = "summary"


class UnknownOut(BaseModel):
    """A title that nothing is known of here."""

    title_id: UUID
    error: Literal["title-unknown"] = "title-unknown"


class BatchOut(BaseModel):
    """In the order that was asked for."""

    titles: list[TitleAvailabilityOut | UnknownOut]
    as_of: datetime


_BATCH = """
SELECT t.title_id, i.id, i.barcode, i.library, i.location, i.call_number, i.volume, i.copy_number, i.material_type,
    i.loan_type, i.state, i.due_at, i.reshelving_until, coalesce(h.n, 0) AS queue_length
FROM unnest($1::uuid[]) AS t (title_id)
JOIN item i ON i.title_ids @> ARRAY[t.title_id] AND NOT i.suppressed AND i.base <> 'withdrawn'
LEFT JOIN (
    SELECT title_id, count(*) AS n FROM hold
    WHERE title_id = ANY ($1::uuid[]) AND position IS NOT NULL GROUP BY title_id
) h ON h.title_id = t.title_id
ORDER BY t.title_id, i.volume NULLS FIRST, i.id
"""
SUMMARY = """
SELECT t.title_id, count(i.id) AS total, count(*) FILTER (WHERE i.state = 'available') AS available,
    min(i.due_at) AS next_due_at,
    (SELECT count(*) FROM hold h WHERE h.title_id = t.title_id AND h.position IS NOT NULL) AS queue_length
FROM unnest($1::uuid[]) AS t (title_id)
JOIN item i ON i.title_ids @> ARRAY[t.title_id] AND NOT i.suppressed AND i.base <> 'withdrawn'
GROUP BY t.title_id
"""
_ITEMS = """
SELECT id, barcode, library, location, call_number, volume, copy_number, material_type, loan_type, state, due_at,
    reshelving_until
FROM item WHERE title_ids @> ARRAY[$1::uuid] AND NOT suppressed AND base <> 'withdrawn'
  AND ($2::uuid IS NULL OR id > $2)
ORDER BY id LIMIT $3
"""


def item_out(row: asyncpg.Record, now: datetime) -> dict[str, Any]:
    """An item's row on the wire."""
    until = row["reshelving_until"]
    state = shown(State(row["state"]), until, now=now)
    return {
        "item_id": row["id"],
        "barcode": row["barcode"],
        "library": row["library"],
        "location": row["location"],
        "call_number": row["call_number"],
        "volume": row["volume"],
        "copy_number": row["copy_number"],
        "material_type": row["material_type"],
        "loan_type": row["loan_type"],
        "state": state,
        "lendable": row["state"] == State.AVAILABLE,
        "due_at": row["due_at"],
        "reshelving_until": until if state == State.RESHELVING and until != UNTIL_SCANNED else None,
    }


def title_out(title_id: UUID, rows: Iterable[asyncpg.Record], now: datetime) -> dict[str, Any]:
    """A title from the rows of its items."""
    items = list(rows)
    dues = [row["due_at"] for row in items if row["due_at"] is not None]
    return {
        "title_id": title_id,
        "available": sum(row["state"] == State.AVAILABLE for row in items),
        "total": len(items),
        "queue_length": items[0]["queue_length"] if items else 0,
        "next_due_at": min(dues, default=None),
        "as_of": now,
    }


_BATCH_IN = TypeAdapter(BatchIn)


async def _plain_batch(request: Request) -> dict[str, Any] | None:
    body = await plain_body(request, _BATCH_IN)
    if body is None:
        return None
    return {"request": request, "body": body, "now": request.app.state.resources.clock()}


@router.post("/v1/availability:batch", response_model=BatchOut, responses=problems(Invalid))
@busy(_plain_batch)
async def batch(request: Request, body: BatchIn, now: Now) -> Response:
    """The availability of up to 200 titles, in one query; one that is unknown spoils no other."""
    pool: asyncpg.Pool = request.app.state.resources.pool
    told = await _of_titles(pool, set(body.ids), body.detail, now)
    if (unknown := set(body.ids) - told.keys()) and (merged := await meant(pool, unknown)):
        others = await _of_titles(pool, set(merged.values()), body.detail, now)
        told |= {old: {**others[new], "title_id": old} for old, new in merged.items() if new in others}
    titles = [told.get(title, {"title_id": title, "error": "title-unknown"}) for title in body.ids]
    return Json({"titles": titles, "as_of": now})


async def _of_titles(pool: asyncpg.Pool, ids: set[UUID], detail: Detail, now: datetime) -> dict[UUID, Any]:
    """Those of which anything is known."""
    if detail == "summary":
        rows = await pool.fetch(SUMMARY, list(ids))
        return {row["title_id"]: {**dict(row), "as_of": now} for row in rows}
    grouped: dict[UUID, list[asyncpg.Record]] = {}
    for row in await pool.fetch(_BATCH, list(ids)):
        grouped.setdefault(row["title_id"], []).append(row)
    return {
        title: {**title_out(title, rows, now), "items": [item_out(row, now) for row in rows]}
        for title, rows in grouped.items()
    }


@router.get(
    "/v1/titles/{title_id}/availability",
    response_model=TitleAvailabilityOut,
    responses=problems(NotFound, Invalid),
)
async def of_title(
    request: Request,
    title_id: UUID,
    now: Now,
    detail: Literal["summary", "items", "volumes"] = "summary",
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """The availability of one title; with `detail=items` or `detail=volumes` its items or volumes, page by page."""
    after = cursors.uuid_in(cursor) if cursor and detail == "items" else None
    pool: asyncpg.Pool = request.app.state.resources.pool
    summary = await pool.fetchrow(SUMMARY, [title_id])
    if summary is None and (now_called := await current(pool, title_id)) != title_id:
        title_id, summary = now_called, await pool.fetchrow(SUMMARY, [now_called])
    if summary is None:
        raise NotFound("Nothing is known of this title's items.")
    told: dict[str, Any] = {**dict(summary), "as_of": now}
    if not summary["available"]:
        told["estimated_ready_at"] = await _estimated(request, title_id, now)
    if detail == "items":
        rows = await pool.fetch(_ITEMS, title_id, after, limit + 1)
        told["items"] = [item_out(row, now) for row in rows[:limit]]
        told["next_cursor"] = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    if detail == "volumes":
        behind = cursors.words_in(cursor) if cursor else ""
        rows = await volumes_of(pool, title_id, behind, limit + 1)
        told["volumes"] = [
            {name: row[name] for name in VolumeAvailabilityOut.model_fields} for row in rows[:limit]
        ]
        told["next_cursor"] = cursors.encode(rows[limit - 1]["volume_key"]) if len(rows) > limit else None
    return Json(told)


async def _estimated(request: Request, title_id: UUID, now: datetime) -> datetime | None:
    shelf: Shelf = request.app.state.resources.own["shelf"]
    try:
        library = await shelf.fresh()
    except NotConfigured:
        return None
    queues = await queues_of(request.app.state.resources.pool, library, [title_id])
    return queues.wait_of_next(title_id, now=now)


class AnnouncedOut(BaseModel):
    """How many items were told of."""

    items: int


@router.post(
    "/v1/availability:announce", response_model=AnnouncedOut, responses=problems(Unauthenticated, Forbidden)
)
async def announce(
    request: Request, operator: Annotated[Principal, Depends(may("events:operate"))], now: Now
) -> AnnouncedOut:
    """Tell every item's availability anew, in batches: for a new or a restored reader."""
    resources = request.app.state.resources
    outbox.origin.set(resources.origin(operator.actor))
    return AnnouncedOut(items=await announce_all(resources.pool, now=now))
