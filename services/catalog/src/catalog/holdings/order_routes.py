"""The order of items within holdings, on the wire."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from catalog.holdings.arranging import TooManyItems, arrange
from catalog.holdings.order_rules import MOST_ARRANGED
from catalog.items import queries
from catalog.items.commands import HoldingsUnknown
from chassis import etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import Tx
from chassis.etags import IfMatch
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, PreconditionRequired, Stale, Unauthenticated, problems

router = new_router(tag="holdings")

MayWrite = Annotated[Principal, Depends(may("items:write"))]


class OrderIn(BaseModel):
    """Items that are to stand together, in this order: before one that stays, behind it, or in front of all."""

    model_config = ConfigDict(extra="forbid")

    item_ids: list[UUID] = Field(min_length=1, max_length=MOST_ARRANGED)
    before: UUID | None = None
    after: UUID | None = None


class OrderOut(BaseModel):
    """All items of holdings as they stand."""

    holdings_id: UUID
    version: int
    item_ids: list[UUID]


@router.put(
    "/v1/holdings/{holdings_id}/item-order",
    response_model=OrderOut,
    responses=problems(
        Unauthenticated, Forbidden, HoldingsUnknown, TooManyItems, Invalid, Stale, PreconditionRequired
    ),
)
async def arrange_items(
    holdings_id: UUID, body: OrderIn, expected: IfMatch, response: Response, _: MayWrite, tx: Tx, now: Now
) -> OrderOut:
    """Let items of holdings stand in another order; those that are not told keep theirs. What is added later stands
    last. `GET /v1/items?holdings_id=…` gives them as they stand."""
    order = await arrange(
        tx, holdings_id, body.item_ids, before=body.before, after=body.after, expected=expected, now=now
    )
    row = await queries.holdings(tx, holdings_id)
    assert row is not None
    etags.tag(response, row.version)
    return OrderOut(holdings_id=holdings_id, version=row.version, item_ids=order)
