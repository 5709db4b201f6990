"""Invoices on the wire."""

from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, Field

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.etags import IfMatch
from chassis.once import whole
from chassis.principal import Principal, demand, may
from chassis.problems import (
    Forbidden,
    Invalid,
    PreconditionRequired,
    Reason,
    ReasonOut,
    Stale,
    Unauthenticated,
    problems,
)
from erm.finance.commands import Books, allowed_by
from erm.invoices import commands, queries
from erm.invoices.commands import InvoiceRefused, InvoiceTaken, InvoiceUnknown
from erm.invoices.entering import InvoiceIn
from erm.invoices.queries import Charge, Invoice
from erm.invoices.rules import ACCEPTABLE, Action
from erm.money.rules import written
from erm.orders.routes import share_out
from erm.rows import page, pool_of
from erm.units.rules import Act, Standing
from erm.units.standing import Seen, held, within
from erm.wire import AmountOut, Note, Override, ShareOut, Strict, UnitIds, Word

router = new_router("/v1/invoices", tag="invoices")

MayRead = Annotated[
    Principal, Depends(may("invoices:read", "invoices:write", "invoices:approve", "invoices:pay"))
]
MayWrite = Annotated[Principal, Depends(may("invoices:write"))]
MayAct = Annotated[Principal, Depends(may("invoices:write", "invoices:approve", "invoices:pay"))]
State = Literal["open", "reviewed", "approved", "paid", "cancelled"]


class NewInvoiceIn(InvoiceIn):
    """An invoice, and who may see and change it."""

    acquisition_unit_ids: UnitIds = Field(default_factory=list)


class InvoiceAct(Strict):
    """What is to be done with an invoice."""

    action: Action
    accept: list[str] = Field(default_factory=list, max_length=10)
    """For an approval: what does not match and is accepted all the same, by its code."""
    payment_reference: Word | None = None
    """For a payment: what the university's books call it."""
    reason: Note | None = None
    """Why it is cancelled; needed for that."""
    override: Override | None = None


class AdjustmentOut(BaseModel):
    """An adjustment, and what it comes to."""

    kind: str
    description: str
    percent: Decimal | None
    amount: AmountOut | None
    prorate: str
    included: bool
    comes_to: AmountOut


class InvoiceLineOut(BaseModel):
    """A line of an invoice."""

    id: UUID
    position: int
    description: str
    order_line_id: UUID | None
    """None: it is for no order line, or for one that whoever asks may not see."""
    quantity: int
    amount: AmountOut
    adjustments: AmountOut
    """Its part of what comes on top."""
    total: AmountOut
    last: bool
    shares: list[ShareOut]
    """None: as the order line's."""


class InvoiceOut(BaseModel):
    """An invoice."""

    id: UUID
    vendor_id: UUID
    acquisition_unit_ids: list[UUID]
    """Who may see and change it; none: whoever has the scope."""
    vendor_invoice_number: str
    invoiced_on: date
    state: State
    currency: str
    ledger_currency: str | None
    exchange_rate: Decimal | None
    rate_at: datetime | None
    """When the rate was told; it stays with the invoice."""
    rate_source_id: UUID | None
    """The source that the rate was taken from; none: it was told by hand."""
    rated_on: date | None
    """The day that the source's rate is of."""
    rate_note: str | None
    """How the rate came about."""
    fiscal_year_id: UUID | None
    batch_group_id: UUID | None
    """Its voucher goes out with; none: with the group `main`."""
    lock_total: AmountOut | None
    total: AmountOut
    ledger_total: AmountOut | None
    """What was booked, in the ledger's currency."""
    note: str | None
    payment_reference: str | None
    adjustments: list[AdjustmentOut]
    lines: list[InvoiceLineOut]
    created_at: datetime
    created_by: str
    approved_at: datetime | None
    approved_by: str | None
    paid_at: datetime | None
    cancelled_at: datetime | None
    cancel_reason: str | None
    version: int


class MatchOut(BaseModel):
    """A line beside its order line."""

    position: int
    order_state: str
    ordered: int
    received: int
    invoiced: int
    """Copies on other approved and paid invoices, less those on credit notes."""
    quantity: int
    findings: list[ReasonOut]
    """What stands in the way of an approval, unless it is accepted by its code."""


class MatchingOut(BaseModel):
    """Every line that names an order line."""

    items: list[MatchOut]


