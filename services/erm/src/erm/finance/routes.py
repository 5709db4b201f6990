"""Fiscal years, ledgers, funds and expense classes on the wire."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import BaseModel, Field, model_validator

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.etags import IfMatch
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    PreconditionRequired,
    Reason,
    Stale,
    Unauthenticated,
    problems,
)
from erm.finance.closing import YearRefused, move_year
from erm.finance.named import CodeTaken, Named, Versioned
from erm.rows import pool_of
from erm.units.rules import Act
from erm.units.standing import Seen, demand_entry, demand_everything, held
from erm.wire import Code, Currency, Limit, Strict, UnitIds, Word

router = new_router(tag="finance")

MayRead = Annotated[Principal, Depends(may("finance:read", "finance:write"))]
MayWrite = Annotated[Principal, Depends(may("finance:write"))]


class FiscalYearUnknown(NotFound):
    """There is no such fiscal year."""

    code, title = "fiscal-year-unknown", "There is no such fiscal year."


class LedgerUnknown(NotFound):
    """There is no such ledger."""

    code, title = "ledger-unknown", "There is no such ledger."


class FundUnknown(NotFound):
    """There is no such fund."""

    code, title = "fund-unknown", "There is no such fund."


class ExpenseClassUnknown(NotFound):
    """There is no such expense class."""

    code, title = "expense-class-unknown", "There is no such expense class."


Grace = Annotated[int, Field(ge=-366, le=3660)]


class FiscalYearChange(Strict):
    """What may be changed of a fiscal year, as a whole."""

    name: Word
    order_grace_days: Grace | None = None
    """Days after its end until which orders are taken, that day included; before its end where negative; none: as long
    as it is open."""
    invoice_grace_days: Grace | None = None
    """The same for invoices. What was approved in time may be paid at any time while the year is open."""


class FiscalYearIn(FiscalYearChange):
    """A year of a series. Years of one series do not overlap."""

    series: Code = "FY"
    code: Code
    starts_on: date
    ends_on: date
    """The last day, included."""
    currency: Currency

    @model_validator(mode="after")
    def _runs_forwards(self) -> "FiscalYearIn":
        if self.ends_on < self.starts_on:
            raise ValueError("a year ends after it has begun")
        return self


class FiscalYearOut(Versioned):
    """A fiscal year; `planned` until it is opened, then `open`, then `closed`."""

    id: UUID
    series: str
    code: str
    name: str
    starts_on: date
    ends_on: date
    currency: str
    state: Literal["planned", "open", "closed"]
    order_grace_days: int | None
    invoice_grace_days: int | None
    created_at: datetime


class YearAct(Strict):
    """Open a year, close it, or open a closed one again."""

    action: Literal["open", "close", "reopen"]
    release_encumbrances: bool = False
    """When it is closed: let go of what is still set aside, rather than refuse."""


class LedgerIn(Strict):
    """Funds that are looked after together."""

    code: Code
    name: Word
    series: Code = "FY"
    """Of its fiscal years."""
    currency: Currency
    acquisition_unit_ids: UnitIds = Field(default_factory=list)
    """Who may see it and go over into the next year with it."""


class LedgerOut(Versioned):
    """A ledger."""

    id: UUID
    code: str
    name: str
    series: str
    currency: str
    acquisition_unit_ids: list[UUID]
    """Who may see and change it; none: whoever has the scope."""
    created_at: datetime


class FundChange(Strict):
    """What may be changed of a fund, as a whole."""

    code: Code
    name: Word
    account_number: Word | None = None
    """Of the university's own books."""
    location_ids: list[UUID] = Field(default_factory=list, max_length=500)
    """Where what it pays for may go; none named: everywhere."""
    active: bool = True
    """One that is not in use takes nothing new; what is under way may end."""


class FundIn(FundChange):
    """What money is for."""

    ledger_id: UUID
    acquisition_unit_ids: UnitIds = Field(default_factory=list)
    """Who may see and change it, and its budgets."""


class FundOut(Versioned):
    """A fund."""

    id: UUID
    ledger_id: UUID
    code: str
    name: str
    account_number: str | None
    location_ids: list[UUID]
    active: bool
    acquisition_unit_ids: list[UUID]
    """Who may see and change it, and its budgets; none: whoever has the scope."""
    created_at: datetime


class ExpenseClassIn(Strict):
    """What kind of spending it is."""

    code: Code
    name: Word
    active: bool = True


