"""Settling fees on the wire: charge by hand, pay, waive, cancel, transfer, refund; tried or done."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, Once, OnceRequired
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Unauthenticated, problems
from circulation.fees import commands
from circulation.fees.charging import charge
from circulation.fees.commands import (
    By,
    Done,
    DrawerClosed,
    FeeActionRefused,
    PaymentRefused,
    ReferenceUsed,
    Taking,
    Wish,
)
from circulation.fees.routes import FeeOut
from circulation.fees.rules import Money
from circulation.ledger.rules import Act
from circulation.lost.commands import close_settled
from circulation.lost.rules import LOST_FEES
from circulation.places.library import Library, NotConfigured, Shelf
from circulation.places.routes import TheShelf

router = new_router("/v1/fees", tag="fees")

MayPay = Annotated[Principal, Depends(may("fees:pay"))]
MayCharge = Annotated[Principal, Depends(may("fees:write"))]
MayWaive = Annotated[Principal, Depends(may("fees:waive"))]
MayTransfer = Annotated[Principal, Depends(may("fees:transfer"))]
MayRefund = Annotated[Principal, Depends(may("fees:refund"))]
DryRun = Annotated[bool, Query(description="The same rules, and the answer they give; nothing is written")]

MinorUnits = Annotated[int, Field(ge=1, le=10**12)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Comment = Annotated[str, Field(min_length=1, max_length=1000)]
Method = Annotated[str, Field(min_length=1, max_length=60)]
Code = Annotated[str, Field(min_length=1, max_length=60)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")

    service_point_id: UUID | None = None
    """The client's own where left out."""


class AmountIn(_In):
    """How much."""

    amount: MinorUnits | None = None
    """Minor units; the whole of what can be where left out."""
    currency: Currency | None = None


class PaymentIn(AmountIn):
    """Money to be taken, in minor units; the whole of what remains where left out."""

    method: Method = "cash"
    reference: str | None = Field(default=None, min_length=1, max_length=200)
    """The terminal's or provider's own. Sent again by the same method it takes no more money."""
    comment: Comment | None = None


class WaiverIn(AmountIn):
    """Wholly or in part, and why."""

    comment: Comment


class CancellationIn(_In):
    """Why what remains should not have been charged."""

    comment: Comment


class TransferIn(AmountIn):
    """To which of the bursar's accounts."""

    account: Code
    comment: Comment | None = None


class RefundIn(AmountIn):
    """How much of what was paid or transferred goes back, and why."""

    method: Method | None = None
    """Only what was paid by this method; where left out, everything goes back the way it came, newest first."""
    comment: Comment


class PaymentOut(BaseModel):
    """Money taken, and what remains."""

    id: UUID
    fee_id: UUID
    amount: int
    currency: str
    method: str
    reference: str | None
    paid_at: datetime
    remaining: int
    fee_state: str
    receipt_id: UUID | None = None


class PartOut(BaseModel):
    """One thing done with a fee."""

    id: UUID
    act: Act
    amount: int
    currency: str
    method: str | None
    account: str | None


class SettledOut(BaseModel):
    """What was done, and how the fee stands now."""

    done: list[PartOut]
    fee: FeeOut


PAYMENT = """
SELECT p.id, p.fee_id, p.amount, p.currency, p.method, p.reference, p.paid_at, f.remaining, f.state AS fee_state,
    p.receipt_id
FROM payment p JOIN fee f ON f.id = p.fee_id WHERE p.receipt_id = $1 ORDER BY p.id
"""


async def acting(shelf: Shelf, staff: Principal, asked: UUID | None, now: datetime) -> By:
    """Who acts, and at which service point, if at any; a named one exists, in one of the staff's libraries."""
    chosen = asked or staff.service_point_id
    desk = (await shelf.fresh()).desks.get(chosen) if chosen is not None else None
    if asked is not None and desk is None:
        raise Invalid(
            reasons=[
                Reason(
                    "service-point-unknown",
                    "There is no such service point.",
                    "/service_point_id",
                    "Name one of /v1/service-points.",
                )
            ]
        )
    if desk is not None and staff.libraries is not None and desk.library not in staff.libraries:
        raise Forbidden(f"You do not work for the library {desk.library}.")
    return By(str(staff.actor), chosen, now, desk is not None and desk.cash_drawer)


class _Tried(Exception):
    def __init__(self, told: BaseModel) -> None:
        self.told = told


async def done_once(
    request: Request,
    once: Once,
    act: Callable[[Connection], Awaitable[tuple[int, BaseModel, dict[str, str]]]],
    *,
    dry_run: bool = False,
) -> Response:
    """Do it once; or, for a dry run, do it and take it back."""
    pool: asyncpg.Pool = request.app.state.resources.pool
    if not dry_run:
        return await whole(pool, once, act)
    try:
        async with pool.acquire() as connection, connection.transaction():
            raise _Tried((await act(connection))[1])
    except _Tried as tried:
        return Response(tried.told.model_dump_json(), 200, media_type="application/json")


