"""Budgets on the wire: what a fund has in a year, allocations, transfers, and every transaction."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal
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
from erm.finance.commands import Books, Entry, MoneyRefused, allowed_by, sums_out
from erm.finance.rules import Act, Totals, may_move
from erm.rows import change, insert, page, pool_of
from erm.units.rules import UNLIMITED, Standing
from erm.units.rules import Act as Deed
from erm.units.standing import Seen, demand_units, held, within
from erm.wire import AmountIn, AmountOut, Amounts, Code, Limit, Note, Override, Strict

router = new_router(tag="finance")

MayRead = Annotated[Principal, Depends(may("finance:read", "finance:write"))]
MayWrite = Annotated[Principal, Depends(may("finance:write"))]
LimitPercent = Annotated[Decimal, Field(ge=0, le=10_000, max_digits=7, decimal_places=2)]


class BudgetUnknown(NotFound):
    """There is no such budget."""

    code, title = "budget-unknown", "There is no such budget."


class BudgetRefused(Refused):
    """The budget is not made or changed so."""

    code, title = "budget-refused", "The budget cannot be made or changed so."


class BudgetRules(Strict):
    """What a budget takes."""

    encumbrance_percent: LimitPercent | None = Decimal(100)
    """How much of its funding may be set aside or spent together; none: no limit."""
    expenditure_percent: LimitPercent | None = Decimal(100)
    """How much of its funding may be spent; none: no limit."""
    expense_classes: list[Code] = Field(default_factory=list, max_length=100)
    """Codes of the classes that may be charged; none named: every one."""


class BudgetIn(BudgetRules):
    """A fund's money in a year."""

    fund_id: UUID
    fiscal_year_id: UUID
    state: Literal["planned", "active"] = "active"
    allocated: AmountIn = "0"
    """What it is given to begin with, from outside."""
    note: Note | None = None


class BudgetChange(BudgetRules):
    """What may be changed of a budget by hand, as a whole."""

    state: Literal["planned", "active", "frozen", "inactive", "closed"]


class BudgetOut(BaseModel):
    """A budget with its sums, in the ledger's currency."""

    id: UUID
    fund_id: UUID
    fund: str
    fiscal_year_id: UUID
    fiscal_year: str
    currency: str
    state: Literal["planned", "active", "frozen", "inactive", "closed"]
    encumbrance_percent: Decimal | None
    expenditure_percent: Decimal | None
    expense_classes: list[str]
    allocated: AmountOut
    """Given to it, less what was taken away."""
    transferred: AmountOut
    """Come from other budgets, less what went to them."""
    encumbered: AmountOut
    """Set aside for what was ordered."""
    awaiting: AmountOut
    """Of approved invoices that are not paid."""
    expended: AmountOut
    credited: AmountOut
    funding: AmountOut
    """Allocated and transferred."""
    unavailable: AmountOut
    """Encumbered, awaiting and expended, less credited; never below 0."""
    available: AmountOut
    cash_balance: AmountOut
    over_expended: AmountOut
    over_encumbered: AmountOut
    created_at: datetime
    version: int


class AllocationIn(Strict):
    """Give a budget money, or with a negative amount take it away."""

    amount: AmountIn
    from_budget_id: UUID | None = None
    """Where it comes from; none: from outside."""
    note: Note | None = None
    override: Override | None = None


class TransferIn(Strict):
    """Move money between budgets of one ledger and year."""

    from_budget_id: UUID
    to_budget_id: UUID
    amount: AmountIn
    note: Note | None = None
    override: Override | None = None


class TransferOut(BaseModel):
    """Both budgets as they now stand."""

    from_budget: BudgetOut
    to_budget: BudgetOut


_SELECT: Final = """
SELECT * FROM (SELECT b.*, f.code AS fund, f.acquisition_unit_ids, y.code AS fiscal_year, l.currency,
    f.ledger_id FROM budget b
    JOIN fund f ON f.id = b.fund_id JOIN fiscal_year y ON y.id = b.fiscal_year_id JOIN ledger l ON l.id = f.ledger_id) b
"""