class ExpenseClassOut(Versioned):
    """An expense class."""

    id: UUID
    code: str
    name: str
    active: bool
    created_at: datetime


REFUSALS = (Unauthenticated, Forbidden, Invalid, InFlight)
CHANGES = (Unauthenticated, Forbidden, Invalid, Stale, PreconditionRequired)

YEARS = Named("fiscal_year", "/v1/fiscal-years", FiscalYearOut, FiscalYearUnknown)
LEDGERS = Named("ledger", "/v1/ledgers", LedgerOut, LedgerUnknown, of_units=True)
FUNDS = Named("fund", "/v1/funds", FundOut, FundUnknown, of_units=True)
CLASSES = Named("expense_class", "/v1/expense-classes", ExpenseClassOut, ExpenseClassUnknown)


@router.post(
    "/v1/fiscal-years",
    status_code=201,
    response_model=FiscalYearOut,
    responses=problems(*REFUSALS, CodeTaken, YearRefused),
)
async def create_fiscal_year(
    request: Request, body: FiscalYearIn, _: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Plan a fiscal year."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        await connection.execute("LOCK TABLE fiscal_year IN SHARE ROW EXCLUSIVE MODE")
        other = await connection.fetchval(
            "SELECT code FROM fiscal_year WHERE series = $1 AND starts_on <= $3 AND ends_on >= $2 LIMIT 1",
            body.series,
            body.starts_on,
            body.ends_on,
        )
        if other is not None:
            text = f"{other} has some of these days."
            raise YearRefused(
                reasons=[Reason("fiscal-year-overlaps", text, "/starts_on", "Choose other days.")]
            )
        return await YEARS.made(connection, now, state="planned", **body.model_dump())

    return await whole(pool_of(request), once, act)


@router.get(
    "/v1/fiscal-years",
    response_model=cursors.Page[FiscalYearOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_fiscal_years(
    request: Request, response: Response, _: MayRead, cursor: str | None = None, limit: Limit = 100
) -> cursors.Page[FiscalYearOut]:
    """Fiscal years, newest entry first."""
    return await YEARS.listed(request, response, {}, cursor=cursor, limit=limit)


@router.get(
    "/v1/fiscal-years/{fiscal_year_id}",
    response_model=FiscalYearOut,
    responses=problems(Unauthenticated, Forbidden, FiscalYearUnknown),
)
async def get_fiscal_year(
    request: Request, response: Response, fiscal_year_id: UUID, _: MayRead
) -> FiscalYearOut:
    """One fiscal year."""
    return await YEARS.shown(request, response, fiscal_year_id)


@router.put(
    "/v1/fiscal-years/{fiscal_year_id}",
    response_model=FiscalYearOut,
    responses=problems(*CHANGES, FiscalYearUnknown),
)
async def change_fiscal_year(
    request: Request,
    response: Response,
    fiscal_year_id: UUID,
    body: FiscalYearChange,
    _: MayWrite,
    expected: IfMatch,
) -> FiscalYearOut:
    """Replace its name and its days of grace; its days, series and currency stay."""
    return await YEARS.replaced(request, response, fiscal_year_id, expected, **body.model_dump())


@router.post(
    "/v1/fiscal-years/{fiscal_year_id}/actions",
    response_model=FiscalYearOut,
    responses=problems(*REFUSALS, FiscalYearUnknown, YearRefused),
)
async def act_on_fiscal_year(
    request: Request, fiscal_year_id: UUID, body: YearAct, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Open or close it. A year with invoices to be paid, or with money still set aside, is not closed."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        if body.action != "open":  # every budget of the year, whosever it is
            standing = await held(connection, by)
            demand_everything(standing, Act.READ)
            demand_everything(standing, Act.UPDATE)
        found = await move_year(
            connection,
            fiscal_year_id,
            body.action,
            release=body.release_encumbrances,
            actor=str(by.actor),
            now=now,
        )
        if not found:
            raise FiscalYearUnknown
        told = await YEARS.read(connection, fiscal_year_id)
        return 200, told, {"etag": etags.etag(told.version)}

    return await whole(pool_of(request), once, act)


@router.post(
    "/v1/ledgers", status_code=201, response_model=LedgerOut, responses=problems(*REFUSALS, CodeTaken)
)
async def create_ledger(
    request: Request, body: LedgerIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Set up a ledger."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        standing = await held(connection, by)
        units = await demand_entry(connection, standing, body.acquisition_unit_ids)
        return await LEDGERS.made(connection, now, **(body.model_dump() | {"acquisition_unit_ids": units}))

    return await whole(pool_of(request), once, act)


@router.get(
    "/v1/ledgers",
    response_model=cursors.Page[LedgerOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_ledgers(
    request: Request,
    response: Response,
    _: MayRead,
    seen: Seen,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[LedgerOut]:
    """Ledgers, newest first."""
    return await LEDGERS.listed(request, response, {}, cursor=cursor, limit=limit, seen=seen)


@router.get(
    "/v1/ledgers/{ledger_id}",
    response_model=LedgerOut,
    responses=problems(Unauthenticated, Forbidden, LedgerUnknown),
)
async def get_ledger(
    request: Request, response: Response, ledger_id: UUID, _: MayRead, seen: Seen
) -> LedgerOut:
    """One ledger."""
    return await LEDGERS.shown(request, response, ledger_id, seen)


@router.post("/v1/funds", status_code=201, response_model=FundOut, responses=problems(*REFUSALS, CodeTaken))
async def create_fund(request: Request, body: FundIn, by: MayWrite, once: OnceRequired, now: Now) -> Response:
    """Set up a fund in a ledger."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        standing = await held(connection, by)
        units = await demand_entry(connection, standing, body.acquisition_unit_ids)
        try:
            await LEDGERS.read(connection, body.ledger_id, standing=standing)
        except LedgerUnknown as error:
            text = f"There is no ledger {body.ledger_id}."
            raise Invalid(reasons=[Reason("ledger-unknown", text, "/ledger_id", "Name a ledger.")]) from error
        return await FUNDS.made(connection, now, **(body.model_dump() | {"acquisition_unit_ids": units}))

    return await whole(pool_of(request), once, act)


@router.get(
    "/v1/funds", response_model=cursors.Page[FundOut], responses=problems(Unauthenticated, Forbidden, Invalid)
)
async def list_funds(
    request: Request,
    response: Response,
    _: MayRead,
    seen: Seen,
    ledger_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[FundOut]:
    """Funds, newest first; of one ledger."""
    wanted = {"ledger_id =": ledger_id}
    return await FUNDS.listed(request, response, wanted, cursor=cursor, limit=limit, seen=seen)


@router.get(
    "/v1/funds/{fund_id}", response_model=FundOut, responses=problems(Unauthenticated, Forbidden, FundUnknown)
)
async def get_fund(request: Request, response: Response, fund_id: UUID, _: MayRead, seen: Seen) -> FundOut:
    """One fund."""
    return await FUNDS.shown(request, response, fund_id, seen)


@router.put(
    "/v1/funds/{fund_id}", response_model=FundOut, responses=problems(*CHANGES, FundUnknown, CodeTaken)
)
async def change_fund(
    request: Request, response: Response, fund_id: UUID, body: FundChange, by: MayWrite, expected: IfMatch
) -> FundOut:
    """Replace what is told of a fund; its ledger stays."""
    return await FUNDS.replaced(request, response, fund_id, expected, by=by, **body.model_dump())


@router.post(
    "/v1/expense-classes",
    status_code=201,
    response_model=ExpenseClassOut,
    responses=problems(*REFUSALS, CodeTaken),
)
async def create_expense_class(
    request: Request, body: ExpenseClassIn, _: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Set up an expense class."""

    return await CLASSES.set_up(request, once, now, **body.model_dump())


@router.get(
    "/v1/expense-classes",
    response_model=cursors.Page[ExpenseClassOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_expense_classes(
    request: Request, response: Response, _: MayRead, cursor: str | None = None, limit: Limit = 100
) -> cursors.Page[ExpenseClassOut]:
    """Expense classes, newest first."""
    return await CLASSES.listed(request, response, {}, cursor=cursor, limit=limit)


@router.put(
    "/v1/expense-classes/{expense_class_id}",
    response_model=ExpenseClassOut,
    responses=problems(*CHANGES, ExpenseClassUnknown, CodeTaken),
)
async def change_expense_class(
    request: Request,
    response: Response,
    expense_class_id: UUID,
    body: ExpenseClassIn,
    _: MayWrite,
    expected: IfMatch,
) -> ExpenseClassOut:
    """Replace what is told of an expense class."""
    return await CLASSES.replaced(request, response, expense_class_id, expected, **body.model_dump())