class FeeIn(_In):
    """A fee that is charged by hand."""

    patron_id: UUID
    type: Code
    """One of the configuration's fee types."""
    amount: MinorUnits | None = None
    """Minor units of the library's currency; what the type usually costs where left out."""
    loan_id: UUID | None = None
    item_id: UUID | None = None
    comment: Comment | None = None


@router.post(
    "",
    status_code=201,
    response_model=FeeOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, InFlight, Invalid, NotConfigured),
)
async def charge_fee(
    request: Request, body: FeeIn, staff: MayCharge, shelf: TheShelf, once: OnceRequired, now: Now
) -> Response:
    """Charge a patron what no rule charges: a lost card, a damaged book, a photocopy."""
    library = await shelf.fresh()
    kind = library.fee_types.get(body.type)
    amount = body.amount or (kind.amount if kind else None)
    reasons = []
    if kind is None:
        mend = "Name one of the configuration's fee_types."
        reasons.append(Reason("fee-type-unknown", f"There is no fee type {body.type!r}.", "/type", mend))
    elif amount is None:
        text = "The fee type has no usual amount."
        reasons.append(Reason("amount-missing", text, "/amount", "Name an amount in minor units."))
    if reasons:
        raise Invalid(reasons=reasons)
    assert kind is not None
    assert amount is not None
    by = await acting(shelf, staff, body.service_point_id, now)
    desk = library.desks.get(by.service_point_id) if by.service_point_id else None

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        item_id = await _concerned(connection, body)
        fee_id = await charge(
            connection,
            patron_id=body.patron_id,
            loan_id=body.loan_id,
            item_id=item_id,
            kind=kind.code,
            policy=None,
            amount=Money(amount, library.currency),
            now=now,
            note=body.comment,
            owner=desk.owner if desk else None,
        )
        row = await connection.fetchrow("SELECT * FROM fee WHERE id = $1", fee_id)
        assert row is not None
        return 201, FeeOut(**dict(row)), {"location": f"/v1/fees/{fee_id}", "etag": '"1"'}

    return await done_once(request, once, act)


async def _concerned(connection: Connection, body: FeeIn) -> UUID | None:
    """The item that a fee by hand is about; the patron is locked, and every name is one we know."""
    missing = []
    found = await connection.fetchval("SELECT id FROM patron WHERE id = $1 FOR NO KEY UPDATE", body.patron_id)
    if found is None:
        missing.append(Reason("patron-unknown", "There is no such patron.", "/patron_id"))
    item_id = body.item_id
    if body.loan_id is not None:
        lent = await connection.fetchrow(
            "SELECT item_id FROM loan WHERE id = $1 AND patron_id = $2", body.loan_id, body.patron_id
        )
        if lent is None:
            missing.append(Reason("loan-unknown", "The patron has no such loan.", "/loan_id"))
        elif item_id is not None and item_id != lent["item_id"]:
            missing.append(Reason("item-unknown", "The loan is of another item.", "/item_id"))
        else:
            item_id = lent["item_id"]
    elif item_id is not None and not await connection.fetchval(
        "SELECT EXISTS (SELECT FROM item WHERE id = $1)", item_id
    ):
        missing.append(Reason("item-unknown", "There is no such item.", "/item_id"))
    if missing:
        raise NotFound("What the fee is about is unknown here.", reasons=missing)
    return item_id


