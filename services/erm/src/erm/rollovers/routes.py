"""Rollovers on the wire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, Request, Response
from pydantic import BaseModel

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, ReasonOut, Unauthenticated, problems
from erm.finance.commands import Books
from erm.money.rules import written
from erm.rollovers import commands
from erm.rollovers.commands import RolloverRefused, RolloverUnknown
from erm.rollovers.entering import RolloverIn
from erm.rollovers.rules import RolloverOutcome
from erm.rows import page, pool_of
from erm.units.rules import Act, Standing
from erm.units.standing import Seen, held, within
from erm.wire import AmountOut, Limit, Strict

router = new_router("/v1/rollovers", tag="finance")

MayRead = Annotated[Principal, Depends(may("finance:read", "finance:write"))]
MayWrite = Annotated[Principal, Depends(may("finance:write"))]


class RolloverOut(BaseModel):
    """A rollover, and how many orders it carried over."""

    id: UUID
    ledger_id: UUID
    from_year_id: UUID
    to_year_id: UUID
    state: Literal["previewed", "done"]
    currency: str
    rules: dict[str, Any]
    """As they were told."""
    orders: dict[RolloverOutcome, int]
    """How many are (or would be) `rolled`; are `waiting` for another ledger; `failed`; are `left`, for no rule is for
    their kind."""
    created_at: datetime
    created_by: str
    done_at: datetime | None
    done_by: str | None
    version: int


class RolloverAct(Strict):
    """What is to be done with a rollover."""

    action: Literal["run", "retry"]
    """`run`: reckon anew and do it, once; `retry`: try again the orders that have not gone over."""


class RolloverBudgetOut(BaseModel):
    """What the next year's budget of a fund gets."""

    fund_id: UUID
    fund: str
    allocated: AmountOut
    """Anew, from outside."""
    carried: AmountOut
    """Taken from this year's budget and given to the next year's."""
    released: AmountOut
    """Not set aside in this year any more."""
    encumbered: AmountOut
    """Set aside in the next one."""
    reasons: list[ReasonOut]


class RolloverPlaceOut(BaseModel):
    """What one fund had set aside for a line, and what it has."""

    order_line_id: UUID
    fund_id: UUID
    fund: str
    released: AmountOut
    encumbered: AmountOut


class RolloverOrderOut(BaseModel):
    """What becomes of an order: all of it goes over, or nothing does."""

    order_id: UUID
    number: str
    order_type: str
    outcome: RolloverOutcome
    released: AmountOut
    encumbered: AmountOut
    places: list[RolloverPlaceOut]
    reasons: list[ReasonOut]


_SELECT = "SELECT r.*, l.currency, l.acquisition_unit_ids FROM rollover r JOIN ledger l ON l.id = r.ledger_id"
_COUNTS = """
SELECT r.rollover_id, r.outcome, count(*) AS orders FROM rollover_order r JOIN purchase_order o ON o.id = r.order_id
WHERE r.rollover_id = ANY ($1::uuid[]) AND {} GROUP BY r.rollover_id, r.outcome
"""
_BUDGETS = (
    "SELECT b.*, b.fund_id AS id, f.code AS fund FROM rollover_budget b JOIN fund f ON f.id = b.fund_id"
)
_ORDERS = """
SELECT r.*, r.order_id AS id, o.number, o.order_type FROM rollover_order r JOIN purchase_order o ON o.id = r.order_id
"""


async def _outs(
    connection: Connection | asyncpg.Pool, rows: Sequence[Any], seen: Standing
) -> list[RolloverOut]:
    """As somebody may see them: only orders that they may see are counted."""
    counts: dict[UUID, dict[str, int]] = {row["id"]: row["orders"] for row in rows}
    condition = within(seen, "o.acquisition_unit_ids")
    if condition is not None and rows:
        counts = {row_id: {} for row_id in counts}
        statement = _COUNTS.format(condition.numbered(2))
        for row in await connection.fetch(statement, list(counts), *condition.values):
            counts[row["rollover_id"]][row["outcome"]] = row["orders"]
    return [_out(row, counts[row["id"]]) for row in rows]


def _out(row: Any, counts: dict[str, int]) -> RolloverOut:
    return RolloverOut(**(dict(row) | {"orders": {each: counts.get(each, 0) for each in RolloverOutcome}}))


async def _read(connection: Connection | asyncpg.Pool, rollover_id: UUID, seen: Standing) -> RolloverOut:
    row = await connection.fetchrow(_SELECT + " WHERE r.id = $1", rollover_id)
    if row is None or not seen.lets(Act.READ, row["acquisition_unit_ids"]):
        raise RolloverUnknown
    return (await _outs(connection, [row], seen))[0]


