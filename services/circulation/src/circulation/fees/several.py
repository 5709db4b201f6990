"""Several fees of a patron settled in one act, all or nothing: paid, waived, transferred."""

from typing import Any
from uuid import UUID

import asyncpg
from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, Once, OnceRequired
from chassis.problems import Forbidden, Invalid, NotFound, Unauthenticated, problems
from circulation.fees import commands
from circulation.fees.commands import (
    By,
    Done,
    DrawerClosed,
    PaymentRefused,
    ReferenceUsed,
    Taking,
    Wish,
)
from circulation.fees.rules import Money
from circulation.fees.settling import (
    PAYMENT,
    SETTLING,
    AmountIn,
    Code,
    Comment,
    DryRun,
    MayPay,
    MayTransfer,
    MayWaive,
    Method,
    MinorUnits,
    PaymentOut,
    SettledOut,
    acting,
    close_loans,
    done_once,
    known_account,
    settled_out,
)
from circulation.ledger.rules import Act
from circulation.places.library import NotConfigured, Shelf
from circulation.places.routes import TheShelf

router = new_router("/v1/patrons", tag="fees")


class NamedFeeIn(BaseModel):
    """One of several fees, and how much of it."""

    model_config = ConfigDict(extra="forbid")

    fee_id: UUID
    amount: MinorUnits | None = None
    """The whole of what remains where left out."""


class _ManyIn(AmountIn):
    """Either some fees by name, or an amount over the oldest; everything where neither is told."""

    fees: list[NamedFeeIn] | None = Field(default=None, min_length=1, max_length=500)

    @model_validator(mode="after")
    def _one_way(self) -> "_ManyIn":
        if self.fees is not None and self.amount is not None:
            raise ValueError("name fees, or one amount for the oldest: not both")
        if self.fees is not None and len({fee.fee_id for fee in self.fees}) < len(self.fees):
            raise ValueError("a fee is named more than once")
        return self


class PaymentsIn(_ManyIn):
    """Money to be taken for several fees at once."""

    method: Method = "cash"
    reference: str | None = Field(default=None, min_length=1, max_length=200)
    comment: Comment | None = None


class WaiversIn(_ManyIn):
    """Several fees to be given up at once, and why."""

    comment: Comment


class TransfersIn(_ManyIn):
    """Several fees for the bursar at once."""

    account: Code
    comment: Comment | None = None


class ReceiptOut(BaseModel):
    """Money taken in one act, and for what."""

    receipt_id: UUID
    amount: int
    currency: str
    method: str
    reference: str | None
    payments: list[PaymentOut]


class ManySettledOut(BaseModel):
    """What was done, fee by fee."""

    items: list[SettledOut]


async def _parts(
    connection: Connection, patron_id: UUID, body: _ManyIn, wish: Wish
) -> list[tuple[asyncpg.Record, Wish]]:
    """The fees meant, locked, with what is to be done to each."""
    if body.fees is None:
        fees = await commands.locked_open(connection, patron_id)
        if body.amount is None:
            named = [(fee, fee["remaining"]) for fee in fees]
        else:
            currency = body.currency or (fees[0]["currency"] if fees else "")
            named = commands.shared_out(Money(body.amount, currency), fees, wish.act)
    else:
        wanted = [fee.fee_id for fee in body.fees]
        fees = await commands.locked(connection, wanted, patron_id=patron_id)
        named = [(fee, asked.amount) for fee, asked in zip(fees, body.fees, strict=True)]
    parts = [
        (fee, Wish(wish.act, amount, body.currency, wish.method, wish.account, wish.comment))
        for fee, amount in named
    ]
    await commands.check_all(connection, parts, wish.act)
    return parts


@router.post(
    "/{patron_id}/payments",
    status_code=201,
    response_model=ReceiptOut,
    responses=problems(
        Unauthenticated,
        Forbidden,
        NotFound,
        PaymentRefused,
        ReferenceUsed,
        DrawerClosed,
        InFlight,
        Invalid,
        NotConfigured,
    ),
)
async def pay_fees(
    request: Request,
    patron_id: UUID,
    body: PaymentsIn,
    staff: MayPay,
    shelf: TheShelf,
    once: OnceRequired,
    now: Now,
    dry_run: DryRun = False,
) -> Response:
    """Take money for several fees of a patron under one receipt, all or nothing: named ones, or the oldest first."""
    by = await acting(shelf, staff, body.service_point_id, now)
    asked: dict[str, Any] = {"patron": str(patron_id), "amount": body.amount, "currency": body.currency}
    asked["fees"] = [fee.model_dump(mode="json") for fee in body.fees] if body.fees else None
    taking = Taking(body.method, body.reference, asked)

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        receipt_id = await commands.taken_before(connection, taking)
        if receipt_id is None:
            wish = Wish(Act.PAY, method=body.method, comment=body.comment)
            parts = await _parts(connection, patron_id, body, wish)
            receipt_id, done = await commands.take(connection, parts, taking, by)
            await close_loans(connection, shelf, done, now)
        receipt = await connection.fetchrow("SELECT * FROM receipt WHERE id = $1", receipt_id)
        payments = await connection.fetch(PAYMENT, receipt_id)
        assert receipt is not None
        told = ReceiptOut(
            receipt_id=receipt_id,
            amount=receipt["amount"],
            currency=receipt["currency"],
            method=receipt["method"],
            reference=receipt["reference"],
            payments=[PaymentOut(**dict(row)) for row in payments],
        )
        return 201, told, {}

    return await done_once(request, once, act, dry_run=dry_run)


async def _settle_many(
    request: Request,
    shelf: Shelf,
    patron_id: UUID,
    body: _ManyIn,
    wish: Wish,
    by: By,
    once: Once,
    *,
    dry_run: bool,
) -> Response:
    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        done: list[Done] = []
        for fee, each in await _parts(connection, patron_id, body, wish):
            done += await commands.act(connection, fee, each, by)
        await close_loans(connection, shelf, done, by.now)
        return 201, ManySettledOut(items=settled_out(done)), {}

    return await done_once(request, once, act, dry_run=dry_run)


@router.post("/{patron_id}/waivers", status_code=201, response_model=ManySettledOut, responses=SETTLING)
async def waive_fees(
    request: Request,
    patron_id: UUID,
    body: WaiversIn,
    staff: MayWaive,
    shelf: TheShelf,
    once: OnceRequired,
    now: Now,
    dry_run: DryRun = False,
) -> Response:
    """Give up several fees of a patron, all or nothing: named ones, or an amount from the oldest on."""
    wish = Wish(Act.WAIVE, comment=body.comment)
    by = await acting(shelf, staff, body.service_point_id, now)
    return await _settle_many(request, shelf, patron_id, body, wish, by, once, dry_run=dry_run)


@router.post("/{patron_id}/transfers", status_code=201, response_model=ManySettledOut, responses=SETTLING)
async def transfer_fees(
    request: Request,
    patron_id: UUID,
    body: TransfersIn,
    staff: MayTransfer,
    shelf: TheShelf,
    once: OnceRequired,
    now: Now,
    dry_run: DryRun = False,
) -> Response:
    """Hand several fees of a patron over to the bursar, all or nothing."""
    known_account(await shelf.fresh(), body.account)
    wish = Wish(Act.TRANSFER, account=body.account, comment=body.comment)
    by = await acting(shelf, staff, body.service_point_id, now)
    return await _settle_many(request, shelf, patron_id, body, wish, by, once, dry_run=dry_run)
