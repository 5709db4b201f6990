"""EDIFACT accounts on the wire: how the library and a vendor address each other."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, Request, Response
from pydantic import BaseModel, Field, model_validator

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
    PreconditionRequired,
    Reason,
    Refused,
    Stale,
    Unauthenticated,
    problems,
)
from erm.edifact import sight
from erm.edifact.sending import AccountUnknown
from erm.rows import change, insert, page, pool_of
from erm.units.rules import Act, Standing
from erm.units.standing import Seen, demand_units, forbidden, held
from erm.wire import Limit, Strict, Word

router = new_router("/v1/edifact-accounts", tag="edifact")

MayRead = Annotated[Principal, Depends(may("edifact:read", "edifact:write"))]
MayWrite = Annotated[Principal, Depends(may("edifact:write"))]
PartnerCode = Annotated[str, Field(min_length=1, max_length=35, pattern=r"^[A-Z0-9][A-Z0-9 ./-]*$")]
"""0004 and 0010."""
Qualifier = Literal["14", "31B", "91", "92", "ZZ"]
TradeCode = Annotated[str, Field(min_length=1, max_length=35, pattern=r"^\S(.*\S)?$")]


class AccountTaken(Refused):
    """Another account has these codes."""

    code, title = "edifact-account-taken", "Another EDIFACT account has these codes."


class EdifactBranchIn(Strict):
    """What the vendor calls a location (GIR LLO)."""

    code: TradeCode
    location_id: UUID


class EdifactAccountIn(Strict):
    """How the library and a vendor address each other."""

    organisation_id: UUID
    account_number: Word | None = None
    """Orders that name this account of the library's with the vendor go by it; none: all that no other one is for."""
    vendor_code: PartnerCode
    """What the vendor calls itself in UNB and NAD: a GLN, a SAN, or what was agreed."""
    vendor_qualifier: Qualifier = "14"
    """Whose code it is (0007): `14` GLN, `31B` SAN, `91` the vendor's, `92` the library's, `ZZ` agreed."""
    library_code: PartnerCode
    library_qualifier: Qualifier = "14"
    character_set: Literal["UNOA", "UNOB", "UNOC", "UNOY"] = "UNOC"
    """What orders are written in: capitals, ASCII, Latin-1, UTF-8. What it has not is put into letters near to it."""
    send_orders: bool = False
    """Orders are queued for the vendor when they are approved."""
    test: bool = False
    """Interchanges say that they are a test."""
    branches: list[EdifactBranchIn] = Field(default_factory=list, max_length=500)
    default_location_id: UUID | None = None
    """Where copies go of which a quote says nothing; none: they are counted, and no items are made."""
    default_fund_id: UUID | None = None
    """What bears copies of which a quote says nothing."""
    refusal_codes: list[TradeCode] = Field(default=["OUT"], max_length=50)
    """By which this vendor says that a line will not be supplied, whatever its action code is."""
    active: bool = True
    """By one that is not, nothing is taken in or sent."""

    @model_validator(mode="after")
    def _codes_are_one(self) -> "EdifactAccountIn":
        if len({branch.code for branch in self.branches}) < len(self.branches):
            raise ValueError("a branch's code stands for one location")
        if self.vendor_code == self.library_code:
            raise ValueError("the vendor's code is not the library's")
        return self


class EdifactAccountOut(EdifactAccountIn):
    """An account."""

    id: UUID
    last_reference: int
    """Of the last interchange to the vendor; they are numbered without gaps."""
    created_at: datetime
    version: int


async def _read(
    connection: Connection | asyncpg.Pool, row_id: UUID, *, lock: bool = False
) -> EdifactAccountOut:
    row = await connection.fetchrow(
        f"SELECT * FROM edifact_account WHERE id = $1{' FOR UPDATE' if lock else ''}",  # noqa: S608 - our own words
        row_id,
    )
    if row is None:
        raise AccountUnknown
    return EdifactAccountOut(**dict(row))


async def demand_account(connection: Connection, account_id: UUID, standing: Standing) -> None:
    """Raise `AccountUnknown` or `UnitsForbid` unless somebody may see and change an account's vendor."""
    against = await sight.against_change(connection, account_id, standing)
    if against is None:
        raise AccountUnknown
    if against:
        raise forbidden(standing, against)