@router.post(
    "/{fee_id}/payments",
    status_code=201,
    response_model=PaymentOut,
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
async def pay(
    request: Request,
    fee_id: UUID,
    body: PaymentIn,
    staff: MayPay,
    shelf: TheShelf,
    once: OnceRequired,
    now: Now,
    dry_run: DryRun = False,
) -> Response:
    """Take a payment, wholly or in part; repeated with the same key, or the same reference, it is taken once."""
    by = await acting(shelf, staff, body.service_point_id, now)
    asked = {"fee": str(fee_id), "amount": body.amount, "currency": body.currency}
    taking = Taking(body.method, body.reference, asked)

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        receipt_id = await commands.taken_before(connection, taking)
        if receipt_id is None:
            fees = await commands.locked(connection, [fee_id])
            wish = Wish(Act.PAY, body.amount, body.currency, method=body.method, comment=body.comment)
            receipt_id, done = await commands.take(connection, [(fees[0], wish)], taking, by)
            await close_loans(connection, shelf, done, now)
        return 201, PaymentOut(**dict(await connection.fetchrow(PAYMENT, receipt_id) or {})), {}

    return await done_once(request, once, act, dry_run=dry_run)


SETTLING = problems(
    Unauthenticated, Forbidden, NotFound, FeeActionRefused, DrawerClosed, InFlight, Invalid, NotConfigured
)


async def _settle(
    request: Request, shelf: Shelf, fee_id: UUID, wish: Wish, by: By, once: Once, *, dry_run: bool
) -> Response:
    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        fees = await commands.locked(connection, [fee_id])
        done = await commands.act(connection, fees[0], wish, by)
        await close_loans(connection, shelf, done, by.now)
        return 201, settled_out(done)[0], {}

    return await done_once(request, once, act, dry_run=dry_run)


async def close_loans(connection: Connection, shelf: Shelf, done: Sequence[Done], now: datetime) -> None:
    """A lost item of which nothing is owed any more ends its loan."""
    closed = {
        each.fee["loan_id"] for each in done if each.fee["kind"] in LOST_FEES and not each.fee["remaining"]
    }
    if closed:
        version = await connection.fetchval("SELECT version FROM reference")
        library = await shelf.library(version, by=connection)
        await close_settled(connection, library, closed, now=now)


def settled_out(done: Sequence[Done]) -> list[SettledOut]:
    """Fee by fee, in the order in which they were come to."""
    fees: dict[UUID, SettledOut] = {}
    for each in done:
        fee = FeeOut(**dict(each.fee))
        part = PartOut(
            id=each.id,
            act=each.act,
            amount=each.amount.minor,
            currency=each.amount.currency,
            method=each.method,
            account=each.account,
        )
        parts = fees[fee.id].done if fee.id in fees else []
        fees[fee.id] = SettledOut(done=[*parts, part], fee=fee)
    return list(fees.values())


@router.post("/{fee_id}/waivers", status_code=201, response_model=SettledOut, responses=SETTLING)
async def waive_fee(
    request: Request,
    fee_id: UUID,
    body: WaiverIn,
    staff: MayWaive,
    shelf: TheShelf,
    once: OnceRequired,
    now: Now,
    dry_run: DryRun = False,
) -> Response:
    """Give up a fee, wholly or in part."""
    wish = Wish(Act.WAIVE, body.amount, body.currency, comment=body.comment)
    by = await acting(shelf, staff, body.service_point_id, now)
    return await _settle(request, shelf, fee_id, wish, by, once, dry_run=dry_run)


@router.post("/{fee_id}/cancellations", status_code=201, response_model=SettledOut, responses=SETTLING)
async def cancel_fee(
    request: Request,
    fee_id: UUID,
    body: CancellationIn,
    staff: MayCharge,
    shelf: TheShelf,
    once: OnceRequired,
    now: Now,
    dry_run: DryRun = False,
) -> Response:
    """Cancel what remains of a fee: it should not have been charged. What was paid already is refunded apart."""
    wish = Wish(Act.CANCEL, comment=body.comment)
    by = await acting(shelf, staff, body.service_point_id, now)
    return await _settle(request, shelf, fee_id, wish, by, once, dry_run=dry_run)


@router.post("/{fee_id}/transfers", status_code=201, response_model=SettledOut, responses=SETTLING)
async def transfer_fee(
    request: Request,
    fee_id: UUID,
    body: TransferIn,
    staff: MayTransfer,
    shelf: TheShelf,
    once: OnceRequired,
    now: Now,
    dry_run: DryRun = False,
) -> Response:
    """Hand a fee over to the bursar, wholly or in part: it is collected there from now on."""
    known_account(await shelf.fresh(), body.account)
    wish = Wish(Act.TRANSFER, body.amount, body.currency, account=body.account, comment=body.comment)
    by = await acting(shelf, staff, body.service_point_id, now)
    return await _settle(request, shelf, fee_id, wish, by, once, dry_run=dry_run)


def known_account(library: Library, account: str) -> None:
    """Raises for one that is not among the bursar's."""
    if account not in library.bursar_accounts:
        mend = "Name one of the configuration's bursar_accounts."
        raise Invalid(
            reasons=[Reason("account-unknown", f"There is no account {account!r}.", "/account", mend)]
        )


@router.post("/{fee_id}/refunds", status_code=201, response_model=SettledOut, responses=SETTLING)
async def refund_fee(
    request: Request,
    fee_id: UUID,
    body: RefundIn,
    staff: MayRefund,
    shelf: TheShelf,
    once: OnceRequired,
    now: Now,
    dry_run: DryRun = False,
) -> Response:
    """Give back what was paid, and have the bursar give back what was transferred; never more than that."""
    wish = Wish(Act.REFUND, body.amount, body.currency, method=body.method, comment=body.comment)
    by = await acting(shelf, staff, body.service_point_id, now)
    return await _settle(request, shelf, fee_id, wish, by, once, dry_run=dry_run)
