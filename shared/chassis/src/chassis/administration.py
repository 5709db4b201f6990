"""What every service answers for its operator: health, metrics, the change feed, dead letters."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import PlainTextResponse, Response

from chassis import metrics
from chassis.edge import EdgeRoute
from chassis.principal import Principal, may
from chassis.problems import Forbidden, NotFound, Unauthenticated, Unavailable, problems
from chassis.replaying import replay
from chassis.resources import Resources
from chassis.transport import TransportDown

router = APIRouter(tags=["operation"], route_class=EdgeRoute)
watched = APIRouter(tags=["operation"], route_class=EdgeRoute)
"""What whoever runs the process looks at: health and metrics."""

MayReadChanges = Annotated[Principal, Depends(may("changes:read"))]
MayOperate = Annotated[Principal, Depends(may("events:operate"))]


async def resources_of(request: Request) -> Resources:
    """The process's resources."""
    found: Resources = request.app.state.resources
    return found


Here = Annotated[Resources, Depends(resources_of)]


@watched.get("/health/live", include_in_schema=False)
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@watched.get("/health/ready", include_in_schema=False)
async def ready(here: Here) -> dict[str, str]:
    """The process can do its work: its database answers. A lost broker holds nothing up."""
    try:
        await here.pool.fetchval("SELECT 1", timeout=3)
    except Exception as error:
        raise Unavailable("The database does not answer.") from error
    return {"status": "ready", "service": here.name}


@watched.get("/metrics", include_in_schema=False)
async def expose_metrics() -> Response:
    """Prometheus' text."""
    return PlainTextResponse(metrics.exposition(), media_type="text/plain; version=0.0.4")


class ChangesOut(BaseModel):
    """Events after a position, oldest first, each in its CloudEvents envelope."""

    model_config = ConfigDict(extra="forbid")

    events: list[dict[str, Any]]
    position: int
    """Ask again after this position."""


@router.get("/v1/changes", response_model=ChangesOut, responses=problems(Unauthenticated, Forbidden))
async def changes(
    here: Here,
    _: MayReadChanges,
    after: Annotated[int, Query(ge=0, description="The position read last; 0 from the oldest kept")] = 0,
    types: Annotated[str | None, Query(max_length=2000, description="Event types, comma-separated")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """This service's part of the change feed: every event that was published, in order, without gaps."""
    wanted = [name.strip() for name in types.split(",") if name.strip()] if types else None
    newest: int = await here.pool.fetchval("SELECT last_position FROM outbox_state")
    rows = await here.pool.fetch(
        "SELECT position, envelope FROM outbox "
        "WHERE position > $1 AND ($2::text[] IS NULL OR type = ANY($2)) ORDER BY position LIMIT $3",
        min(after, 2**62),
        wanted,
        limit,
    )
    position = rows[-1]["position"] if rows else after
    if len(rows) < limit:
        position = max(position, newest)
    body = (
        b'{"events":[' + b",".join(row["envelope"].encode() for row in rows) + b'],"position":%d}' % position
    )
    return Response(body, media_type="application/json")


class DeadLetterOut(BaseModel):
    """A message set aside."""

    id: UUID
    queue: str
    type: str
    key: str
    reason: str
    attempts: int
    died_at: datetime
    event: Any = Field(description="The envelope, or the raw text where it is no JSON")


class DeadLettersOut(BaseModel):
    """A queue's dead letters, oldest first, and how much waits."""

    queue: str
    waiting: int
    dead: int
    items: list[DeadLetterOut]


class VerdictIn(BaseModel):
    """Which dead letters, and why."""

    model_config = ConfigDict(extra="forbid")

    ids: list[UUID] = Field(min_length=1, max_length=1000)
    reason: str = Field(min_length=1, max_length=1000)


class VerdictOut(BaseModel):
    """How many were found and dealt with."""

    found: int


@router.get(
    "/v1/dead-letters",
    response_model=DeadLettersOut,
    responses=problems(Unauthenticated, Forbidden, Unavailable),
)
async def dead_letters(
    here: Here, _: MayOperate, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> DeadLettersOut:
    """What this service could not handle."""
    try:
        await here.transport.open()
        depth = await here.transport.depth(here.name)
        letters = await here.transport.dead_letters(here.name, limit=limit)
    except TransportDown as error:
        raise Unavailable("The broker does not answer.") from error
    return DeadLettersOut(
        queue=here.name,
        waiting=depth.waiting,
        dead=depth.dead,
        items=[
            DeadLetterOut(
                id=letter.id,
                queue=letter.queue,
                type=letter.type,
                key=letter.key,
                reason=letter.reason,
                attempts=letter.attempts,
                died_at=letter.died_at,
                event=_readable(letter.body),
            )
            for letter in letters
        ],
    )


def _readable(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except ValueError:
        return body[:10_000].decode("utf-8", "replace")


@router.post(
    "/v1/dead-letters:replay",
    response_model=VerdictOut,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def replay_dead_letters(here: Here, operator: MayOperate, body: VerdictIn) -> VerdictOut:
    """Put them back into the queue; they are handled as if they had just come."""
    return await _judge(here, operator, body, "replayed")


@router.post(
    "/v1/dead-letters:discard",
    response_model=VerdictOut,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def discard_dead_letters(here: Here, operator: MayOperate, body: VerdictIn) -> VerdictOut:
    """Drop them for good; who and why is kept."""
    return await _judge(here, operator, body, "discarded")


async def _judge(here: Resources, operator: Principal, body: VerdictIn, verdict: str) -> VerdictOut:
    """The verdict is written first: after a crash it may name a letter still there, never the reverse."""
    await here.pool.executemany(
        "INSERT INTO dead_letter_verdict (event_id, verdict, reason, actor) VALUES ($1, $2, $3, $4)",
        [(letter, verdict, body.reason, str(operator.actor)) for letter in body.ids],
    )
    try:
        await here.transport.open()
        act = here.transport.replay_dead if verdict == "replayed" else here.transport.discard_dead
        found = await act(here.name, body.ids)
    except TransportDown as error:
        raise Unavailable("The broker does not answer.") from error
    if not found:
        raise NotFound("None of these dead letters is there.")
    return VerdictOut(found=found)


class ReplayIn(BaseModel):
    """Which kept events are sent again, and to which consumer."""

    model_config = ConfigDict(extra="forbid")

    queue: str = Field(pattern=r"^[a-z]{1,40}$")
    after: int = Field(default=0, ge=0)
    types: list[str] | None = None
    limit: int = Field(default=10_000, ge=1, le=100_000)


class ReplayOut(BaseModel):
    """How many were sent, and the position to go on from."""

    sent: int
    position: int


@router.post(
    "/v1/events:replay", response_model=ReplayOut, responses=problems(Unauthenticated, Forbidden, Unavailable)
)
async def replay_events(here: Here, _: MayOperate, body: ReplayIn) -> ReplayOut:
    """Send kept events to one consumer again, in order; it keeps what is newer than what it has."""
    try:
        await here.transport.open()
        sent, position = await replay(
            here, queue=body.queue, after=body.after, types=body.types, limit=body.limit
        )
    except TransportDown as error:
        raise Unavailable("The broker does not answer.") from error
    return ReplayOut(sent=sent, position=position)
