"""What the gateway asks several services for and puts together: to read, or to judge dead letters."""

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import httpx
import orjson
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.administration import DeadLetterOut, ReplayOut, VerdictOut
from chassis.application import new_router
from chassis.clock import Now
from chassis.cursors import wrong_cursor
from chassis.principal import SCOPE_KEY, Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Unauthenticated, Unavailable, problems

router = new_router(tag="operation")

MayReadChanges = Annotated[Principal, Depends(may("changes:read"))]
MayOperate = Annotated[Principal, Depends(may("events:operate"))]


class ServiceFault(Unavailable):
    """A service did not give its part."""

    code, title = "service-fault", "A part of the library did not answer; try again shortly."


async def ask(
    request: Request, service: str, method: str, path: str, now: datetime, *, json: Any = None, **params: Any
) -> httpx.Response:
    """Ask one service as the principal who asks us."""
    state, principal = request.app.state, request.scope[SCOPE_KEY]
    headers = {"traceparent": request.scope["carrel.traceparent"]}
    given = {name: value for name, value in params.items() if value is not None}
    app = state.apps.get(service)
    try:
        if app is not None:

            async def as_asker(scope: Any, receive: Any, send: Any) -> None:
                await app({**scope, SCOPE_KEY: principal}, receive, send)

            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app=as_asker), base_url="http://inside"
            ) as client:
                return await client.request(method, path, params=given, json=json, headers=headers)
        upstream = state.upstreams.get(service)
        if upstream is None:
            raise NotFound(f"There is no service {service} here.")
        headers["Authorization"] = f"Bearer {await state.mint.inner_token(principal, service, now=now)}"
        async with httpx.AsyncClient(base_url=upstream.url, timeout=10) as client:
            return await client.request(method, path, params=given, json=json, headers=headers)
    except httpx.HTTPError as error:
        raise ServiceFault(f"{service} does not answer.") from error


def _read(answer: httpx.Response, service: str) -> Any:
    try:
        told = answer.json()
    except ValueError as error:
        raise ServiceFault(f"{service} answered {answer.status_code}, and no JSON.") from error
    if answer.is_success:
        return told
    if answer.status_code in (401, 403, 404, 422):
        reasons = [Reason(r["code"], r["text"]) for r in told.get("reasons", ())]
        kind = {401: Unauthenticated, 403: Forbidden, 404: NotFound}.get(answer.status_code, Invalid)
        raise kind(told.get("detail"), reasons=reasons)
    raise ServiceFault(f"{service} answered {answer.status_code}.")


class ChangesOut(BaseModel):
    """Events of all services after a cursor, in order within each service."""

    events: list[dict[str, Any]]
    next_cursor: str
    """Ask again with it, now or later."""
    more: bool
    """Whether there is more to be had at once."""


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
    types: Annotated[str | None, Query(max_length=2000, description="Event types, comma-separated")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """One feed over all services: every published event, in order within its service, without gaps."""
    positions = _positions(after)
    services = [*request.app.state.apps, *request.app.state.upstreams]
    events: list[Any] = []
    more = False
    share = max(1, limit // max(len(services), 1))
    for name in services:
        told = _read(
            await ask(
                request,
                name,
                "GET",
                "/v1/changes",
                now,
                after=positions.get(name, 0),
                types=types,
                limit=share,
            ),
            name,
        )
        events += told["events"]
        more = more or len(told["events"]) == share
        positions[name] = told["position"]
    cursor = base64.urlsafe_b64encode(orjson.dumps(positions)).rstrip(b"=").decode()
    body = orjson.dumps({"events": events, "next_cursor": cursor, "more": more})
    return Response(body, media_type="application/json")


def _positions(cursor: str | None) -> dict[str, int]:
    if not cursor:
        return {}
    try:
        told = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        raise wrong_cursor() from None
    if not isinstance(told, dict) or not all(isinstance(at, int) and at >= 0 for at in told.values()):
        raise wrong_cursor()
    return told


class AllDeadLettersOut(BaseModel):
    """Dead letters of every service, and how much waits in each queue."""

    waiting: dict[str, int]
    dead: dict[str, int]
    items: list[DeadLetterOut]


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
    told = AllDeadLettersOut(waiting={}, dead={}, items=[])
    for name in [service] if service else [*state.apps, *state.upstreams]:
        part = _read(await ask(request, name, "GET", "/v1/dead-letters", now, limit=limit), name)
        told.waiting[name], told.dead[name] = part["waiting"], part["dead"]
        told.items += [DeadLetterOut(**letter) for letter in part["items"]]
    return told


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
    return _read(await ask(request, body.service, "POST", path, now, json=asked), body.service)


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
    return _read(await ask(request, body.source, "POST", "/v1/events:replay", now, json=asked), body.source)
