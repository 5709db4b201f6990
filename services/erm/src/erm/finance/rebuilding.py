"""The ledger rebuild: every sum that is kept is made anew from the transactions, and differences are told."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from pydantic import BaseModel

from chassis.application import new_router
from chassis.database import Connection
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, Reason, Unauthenticated, problems
from erm.finance.statements import CHECKS, COUNTS, REPAIR_BUDGETS, REPAIR_ENCUMBRANCES
from erm.rows import pool_of
from erm.units.rules import Act
from erm.units.standing import demand_everything, known
from erm.wire import Strict

router = new_router(tag="finance")

MayRebuild = Annotated[Principal, Depends(may("finance:rebuild"))]


class RebuildIn(Strict):
    """Which year; none: all of them."""

    fiscal_year_id: UUID | None = None
    repair: bool = False
    """Put the sums of the transactions in place of those that differ from them."""


class DifferenceOut(BaseModel):
    """A sum that is not what its transactions say."""

    what: str
    """`budget`, `encumbrance`, `invoice` or `transfers`."""
    id: UUID
    sum: str
    kept: int
    """Minor units, as it is kept …"""
    rebuilt: int
    """… and as the transactions sum up."""


class RebuildOut(BaseModel):
    """What was compared, and everything that differs: nothing, unless somebody wrote past the services."""

    budgets: int
    encumbrances: int
    transactions: int
    differences: list[DifferenceOut]
    """The first thousand."""
    repaired: bool


async def differences(connection: Connection, year_id: UUID | None) -> list[dict[str, Any]]:
    """Everything that differs, within one snapshot."""
    told: list[dict[str, Any]] = []
    for check in CHECKS:
        told += [dict(row) for row in await connection.fetch(check, year_id)]
    return told


@router.post(
    "/v1/ledgers:rebuild", response_model=RebuildOut, responses=problems(Unauthenticated, Forbidden, Invalid)
)
async def rebuild_ledgers(request: Request, body: RebuildIn, by: MayRebuild) -> RebuildOut:
    """Make every sum anew from the transactions, and tell what differs from what is kept; repair it if asked to.

    Without `repair` nothing is locked and nothing is changed. With it nobody books meanwhile. It is of the whole books,
    and for those whom no acquisition unit keeps from seeing (to repair: changing) any of them.
    """
    year = body.fiscal_year_id
    async with (
        pool_of(request).acquire() as connection,
        connection.transaction(isolation="read_committed" if body.repair else "repeatable_read"),
    ):
        standing = await known(connection, by)
        demand_everything(standing, Act.READ)
        if body.repair:
            demand_everything(standing, Act.UPDATE)
        if year is not None and not await connection.fetchval(
            "SELECT EXISTS (SELECT FROM fiscal_year WHERE id = $1)", year
        ):
            text = f"There is no fiscal year {year}."
            raise Invalid(reasons=[Reason("fiscal-year-unknown", text, "/fiscal_year_id")])
        if body.repair:
            await connection.execute("LOCK TABLE budget IN SHARE ROW EXCLUSIVE MODE")
        counts = await connection.fetchrow(COUNTS, year)
        found = await differences(connection, year)
        if body.repair and found:
            await connection.execute(REPAIR_BUDGETS, year)
            await connection.execute(REPAIR_ENCUMBRANCES, year)
    return RebuildOut(
        **dict(counts or {}),
        differences=[DifferenceOut(**each) for each in found],
        repaired=body.repair and bool(found),
    )
