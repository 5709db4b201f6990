"""Vendors' programs on the wire: for whom each acts, and how what it posts becomes an order."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Depends, Request, Response
from pydantic import BaseModel, Field

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.etags import IfMatch
from chassis.ids import uuid7
from chassis.once import whole
from chassis.principal import Principal, demand, may
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
from erm.organisations.routes import OrganisationUnknown, read_organisation
from erm.rows import Within, change, insert, page, pool_of
from erm.units.rules import Act, Standing
from erm.units.standing import Seen, clause, demand_entry, held, within
from erm.vendororders.documents import Format, MappingIn, usual
from erm.wire import Limit, Strict, UnitIds, Word

router = new_router("/v1/vendor-order-accounts", tag="vendor-orders")

MayRead = Annotated[Principal, Depends(may("vendor-orders:read", "vendor-orders:write"))]
MayWrite = Annotated[Principal, Depends(may("vendor-orders:write"))]
Client = Annotated[str, Field(pattern=r"^client:[A-Za-z0-9][A-Za-z0-9._@-]{0,199}$")]


class AccountUnknown(NotFound):
    """There is no such account."""

    code, title = "vendor-order-account-unknown", "There is no such account of a vendor's program."


class AccountTaken(Refused):
    """The program has an account."""

    code, title = "vendor-order-account-taken", "This program has an account."


class VendorOrderAccountIn(Strict):
    """A vendor's program, and what becomes of what it posts."""

    organisation_id: UUID
    """The vendor that it acts for; what it posts is ordered there and nowhere else."""
    client: Client
    """The gateway's client that it signs in as: `client:…`, with `vendor-orders:create`; it has one account."""
    name: Word
    format: Format = "json"
    """What the mapping's paths are of."""
    mapping: MappingIn | None = None
    """None: the usual one of the format, to be edited."""
    approve: bool = False
    """Its orders are opened at once, within the library's limits, and refused beyond them; else they are pending until
    somebody approves them."""
    acquisition_unit_ids: UnitIds = Field(default_factory=list)
    """What its orders belong to."""
    active: bool = True


class VendorOrderAccountOut(VendorOrderAccountIn):
    """A vendor's program."""

    id: UUID
    mapping: MappingIn
    created_at: datetime
    version: int


_OF_VENDOR = (
    f"(SELECT {clause('r.acquisition_unit_ids', '{0}', '{1}')} FROM organisation r "  # noqa: S608 - our own words
    "WHERE r.id = vendor_order_account.organisation_id) IS NOT FALSE"
)


def of_vendors(seen: Standing) -> Within | None:
    """Accounts of vendors that somebody may see."""
    told = within(seen, "acquisition_unit_ids")
    return None if told is None else Within(_OF_VENDOR, told.values)


async def read_account(
    connection: Connection | asyncpg.Pool, row_id: UUID, standing: Standing, *, lock: bool = False
) -> Any:
    """One; `AccountUnknown` for one of a vendor that somebody may not see, too."""
    seen = of_vendors(standing)
    text, values = ("true", ()) if seen is None else (seen.numbered(2), seen.values)
    row = await connection.fetchrow(
        f"SELECT * FROM vendor_order_account WHERE id = $1 AND {text}{' FOR UPDATE' if lock else ''}",  # noqa: S608 - our own words
        row_id,
        *values,
    )
    if row is None:
        raise AccountUnknown
    return row


async def _values(
    connection: Connection, body: VendorOrderAccountIn, by: Principal, standing: Standing, before: list[UUID]
) -> dict[str, Any]:
    """Columns, if whoever enters it may change the vendor, put orders into these units, and approve what is to be
    approved at once; `Invalid`, `UnitsForbid`."""
    try:
        await read_organisation(connection, body.organisation_id, standing, Act.UPDATE, lock="FOR SHARE")
    except OrganisationUnknown as error:
        text = "There is no such organisation."
        raise Invalid(reasons=[Reason("organisation-unknown", text, "/organisation_id")]) from error
    fresh = [unit for unit in body.acquisition_unit_ids if unit not in before]
    await demand_entry(connection, standing, fresh)
    if body.approve:
        demand(by, "orders:approve")
    told = body.model_dump(exclude={"mapping"})
    told["acquisition_unit_ids"] = list(dict.fromkeys(body.acquisition_unit_ids))
    told["mapping"] = (body.mapping or usual(body.format)).model_dump(mode="json")
    return told


