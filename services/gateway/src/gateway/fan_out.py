"""What the gateway asks several services for and puts together: to read, or to judge dead letters."""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import httpx
import orjson
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.administration import DeadLetterOut, ReplayOut, StartNamedTwice, VerdictOut
from chassis.application import new_router
from chassis.clock import Now
from chassis.cursors import wrong_cursor
from chassis.moments import Moment
from chassis.principal import SCOPE_KEY, Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Unauthenticated, Unavailable, problems

router = new_router(tag="operation")

MayReadChanges = Annotated[Principal, Depends(may("changes:read"))]
MayOperate = Annotated[Principal, Depends(may("events:operate"))]


class ServiceFault(Unavailable):
    """A service did not give its part."""

    code, title = "service-fault", "A part of the library did not answer; try again shortly."


async def ask(
    request: Request,
    service: str,
    method: str,
    path: str,
    now: datetime,
    *,
    asker: Principal | None = None,
    json: Any = None,
    **params: Any,
) -> Any:
    """What one service answers to the principal who asks us, or to another for whom we vouch."""
    state, principal = request.app.state, asker or request.scope[SCOPE_KEY]
    headers = {"traceparent": request.scope["carrel.traceparent"]}
    given = {name: value for name, value in params.items() if value is not None}
    app, upstream = state.apps.get(service), state.upstreams.get(service)
    try:
        if app is not None:

            async def as_asker(scope: Any, receive: Any, send: Any) -> None:
                await app({**scope, SCOPE_KEY: principal}, receive, send)

            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app=as_asker), base_url="http://inside"
            ) as client:
                answer = await client.request(method, path, params=given, json=json, headers=headers)
        elif upstream is not None:
            headers["Authorization"] = f"Bearer {await state.mint.inner_token(principal, service, now=now)}"
            answer = await upstream.ask(method, path, headers=headers, params=given, json=json)
        else:
            raise NotFound(f"There is no service {service} here.")
    except httpx.HTTPError as error:
        raise ServiceFault(f"{service} does not answer.") from error
    return _read(answer, service)


def _read(answer: httpx.Response, service: str) -> Any:
    try:
        told = answer.json()
    except ValueError as error:
        raise ServiceFault(f"{service} answered {answer.status_code}, and no JSON.") from error
    if answer.is_success:
        return told
    if answer.status_code in (401, 403, 404, 422):
        reasons = [
            Reason(r["code"], r["text"], r.get("pointer"), r.get("mend")) for r in told.get("reasons", ())
        ]
        kind = {401: Unauthenticated, 403: Forbidden, 404: NotFound}.get(answer.status_code, Invalid)
        raise kind(told.get("detail"), reasons=reasons)
    raise ServiceFault(f"{service} answered {answer.status_code}.")


async def parts(questions: Mapping[str, Awaitable[Any]]) -> tuple[dict[str, Any], list[str]]:
    """What each service tells, asked at once, and which are away; `ServiceFault` when all of them are."""
    told = await asyncio.gather(*questions.values(), return_exceptions=True)
    given: dict[str, Any] = {}
    away: list[str] = []
    for name, part in zip(questions, told, strict=True):
        if isinstance(part, Unavailable):
            away.append(name)
        elif isinstance(part, BaseException):
            raise part
        else:
            given[name] = part
    if away and not given:
        raise ServiceFault(f"None of {', '.join(away)} answers.", headers={"Retry-After": "2"})
    return given, away


Away = Annotated[list[str], Field(description="Services that did not answer: their part is missing here")]


class ChangesOut(BaseModel):
    """Events of all services after a cursor, in order within each service."""

    events: list[dict[str, Any]]
    next_cursor: str
    """Ask again with it, now or later: what a service that is away had to tell comes when it is back."""
    more: bool
    """Whether there is more to be had at once."""
    away: Away


