"""Claims on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import BaseModel, model_validator

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, Unauthenticated, problems
from erm.claims import commands
from erm.claims.commands import ClaimRefused, ClaimUnknown
from erm.finance.commands import Books
from erm.orders.commands import OrderUnknown
from erm.rows import page, pool_of
from erm.units.standing import Seen, held, within
from erm.wire import Day, Limit, Note, Strict

router = new_router("/v1", tag="orders")

MayRead = Annotated[
    Principal, Depends(may("orders:read", "orders:write", "orders:approve", "orders:receive"))
]
MayClaim = Annotated[Principal, Depends(may("orders:write"))]
Via = Literal["mail", "letter", "telephone", "edi", "vendor-site", "other"]
State = Literal["proposed", "sent", "stopped"]


class ClaimIn(Strict):
    """A claim that was sent."""

    via: Via
    note: Note | None = None


class ClaimAct(Strict):
    """What is to be done with a claim that is proposed."""

    action: Literal["send", "put-off", "withdraw"]
    """`send`: it went to the vendor; `put-off`: not before a day; `withdraw`: the line is not claimed any more."""
    via: Via | None = None
    """How it was sent; needed for that."""
    until: Day | None = None
    """Until when it is put off; needed for that."""
    note: Note | None = None

    @model_validator(mode="after")
    def _says_how(self) -> "ClaimAct":
        if (self.action == "send") != (self.via is not None):
            raise ValueError("say via for what is sent, and for nothing else")
        if (self.action == "put-off") != (self.until is not None):
            raise ValueError("say until for what is put off, and for nothing else")
        return self


class ClaimOut(BaseModel):
    """A claim."""

    id: UUID
    order_line_id: UUID
    order_id: UUID
    order_number: str
    vendor_id: UUID
    title: str
    number: int
    """The first, the second … of its line."""
    missing: int
    """Copies that had not come when it was proposed, or sent."""
    state: State
    """`stopped`: it came, was cancelled, put off or withdrawn before the claim was sent."""
    via: Via | None
    note: str | None
    created_at: datetime
    sent_at: datetime | None
    stopped_at: datetime | None
    stop_reason: Literal["not-awaited", "put-off", "withdrawn"] | None
    actor: str
    version: int


_SELECT = """
SELECT c.*, l.order_id, l.title, o.number AS order_number FROM claim c JOIN order_line l ON l.id = c.order_line_id
JOIN purchase_order o ON o.id = l.order_id
"""


async def _told(connection: Connection, claim_id: UUID) -> ClaimOut:
    row: Any = await connection.fetchrow(_SELECT + " WHERE c.id = $1", claim_id)
    return ClaimOut(**dict(row))


@router.get(
    "/claims",
    response_model=cursors.Page[ClaimOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_claims(
    request: Request,
    response: Response,
    _: MayRead,
    seen: Seen,
    state: State | None = None,
    vendor_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[ClaimOut]:
    """Claims, newest first; `state=proposed` are those to be sent now."""
    wanted = {"c.state =": state, "c.vendor_id =": vendor_id}
    rows, more = await page(
        request,
        response,
        _SELECT,
        wanted,
        cursor=cursor,
        limit=limit,
        by="c.id",
        within=within(seen, "o.acquisition_unit_ids"),
    )
    return cursors.Page(items=[ClaimOut(**dict(row)) for row in rows], next_cursor=more)


@router.get(
    "/order-lines/{line_id}/claims",
    response_model=cursors.Page[ClaimOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_claims_of_line(
    request: Request,
    response: Response,
    line_id: UUID,
    _: MayRead,
    seen: Seen,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[ClaimOut]:
    """Claims of a line, newest first."""
    wanted = {"c.order_line_id =": line_id}
    rows, more = await page(
        request,
        response,
        _SELECT,
        wanted,
        cursor=cursor,
        limit=limit,
        by="c.id",
        within=within(seen, "o.acquisition_unit_ids"),
    )
    return cursors.Page(items=[ClaimOut(**dict(row)) for row in rows], next_cursor=more)


@router.post(
    "/order-lines/{line_id}/claims",
    status_code=201,
    response_model=ClaimOut,
    responses=problems(Unauthenticated, Forbidden, OrderUnknown, ClaimRefused, InFlight, Invalid),
)
async def claim_line(
    request: Request, line_id: UUID, body: ClaimIn, by: MayClaim, once: OnceRequired, now: Now
) -> Response:
    """Write down that a line was claimed, whether its day has come or not."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        books = Books(connection, str(by.actor), now, standing=await held(connection, by))
        claim_id = await commands.claim(connection, line_id, books, via=body.via, note=body.note)
        told = await _told(connection, claim_id)
        return 201, told, {"etag": etags.etag(told.version)}

    return await whole(pool_of(request), once, act)


@router.post(
    "/claims/{claim_id}/actions",
    response_model=ClaimOut,
    responses=problems(Unauthenticated, Forbidden, ClaimUnknown, ClaimRefused, InFlight, Invalid),
)
async def act_on_claim(
    request: Request, claim_id: UUID, body: ClaimAct, by: MayClaim, once: OnceRequired, now: Now
) -> Response:
    """Send, put off or withdraw what is proposed; refused when it has come meanwhile."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        books = Books(connection, str(by.actor), now, standing=await held(connection, by))
        if body.via is not None:
            await commands.send(connection, claim_id, books, via=body.via, note=body.note)
        else:
            await commands.stop(connection, claim_id, books, until=body.until, note=body.note)
        told = await _told(connection, claim_id)
        return 200, told, {"etag": etags.etag(told.version)}

    return await whole(pool_of(request), once, act)
