"""Withdrawals on the wire."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from catalog.items.commands import ItemUnknown
from catalog.withdrawals import commands
from catalog.withdrawals.commands import WithdrawalImpossible
from chassis import etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx, Tx
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Unauthenticated, problems

router = new_router(tag="withdrawals")

MayWithdraw = Annotated[Principal, Depends(may("items:withdraw"))]
MayRead = Annotated[Principal, Depends(may("items:withdraw", "items:read", "items:write"))]


class WithdrawalIn(BaseModel):
    """Why the item is to go."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=500)]


class StepOut(BaseModel):
    """A step, and when it was taken."""

    state: str
    at: datetime


class WithdrawalOut(BaseModel):
    """A withdrawal: requested, done or refused."""

    id: UUID
    item_id: UUID
    state: str
    reason: str
    refusals: list[str]
    steps: list[StepOut]
    requested_by: str
    requested_at: datetime
    ended_at: datetime | None


def _out(row: Any, response: Response) -> WithdrawalOut:
    etags.tag(response, row.version)
    return WithdrawalOut(**{name: getattr(row, name) for name in WithdrawalOut.model_fields})


@router.post(
    "/v1/items/{item_id}/withdrawals",
    status_code=202,
    response_model=WithdrawalOut,
    responses=problems(Unauthenticated, Forbidden, ItemUnknown, WithdrawalImpossible, Invalid),
)
async def request_withdrawal(
    item_id: UUID, body: WithdrawalIn, response: Response, by: MayWithdraw, tx: Tx, now: Now
) -> WithdrawalOut:
    """Ask for an item to be withdrawn; circulation clears or refuses it."""
    withdrawal_id = await commands.request(tx, item_id, reason=body.reason, by=str(by.actor), now=now)
    response.headers["Location"] = f"/v1/withdrawals/{withdrawal_id}"
    return _out(await commands.withdrawal(tx, withdrawal_id), response)


@router.get(
    "/v1/withdrawals/{withdrawal_id}",
    response_model=WithdrawalOut,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def read_withdrawal(withdrawal_id: UUID, response: Response, tx: ReadTx, _: MayRead) -> WithdrawalOut:
    """How a withdrawal stands, with every step."""
    row = await commands.withdrawal(tx, withdrawal_id)
    if row is None:
        raise NotFound("There is no such withdrawal.")
    return _out(row, response)