def _taken(body: VendorOrderAccountIn) -> AccountTaken:
    text = f"{body.client} has one already."
    return AccountTaken(
        reasons=[Reason("client-taken", text, "/client", "Change that one, or make another client.")]
    )


@router.post(
    "",
    status_code=201,
    response_model=VendorOrderAccountOut,
    responses=problems(Unauthenticated, Forbidden, AccountTaken, InFlight, Invalid),
)
async def create_vendor_order_account(
    request: Request, body: VendorOrderAccountIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Let a vendor's program post orders. Without a mapping it begins with the usual one of its format."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        row_id = uuid7()
        standing = await held(connection, by)
        values = await _values(connection, body, by, standing, [])
        try:
            await insert(connection, "vendor_order_account", id=row_id, created_at=now, **values)
        except asyncpg.UniqueViolationError as error:
            raise _taken(body) from error
        where = {"location": f"/v1/vendor-order-accounts/{row_id}", "etag": etags.etag(1)}
        row = await read_account(connection, row_id, standing)
        return 201, VendorOrderAccountOut(**dict(row)), where

    return await whole(pool_of(request), once, act)


@router.get(
    "",
    response_model=cursors.Page[VendorOrderAccountOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_vendor_order_accounts(
    request: Request,
    response: Response,
    _: MayRead,
    seen: Seen,
    organisation_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> cursors.Page[VendorOrderAccountOut]:
    """Accounts, newest first; of a vendor."""
    rows, more = await page(
        request,
        response,
        "SELECT * FROM vendor_order_account",
        {"organisation_id =": organisation_id},
        cursor=cursor,
        limit=limit,
        within=of_vendors(seen),
    )
    return cursors.Page(items=[VendorOrderAccountOut(**dict(row)) for row in rows], next_cursor=more)


@router.get(
    "/{account_id}",
    response_model=VendorOrderAccountOut,
    responses=problems(Unauthenticated, Forbidden, AccountUnknown),
)
async def get_vendor_order_account(
    request: Request, response: Response, account_id: UUID, _: MayRead, seen: Seen
) -> VendorOrderAccountOut:
    """One account, with its mapping."""
    told = VendorOrderAccountOut(**dict(await read_account(pool_of(request), account_id, seen)))
    etags.tag(response, told.version)
    return told


@router.put(
    "/{account_id}",
    response_model=VendorOrderAccountOut,
    responses=problems(
        Unauthenticated, Forbidden, AccountUnknown, AccountTaken, Stale, Invalid, PreconditionRequired
    ),
)
async def change_vendor_order_account(
    request: Request,
    response: Response,
    account_id: UUID,
    body: VendorOrderAccountIn,
    by: MayWrite,
    expected: IfMatch,
) -> VendorOrderAccountOut:
    """Replace what is told of an account, its mapping as a whole; none: the usual one again."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        standing = await held(connection, by)
        found = await read_account(connection, account_id, standing, lock=True)
        etags.guard(expected=expected, found=found["version"])
        await read_organisation(connection, found["organisation_id"], standing, Act.UPDATE, lock="FOR SHARE")
        values = await _values(connection, body, by, standing, found["acquisition_unit_ids"])
        try:
            await change(connection, "vendor_order_account", account_id, **values)
        except asyncpg.UniqueViolationError as error:
            raise _taken(body) from error
        told = VendorOrderAccountOut(**dict(await read_account(connection, account_id, standing)))
    etags.tag(response, told.version)
    return told
