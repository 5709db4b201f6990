"""Import profiles on the wire."""

from typing import Annotated

from fastapi import Depends, Path, Response
from pydantic import BaseModel

from catalog.profiles import commands, queries
from catalog.profiles.documents import ProfileDoc
from catalog.profiles.queries import ProfileUnknown
from chassis import etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx, Tx
from chassis.etags import IfMatch
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    PreconditionRequired,
    Stale,
    Unauthenticated,
    problems,
)

router = new_router(tag="imports")

MayRead = Annotated[Principal, Depends(may("imports:create", "imports:read", "configuration:read"))]
MayWrite = Annotated[Principal, Depends(may("configuration:write"))]
Code = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class ProfileOut(ProfileDoc):
    """An import profile."""

    code: str
    version: int
    """0 for one as it was shipped."""


class ProfilesOut(BaseModel):
    """By code."""

    items: list[ProfileOut]


def _out(code: str, version: int, doc: ProfileDoc) -> ProfileOut:
    return ProfileOut(code=code, version=version, **dict(doc))


@router.get("/v1/import-profiles", response_model=ProfilesOut, responses=problems(Unauthenticated, Forbidden))
async def list_profiles(tx: ReadTx, _: MayRead) -> ProfilesOut:
    """Every profile: shipped ones, and those that were written here."""
    return ProfilesOut(items=[_out(*told) for told in await queries.profiles(tx)])


@router.get(
    "/v1/import-profiles/{code}",
    response_model=ProfileOut,
    responses=problems(Unauthenticated, Forbidden, ProfileUnknown),
)
async def read_profile(code: Code, tx: ReadTx, _: MayRead, response: Response) -> ProfileOut:
    """What an import by this profile does."""
    version, doc = await queries.profile(tx, code)
    etags.tag(response, version)
    return _out(code, version, doc)


@router.put(
    "/v1/import-profiles/{code}",
    response_model=ProfileOut,
    responses=problems(Unauthenticated, Forbidden, Invalid, Stale, PreconditionRequired),
)
async def write_profile(
    code: Code, body: ProfileDoc, by: MayWrite, expected: IfMatch, tx: Tx, now: Now, response: Response
) -> ProfileOut:
    """Write a profile. One that is shipped, or is not there yet, is at version 0: `If-Match: "0"`. Every flaw is told
    at once, with its place."""
    version = await commands.put(tx, code, body, expected=expected, by=str(by.actor), now=now)
    etags.tag(response, version)
    return _out(code, version, body)


@router.delete(
    "/v1/import-profiles/{code}",
    status_code=204,
    responses=problems(Unauthenticated, Forbidden, ProfileUnknown, Stale, PreconditionRequired),
)
async def delete_profile(code: Code, _: MayWrite, expected: IfMatch, tx: Tx) -> Response:
    """Take back what was written here; a shipped profile is as it was shipped again."""
    await commands.delete(tx, code, expected=expected)
    return Response(status_code=204)
