"""The index's state, and what operators ask of it: to be built anew, or to look at some titles again."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from catalog.search.folders import serving
from catalog.search.routes import TheReader
from chassis.application import new_router
from chassis.clock import Now
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, Reason, Unauthenticated, problems
from chassis.resources import Resources

router = new_router(tag="search")

MayOperate = Annotated[Principal, Depends(may("search-index:operate"))]
MOST_REFRESHED: Final = 50_000
"""Titles looked at again at once; for more of them the index is built anew beside the serving one."""
_REFRESH: Final = """
WITH wanted AS (
    SELECT id FROM title
    WHERE deleted_at IS NULL AND ($1::uuid[] IS NULL OR id = ANY ($1))
        AND ($2::bigint IS NULL OR hrid >= $2) AND ($3::bigint IS NULL OR hrid <= $3)
    ORDER BY hrid LIMIT $4
), told AS (
    INSERT INTO title_change (title_id) SELECT id FROM wanted WHERE (SELECT count(*) FROM wanted) < $4 RETURNING 1
)
SELECT (SELECT count(*) FROM wanted) AS titles, (SELECT count(*) FROM told) AS told
"""


class RebuildStateOut(BaseModel):
    """A rebuild: under way until it has an end."""

    asked_at: datetime
    seconds: float | None
    """What it took; null while it is under way."""


class IndexStateOut(BaseModel):
    """The index that serves."""

    name: str | None
    count: int
    position: int
    waiting: int
    """Changes not yet applied."""
    lag_seconds: float
    """Age of the oldest change not yet applied."""
    rebuild: RebuildStateOut | None
    """The last one that was asked for."""


@router.get("/v1/search-index", response_model=IndexStateOut)
async def index_state(request: Request, reader: TheReader) -> IndexStateOut:
    """How fresh the index is."""
    resources: Resources = request.app.state.resources
    position = reader.position()
    row = await resources.pool.fetchrow(
        "SELECT count(*) AS waiting, "
        "  coalesce(extract(epoch FROM clock_timestamp() - min(changed_at)), 0)::float8 AS lag "
        "FROM (SELECT changed_at FROM title_change WHERE xact > $1 ORDER BY xact LIMIT 100000) w",
        position,
    )
    assert row is not None
    rebuild = await resources.pool.fetchrow(
        "SELECT last_run_at, extract(epoch FROM last_took)::float8 AS seconds FROM lease "
        "WHERE name = 'index rebuild' AND last_run_at IS NOT NULL"
    )
    return IndexStateOut(
        name=serving(resources.settings.data_dir / "index"),
        count=reader.count(),
        position=position,
        waiting=row["waiting"],
        lag_seconds=row["lag"],
        rebuild=RebuildStateOut(asked_at=rebuild["last_run_at"], seconds=rebuild["seconds"])
        if rebuild
        else None,
    )


class RebuildOut(BaseModel):
    """A rebuild that was asked for; `GET /v1/search-index` tells when another index serves."""

    asked_at: datetime


@router.post(
    "/v1/search-index/rebuilds",
    status_code=202,
    response_model=RebuildOut,
    responses=problems(Unauthenticated, Forbidden),
)
async def ask_rebuild(request: Request, _: MayOperate, now: Now) -> RebuildOut:
    """Build the index anew beside the one that serves; it takes over when it is done."""
    resources: Resources = request.app.state.resources
    await resources.pool.execute(
        "INSERT INTO lease (name, last_run_at, last_took) VALUES ('index rebuild', $1, NULL) "
        "ON CONFLICT (name) DO UPDATE SET last_run_at = $1, last_took = NULL",
        now,
    )
    return RebuildOut(asked_at=now)


class RefreshIn(BaseModel):
    """Which titles: these, or those whose numbers in the catalogue lie between."""

    model_config = ConfigDict(extra="forbid")

    ids: list[UUID] | None = Field(default=None, max_length=1000)
    from_number: int | None = Field(default=None, ge=1, le=2**62, description="Of `hrid`")
    to_number: int | None = Field(default=None, ge=1, le=2**62)


class RefreshOut(BaseModel):
    """How many titles are looked at again; `waiting` of `GET /v1/search-index` tells how many still are to be."""

    titles: int


@router.post(
    "/v1/search-index/refreshes",
    status_code=202,
    response_model=RefreshOut,
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def refresh_index(body: RefreshIn, request: Request, _: MayOperate) -> RefreshOut:
    """Look at some titles again, in the index that serves: a part of a rebuild. A part that fails is tried until it
    is done, like every change.
    """
    resources: Resources = request.app.state.resources
    if body.ids is None and body.from_number is None and body.to_number is None:
        raise Invalid(
            reasons=[
                Reason(
                    "titles-not-told",
                    "Which titles?",
                    "body",
                    "Give ids, from_number or to_number; for all, POST /v1/search-index/rebuilds.",
                )
            ]
        )
    async with resources.pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(
            _REFRESH, body.ids, body.from_number, body.to_number, MOST_REFRESHED + 1
        )
        assert row is not None
        await connection.execute("SELECT pg_notify('title_change', '')")
    if row["titles"] > MOST_REFRESHED:
        raise Invalid(
            reasons=[
                Reason(
                    "too-many-titles",
                    f"Up to {MOST_REFRESHED} titles are looked at again at once.",
                    "body",
                    "Ask part by part, or for a rebuild.",
                    limit=MOST_REFRESHED,
                )
            ]
        )
    return RefreshOut(titles=row["titles"])