@router.get(
    "/v1/changes",
    response_model=ChangesOut,
    responses=problems(Unauthenticated, Forbidden, Invalid, ServiceFault),
)
async def changes(
    request: Request,
    _: MayReadChanges,
    now: Now,
    after: Annotated[str | None, Query(max_length=500, description="The cursor of the last answer")] = None,
    since: Annotated[Moment | None, Query(description="Begin with what was published at this moment")] = None,
    types: Annotated[str | None, Query(max_length=2000, description="Event types, comma-separated")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """One feed over all services: every published event, in order within its service, without gaps."""
    positions = read_positions(after)
    if since is not None and after:
        raise StartNamedTwice
    services = [*request.app.state.apps, *request.app.state.upstreams]
    share = max(1, limit // max(len(services), 1))
    told, away = await parts(
        {
            name: ask(
                request,
                name,
                "GET",
                "/v1/changes",
                now,
                after=positions.get(name, 0),
                since=since.isoformat() if since else None,
                types=types,
                limit=share,
            )
            for name in services
        }
    )
    positions |= {name: part["position"] for name, part in told.items()}
    body = {
        "events": [event for part in told.values() for event in part["events"]],
        "next_cursor": base64.urlsafe_b64encode(orjson.dumps(positions)).rstrip(b"=").decode(),
        "more": any(part.get("more", len(part["events"]) == share) for part in told.values()),
        "away": away,
    }
    return Response(orjson.dumps(body), media_type="application/json")


def read_positions(cursor: str | None) -> dict[str, int]:
    """Each service's position in a cursor of the feed over all of them."""
    if not cursor:
        return {}
    try:
        told = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        raise wrong_cursor() from None
    if not isinstance(told, dict) or not all(type(at) is int and 0 <= at < 2**63 for at in told.values()):
        raise wrong_cursor()
    return told


class AllDeadLettersOut(BaseModel):
    """Dead letters of every service, and how much waits in each queue."""

    waiting: dict[str, int]
    dead: dict[str, int]
    items: list[DeadLetterOut]
    away: Away


@router.get(
    "/v1/dead-letters",
    response_model=AllDeadLettersOut,
    responses=problems(Unauthenticated, Forbidden, ServiceFault),
)
async def dead_letters(
    request: Request,
    _: MayOperate,
    now: Now,
    service: Annotated[str | None, Query(pattern=r"^[a-z]{1,20}$")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> AllDeadLettersOut:
    """What could not be handled, of one service or of all."""
    state = request.app.state
    services = [service] if service else [*state.apps, *state.upstreams]
    told, away = await parts(
        {name: ask(request, name, "GET", "/v1/dead-letters", now, limit=limit) for name in services}
    )
    return AllDeadLettersOut(
        waiting={name: part["waiting"] for name, part in told.items()},
        dead={name: part["dead"] for name, part in told.items()},
        items=[DeadLetterOut(**letter) for part in told.values() for letter in part["items"]],
        away=away,
    )


class JudgeIn(BaseModel):
    """Which dead letters of which service, and why."""

    model_config = ConfigDict(extra="forbid")

    service: str = Field(pattern=r"^[a-z]{1,20}$")
    ids: list[UUID] = Field(min_length=1, max_length=1000)
    reason: str = Field(min_length=1, max_length=1000)


@router.post(
    "/v1/dead-letters:replay",
    response_model=VerdictOut,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def replay_dead(request: Request, _: MayOperate, body: JudgeIn, now: Now) -> Any:
    """Put them back into their queue."""
    return await _judge(request, body, "replay", now)


@router.post(
    "/v1/dead-letters:discard",
    response_model=VerdictOut,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def discard_dead(request: Request, _: MayOperate, body: JudgeIn, now: Now) -> Any:
    """Drop them for good; who and why is kept."""
    return await _judge(request, body, "discard", now)


async def _judge(request: Request, body: JudgeIn, verdict: str, now: datetime) -> Any:
    asked = {"ids": [str(letter) for letter in body.ids], "reason": body.reason}
    path = f"/v1/dead-letters:{verdict}"
    return await ask(request, body.service, "POST", path, now, json=asked)


class ReplayIn(BaseModel):
    """Which kept events, from where, to whom."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(pattern=r"^[a-z]{1,20}$")
    queue: str = Field(pattern=r"^[a-z]{1,40}$")
    after: int = Field(default=0, ge=0, le=2**62)
    types: list[str] | None = None
    limit: int = Field(default=10_000, ge=1, le=100_000)


@router.post(
    "/v1/events:replay", response_model=ReplayOut, responses=problems(Unauthenticated, Forbidden, NotFound)
)
async def replay_events(request: Request, _: MayOperate, body: ReplayIn, now: Now) -> Any:
    """Send a service's kept events to one consumer again."""
    asked = body.model_dump(exclude={"source"})
    return await ask(request, body.source, "POST", "/v1/events:replay", now, json=asked)