_IN_GROUP: Final = """
(b.fund_id, b.fiscal_year_id) IN (SELECT m.fund_id, m.fiscal_year_id FROM fund_group_member m WHERE m.group_id = {})
"""


def budget_out(row: Any) -> BudgetOut:
    """A budget's row on the wire."""
    told = dict(row)
    return BudgetOut(**(told | sums_out(row, told["currency"])))


async def read_budget(
    connection: Connection | asyncpg.Pool, budget_id: UUID, standing: Standing = UNLIMITED
) -> BudgetOut:
    """One budget; `BudgetUnknown` for one of a fund that somebody may not see, too."""
    row = await connection.fetchrow(_SELECT + "WHERE b.id = $1", budget_id)
    if row is None or not standing.lets(Deed.READ, row["acquisition_unit_ids"]):
        raise BudgetUnknown
    return budget_out(row)


_FUND = """
SELECT l.currency, l.series, f.acquisition_unit_ids FROM fund f JOIN ledger l ON l.id = f.ledger_id WHERE f.id = $1
FOR SHARE OF f
"""
_YEAR = "SELECT currency, series, state FROM fiscal_year WHERE id = $1 FOR SHARE"


_FUNDS_OF = """
SELECT b.id, f.acquisition_unit_ids FROM budget b JOIN fund f ON f.id = b.fund_id WHERE b.id = ANY ($1::uuid[])
ORDER BY f.id FOR SHARE OF f
"""


async def _changeable(connection: Connection, ids: list[UUID], standing: Standing) -> set[UUID]:
    """Those of these budgets that somebody may see; `UnitsForbid` for one that they may not change. A budget is its
    fund's, whose units stay until the transaction ends."""
    rows = await connection.fetch(_FUNDS_OF, ids)
    seen = [row for row in rows if standing.lets(Deed.READ, row["acquisition_unit_ids"])]
    for row in seen:
        demand_units(standing, Deed.UPDATE, row["acquisition_unit_ids"])
    return {row["id"] for row in seen}


async def _place(connection: Connection, body: BudgetIn, standing: Standing) -> str:
    """The currency of fund and year, if they go together; `UnitsForbid`."""
    fund = await connection.fetchrow(_FUND, body.fund_id)
    if fund is not None and not standing.lets(Deed.READ, fund["acquisition_unit_ids"]):
        fund = None
    year = await connection.fetchrow(_YEAR, body.fiscal_year_id)
    unknown = []
    if fund is None:
        unknown.append(Reason("fund-unknown", f"There is no fund {body.fund_id}.", "/fund_id"))
    if year is None:
        text = f"There is no fiscal year {body.fiscal_year_id}."
        unknown.append(Reason("fiscal-year-unknown", text, "/fiscal_year_id"))
    if fund is None or year is None:
        raise Invalid(reasons=unknown)
    demand_units(standing, Deed.UPDATE, fund["acquisition_unit_ids"])
    reasons = []
    if year["state"] == "closed":
        reasons.append(Reason("fiscal-year-closed", "The fiscal year is closed.", "/fiscal_year_id"))
    if (fund["currency"], fund["series"]) != (year["currency"], year["series"]):
        kept, its = (f"{one['series']} in {one['currency']}" for one in (fund, year))
        text = f"The ledger keeps {kept}, and the year is {its}."
        reasons.append(
            Reason("fiscal-year-of-another-kind", text, "/fiscal_year_id", "Choose a year of its kind.")
        )
    if reasons:
        raise BudgetRefused(reasons=reasons)
    currency: str = fund["currency"]
    return currency


async def _check_classes(connection: Connection, codes: list[str]) -> None:
    known = await connection.fetch("SELECT code FROM expense_class WHERE code = ANY ($1::text[])", codes)
    if missing := sorted(set(codes) - {row["code"] for row in known}):
        raise Invalid(
            reasons=[
                Reason("expense-class-unknown", f"There is no expense class {code}.", "/expense_classes")
                for code in missing
            ]
        )


