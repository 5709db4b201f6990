"""Withdrawals on the wire."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from catalog.items.commands import ItemUnknown
from catalog.withdrawals import commands
from catalog.withdrawals.commands import WithdrawalRefused
from catalog.withdrawals.tables import Withdrawal
from chassis import etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import Tx
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Unauthenticated, problems

router = new_router(tag="withdrawals")

MayWithdraw = Annotated[Principal, Depends(may("items:withdraw"))]
MayRead = Annotated[Principal, Depends(may("items:withdraw", "items:read"))]


class WithdrawalIn(BaseModel):
    """Why the item is to go."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500)


class WithdrawalOut(BaseModel):
    """A withdrawal: requested, then done or refused; every step with its time."""

    id: UUID
    item_id: UUID
    state: str
    reason: str
    refusals: list[str]
    steps: list[dict[str, Any]]
    requested_by: str
    requested_at: datetime
    ended_at: datetime | None
    version: int


@router.post(
    "/v1/items/{item_id}/withdrawals",
    status_code=202,
    response_model=WithdrawalOut,
    responses=problems(Unauthenticated, Forbidden, ItemUnknown, WithdrawalRefused, Invalid),
)
async def ask_withdrawal(
    tx: Tx, by: MayWithdraw, item_id: UUID, body: WithdrawalIn, response: Response, now: Now
) -> Withdrawal:
    """Ask for an item to be withdrawn; circulation has a say, so the answer is where to look for the end."""
    withdrawal_id = await commands.ask(tx, item_id, by=by, reason=body.reason, now=now)
    response.headers["Location"] = f"/v1/withdrawals/{withdrawal_id}"
    return await tx.get_one(Withdrawal, withdrawal_id)


@router.get(
    "/v1/withdrawals/{withdrawal_id}",
    response_model=WithdrawalOut,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def get_withdrawal(tx: Tx, _: MayRead, withdrawal_id: UUID, response: Response) -> Withdrawal:
    """How a withdrawal stands."""
    found = await tx.get(Withdrawal, withdrawal_id)
    if found is None:
        raise NotFound("There is no such withdrawal.")
    etags.tag(response, found.version)
    return found
