"""Uses in the house, on the wire: each, and counted."""

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel

from chassis import cursors
from chassis.application import new_router
from chassis.moments import Moment
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, Reason, Unauthenticated, problems

router = new_router("/v1/in-house-uses", tag="loans")

MayRead = Annotated[Principal, Depends(may("loans:read"))]
MAY_BE = problems(Unauthenticated, Forbidden, Invalid)
LONGEST = timedelta(days=731)
Since = Annotated[Moment, Query(description="The first moment that counts")]
Until = Annotated[Moment, Query(description="The first moment that counts no more")]


class UseOut(BaseModel):
    """Somebody used an item in the house."""

    id: UUID
    item_id: UUID
    title_id: UUID
    service_point_id: UUID
    library: str | None
    """Where it belonged then."""
    location: str | None
    material_type: str
    used_at: datetime


class CountOut(BaseModel):
    """How often."""

    key: str | None
    """The item, title, service point, place, material type, or the month (UTC)."""
    uses: int


class CountsOut(BaseModel):
    """Uses in a period; the most used first, months in their order."""

    total: int
    groups: list[CountOut]
    more: bool
    """Whether there are more groups than were asked for."""


_LIST = """
SELECT * FROM in_house_use
WHERE ($1::uuid IS NULL OR item_id = $1) AND ($2::uuid IS NULL OR service_point_id = $2)
  AND ($3::uuid IS NULL OR id > $3)
ORDER BY id LIMIT $4
"""
By = Literal["item", "title", "service-point", "library", "location", "material-type", "month"]
_KEYS = {
    "item": "item_id::text",
    "title": "title_id::text",
    "service-point": "service_point_id::text",
    "library": "library",
    "location": "location",
    "material-type": "material_type",
    "month": "to_char(used_at AT TIME ZONE 'UTC', 'YYYY-MM')",
}
_COUNT = """
SELECT {key} AS key, count(*) AS uses, sum(count(*)) OVER () AS total FROM in_house_use
WHERE used_at >= $1 AND used_at < $2 AND ($3::uuid IS NULL OR item_id = $3)
  AND ($4::uuid IS NULL OR service_point_id = $4)
GROUP BY 1 ORDER BY {order} LIMIT $5
"""


@router.get("", response_model=cursors.Page[UseOut], responses=MAY_BE)
async def list_uses(
    request: Request,
    response: Response,
    _: MayRead,
    item_id: UUID | None = None,
    service_point_id: UUID | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[UseOut]:
    """Uses in the house, in the order they were counted."""
    pool: asyncpg.Pool = request.app.state.resources.pool
    after = cursors.uuid_in(cursor) if cursor else None
    rows = await pool.fetch(_LIST, item_id, service_point_id, after, limit + 1)
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[UseOut(**dict(row)) for row in rows[:limit]], next_cursor=more)


@router.get("/counts", response_model=CountsOut, responses=MAY_BE)
async def count_uses(
    request: Request,
    _: MayRead,
    since: Since,
    until: Until,
    by: By = "item",
    item_id: UUID | None = None,
    service_point_id: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> CountsOut:
    """Uses in the house in a period of two years at most, counted by what is asked for."""
    if not timedelta(0) < until - since <= LONGEST:
        text = "The period ends before it begins, or is longer than two years."
        raise Invalid(reasons=[Reason("period-wrong", text, "/until")])
    pool: asyncpg.Pool = request.app.state.resources.pool
    order = "1" if by == "month" else "2 DESC, 1"
    rows = await pool.fetch(
        _COUNT.format(key=_KEYS[by], order=order), since, until, item_id, service_point_id, limit + 1
    )
    return CountsOut(
        total=int(rows[0]["total"]) if rows else 0,
        groups=[CountOut(key=row["key"], uses=row["uses"]) for row in rows[:limit]],
        more=len(rows) > limit,
    )
