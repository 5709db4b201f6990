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
from erm.units.rules import UNLIMITED, Act, Standing
from erm.units.standing import Seen, demand_entry, demand_units, held, within
from erm.wire import Code, Currency, Limit, Note, Strict, UnitIds, Word

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


class NewOrganisationIn(OrganisationIn):
    """An organisation, and who may see and change it."""

    acquisition_unit_ids: UnitIds = Field(default_factory=list)


class OrganisationOut(OrganisationIn):
    """An organisation."""

    id: UUID
    acquisition_unit_ids: list[UUID]
    """Who may see and change it; none: whoever has the scope."""
    created_at: datetime
    version: int


async def read_organisation(
    connection: Connection | asyncpg.Pool,
    row_id: UUID,
    standing: Standing,
    act: Act = Act.READ,
    *,
    lock: str = "",
) -> OrganisationOut:
    """One; `OrganisationUnknown` for what somebody may not see, too, `UnitsForbid`. What belongs to an organisation
    (bank accounts, interfaces) is seen and changed as it is: `lock` says how it is held meanwhile."""
    row = await connection.fetchrow(f"SELECT * FROM organisation WHERE id = $1 {lock}", row_id)  # noqa: S608 - our own words
    if row is None or not standing.lets(Act.READ, row["acquisition_unit_ids"]):
        raise OrganisationUnknown
    demand_units(standing, act, row["acquisition_unit_ids"])
    return OrganisationOut(**dict(row))


async def in_sight(connection: Connection | asyncpg.Pool, organisation_id: UUID, standing: Standing) -> bool:
    """Whether somebody may see an organisation, if there is one: what belongs to it is seen as it is."""
    units = await connection.fetchval(
        "SELECT acquisition_unit_ids FROM organisation WHERE id = $1", organisation_id
    )
    return standing.lets(Act.READ, units or [])


async def demand_change(
    connection: Connection,
    organisation_id: UUID,
    standing: Standing,
    unknown: NotFound,
    act: Act = Act.UPDATE,
) -> None:
    """Raise `UnitsForbid` unless somebody may do this with what belongs to an organisation, and `unknown` where they
    may not see it; its units stay until the transaction ends."""
    try:
        await read_organisation(connection, organisation_id, standing, act, lock="FOR SHARE")
    except OrganisationUnknown as error:
        raise unknown from error


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
    request: Request, body: NewOrganisationIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Enter an organisation."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        row_id = uuid7()
        units = await demand_entry(connection, await held(connection, by), body.acquisition_unit_ids)
        values = _values(body) | {"acquisition_unit_ids": units}
        try:
            await insert(connection, "organisation", id=row_id, created_at=now, **values)
        except asyncpg.UniqueViolationError as error:
            raise _taken(body.code) from error
        where = {"location": f"/v1/organisations/{row_id}", "etag": etags.etag(1)}
        return 201, await read_organisation(connection, row_id, UNLIMITED), where

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
    seen: Seen,
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
        request,
        response,
        "SELECT * FROM organisation",
        wanted,
        cursor=cursor,
        limit=limit,
        within=within(seen, "acquisition_unit_ids"),
    )
    return cursors.Page(items=[OrganisationOut(**dict(row)) for row in rows], next_cursor=more)


@router.get(
    "/{organisation_id}",
    response_model=OrganisationOut,
    responses=problems(Unauthenticated, Forbidden, OrganisationUnknown),
)
async def get_organisation(
    request: Request, response: Response, organisation_id: UUID, _: MayRead, seen: Seen
) -> OrganisationOut:
    """One organisation."""
    told = await read_organisation(pool_of(request), organisation_id, seen)
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
    by: MayWrite,
    expected: IfMatch,
) -> OrganisationOut:
    """Replace what is told of an organisation."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        standing = await held(connection, by)
        found = await read_organisation(connection, organisation_id, standing, Act.UPDATE, lock="FOR UPDATE")
        etags.guard(expected=expected, found=found.version)
        try:
            await change(connection, "organisation", organisation_id, **_values(body))
        except asyncpg.UniqueViolationError as error:
            raise _taken(body.code) from error
        told = await read_organisation(connection, organisation_id, standing)
    etags.tag(response, told.version)
    return told
