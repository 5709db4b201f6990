"""Lost and claimed items on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.moments import Moment
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Unauthenticated, problems
from circulation.fees.commands import By
from circulation.fees.routes import FeeOut
from circulation.lost import commands
from circulation.lost.commands import LossRefused
from circulation.lost.rules import LOST_FEES, LoanState, Resolution, loan_state
from circulation.places.library import NotConfigured
from circulation.places.routes import TheLibrary
from circulation.rentals.rules import DEPOSIT

router = new_router("/v1/loans", tag="lost items")

MayLose = Annotated[Principal, Depends(may("loans:lost"))]
MayCharge = Annotated[Principal, Depends(may("fees:write"))]
Comment = Annotated[str, Field(min_length=1, max_length=1000)]
ANSWERS = problems(Unauthenticated, Forbidden, NotFound, LossRefused, InFlight, Invalid, NotConfigured)


class LossIn(BaseModel):
    """Why it counts as lost."""

    model_config = ConfigDict(extra="forbid")

    comment: Comment


class ClaimIn(BaseModel):
    """What the patron says."""

    model_config = ConfigDict(extra="forbid")

    claimed_at: Moment | None = None
    """When it was brought back, as the patron says; now where left out."""
    comment: Comment | None = None


class ResolutionIn(BaseModel):
    """How a claim ends without the item; one that turns up is checked in."""

    model_config = ConfigDict(extra="forbid")

    resolution: Literal[Resolution.MISSING, Resolution.WITHDRAWN]


class CostIn(BaseModel):
    """What a lost item really costs."""

    model_config = ConfigDict(extra="forbid")

    amount: int | None = Field(default=None, ge=0, le=10**12)
    """In minor units; 0: nothing. Left out: the item's price, as the catalogue has it."""
    comment: Comment


class LossOut(BaseModel):
    """What became of the loan, and what it costs."""

    loan_id: UUID
    item_id: UUID
    state: LoanState
    lost_at: datetime | None
    lost_policy: str | None
    bill_at: datetime | None
    cost_awaited: bool
    item_price_minor: int | None
    """What the catalogue says it costs; null: it says nothing."""
    item_price_currency: str | None
    claimed_at: datetime | None
    fees: list[FeeOut]
    """Those of the loss, and the loan's deposit."""
    version: int


async def _told(connection: Connection, row: asyncpg.Record) -> LossOut:
    charged = await connection.fetch(
        "SELECT * FROM fee WHERE loan_id = $1 AND kind = ANY ($2::text[]) ORDER BY id",
        row["id"],
        [*LOST_FEES, DEPOSIT],
    )
    return LossOut(
        loan_id=row["id"],
        item_id=row["item_id"],
        state=loan_state(
            ended=row["ended"],
            returned=row["returned_at"] is not None,
            claimed=row["claimed_at"] is not None,
            cause=row["lost_cause"],
        ),
        lost_at=row["lost_at"],
        lost_policy=row["lost_policy"],
        bill_at=row["bill_at"],
        cost_awaited=row["cost_awaited"],
        item_price_minor=row["price_minor"],
        item_price_currency=row["price_currency"],
        claimed_at=row["claimed_at"],
        fees=[FeeOut(**dict(fee)) for fee in charged],
        version=row["version"],
    )


async def _whole(request: Request, once: Any, act: Any) -> Response:
    async def done(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        row = await act(connection)
        return 201, await _told(connection, row), {"etag": f'"{row["version"]}"'}

    return await whole(request.app.state.resources.pool, once, done)


@router.post("/{loan_id}/losses", status_code=201, response_model=LossOut, responses=ANSWERS)
async def declare_lost(
    request: Request,
    loan_id: UUID,
    body: LossIn,
    staff: MayLose,
    library: TheLibrary,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Declare a lent item lost: it is billed as its lost-item policy says."""
    by = By(str(staff.actor), staff.service_point_id, now)
    return await _whole(
        request,
        once,
        lambda connection: commands.declare_lost(connection, library, loan_id, body.comment, by),
    )


@router.post("/{loan_id}/costs", status_code=201, response_model=LossOut, responses=ANSWERS)
async def name_cost(
    request: Request,
    loan_id: UUID,
    body: CostIn,
    staff: MayCharge,
    library: TheLibrary,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Name what a lost item really costs, where its policy charges the actual cost."""
    by = By(str(staff.actor), staff.service_point_id, now)
    return await _whole(
        request,
        once,
        lambda connection: commands.name_cost(connection, library, loan_id, body.amount, body.comment, by),
    )


@router.post("/{loan_id}/claims", status_code=201, response_model=LossOut, responses=ANSWERS)
async def claim_returned(
    request: Request, loan_id: UUID, body: ClaimIn, staff: MayLose, once: OnceRequired, now: Now
) -> Response:
    """The patron says that it was brought back: the loan stays open, counts to no limit, and costs nothing more."""
    at = body.claimed_at or now
    if at > now:
        mend = "Name a moment that has passed, or none for now."
        raise Invalid(reasons=[Reason("moment-out-of-range", "It lies ahead.", "/claimed_at", mend)])
    by = By(str(staff.actor), staff.service_point_id, now)
    return await _whole(
        request, once, lambda connection: commands.claim(connection, loan_id, body.comment, at, by)
    )


@router.post("/{loan_id}/claim-resolutions", status_code=201, response_model=LossOut, responses=ANSWERS)
async def resolve_claim(
    request: Request,
    loan_id: UUID,
    body: ResolutionIn,
    staff: MayLose,
    library: TheLibrary,
    once: OnceRequired,
    now: Now,
) -> Response:
    """End a claim without the item: it is missing, and nobody pays; or the patron has it after all."""
    by = By(str(staff.actor), staff.service_point_id, now)
    return await _whole(
        request, once, lambda connection: commands.resolve(connection, library, loan_id, body.resolution, by)
    )