def _line_out(charge: Charge, currency: str) -> InvoiceLineOut:
    told = dict(charge.row)
    told["amount"] = written(told["subtotal"], currency)
    told["adjustments"] = written(told["adjustments"], currency)
    told["total"] = written(told["total"], currency)
    told["shares"] = [share_out(share, currency) for share in charge.shares]
    return InvoiceLineOut(**{name: told[name] for name in InvoiceLineOut.model_fields})


def _adjustment_out(row: Any, currency: str) -> AdjustmentOut:
    told = dict(row)
    told["amount"] = None if told["amount"] is None else written(told["amount"], currency)
    told["comes_to"] = written(told["comes_to"], currency)
    return AdjustmentOut(**{name: told[name] for name in AdjustmentOut.model_fields})


def invoice_out(invoice: Invoice) -> InvoiceOut:
    """An invoice on the wire."""
    row = invoice.row
    currency, ledger = row["currency"], row["ledger_currency"]
    told = row | {
        "total": written(row["total"], currency),
        "lock_total": None if row["lock_total"] is None else written(row["lock_total"], currency),
        "ledger_total": None if row["ledger_total"] is None else written(row["ledger_total"], ledger),
        "adjustments": [_adjustment_out(each, currency) for each in invoice.adjustments],
        "lines": [_line_out(each, currency) for each in invoice.lines],
    }
    return InvoiceOut(**{name: told[name] for name in InvoiceOut.model_fields})


@router.post(
    "",
    status_code=201,
    response_model=InvoiceOut,
    responses=problems(Unauthenticated, Forbidden, InvoiceTaken, InvoiceRefused, InFlight, Invalid),
)
async def create_invoice(
    request: Request, body: NewInvoiceIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Enter an invoice or credit note. Nothing is booked before it is approved."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        invoice = await commands.enter(
            connection,
            body,
            actor=str(by.actor),
            now=now,
            standing=await held(connection, by),
            units=body.acquisition_unit_ids,
        )
        where = {"location": f"/v1/invoices/{invoice.id}", "etag": etags.etag(invoice.row["version"])}
        return 201, invoice_out(invoice), where

    return await whole(pool_of(request), once, act)


