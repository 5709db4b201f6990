"""Fees and payments on the wire."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis import cursors, etags, outbox
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import OnceRequired
from chassis.ids import uuid7
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Refused, Unauthenticated, problems
from circulation.asking import patron_or
from circulation.fees.charging import book
from circulation.fees.rules import FeeState, Money, PaymentRefusal, payment_refusals, state_after
from circulation.once import whole
from contracts.circulation import Amount, FeeFacts, FeePaid

router = new_router("/v1/fees", tag="fees")

MayRead = Annotated[Principal, Depends(patron_or("fees:read"))]
MayPay = Annotated[Principal, Depends(may("fees:pay"))]


class PaymentRefused(Refused):
    """The payment cannot be taken; every reason is given."""

    code, title = "payment-refused", "This payment cannot be taken."


TEXTS = {
    PaymentRefusal.FEE_CLOSED: "The fee is settled already.",
    PaymentRefusal.MORE_THAN_OWED: "It is more than remains to be paid.",
    PaymentRefusal.NOT_POSITIVE: "A payment is more than nothing.",
    PaymentRefusal.OTHER_CURRENCY: "The fee is owed in another currency.",
}


class FeeOut(BaseModel):
    """A fee; amounts in minor units."""

    id: UUID
    patron_id: UUID
    loan_id: UUID | None
    item_id: UUID | None
    kind: str
    policy: str | None
    amount: int
    remaining: int
    currency: str
    state: str
    note: str | None
    charged_at: datetime
    closed_at: datetime | None
    version: int


class PaymentIn(BaseModel):
    """Money to be taken, in minor units; the whole of what remains where left out."""

    model_config = ConfigDict(extra="forbid")

    amount: int | None = Field(default=None, ge=1, le=10**12)
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    method: str = Field(default="cash", min_length=1, max_length=60)
    reference: str | None = Field(default=None, max_length=200)


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


@router.post(
    "/{fee_id}/payments",
    status_code=201,
    response_model=PaymentOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, PaymentRefused, Invalid),
)
async def pay(
    request: Request, fee_id: UUID, body: PaymentIn, staff: MayPay, once: OnceRequired, now: Now
) -> Response:
    """Take a payment, wholly or in part; repeated with the same key it is taken once."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        told = await take_payment(connection, fee_id, body, staff, now=now)
        return 201, told, {}

    return await whole(request.app.state.resources.pool, once, act)


async def take_payment(
    connection: Connection, fee_id: UUID, body: PaymentIn, staff: Principal, *, now: datetime
) -> PaymentOut:
    """Book a payment; fee, ledger, balance and event together. Locks the patron before the fee."""
    patron_id = await connection.fetchval("SELECT patron_id FROM fee WHERE id = $1", fee_id)
    if patron_id is None:
        raise NotFound("There is no such fee.")
    await connection.execute("SELECT FROM patron WHERE id = $1 FOR NO KEY UPDATE", patron_id)
    row = await connection.fetchrow("SELECT * FROM fee WHERE id = $1 FOR NO KEY UPDATE", fee_id)
    assert row is not None
    remaining = Money(row["remaining"], row["currency"])
    amount = Money(
        body.amount if body.amount is not None else row["remaining"], body.currency or row["currency"]
    )
    if reasons := payment_refusals(remaining=remaining, state=FeeState(row["state"]), amount=amount):
        raise PaymentRefused(reasons=[Reason(reason, TEXTS[reason]) for reason in reasons])
    left = remaining - amount
    state = state_after(left)
    payment_id = uuid7()
    await connection.execute(
        "UPDATE fee SET remaining = $2, state = $3, version = version + 1, "
        "  closed_at = CASE WHEN $3 = 'closed' THEN $4::timestamptz END WHERE id = $1",
        fee_id,
        left.minor,
        state.value,
        now,
    )
    await connection.execute(
        "INSERT INTO payment (id, fee_id, amount, currency, method, reference, service_point_id, paid_at, taken_by) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        payment_id,
        fee_id,
        amount.minor,
        amount.currency,
        body.method,
        body.reference,
        staff.service_point_id,
        now,
        str(staff.actor),
    )
    await book(connection, fee_id=fee_id, debit="cash", credit="receivable", amount=amount, now=now)
    await connection.execute(
        "UPDATE patron SET owed = owed - $2, guard = guard + 1 WHERE id = $1", patron_id, amount.minor
    )
    event = FeePaid(
        version=row["version"] + 1,
        occurred_at=now,
        fee_id=fee_id,
        patron_ref=patron_id,
        fee=FeeFacts(
            fee_id=fee_id,
            patron_ref=patron_id,
            loan_id=row["loan_id"],
            kind=row["kind"],
            amount=Amount(minor=row["amount"], currency=row["currency"]),
            remaining=Amount(minor=left.minor, currency=left.currency),
            state=state.value,
        ),
        payment_id=payment_id,
        paid=Amount(minor=amount.minor, currency=amount.currency),
        method=body.method,
    )
    await outbox.record(connection, [event])
    return PaymentOut(
        id=payment_id,
        fee_id=fee_id,
        amount=amount.minor,
        currency=amount.currency,
        method=body.method,
        reference=body.reference,
        paid_at=now,
        remaining=left.minor,
        fee_state=state.value,
    )


@router.get("/{fee_id}", response_model=FeeOut, responses=problems(Unauthenticated, NotFound))
async def get_fee(request: Request, fee_id: UUID, asker: MayRead, response: Response) -> FeeOut:
    """One fee."""
    row = await request.app.state.resources.pool.fetchrow("SELECT * FROM fee WHERE id = $1", fee_id)
    if row is None or (not asker.may("fees:read") and row["patron_id"] != asker.patron_id):
        raise NotFound("There is no such fee.")
    etags.tag(response, row["version"])
    return FeeOut(**dict(row))


_LIST = """
SELECT * FROM fee WHERE ($1::uuid IS NULL OR patron_id = $1) AND ($2::text IS NULL OR state = $2)
  AND ($3::uuid IS NULL OR id > $3) ORDER BY id LIMIT $4
"""


@router.get("", response_model=cursors.Page[FeeOut], responses=problems(Unauthenticated, Forbidden, Invalid))
async def list_fees(
    request: Request,
    response: Response,
    _: Annotated[Principal, Depends(may("fees:read"))],
    patron_id: UUID | None = None,
    state: Annotated[str | None, Query(pattern=r"^(open|closed)$")] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[FeeOut]:
    """Fees, oldest first."""
    after = cursors.uuid_in(cursor) if cursor else None
    rows = await request.app.state.resources.pool.fetch(_LIST, patron_id, state, after, limit + 1)
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[FeeOut(**dict(row)) for row in rows[:limit]], next_cursor=more)


class LedgerEntryOut(BaseModel):
    """One side of a booking."""

    id: UUID
    booking_id: UUID
    account: str
    amount: int
    currency: str
    at: datetime


@router.get(
    "/{fee_id}/ledger",
    response_model=list[LedgerEntryOut],
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def fee_ledger(
    request: Request, fee_id: UUID, _: Annotated[Principal, Depends(may("fees:read"))]
) -> list[dict[str, Any]]:
    """How a fee was booked."""
    rows = await request.app.state.resources.pool.fetch(
        "SELECT id, booking_id, account, amount, currency, at FROM ledger_entry WHERE fee_id = $1 ORDER BY id",
        fee_id,
    )
    if not rows:
        raise NotFound("There is no such fee.")
    return [dict(row) for row in rows]
