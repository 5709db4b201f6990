"""Fees and payments on the wire."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, computed_field

from chassis import cursors, etags
from chassis.application import new_router
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Unauthenticated, problems
from circulation.asking import patron_or
from circulation.fees.rules import Money

router = new_router("/v1/fees", tag="fees")

MayRead = Annotated[Principal, Depends(patron_or("fees:read"))]


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
    status: str | None = None
    """How it is being settled: `paid-partly`, `waived-fully` …; null while nothing was done with it."""
    owner: str | None = None

    @computed_field  # type: ignore[prop-decorator]  # pydantic's way
    @property
    def shown(self) -> "ShownOut":
        """The amounts in the currency's own units (ISO 4217)."""
        amounts = (Money(minor, self.currency) for minor in (self.amount, self.remaining))
        amount, remaining = (money.decimal for money in amounts)
        return ShownOut(amount=amount, remaining=remaining)


class ShownOut(BaseModel):
    """Amounts as decimals, as many places as the currency has."""

    amount: str
    remaining: str


class ActionOut(BaseModel):
    """What was done with a fee: paid, waived, cancelled, transferred, given back."""

    id: UUID
    act: str
    amount: int
    currency: str
    method: str | None
    reference: str | None
    account: str | None
    comment: str | None
    service_point_id: UUID | None
    receipt_id: UUID | None
    at: datetime
    done_by: str


class ActionsOut(BaseModel):
    """Everything that was done with a fee, oldest first."""

    items: list[ActionOut]


_ACTIONS = """
SELECT id, 'pay' AS act, amount, currency, method, reference, NULL AS account, comment, service_point_id, receipt_id,
    paid_at AS at, taken_by AS done_by
FROM payment WHERE fee_id = $1
UNION ALL
SELECT id, act, amount, currency, method, NULL, account, comment, service_point_id, NULL, at, done_by
FROM fee_action WHERE fee_id = $1
ORDER BY at, id
"""


@router.get(
    "/{fee_id}/actions",
    response_model=ActionsOut,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def fee_actions(
    request: Request, fee_id: UUID, _: Annotated[Principal, Depends(may("fees:read"))]
) -> ActionsOut:
    """What was done with a fee, by whom, and why."""
    pool = request.app.state.resources.pool
    if await pool.fetchval("SELECT id FROM fee WHERE id = $1", fee_id) is None:
        raise NotFound("There is no such fee.")
    rows = await pool.fetch(_ACTIONS, fee_id)
    return ActionsOut(items=[ActionOut(**dict(row)) for row in rows])


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