_VENDOR = "SELECT acquisition_unit_ids FROM organisation WHERE id = $1 FOR SHARE"


async def _demand_vendor(connection: Connection, body: EdifactAccountIn, standing: Standing) -> None:
    """Raise unless somebody may see and change the vendor whose account it is to be; `Invalid`, `UnitsForbid`."""
    units = await connection.fetchval(_VENDOR, body.organisation_id)
    if units is None or not standing.lets(Act.READ, units):
        raise _unknown_vendor()
    demand_units(standing, Act.UPDATE, units)
    fund = "SELECT acquisition_unit_ids FROM fund WHERE id = $1"
    if body.default_fund_id is not None:
        units = await connection.fetchval(fund, body.default_fund_id)
        if units is None or not standing.lets(Act.READ, units):
            raise Invalid(reasons=[Reason("fund-unknown", "There is no such fund.", "/default_fund_id")])


def _unknown_vendor() -> Invalid:
    text = "There is no such organisation."
    return Invalid(reasons=[Reason("organisation-unknown", text, "/organisation_id")])


def _values(body: EdifactAccountIn) -> dict[str, Any]:
    return body.model_dump() | {"branches": [branch.model_dump(mode="json") for branch in body.branches]}


def _taken(body: EdifactAccountIn) -> AccountTaken:
    text = f"Another one is for {body.vendor_code} and {body.library_code}."
    return AccountTaken(reasons=[Reason("codes-taken", text, "/vendor_code", "Change that one instead.")])


@router.post(
    "",
    status_code=201,
    response_model=EdifactAccountOut,
    responses=problems(Unauthenticated, Forbidden, AccountTaken, InFlight, Invalid),
)
async def create_account(
    request: Request, body: EdifactAccountIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Enter an account: from then on messages with these codes are the vendor's."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        await _demand_vendor(connection, body, await held(connection, by))
        row_id = uuid7()
        try:
            await insert(connection, "edifact_account", id=row_id, created_at=now, **_values(body))
        except asyncpg.UniqueViolationError as error:
            raise _taken(body) from error
        where = {"location": f"/v1/edifact-accounts/{row_id}", "etag": etags.etag(1)}
        return 201, await _read(connection, row_id), where

    return await whole(pool_of(request), once, act)


@router.get(
    "",
    response_model=cursors.Page[EdifactAccountOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_accounts(
    request: Request,
    response: Response,
    _: MayRead,
    seen: Seen,
    organisation_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[EdifactAccountOut]:
    """Accounts, newest first; of a vendor."""
    rows, more = await page(
        request,
        response,
        "SELECT * FROM edifact_account",
        {"organisation_id =": organisation_id},
        cursor=cursor,
        limit=limit,
        within=sight.of(sight.ACCOUNT, seen),
    )
    return cursors.Page(items=[EdifactAccountOut(**dict(row)) for row in rows], next_cursor=more)


@router.get(
    "/{account_id}",
    response_model=EdifactAccountOut,
    responses=problems(Unauthenticated, Forbidden, AccountUnknown),
)
async def get_account(
    request: Request, response: Response, account_id: UUID, _: MayRead, seen: Seen
) -> EdifactAccountOut:
    """One account."""
    pool = pool_of(request)
    if not await sight.is_seen(pool, "edifact_account", sight.ACCOUNT, account_id, seen):
        raise AccountUnknown
    told = await _read(pool, account_id)
    etags.tag(response, told.version)
    return told


@router.put(
    "/{account_id}",
    response_model=EdifactAccountOut,
    responses=problems(
        Unauthenticated, Forbidden, AccountUnknown, AccountTaken, Stale, Invalid, PreconditionRequired
    ),
)
async def change_account(
    request: Request,
    response: Response,
    account_id: UUID,
    body: EdifactAccountIn,
    by: MayWrite,
    expected: IfMatch,
) -> EdifactAccountOut:
    """Replace what is told of an account.."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        standing = await held(connection, by)
        await demand_account(connection, account_id, standing)
        found = await _read(connection, account_id, lock=True)
        etags.guard(expected=expected, found=found.version)
        await _demand_vendor(connection, body, standing)
        try:
            await change(connection, "edifact_account", account_id, **_values(body))
        except asyncpg.UniqueViolationError as error:
            raise _taken(body) from error
        told = await _read(connection, account_id)
    etags.tag(response, told.version)
    return told
