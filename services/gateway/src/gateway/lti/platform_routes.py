"""Platforms on the wire: described, changed, suspended, dropped; and what their administrators are told of us."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import text

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx, Tx
from chassis.etags import IfMatch
from chassis.json import Json
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    PreconditionRequired,
    Stale,
    Unauthenticated,
    problems,
)
from gateway.lti import commands, keys
from gateway.lti.arriving import LtiParts
from gateway.lti.commands import PlatformKnown, TooManyPlatforms
from gateway.lti.documents import LtiPlatformDoc
from gateway.lti.rosters import SCOPE
from gateway.lti.rules import MESSAGES
from gateway.lti.tables import LtiPlatform
from gateway.saml.operating import parts_of
from gateway.saml.parts import NoCampusSignIn
from gateway.tokens.keys import public_set

router = new_router(tag="lti")

MayRead = Annotated[Principal, Depends(may("lti:read"))]
MayWrite = Annotated[Principal, Depends(may("lti:write"))]
DOOR = (Unauthenticated, Forbidden)


def lti_of(request: Request) -> LtiParts:
    """This process's parts."""
    found: LtiParts = request.app.state.lti
    return found


@router.get("/lti/jwks", responses={200: {"content": {"application/json": {}}}})
async def lti_jwks(request: Request, now: Now) -> Response:
    """The keys by which platforms check our messages (RFC 7517)."""
    parts = lti_of(request)
    found = await keys.published(parts.pool, parts.sealer, now=now)
    return Json(public_set(found, ring=keys.RING), headers={"Cache-Control": "public, max-age=3600"})


class LtiToolOut(BaseModel):
    """What a platform's administrator enters where the platform does not register us by itself."""

    login_url: str
    launch_url: str
    """Target link, redirect address and deep-linking address in one."""
    jwks_url: str
    scopes: list[str]
    """Of services that we ask for: the roster, read."""
    messages: list[str]


class LtiPlatformOut(LtiPlatformDoc):
    """A platform that we are registered with."""

    id: UUID
    version: int
    made_at: datetime
    made_by: str


def tool(ours: str) -> dict[str, Any]:
    """Our addresses at a platform, and what we ask of it."""
    return {
        "login_url": f"{ours}/lti/login",
        "launch_url": f"{ours}/lti/launch",
        "jwks_url": f"{ours}/lti/jwks",
        "scopes": [SCOPE],
        "messages": list(MESSAGES),
    }


@router.get("/v1/lti/tool", response_model=LtiToolOut, responses=problems(*DOOR, NoCampusSignIn))
async def read_lti_tool(request: Request, _: MayRead) -> LtiToolOut:
    """Our own addresses."""
    _doc, ours = await parts_of(request).configured()
    return LtiToolOut(**tool(ours.url))


@router.post(
    "/v1/lti/platforms",
    status_code=201,
    response_model=LtiPlatformOut,
    responses=problems(*DOOR, Invalid, PlatformKnown, TooManyPlatforms),
)
async def register_lti_platform(
    request: Request, tx: Tx, by: MayWrite, body: LtiPlatformDoc, response: Response, now: Now
) -> LtiPlatform:
    """Register a learning management system by hand. Whoever does decides who launches us, and as whom."""
    platform = await commands.register(tx, body, lti_of(request).guard, by=str(by.actor), now=now)
    response.headers["Location"] = f"/v1/lti/platforms/{platform.id}"
    etags.tag(response, platform.version)
    return platform


_LIST = text("""
SELECT * FROM lti_platform WHERE CAST(:after AS uuid) IS NULL OR id > CAST(:after AS uuid) ORDER BY id LIMIT :limit
""")


@router.get(
    "/v1/lti/platforms", response_model=cursors.Page[LtiPlatformOut], responses=problems(*DOOR, Invalid)
)
async def list_lti_platforms(
    request: Request,
    tx: ReadTx,
    _: MayRead,
    response: Response,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[LtiPlatformOut]:
    """All of them, oldest first, suspended ones included."""
    asked = {"after": cursors.uuid_in(cursor) if cursor else None, "limit": limit + 1}
    rows = (await tx.execute(_LIST, asked)).mappings().all()
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[LtiPlatformOut(**row) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/v1/lti/platforms/{platform_id}", response_model=LtiPlatformOut, responses=problems(*DOOR, NotFound)
)
async def get_lti_platform(tx: ReadTx, _: MayRead, platform_id: UUID, response: Response) -> LtiPlatform:
    """One of them."""
    platform = await tx.get(LtiPlatform, platform_id)
    if platform is None:
        raise NotFound("There is no such platform.")
    etags.tag(response, platform.version)
    return platform


@router.put(
    "/v1/lti/platforms/{platform_id}",
    response_model=LtiPlatformOut,
    responses=problems(*DOOR, NotFound, PlatformKnown, Invalid, Stale, PreconditionRequired),
)
async def change_lti_platform(
    request: Request,
    tx: Tx,
    _: MayWrite,
    platform_id: UUID,
    body: LtiPlatformDoc,
    expected: IfMatch,
    response: Response,
) -> LtiPlatform:
    """Describe it anew as a whole, its deployments among it. Visits under way go by it at once."""
    platform = await commands.locked(tx, platform_id, expected=expected)
    await commands.change(tx, platform, body, lti_of(request).guard)
    etags.tag(response, platform.version)
    return platform


@router.delete("/v1/lti/platforms/{platform_id}", status_code=204, responses=problems(*DOOR, NotFound))
async def drop_lti_platform(tx: Tx, _: MayWrite, platform_id: UUID) -> None:
    """Forget it: its courses, their rosters, visits under way. Links in its courses lead nowhere from then on."""
    await tx.delete(await commands.locked(tx, platform_id))
