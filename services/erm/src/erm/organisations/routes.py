"""Organisations on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, Field

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.etags import IfMatch
from chassis.ids import uuid7
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    PreconditionRequired,
    Reason,
    Refused,
    Stale,
    Unauthenticated,
    problems,
)
from erm.rows import change, insert, page, pool_of
from erm.wire import Code, Currency, Limit, Note, Strict, Word

router = new_router("/v1/organisations", tag="organisations")

MayRead = Annotated[Principal, Depends(may("organisations:read", "organisations:write"))]
MayWrite = Annotated[Principal, Depends(may("organisations:write"))]
Purpose = Literal["orders", "claims", "invoices", "licensing", "sales", "technical-support", "other"]
Role = Literal["vendor", "publisher", "consortium", "society", "platform-provider", "donor"]


class OrganisationUnknown(NotFound):
    """There is no such organisation."""

    code, title = "organisation-unknown", "There is no such organisation."


class OrganisationTaken(Refused):
    """Another organisation has this code."""

    code, title = "organisation-taken", "Another organisation has this code."


class AccountIn(Strict):
    """An account of the library's with a vendor."""

    number: Word
    name: Word
    payment_method: Literal["bank-transfer", "direct-debit", "card", "cheque", "deposit-account"] | None = (
        None
    )
    """How its invoices are paid."""
    note: Note | None = None
    active: bool = True


class OrganisationContactIn(Strict):
    """Somebody to ask at an organisation."""

    name: Word
    purposes: list[Purpose] = Field(default=["other"], min_length=1, max_length=7)
    """About what."""
    email: Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    phone: Annotated[str, Field(max_length=60, pattern=r"^[0-9+() /.-]+$")] | None = None
    address: Note | None = None
    """As it stands on an envelope."""
    note: Note | None = None
    active: bool = True


class IdentifierIn(Strict):
    """What the organisation is known by elsewhere."""

    kind: Literal["isni", "ror", "san", "gln", "ringgold", "vat"]
    value: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S+$")]


class OrganisationIn(Strict):
    """A vendor, publisher, consortium or society: one record, many roles."""

    code: Code
    name: Word
    aliases: list[Word] = Field(default_factory=list, max_length=50)
    """Other names that it goes by, or went by; it is found by them."""
    roles: list[Role] = Field(default=["vendor"], min_length=1, max_length=6)
    currency: Currency | None = None
    """What its prices are in, unless an order says otherwise."""
    accounts: list[AccountIn] = Field(default_factory=list, max_length=50)
    contacts: list[OrganisationContactIn] = Field(default_factory=list, max_length=100)
    identifiers: list[IdentifierIn] = Field(default_factory=list, max_length=50)
    claim_after_days: Annotated[int, Field(ge=0, le=3660)] | None = None
    """Claimed so long after an order was approved, where its line does not say when it is expected; none: never."""
    claim_interval_days: Annotated[int, Field(ge=1, le=3660)] | None = None
    """Between claims; none: 30."""
    claims_at_most: Annotated[int, Field(ge=0, le=100)] | None = None
    """Of one line; none: until it comes."""
    note: Note | None = None
    active: bool = True
    """From one that is not, nothing new is ordered."""


class OrganisationOut(OrganisationIn):
    """An organisation."""

    id: UUID
    created_at: datetime
    version: int


async def read_organisation(
    connection: Connection | asyncpg.Pool, row_id: UUID, *, lock: bool = False
) -> OrganisationOut:
    """One; `OrganisationUnknown`."""
    row = await connection.fetchrow(
        f"SELECT * FROM organisation WHERE id = $1{' FOR UPDATE' if lock else ''}",  # noqa: S608 - our own words
        row_id,
    )
    if row is None:
        raise OrganisationUnknown
    return OrganisationOut(**dict(row))


def _values(body: OrganisationIn) -> dict[str, Any]:
    told = body.model_dump()
    return told | {"roles": sorted(set(told["roles"])), "aliases": list(dict.fromkeys(told["aliases"]))}


def _taken(code: str) -> OrganisationTaken:
    reason = Reason("organisation-taken", f"Another one is {code}.", "/code", "Change that one instead.")
    return OrganisationTaken(reasons=[reason])


@router.post(
    "",
    status_code=201,
    response_model=OrganisationOut,
    responses=problems(Unauthenticated, Forbidden, OrganisationTaken, InFlight, Invalid),
)
async def create_organisation(
    request: Request, body: OrganisationIn, _: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Enter an organisation."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        row_id = uuid7()
        try:
            await insert(connection, "organisation", id=row_id, created_at=now, **_values(body))
        except asyncpg.UniqueViolationError as error:
            raise _taken(body.code) from error
        where = {"location": f"/v1/organisations/{row_id}", "etag": etags.etag(1)}
        return 201, await read_organisation(connection, row_id), where

    return await whole(pool_of(request), once, act)


_NAMED = "organisation_names(code, name, aliases) @>"
_NAMES = "SELECT ARRAY[lower($1)]"
"""Folded where names are: in the database."""


@router.get(
    "",
    response_model=cursors.Page[OrganisationOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_organisations(
    request: Request,
    response: Response,
    _: MayRead,
    code: Annotated[str | None, Query(max_length=40, description="Only the one with this code")] = None,
    name: Annotated[
        str | None,
        Query(min_length=1, max_length=300, description="Its code, name or an alias, in whatever case"),
    ] = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[OrganisationOut]:
    """Organisations, newest first."""
    wanted = {
        "code =": code,
        _NAMED: None if name is None else await pool_of(request).fetchval(_NAMES, name.strip()),
    }
    rows, more = await page(
        request, response, "SELECT * FROM organisation", wanted, cursor=cursor, limit=limit
    )
    return cursors.Page(items=[OrganisationOut(**dict(row)) for row in rows], next_cursor=more)


@router.get(
    "/{organisation_id}",
    response_model=OrganisationOut,
    responses=problems(Unauthenticated, Forbidden, OrganisationUnknown),
)
async def get_organisation(
    request: Request, response: Response, organisation_id: UUID, _: MayRead
) -> OrganisationOut:
    """One organisation."""
    told = await read_organisation(pool_of(request), organisation_id)
    etags.tag(response, told.version)
    return told


@router.put(
    "/{organisation_id}",
    response_model=OrganisationOut,
    responses=problems(
        Unauthenticated,
        Forbidden,
        OrganisationUnknown,
        OrganisationTaken,
        Stale,
        Invalid,
        PreconditionRequired,
    ),
)
async def change_organisation(
    request: Request,
    response: Response,
    organisation_id: UUID,
    body: OrganisationIn,
    _: MayWrite,
    expected: IfMatch,
) -> OrganisationOut:
    """Replace what is told of an organisation."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        found = await read_organisation(connection, organisation_id, lock=True)
        etags.guard(expected=expected, found=found.version)
        try:
            await change(connection, "organisation", organisation_id, **_values(body))
        except asyncpg.UniqueViolationError as error:
            raise _taken(body.code) from error
        told = await read_organisation(connection, organisation_id)
    etags.tag(response, told.version)
    return told