@router.post(
    "/v1/budgets",
    status_code=201,
    response_model=BudgetOut,
    responses=problems(Unauthenticated, Forbidden, BudgetRefused, MoneyRefused, InFlight, Invalid),
)
async def create_budget(
    request: Request, body: BudgetIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Give a fund a budget for a year."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        amounts = Amounts(await _place(connection, body, await held(connection, by)))
        allocated = amounts.read(body.allocated, "/allocated")
        if amounts.reasons:
            raise Invalid(reasons=amounts.reasons)
        await _check_classes(connection, body.expense_classes)
        row_id = uuid7()
        told = body.model_dump(exclude={"allocated", "note"})
        try:
            await insert(connection, "budget", id=row_id, created_at=now, **told)
        except asyncpg.UniqueViolationError as error:
            text = "The fund has a budget in this year."
            raise BudgetRefused(
                reasons=[Reason("budget-taken", text, "/fiscal_year_id", "Allocate to that one.")]
            ) from error
        if allocated:
            books = Books(connection, str(by.actor), now, body.note)
            await books.open([row_id])
            await _book(books, [Entry(Act.ALLOCATE, row_id, Totals(allocated=allocated))])
        told_out = await read_budget(connection, row_id)
        where = {"location": f"/v1/budgets/{row_id}", "etag": etags.etag(told_out.version)}
        return 201, told_out, where

    return await whole(pool_of(request), once, act)


async def _book(books: Books, entries: list[Entry]) -> None:
    if reasons := await books.judge(entries):
        raise MoneyRefused(reasons=reasons)
    await books.write(entries)


@router.get(
    "/v1/budgets",
    response_model=cursors.Page[BudgetOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_budgets(
    request: Request,
    response: Response,
    _: MayRead,
    seen: Seen,
    fund_id: UUID | None = None,
    fiscal_year_id: UUID | None = None,
    fund_group_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[BudgetOut]:
    """Budgets, newest first; of a fund, of a year, of a group of funds as it is in each budget's year."""
    wanted = {"b.fund_id =": fund_id, "b.fiscal_year_id =": fiscal_year_id, _IN_GROUP: fund_group_id}
    rows, more = await page(
        request,
        response,
        _SELECT,
        wanted,
        cursor=cursor,
        limit=limit,
        by="b.id",
        within=within(seen, "b.acquisition_unit_ids"),
    )
    return cursors.Page(items=[budget_out(row) for row in rows], next_cursor=more)


@router.get(
    "/v1/budgets/{budget_id}",
    response_model=BudgetOut,
    responses=problems(Unauthenticated, Forbidden, BudgetUnknown),
)
async def get_budget(
    request: Request, response: Response, budget_id: UUID, _: MayRead, seen: Seen
) -> BudgetOut:
    """One budget."""
    told = await read_budget(pool_of(request), budget_id, seen)
    etags.tag(response, told.version)
    return told


@router.put(
    "/v1/budgets/{budget_id}",
    response_model=BudgetOut,
    responses=problems(
        Unauthenticated, Forbidden, BudgetUnknown, BudgetRefused, Stale, Invalid, PreconditionRequired
    ),
)
async def change_budget(
    request: Request, response: Response, budget_id: UUID, body: BudgetChange, by: MayWrite, expected: IfMatch
) -> BudgetOut:
    """Replace its limits, classes and state. It is closed and opened again with its year alone."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        standing = await held(connection, by)
        if budget_id not in await _changeable(connection, [budget_id], standing):
            raise BudgetUnknown
        row = await connection.fetchrow(
            "SELECT version, state FROM budget WHERE id = $1 FOR UPDATE", budget_id
        )
        assert row is not None
        etags.guard(expected=expected, found=row["version"])
        if not may_move(row["state"], body.state):
            text = f"A budget that is {row['state']} does not become {body.state} by hand."
            raise BudgetRefused(reasons=[Reason("budget-state", text, "/state", "Leave its state as it is.")])
        await _check_classes(connection, body.expense_classes)
        await change(connection, "budget", budget_id, **body.model_dump())
        told = await read_budget(connection, budget_id)
    etags.tag(response, told.version)
    return told


@router.post(
    "/v1/budgets/{budget_id}/allocations",
    status_code=201,
    response_model=BudgetOut,
    responses=problems(Unauthenticated, Forbidden, BudgetUnknown, MoneyRefused, InFlight, Invalid),
)
async def allocate(
    request: Request, budget_id: UUID, body: AllocationIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Give it money, from outside or from another budget of the year; a negative amount goes the other way."""
    allowed = allowed_by(by, body.override)

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        standing = await held(connection, by)
        books = Books(connection, str(by.actor), now, _note(body), allowed, standing=standing)
        other = body.from_budget_id
        named = [budget_id, *([other] if other else [])]
        await books.open(await _changeable(connection, named, standing))
        if budget_id not in books.budgets:
            raise BudgetUnknown
        amount = await _moved(
            connection, books, budget_id, other, "/from_budget_id", body.amount, same_ledger=False
        )
        entries = [Entry(Act.ALLOCATE, budget_id, Totals(allocated=amount), other, pointer="/amount")]
        if other:
            entries.append(
                Entry(Act.ALLOCATE, other, Totals(allocated=-amount), budget_id, pointer="/from_budget_id")
            )
        await _book(books, entries)
        told = await read_budget(connection, budget_id)
        return 201, told, {"etag": etags.etag(told.version)}

    return await whole(pool_of(request), once, act)


def _note(body: AllocationIn | TransferIn) -> str | None:
    return "; ".join(filter(None, [body.note, body.override.comment if body.override else None])) or None


_KIND = """
SELECT b.id, b.fiscal_year_id, f.ledger_id, l.currency FROM budget b JOIN fund f ON f.id = b.fund_id
JOIN ledger l ON l.id = f.ledger_id WHERE b.id = ANY ($1::uuid[])
"""


async def _moved(
    connection: Connection,
    books: Books,
    one: UUID,
    other: UUID | None,
    pointer: str,
    told: str,
    *,
    same_ledger: bool,
) -> int:
    """The amount that is moved, if both budgets are of one kind."""
    kinds = {row["id"]: row for row in await connection.fetch(_KIND, [one, *([other] if other else [])])}
    amounts = Amounts(kinds[one]["currency"])
    amount = amounts.read(told, "/amount", negative=not same_ledger)
    reasons = amounts.reasons
    if amount == 0 and not reasons:
        reasons.append(Reason("amount-nothing", "Nothing would be moved.", "/amount"))
    if other is not None and other not in books.budgets:
        reasons.append(Reason("budget-unknown", f"There is no budget {other}.", pointer))
    elif other == one:
        reasons.append(Reason("budget-the-same", "It is the same budget.", pointer, "Name another one."))
    elif other is not None:
        names = ("fiscal_year_id", "currency", *(("ledger_id",) if same_ledger else ()))
        if any(kinds[one][name] != kinds[other][name] for name in names):
            text = "Money is moved within a year and currency" + (
                ", and within a ledger." if same_ledger else "."
            )
            reasons.append(Reason("budgets-of-different-kinds", text, pointer, "Choose another budget."))
    if reasons:
        raise Invalid(reasons=reasons)
    return amount


@router.post(
    "/v1/fund-transfers",
    status_code=201,
    response_model=TransferOut,
    responses=problems(Unauthenticated, Forbidden, MoneyRefused, InFlight, Invalid),
)
async def transfer(
    request: Request, body: TransferIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Move money from one budget to another of its ledger and year."""
    allowed = allowed_by(by, body.override)

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        standing = await held(connection, by)
        books = Books(connection, str(by.actor), now, _note(body), allowed, standing=standing)
        source, target = body.from_budget_id, body.to_budget_id
        await books.open(await _changeable(connection, [source, target], standing))
        if source not in books.budgets:
            text = f"There is no budget {source}."
            raise Invalid(reasons=[Reason("budget-unknown", text, "/from_budget_id")])
        amount = await _moved(
            connection, books, source, target, "/to_budget_id", body.amount, same_ledger=True
        )
        entries = [
            Entry(Act.TRANSFER, source, Totals(transferred=-amount), target, pointer="/from_budget_id"),
            Entry(Act.TRANSFER, target, Totals(transferred=amount), source, pointer="/to_budget_id"),
        ]
        await _book(books, entries)
        told = TransferOut(
            from_budget=await read_budget(connection, source), to_budget=await read_budget(connection, target)
        )
        return 201, told, {}

    return await whole(pool_of(request), once, act)
