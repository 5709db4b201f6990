"""What every service answers for its operator: health, metrics, the change feed, dead letters."""

import asyncio
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import PlainTextResponse, Response

from chassis import feed, metrics
from chassis.describing import described
from chassis.edge import EdgeRoute
from chassis.feed import PositionLost
from chassis.json import Json
from chassis.moments import Moment
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Unauthenticated, Unavailable, problems
from chassis.replaying import NoSuchQueue, replay
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

READY_SECONDS = 3.0


@watched.get("/health/live", include_in_schema=False)
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@watched.get("/health/ready", include_in_schema=False)
async def ready(here: Here) -> dict[str, str]:
    """The process can do its work: its database answers. A lost broker holds nothing up."""
    try:
        async with asyncio.timeout(READY_SECONDS):  # for a connection to come free, too
            await here.pool.fetchval("SELECT 1")
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
    positions: list[int]
    """Where each of them stands."""
    position: int
    """Ask again after this position."""
    more: bool
    """Whether there is more to be had at once."""


class StartNamedTwice(Invalid):
    """A position and a moment: one of them says where to begin."""

    code, title = "start-named-twice", "Say after which position or since when, not both."

    def __init__(self) -> None:
        super().__init__(
            reasons=[
                Reason(
                    "start-named-twice", "There is a position, too.", "query/since", "Leave one of them out."
                )
            ]
        )


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> Response:
    """The service's own document; the gateway's is of all services."""
    return Json(await described(request.app))


@router.get(
    "/v1/changes",
    response_model=ChangesOut,
    responses=problems(Unauthenticated, Forbidden, PositionLost),
)
async def changes(
    here: Here,
    by: MayReadChanges,
    after: Annotated[int, Query(ge=0, description="The position read last; 0 from the oldest kept")] = 0,
    since: Annotated[Moment | None, Query(description="Begin with what was published at this moment")] = None,
    types: Annotated[str | None, Query(max_length=2000, description="Event types, comma-separated")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """This service's part of the change feed: every event that was published, in order, without gaps. (What belongs to
    others alone is left out for whoever may not see it; the position goes past it.)

    `0` begins with the oldest kept; a position whose successors have gone is told, not passed over.
    """
    wanted = [name.strip() for name in types.split(",") if name.strip()] if types else None
    if since is not None:
        if after:
            raise StartNamedTwice
        after = await feed.position_before(here.pool, since)
    told = await feed.read(here.pool, after=after, types=wanted, limit=limit)
    envelopes, positions = told.envelopes, told.positions
    if here.shown is not None and envelopes:
        shown = await here.shown(here.pool, by, envelopes)
        envelopes = [each for each, seen in zip(envelopes, shown, strict=True) if seen]
        positions = [each for each, seen in zip(positions, shown, strict=True) if seen]
    body = b'{"events":[%b],"positions":%b,"position":%d,"more":%b}' % (
        ",".join(envelopes).encode(),
        orjson.dumps(positions),
        told.position,
        orjson.dumps(len(told.envelopes) == limit),
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
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


_JUDGED = """
WITH judged AS (
    INSERT INTO dead_letter_verdict (event_id, verdict, reason, actor, decided_at)
    SELECT told, $2, $3, $4, clock.now FROM unnest($1::uuid[]) told, (SELECT clock_timestamp() AS now) clock
    RETURNING decided_at
)
SELECT max(decided_at) FROM judged
"""
_NOT_THERE = "DELETE FROM dead_letter_verdict WHERE event_id = ANY ($1) AND decided_at = $2 AND actor = $3"


class VerdictOut(BaseModel):
    """How many were found and dealt with, and which were not there."""

    found: int
    missing: list[UUID] = Field(default_factory=list)


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
    responses=problems(Unauthenticated, Forbidden, NotFound, Unavailable),
)
async def replay_dead_letters(here: Here, operator: MayOperate, body: VerdictIn) -> VerdictOut:
    """Put them back into the queue; they are handled as if they had just come."""
    return await _judge(here, operator, body, "replayed")


@router.post(
    "/v1/dead-letters:discard",
    response_model=VerdictOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, Unavailable),
)
async def discard_dead_letters(here: Here, operator: MayOperate, body: VerdictIn) -> VerdictOut:
    """Drop them for good; who and why is kept."""
    return await _judge(here, operator, body, "discarded")


async def _judge(here: Resources, operator: Principal, body: VerdictIn, verdict: str) -> VerdictOut:
    """The verdict is written first: after a crash it may name a letter still there, never the reverse."""
    asked = list(dict.fromkeys(body.ids))
    act = here.transport.replay_dead if verdict == "replayed" else here.transport.discard_dead
    try:
        await here.transport.open()
        decided_at = await here.pool.fetchval(_JUDGED, asked, verdict, body.reason, str(operator.actor))
        found = await act(here.name, asked)
    except TransportDown as error:
        raise Unavailable("The broker does not answer.") from error
    missing = [letter for letter in asked if letter not in found]
    await here.pool.execute(_NOT_THERE, missing, decided_at, str(operator.actor))
    if not found:
        raise NotFound("None of these dead letters is there.")
    return VerdictOut(found=len(found), missing=missing)


class ReplayIn(BaseModel):
    """Which kept events are sent again, and to which consumer."""

    model_config = ConfigDict(extra="forbid")

    queue: str = Field(pattern=r"^[a-z]{1,40}$")
    after: int = Field(default=0, ge=0)
    types: list[Annotated[str, StringConstraints(max_length=100)]] | None = Field(
        default=None, max_length=100
    )
    limit: int = Field(default=10_000, ge=1, le=100_000)


class ReplayOut(BaseModel):
    """How many were sent, and the position to go on from."""

    sent: int
    position: int


@router.post(
    "/v1/events:replay",
    response_model=ReplayOut,
    responses=problems(Unauthenticated, Forbidden, NoSuchQueue, Unavailable),
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
