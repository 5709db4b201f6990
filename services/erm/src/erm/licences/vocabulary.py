"""The vocabulary of terms on the wire: what licences may say something of."""

from typing import Annotated

import asyncpg
from fastapi import Path, Request, Response
from pydantic import BaseModel

from chassis import cursors, etags
from chassis.application import new_router
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.etags import IfMatch
from chassis.once import whole
from chassis.problems import (
    Forbidden,
    Invalid,
    PreconditionRequired,
    Reason,
    Refused,
    Stale,
    Unauthenticated,
    problems,
)
from erm.licences import commands
from erm.licences.commands import TermInUse, TermUnknown
from erm.licences.routes import MayRead, MayWrite
from erm.licences.wire import LicenceTermIn, LicenceTermOut, TermCode
from erm.rows import pool_of
from erm.wire import Limit

router = new_router("/v1/licence-terms", tag="licences")

Code = Annotated[TermCode, Path()]


class TermTaken(Refused):
    """Another term has this code."""

    code, title = "licence-term-taken", "Another term has this code."


class NewTermIn(LicenceTermIn):
    """A term to come into the vocabulary."""

    code: TermCode


async def _read(connection: Connection | asyncpg.Pool, code: str) -> LicenceTermOut:
    row = await connection.fetchrow("SELECT * FROM licence_term WHERE code = $1", code)
    if row is None:
        raise TermUnknown
    return LicenceTermOut(**dict(row))


@router.get(
    "",
    response_model=cursors.Page[LicenceTermOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_licence_terms(
    request: Request, response: Response, _: MayRead, cursor: str | None = None, limit: Limit = 100
) -> cursors.Page[LicenceTermOut]:
    """The vocabulary, by code."""
    after = str(cursors.decode(cursor, parts=1)[0]) if cursor is not None else ""
    if "\0" in after or not after.isascii():
        raise cursors.wrong_cursor()
    rows = await pool_of(request).fetch(
        "SELECT * FROM licence_term WHERE code > $2 ORDER BY code LIMIT $1", limit + 1, after
    )
    more = cursors.encode(rows[limit - 1]["code"]) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[LicenceTermOut(**dict(row)) for row in rows[:limit]], next_cursor=more)


@router.post(
    "",
    status_code=201,
    response_model=LicenceTermOut,
    responses=problems(Unauthenticated, Forbidden, TermTaken, InFlight, Invalid),
)
async def enter_licence_term(request: Request, body: NewTermIn, _: MayWrite, once: OnceRequired) -> Response:
    """Take a term into the vocabulary."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        told = LicenceTermIn.model_validate(body.model_dump(exclude={"code"}))
        try:
            await commands.enter_term(connection, body.code, told)
        except asyncpg.UniqueViolationError as error:
            reason = Reason(
                "licence-term-taken", f"There is a term {body.code}.", "/code", "Change that one."
            )
            raise TermTaken(reasons=[reason]) from error
        where = {"location": f"/v1/licence-terms/{body.code}", "etag": etags.etag(1)}
        return 201, await _read(connection, body.code), where

    return await whole(pool_of(request), once, act)


@router.get(
    "/{code}",
    response_model=LicenceTermOut,
    responses=problems(Unauthenticated, Forbidden, TermUnknown, Invalid),
)
async def get_licence_term(request: Request, response: Response, code: Code, _: MayRead) -> LicenceTermOut:
    """One term."""
    told = await _read(pool_of(request), code)
    etags.tag(response, told.version)
    return told


async def _locked(connection: Connection, code: str, expected: int) -> asyncpg.Record:
    row = await commands.lock_term(connection, code)
    if row is None:
        raise TermUnknown
    etags.guard(expected=expected, found=row["version"])
    return row


@router.put(
    "/{code}",
    response_model=LicenceTermOut,
    responses=problems(
        Unauthenticated, Forbidden, TermUnknown, TermInUse, Stale, Invalid, PreconditionRequired
    ),
)
async def change_licence_term(
    request: Request, response: Response, code: Code, body: LicenceTermIn, _: MayWrite, expected: IfMatch
) -> LicenceTermOut:
    """Replace a term. Its kind stays while licences say something of it, and so do the choices that they name."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        before = await _locked(connection, code, expected)
        await commands.change_term(connection, code, before, body)
        told = await _read(connection, code)
    etags.tag(response, told.version)
    return told


@router.delete(
    "/{code}",
    status_code=204,
    response_class=Response,
    responses=problems(
        Unauthenticated, Forbidden, TermUnknown, TermInUse, Stale, Invalid, PreconditionRequired
    ),
)
async def remove_licence_term(request: Request, code: Code, _: MayWrite, expected: IfMatch) -> Response:
    """Take a term that no licence says anything of out of the vocabulary."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        await _locked(connection, code, expected)
        await commands.remove_term(connection, code)
    return Response(status_code=204)
