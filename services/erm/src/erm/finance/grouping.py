"""Groups of funds on the wire: which funds are in them in a year, and what they have together."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from pydantic import BaseModel

from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import OnceRequired
from chassis.etags import IfMatch
from chassis.principal import Principal
from chassis.problems import Forbidden, Invalid, NotFound, Unauthenticated, problems
from erm.finance import groups
from erm.finance.groups import GroupRefused, GroupTotals, MemberUnknown, Place
from erm.finance.named import CodeTaken, Named, Versioned
from erm.finance.routes import (
    CHANGES,
    FUNDS,
    REFUSALS,
    YEARS,
    FiscalYearUnknown,
    FundOut,
    FundUnknown,
    MayRead,
    MayWrite,
)
from erm.finance.rules import DERIVED, SUMS
from erm.money.rules import written
from erm.rows import page, pool_of
from erm.units.rules import Act
from erm.units.standing import Seen, held, within
from erm.wire import AmountOut, Code, Limit, Note, Strict, Word

router = new_router(tag="finance")


class FundGroupUnknown(NotFound):
    """There is no such group of funds."""

    code, title = "fund-group-unknown", "There is no such group of funds."


class FundGroupIn(Strict):
    """Funds that are looked at together, of whatever ledgers."""

    code: Code
    name: Word
    note: Note | None = None
    active: bool = True
    """One that is not in use takes no more funds, and goes over into no other year."""


class FundGroupOut(Versioned):
    """A group of funds."""

    id: UUID
    code: str
    name: str
    note: str | None
    active: bool
    created_at: datetime


class FundGroupMemberOut(BaseModel):
    """A fund that is in a group in a year."""

    group_id: UUID
    fiscal_year_id: UUID
    fund_id: UUID
    added_at: datetime
    added_by: str


class FundGroupTotalsOut(BaseModel):
    """What a group has in a year: the sums of its funds' budgets, in the year's currency, as they are at this moment.

    Of funds that whoever asks may not see there is nothing in it."""

    group_id: UUID
    code: str
    name: str
    fiscal_year_id: UUID
    fiscal_year: str
    currency: str
    funds: int
    """How many are in it in this year …"""
    budgets: int
    """… and how many of these have a budget in it."""
    allocated: AmountOut
    transferred: AmountOut
    """Come from budgets, less what went to budgets; what moved within the group is in it on both sides."""
    encumbered: AmountOut
    awaiting: AmountOut
    expended: AmountOut
    credited: AmountOut
    funding: AmountOut
    unavailable: AmountOut
    """The sum of what is unavailable in each budget."""
    available: AmountOut
    """Of all together: below 0 where some have overspent more than the others have left."""
    cash_balance: AmountOut
    over_expended: AmountOut
    """The sum of what each fund has overspent: another fund's money does not make up for it."""
    over_encumbered: AmountOut


GROUPS = Named("fund_group", "/v1/fund-groups", FundGroupOut, FundGroupUnknown)


def _told(group: Any, year: Any, found: GroupTotals) -> FundGroupTotalsOut:
    of = [(name, getattr(found.sums.totals, name)) for name in SUMS]
    of += [(name, getattr(found.sums, name)) for name in DERIVED]
    return FundGroupTotalsOut(
        group_id=group["id"],
        code=group["code"],
        name=group["name"],
        fiscal_year_id=year.id,
        fiscal_year=year.code,
        currency=year.currency,
        funds=found.funds,
        budgets=found.budgets,
        **{name: written(minor, year.currency) for name, minor in of},
    )