@router.get(
    "", response_model=cursors.Page[InvoiceOut], responses=problems(Unauthenticated, Forbidden, Invalid)
)
async def list_invoices(
    request: Request,
    response: Response,
    _: MayRead,
    seen: Seen,
    vendor_id: UUID | None = None,
    state: State | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> cursors.Page[InvoiceOut]:
    """Invoices, newest first; of a vendor, in a state."""
    wanted = {"vendor_id =": vendor_id, "state =": state}
    rows, more = await page(
        request,
        response,
        "SELECT id FROM invoice",
        wanted,
        cursor=cursor,
        limit=limit,
        within=within(seen, "acquisition_unit_ids"),
    )
    pool = pool_of(request)
    found = await queries.invoices(pool, [row["id"] for row in rows])
    hidden = await commands.out_of_sight(pool, found.values(), seen)
    items = [_shown(found[row["id"]], hidden) for row in rows]
    return cursors.Page(items=items, next_cursor=more)


async def _read(request: Request, invoice_id: UUID, seen: Standing) -> Invoice:
    found = await queries.invoice(pool_of(request), invoice_id)
    if found is None or not seen.lets(Act.READ, found.units):
        raise InvoiceUnknown
    return found


def _shown(invoice: Invoice, hidden: Collection[UUID]) -> InvoiceOut:
    """As somebody may see it: it does not name these order lines."""
    told = invoice_out(invoice)
    for line in told.lines:
        if line.order_line_id in hidden:
            line.order_line_id = None
    return told


@router.get(
    "/{invoice_id}", response_model=InvoiceOut, responses=problems(Unauthenticated, Forbidden, InvoiceUnknown)
)
async def get_invoice(
    request: Request, response: Response, invoice_id: UUID, _: MayRead, seen: Seen
) -> InvoiceOut:
    """One invoice."""
    found = await _read(request, invoice_id, seen)
    etags.tag(response, found.row["version"])
    return _shown(found, await commands.out_of_sight(pool_of(request), [found], seen))


@router.get(
    "/{invoice_id}/matching",
    response_model=MatchingOut,
    responses=problems(Unauthenticated, Forbidden, InvoiceUnknown),
)
async def match_invoice(request: Request, invoice_id: UUID, _: MayRead, seen: Seen) -> MatchingOut:
    """Each line beside what was ordered, has come and was invoiced before, with what does not match. Lines of orders
    that whoever asks may not see are left out."""
    found = await _read(request, invoice_id, seen)
    async with pool_of(request).acquire() as connection:
        bought = await commands.orders_of(connection, found, lock=False)
        hidden = await commands.out_of_sight(connection, [found], seen)
        matched = await queries.matched(connection, found, bought)
    named = {line.row["position"]: line.order_line_id for line in found.lines}
    return MatchingOut(
        items=[
            MatchOut(
                position=each.position,
                order_state=each.match.order_state,
                ordered=each.match.ordered,
                received=each.match.received,
                invoiced=each.match.invoiced,
                quantity=each.match.quantity,
                findings=[
                    ReasonOut(**commands.finding_reason(each, finding).as_json()) for finding in each.found
                ],
            )
            for each in matched
            if named[each.position] not in hidden
        ]
    )


@router.put(
    "/{invoice_id}",
    response_model=InvoiceOut,
    responses=problems(
        Unauthenticated,
        Forbidden,
        InvoiceUnknown,
        InvoiceTaken,
        InvoiceRefused,
        Stale,
        Invalid,
        PreconditionRequired,
    ),
)
async def replace_invoice(
    request: Request,
    response: Response,
    invoice_id: UUID,
    body: InvoiceIn,
    by: MayWrite,
    expected: IfMatch,
    now: Now,
) -> InvoiceOut:
    """Put another invoice in the place of one that is open."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        standing = await held(connection, by)
        invoice = await commands.locked(connection, invoice_id, standing)
        etags.guard(expected=expected, found=invoice.row["version"])
        told = await commands.rewrite(connection, invoice, body, now=now, standing=standing)
    etags.tag(response, told.row["version"])
    return invoice_out(told)


def _needed(action: Action, state: str) -> str:
    """The scope that an action takes; what is booked is cancelled by whoever may book it."""
    if action is Action.CANCEL:
        return {"approved": "invoices:approve", "paid": "invoices:pay"}.get(state, "invoices:write")
    return {Action.APPROVE: "invoices:approve", Action.PAY: "invoices:pay"}.get(action, "invoices:write")


def _check(body: InvoiceAct) -> None:
    reasons = [
        Reason(
            "not-acceptable",
            f"{each[:60]} cannot be accepted.",
            f"/accept/{at}",
            ", ".join(sorted(ACCEPTABLE)),
        )
        for at, each in enumerate(body.accept)
        if each not in ACCEPTABLE
    ]
    if body.action is Action.CANCEL and body.reason is None:
        reasons.append(Reason("reason-missing", "Say why.", "/reason", "Send a reason."))
    if reasons:
        raise Invalid(reasons=reasons)


@router.post(
    "/{invoice_id}/actions",
    response_model=InvoiceOut,
    responses=problems(Unauthenticated, Forbidden, InvoiceUnknown, InvoiceRefused, InFlight, Invalid),
)
async def act_on_invoice(
    request: Request, invoice_id: UUID, body: InvoiceAct, by: MayAct, once: OnceRequired, now: Now
) -> Response:
    """Review it, approve it (booked as to be paid), pay it, or cancel it (the exact reverse)."""
    _check(body)
    allowed = allowed_by(by, body.override)

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        standing = await held(connection, by)
        deed = Act.DELETE if body.action is Action.CANCEL else Act.UPDATE
        invoice = await commands.locked(connection, invoice_id, standing, deed)
        demand(by, _needed(body.action, invoice.row["state"]))
        note = body.override.comment if body.override else body.reason
        books = Books(connection, str(by.actor), now, note, allowed, standing=standing)
        match body.action:
            case Action.APPROVE:
                told = await commands.approve(connection, invoice, books, by, accept=body.accept)
            case Action.PAY:
                told = await commands.pay(connection, invoice, books, reference=body.payment_reference)
            case Action.CANCEL:
                told = await commands.cancel(connection, invoice, books, reason=body.reason or "")
            case Action.REVIEW | Action.REOPEN:
                commands.demand_state(invoice, body.action)
                state = "reviewed" if body.action is Action.REVIEW else "open"
                told = await commands.changed(connection, invoice.id, state, now, state=state)
        hidden = await commands.out_of_sight(connection, [told], standing)
        return 200, _shown(told, hidden), {"etag": etags.etag(told.row["version"])}

    return await whole(pool_of(request), once, act)
