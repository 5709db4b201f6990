"""What can be done with holds that wait, on the wire: order, suspension, another copy, another pickup point."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from chassis import etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import OnceRequired
from chassis.etags import IfMatch
from chassis.moments import Moment
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
from circulation.asking import patron_or
from circulation.holds import changing, ordering, queue
from circulation.holds.changing import HoldNotChanged, Wanted
from circulation.holds.ending import HoldClosed
from circulation.holds.ordering import OrderWrong
from circulation.holds.routes import Fulfilment, HoldOut, hold_out
from circulation.holds.rules import HoldRefusal
from circulation.places.routes import TheLibrary

router = new_router("/v1/holds", tag="holds")

MayChange = Annotated[Principal, Depends(patron_or("holds:manage"))]
MayManage = Annotated[Principal, Depends(may("holds:manage"))]
MayReadAll = Annotated[Principal, Depends(may("holds:read"))]
MAY_BE_CHANGED = problems(Unauthenticated, Forbidden, NotFound, HoldClosed, HoldNotChanged, Invalid)


class QueuedOut(BaseModel):
    """A hold in its queue."""

    hold: HoldOut
    pinned: bool
    """A copy is on its way to it, or waits: it cannot be moved in the queue."""


class QueueOut(BaseModel):
    """A title's queue, first to last. Holds in fulfilment come first; suspended ones keep their place."""

    title_id: UUID
    holds: list[QueuedOut]


class OrderIn(BaseModel):
    """The whole queue, first to last."""

    model_config = ConfigDict(extra="forbid")

    hold_ids: list[UUID] = Field(min_length=1, max_length=5000)


def _queue_out(title_id: UUID, rows: list[asyncpg.Record]) -> QueueOut:
    return QueueOut(
        title_id=title_id,
        holds=[QueuedOut(hold=hold_out(row), pinned=queue.waiting_of(row).pinned) for row in rows],
    )


@router.get(
    "/queues/{title_id}", response_model=QueueOut, responses=problems(Unauthenticated, Forbidden, NotFound)
)
async def read_queue(request: Request, title_id: UUID, _: MayReadAll, response: Response) -> QueueOut:
    """A title's queue in order; its ETag is what a reordering names in If-Match."""
    async with request.app.state.resources.pool.acquire() as connection:
        rows = await ordering.read(connection, title_id)
    etags.tag(response, ordering.version_of(rows))
    return _queue_out(title_id, rows)