@router.post(
    "/v1/fund-groups", status_code=201, response_model=FundGroupOut, responses=problems(*REFUSALS, CodeTaken)
)
async def create_fund_group(
    request: Request, body: FundGroupIn, _: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Set up a group of funds."""
    return await GROUPS.set_up(request, once, now, **body.model_dump())


@router.get(
    "/v1/fund-groups",
    response_model=cursors.Page[FundGroupOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_fund_groups(
    request: Request,
    response: Response,
    _: MayRead,
    fund_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[FundGroupOut]:
    """Groups of funds, newest first; those that a fund is in, in whatever year."""
    wanted = {"id IN (SELECT m.group_id FROM fund_group_member m WHERE m.fund_id = {})": fund_id}
    return await GROUPS.listed(request, response, wanted, cursor=cursor, limit=limit)


@router.get(
    "/v1/fund-groups/{group_id}",
    response_model=FundGroupOut,
    responses=problems(Unauthenticated, Forbidden, FundGroupUnknown),
)
async def get_fund_group(request: Request, response: Response, group_id: UUID, _: MayRead) -> FundGroupOut:
    """One group of funds."""
    return await GROUPS.shown(request, response, group_id)


@router.put(
    "/v1/fund-groups/{group_id}",
    response_model=FundGroupOut,
    responses=problems(*CHANGES, FundGroupUnknown, CodeTaken),
)
async def change_fund_group(
    request: Request, response: Response, group_id: UUID, body: FundGroupIn, _: MayWrite, expected: IfMatch
) -> FundGroupOut:
    """Replace what is told of a group; its funds stay."""
    return await GROUPS.replaced(request, response, group_id, expected, **body.model_dump())


async def _place(
    connection: Connection, group_id: UUID, year_id: UUID, fund_id: UUID, by: Principal
) -> Place:
    """The group in the year, held, and the fund one that somebody may change; raises what is unknown."""
    standing = await held(connection, by)
    await groups.hold(connection, group_id, year_id, fund_id)
    group = await GROUPS.read(connection, group_id)
    year = await YEARS.read(connection, year_id)
    await FUNDS.read(connection, fund_id, standing=standing, act=Act.UPDATE)
    return Place(
        group_id, group.code, group.active, year_id, year.code, year.state, year.series, year.currency
    )


@router.put(
    "/v1/fund-groups/{group_id}/fiscal-years/{fiscal_year_id}/funds/{fund_id}",
    response_model=FundGroupMemberOut,
    responses=problems(
        Unauthenticated, Forbidden, FundGroupUnknown, FiscalYearUnknown, FundUnknown, GroupRefused, Invalid
    ),
)
async def add_fund_to_group(
    request: Request, group_id: UUID, fiscal_year_id: UUID, fund_id: UUID, by: MayWrite, now: Now
) -> FundGroupMemberOut:
    """Put a fund into a group in a year; again, it changes nothing. A fund may be in several groups."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        place = await _place(connection, group_id, fiscal_year_id, fund_id, by)
        row = await groups.add(connection, place, fund_id, actor=str(by.actor), now=now)
    return FundGroupMemberOut(**dict(row))


@router.delete(
    "/v1/fund-groups/{group_id}/fiscal-years/{fiscal_year_id}/funds/{fund_id}",
    status_code=204,
    response_class=Response,
    responses=problems(
        Unauthenticated,
        Forbidden,
        FundGroupUnknown,
        FiscalYearUnknown,
        FundUnknown,
        MemberUnknown,
        GroupRefused,
        Invalid,
    ),
)
async def take_fund_out_of_group(
    request: Request, group_id: UUID, fiscal_year_id: UUID, fund_id: UUID, by: MayWrite
) -> Response:
    """Take a fund out of a group in a year; in other years it stays in it."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        place = await _place(connection, group_id, fiscal_year_id, fund_id, by)
        await groups.take_out(connection, place, fund_id)
    return Response(status_code=204)


@router.get(
    "/v1/fund-groups/{group_id}/fiscal-years/{fiscal_year_id}/funds",
    response_model=cursors.Page[FundOut],
    responses=problems(Unauthenticated, Forbidden, FundGroupUnknown, FiscalYearUnknown, Invalid),
)
async def list_funds_of_group(
    request: Request,
    response: Response,
    group_id: UUID,
    fiscal_year_id: UUID,
    _: MayRead,
    seen: Seen,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[FundOut]:
    """The funds that are in a group in a year, newest first."""
    pool = pool_of(request)
    await GROUPS.read(pool, group_id)
    await YEARS.read(pool, fiscal_year_id)
    rows, more = await page(
        request,
        response,
        "SELECT f.* FROM fund_group_member m JOIN fund f ON f.id = m.fund_id",
        {"m.group_id =": group_id, "m.fiscal_year_id =": fiscal_year_id},
        cursor=cursor,
        limit=limit,
        by="f.id",
        within=within(seen, "f.acquisition_unit_ids"),
    )
    return cursors.Page(items=[FundOut(**dict(row)) for row in rows], next_cursor=more)


@router.get(
    "/v1/fund-groups/{group_id}/fiscal-years/{fiscal_year_id}",
    response_model=FundGroupTotalsOut,
    responses=problems(Unauthenticated, Forbidden, FundGroupUnknown, FiscalYearUnknown),
)
async def get_fund_group_totals(
    request: Request, group_id: UUID, fiscal_year_id: UUID, _: MayRead, seen: Seen
) -> FundGroupTotalsOut:
    """What a group has in a year."""
    pool = pool_of(request)
    group = await GROUPS.read(pool, group_id)
    year = await YEARS.read(pool, fiscal_year_id)
    found = await groups.totals(pool, [group_id], fiscal_year_id, seen)
    return _told(group.model_dump(), year, found[group_id])


_OF_YEAR = """
EXISTS (SELECT FROM fund_group_member m WHERE m.group_id = fund_group.id AND m.fiscal_year_id = {})
"""


@router.get(
    "/v1/fiscal-years/{fiscal_year_id}/fund-groups",
    response_model=cursors.Page[FundGroupTotalsOut],
    responses=problems(Unauthenticated, Forbidden, FiscalYearUnknown, Invalid),
)
async def list_fund_group_totals(
    request: Request,
    response: Response,
    fiscal_year_id: UUID,
    _: MayRead,
    seen: Seen,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[FundGroupTotalsOut]:
    """What each group with funds in this year has, newest group first. A fund that is in several groups counts in each:
    the groups do not sum to the year."""
    pool = pool_of(request)
    year = await YEARS.read(pool, fiscal_year_id)
    rows, more = await page(
        request, response, "SELECT * FROM fund_group", {_OF_YEAR: fiscal_year_id}, cursor=cursor, limit=limit
    )
    found = await groups.totals(pool, [row["id"] for row in rows], fiscal_year_id, seen)
    return cursors.Page(items=[_told(row, year, found[row["id"]]) for row in rows], next_cursor=more)