@router.post(
    "",
    status_code=201,
    response_model=RolloverOut,
    responses=problems(Unauthenticated, Forbidden, RolloverRefused, InFlight, Invalid),
)
async def preview_rollover(
    request: Request, body: RolloverIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Reckon what would become of every budget and every order, and change none of them."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        standing = await held(connection, by)
        books = Books(connection, str(by.actor), now, standing=standing)
        rollover_id = await commands.preview(connection, body, books)
        told = await _read(connection, rollover_id, standing)
        where = {"location": f"/v1/rollovers/{rollover_id}", "etag": etags.etag(told.version)}
        return 201, told, where

    return await whole(pool_of(request), once, act)


@router.get(
    "", response_model=cursors.Page[RolloverOut], responses=problems(Unauthenticated, Forbidden, Invalid)
)
async def list_rollovers(
    request: Request,
    response: Response,
    _: MayRead,
    seen: Seen,
    ledger_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[RolloverOut]:
    """Rollovers, newest first; of a ledger."""
    wanted = {"r.ledger_id =": ledger_id}
    rows, more = await page(
        request,
        response,
        _SELECT,
        wanted,
        cursor=cursor,
        limit=limit,
        by="r.id",
        within=within(seen, "l.acquisition_unit_ids"),
    )
    return cursors.Page(items=await _outs(pool_of(request), rows, seen), next_cursor=more)


@router.get(
    "/{rollover_id}",
    response_model=RolloverOut,
    responses=problems(Unauthenticated, Forbidden, RolloverUnknown),
)
async def get_rollover(
    request: Request, response: Response, rollover_id: UUID, _: MayRead, seen: Seen
) -> RolloverOut:
    """One rollover."""
    told = await _read(pool_of(request), rollover_id, seen)
    etags.tag(response, told.version)
    return told


@router.post(
    "/{rollover_id}/actions",
    response_model=RolloverOut,
    responses=problems(Unauthenticated, Forbidden, RolloverUnknown, RolloverRefused, InFlight, Invalid),
)
async def act_on_rollover(
    request: Request, rollover_id: UUID, body: RolloverAct, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Run it: in one go, or not at all. A ledger goes over from a year once; orders that did not are tried again."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        standing = await held(connection, by)
        books = Books(connection, str(by.actor), now, standing=standing)
        await commands.run(connection, rollover_id, books, again=body.action == "retry")
        told = await _read(connection, rollover_id, standing)
        return 200, told, {"etag": etags.etag(told.version)}

    return await whole(pool_of(request), once, act)


def _amounts(row: Any, currency: str, *names: str) -> dict[str, Any]:
    return dict(row) | {name: written(row[name], currency) for name in names}


@router.get(
    "/{rollover_id}/budgets",
    response_model=cursors.Page[RolloverBudgetOut],
    responses=problems(Unauthenticated, Forbidden, RolloverUnknown, Invalid),
)
async def list_rollover_budgets(
    request: Request,
    response: Response,
    rollover_id: UUID,
    _: MayRead,
    seen: Seen,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[RolloverBudgetOut]:
    """What each fund's next budget gets, newest fund first."""
    currency = (await _read(pool_of(request), rollover_id, seen)).currency
    wanted = {"b.rollover_id =": rollover_id}
    rows, more = await page(
        request,
        response,
        _BUDGETS,
        wanted,
        cursor=cursor,
        limit=limit,
        by="b.fund_id",
        within=within(seen, "f.acquisition_unit_ids"),
    )
    names = ("allocated", "carried", "released", "encumbered")
    items = [RolloverBudgetOut(**_amounts(row, currency, *names)) for row in rows]
    return cursors.Page(items=items, next_cursor=more)


async def _funds_in_sight(request: Request, rows: Sequence[Any], seen: Standing) -> set[UUID] | None:
    """Funds of these orders' places that somebody may see; none: all of them."""
    if seen.unlimited:
        return None
    wanted = {UUID(place["fund_id"]) for row in rows for place in row["lines"]}
    found = await pool_of(request).fetch(
        "SELECT id, acquisition_unit_ids FROM fund WHERE id = ANY ($1::uuid[])", list(wanted)
    )
    return {row["id"] for row in found if seen.lets(Act.READ, row["acquisition_unit_ids"])}


@router.get(
    "/{rollover_id}/orders",
    response_model=cursors.Page[RolloverOrderOut],
    responses=problems(Unauthenticated, Forbidden, RolloverUnknown, Invalid),
)
async def list_rollover_orders(
    request: Request,
    response: Response,
    rollover_id: UUID,
    _: MayRead,
    seen: Seen,
    outcome: RolloverOutcome | None = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[RolloverOrderOut]:
    """What becomes of each order, newest first; with one outcome: `failed` are the errors."""
    currency = (await _read(pool_of(request), rollover_id, seen)).currency
    wanted = {"r.rollover_id =": rollover_id, "r.outcome =": outcome}
    rows, more = await page(
        request,
        response,
        _ORDERS,
        wanted,
        cursor=cursor,
        limit=limit,
        by="r.order_id",
        within=within(seen, "o.acquisition_unit_ids"),
    )
    funds = await _funds_in_sight(request, rows, seen)
    names = ("released", "encumbered")
    items = [
        RolloverOrderOut(
            **_amounts(row, currency, *names),
            places=[
                RolloverPlaceOut(**_amounts(place, currency, *names))
                for place in row["lines"]
                if funds is None or UUID(place["fund_id"]) in funds
            ],
        )
        for row in rows
    ]
    return cursors.Page(items=items, next_cursor=more)