@router.put(
    "/queues/{title_id}",
    response_model=QueueOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, OrderWrong, Stale, PreconditionRequired),
)
async def reorder_queue(
    request: Request,
    title_id: UUID,
    body: OrderIn,
    _: MayManage,
    expected: IfMatch,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Put a title's queue into another order: every hold of it once, those with a copy where they are."""

    async def act(connection: Any) -> tuple[int, BaseModel, dict[str, str]]:
        rows = await ordering.reorder(connection, title_id, body.hold_ids, expected=expected, now=now)
        return 200, _queue_out(title_id, rows), {"etag": etags.etag(ordering.version_of(rows))}

    return await whole(request.app.state.resources.pool, once, act)


class SuspensionIn(BaseModel):
    """For how long it is passed over."""

    model_config = ConfigDict(extra="forbid")

    until: Moment | None = None
    """When it is resumed by itself; left out: when somebody resumes it."""


@router.post(
    "/{hold_id}/suspensions",
    status_code=201,
    response_model=HoldOut,
    responses=MAY_BE_CHANGED,
)
async def suspend_hold(
    request: Request,
    hold_id: UUID,
    body: SuspensionIn,
    asker: MayChange,
    library: TheLibrary,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Pass a hold over until a moment; it keeps its place. Staff anybody's, a patron their own."""

    async def act(connection: Any) -> tuple[int, BaseModel, dict[str, str]]:
        row = await changing.suspend(connection, library, hold_id, asker, until=body.until, now=now)
        return 201, hold_out(row), {"etag": etags.etag(row["version"])}

    return await whole(request.app.state.resources.pool, once, act)


class ResumptionIn(BaseModel):
    """Nothing needs to be said."""

    model_config = ConfigDict(extra="forbid")


@router.post(
    "/{hold_id}/resumptions",
    status_code=201,
    response_model=HoldOut,
    responses=MAY_BE_CHANGED,
)
async def resume_hold(
    request: Request,
    hold_id: UUID,
    body: ResumptionIn,
    asker: MayChange,
    library: TheLibrary,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Let a suspended hold wait again at its place; a copy that stands on its shelf by now is paged."""

    async def act(connection: Any) -> tuple[int, BaseModel, dict[str, str]]:
        row = await changing.resume(connection, library, hold_id, asker, now=now)
        return 201, hold_out(row), {"etag": etags.etag(row["version"])}

    return await whole(request.app.state.resources.pool, once, act)


class MoveIn(BaseModel):
    """Which copy is to fill it."""

    model_config = ConfigDict(extra="forbid")

    item_id: UUID


@router.post(
    "/{hold_id}/moves",
    status_code=201,
    response_model=HoldOut,
    responses=MAY_BE_CHANGED,
)
async def move_hold(
    request: Request,
    hold_id: UUID,
    body: MoveIn,
    asker: MayManage,
    library: TheLibrary,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Fill a hold by another copy of its title. Its kind is decided anew, its place in the queue stays."""

    async def act(connection: Any) -> tuple[int, BaseModel, dict[str, str]]:
        row = await changing.move(connection, library, hold_id, asker, item_id=body.item_id, now=now)
        return 201, hold_out(row), {"etag": etags.etag(row["version"])}

    return await whole(request.app.state.resources.pool, once, act)


class HoldChange(BaseModel):
    """What is to be changed; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    pickup_id: UUID | None = None
    """A service point."""
    expires_at: Moment | None = None
    """Until when it waits; null: without end."""
    fulfilment: Fulfilment | None = None
    """The patron comes for it after all, or has it sent."""
    delivery_address_type: str | None = Field(default=None, min_length=1, max_length=60)
    """With `delivery`."""

    @model_validator(mode="after")
    def _delivered_somewhere(self) -> "HoldChange":
        if (self.fulfilment == "delivery") != (self.delivery_address_type is not None):
            raise ValueError("a delivery, and no other, has a delivery_address_type")
        return self


@router.patch(
    "/{hold_id}",
    response_model=HoldOut,
    responses=problems(
        Unauthenticated, NotFound, HoldClosed, HoldNotChanged, Stale, PreconditionRequired, Invalid
    ),
)
async def change_hold(
    request: Request,
    hold_id: UUID,
    body: HoldChange,
    asker: MayChange,
    expected: IfMatch,
    library: TheLibrary,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Pick a waiting hold up elsewhere, or let it wait for longer or less long."""
    if "pickup_id" in body.model_fields_set and body.pickup_id is None:
        empty = Reason("value-missing", "pickup_id cannot be empty.", "/pickup_id", "Leave it out.")
        raise Invalid(reasons=[empty])
    wanted = Wanted(
        body.pickup_id,
        body.expires_at,
        "expires_at" in body.model_fields_set,
        body.fulfilment,
        body.delivery_address_type,
    )

    async def act(connection: Any) -> tuple[int, BaseModel, dict[str, str]]:
        row = await changing.change(connection, library, hold_id, asker, wanted, expected=expected, now=now)
        return 200, hold_out(row), {"etag": etags.etag(row["version"])}

    return await whole(request.app.state.resources.pool, once, act)


class HoldOverrideOut(BaseModel):
    """What was set aside when a hold was placed, why, when and by whom."""

    hold_id: UUID
    refusals: list[HoldRefusal]
    comment: str
    overridden_at: datetime
    overridden_by: str


@router.get(
    "/{hold_id}/override",
    response_model=HoldOverrideOut,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def read_hold_override(request: Request, hold_id: UUID, _: MayReadAll) -> HoldOverrideOut:
    """For staff: what stood against the hold and was set aside. It is no part of the hold that its patron reads."""
    row = await request.app.state.resources.pool.fetchrow(
        "SELECT * FROM hold_override WHERE hold_id = $1", hold_id
    )
    if row is None:
        raise NotFound("Nothing was set aside for a hold of this id.")
    return HoldOverrideOut(**dict(row))
