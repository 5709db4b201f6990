"""Messages on the wire: what became of each, and what is to be done with those that are held."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, Field

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    Reason,
    ReasonOut,
    Refused,
    Unauthenticated,
    problems,
)
from erm.edifact import sight
from erm.edifact.accounts import MayRead, MayWrite
from erm.edifact.applying import document_of, take_up
from erm.edifact.reading import KINDS
from erm.edifact.rules import ACCEPTABLE, APPLICABLE, MessageState
from erm.edifact.sending import NotSendable, send_again
from erm.edifact.syntax import Unreadable
from erm.edifact.tasks import LineTold, Told
from erm.money.rules import written
from erm.orders import queries as orders
from erm.orders.commands import OrderUnknown, locked
from erm.rows import change, page, pool_of
from erm.units.rules import Act
from erm.units.standing import Seen, UnitsForbid, held
from erm.wire import LONGEST, AmountOut, ShareIn, Strict

router = new_router("/v1", tag="edifact")

MaySend = Annotated[Principal, Depends(may("orders:write", "edifact:write"))]
MaySee = Annotated[Principal, Depends(may("orders:read", "orders:write", "orders:approve", "edifact:read"))]


class MessageUnknown(NotFound):
    """There is no such message."""

    code, title = "edifact-message-unknown", "There is no such message."


class MessageRefused(Refused):
    """The message's state, or what it says, stands against it."""

    code, title = "edifact-message-refused", "This cannot be done with the message."


class ReportUnknown(NotFound):
    """The vendor has said nothing of this line."""

    code, title = "vendor-report-unknown", "The vendor has said nothing of this line."


class EdifactMessageOut(BaseModel):
    """A message, and what became of it."""

    id: UUID
    interchange_id: UUID | None
    direction: Literal["in", "out"]
    account_id: UUID | None
    reference: str | None
    kind: str
    release: str
    document_number: str | None
    state: MessageState
    again: bool
    """The order was sent before."""
    reasons: list[ReasonOut]
    """Why it is held or rejected; of one that is applied, what to look at."""
    order_id: UUID | None
    invoice_id: UUID | None
    despatch_id: UUID | None
    created_at: datetime
    created_by: str
    done_at: datetime | None
    done_by: str | None
    version: int


class WholeMessageOut(EdifactMessageOut):
    """A message with its text."""

    text: str | None
    document: dict[str, Any] | None
    """What it says, as it was understood; none where it was not, and of one that goes out."""


class EdifactLineIn(Strict):
    """What a line of a message is."""

    line: Annotated[str, Field(min_length=1, max_length=35)]
    """As the message counts it (LIN)."""
    order_line_id: UUID | None = None
    shares: list[ShareIn] = Field(default_factory=list, max_length=50)
    """Of an invoice's line that is for no order line: who bears it."""


class EdifactMessageAct(Strict):
    """What is to be done with a message that came in."""

    action: Literal["apply", "discard"]
    accept: list[str] = Field(default_factory=list, max_length=20)
    """Reasons that are accepted, by their code."""
    lines: list[EdifactLineIn] = Field(default_factory=list, max_length=LONGEST)
    fiscal_year_id: UUID | None = None
    """Of an invoice: the year that pays."""


class VendorReportOut(BaseModel):
    """What a vendor last said of an order line."""

    order_line_id: UUID
    message_id: UUID
    report: Literal["accepted", "changed", "back-ordered", "not-supplied", "not-found", "recorded"]
    action: str | None
    """1229"""
    codes: list[str]
    """Of the trade's lists, as `7B:OP`."""
    text: str | None
    ordered: int | None
    despatched: int | None
    back_ordered: int | None
    expected_on: date | None
    price: AmountOut | None
    """For one copy, in the order's currency."""
    reported_at: datetime


_SHORT = ", ".join(name for name in EdifactMessageOut.model_fields)


def _message(row: Any) -> EdifactMessageOut:
    return EdifactMessageOut(**{name: row[name] for name in EdifactMessageOut.model_fields})


@router.get(
    "/edifact-messages",
    response_model=cursors.Page[EdifactMessageOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_messages(
    request: Request,
    response: Response,
    _: MayRead,
    seen: Seen,
    state: MessageState | None = None,
    interchange_id: UUID | None = None,
    order_id: UUID | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> cursors.Page[EdifactMessageOut]:
    """Messages, newest first; those in a state (`held`: somebody has to look), of an interchange, of an order."""
    rows, more = await page(
        request,
        response,
        f"SELECT {_SHORT} FROM edifact_message",  # noqa: S608 - our own names
        {"state =": state, "interchange_id =": interchange_id, "order_id =": order_id},
        cursor=cursor,
        limit=limit,
        within=sight.of(sight.MESSAGE, seen),
    )
    return cursors.Page(items=[_message(row) for row in rows], next_cursor=more)


_WHOLE = """
SELECT m.*, i.separators FROM edifact_message m LEFT JOIN edifact_interchange i ON i.id = m.interchange_id
WHERE m.id = $1
"""


@router.get(
    "/edifact-messages/{message_id}",
    response_model=WholeMessageOut,
    responses=problems(Unauthenticated, Forbidden, MessageUnknown),
)
async def get_message(
    request: Request, response: Response, message_id: UUID, _: MayRead, seen: Seen
) -> WholeMessageOut:
    """One message with its text, and what it was understood to say."""
    if not await sight.is_seen(pool_of(request), "edifact_message", sight.MESSAGE, message_id, seen):
        raise MessageUnknown
    row = await pool_of(request).fetchrow(_WHOLE, message_id)
    if row is None:
        raise MessageUnknown
    document: Any = None
    if row["direction"] == "in" and row["kind"] in KINDS:
        try:
            document = asdict(document_of(dict(row), row["separators"])[0])
        except Unreadable:
            document = None
    etags.tag(response, row["version"])
    return WholeMessageOut(**_message(row).model_dump(), text=row["text"], document=_plain(document))


def _plain(told: Any) -> Any:
    """Numbers and dates as texts."""
    if isinstance(told, dict):
        return {name: _plain(value) for name, value in told.items()}
    if isinstance(told, list | tuple):
        return [_plain(value) for value in told]
    return told if told is None or isinstance(told, bool | int | str) else str(told)


@router.post(
    "/edifact-messages/{message_id}/actions",
    response_model=EdifactMessageOut,
    responses=problems(Unauthenticated, Forbidden, MessageUnknown, MessageRefused, InFlight, Invalid),
)
async def act_on_message(
    request: Request, message_id: UUID, body: EdifactMessageAct, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Apply a message that is held, with what was corrected since or is said here; or discard it for good."""
    if wrong := sorted(set(body.accept) - ACCEPTABLE):
        text = f"{', '.join(wrong)} cannot be accepted."
        mend = f"What can be: {', '.join(sorted(ACCEPTABLE))}."
        raise Invalid(reasons=[Reason("not-acceptable", text, "/accept", mend)])

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        standing = await held(connection, by)
        row = await connection.fetchrow("SELECT * FROM edifact_message WHERE id = $1 FOR UPDATE", message_id)
        if row is None or not await sight.is_seen(
            connection, "edifact_message", sight.MESSAGE, message_id, standing
        ):
            raise MessageUnknown
        if row["state"] not in APPLICABLE:
            text = f"The message is {row['state']}."
            mend = "Only one that is held is applied or discarded."
            raise MessageRefused(reasons=[Reason("message-state", text, None, mend)])
        actor = str(by.actor)
        if body.action == "discard":
            values = {"state": MessageState.DISCARDED.value, "done_at": now, "done_by": actor}
            await change(connection, "edifact_message", message_id, **values)
        else:
            ended = await take_up(connection, dict(row), _told(body), actor=actor, now=now, standing=standing)
            if any(reason.code == UnitsForbid.code for reason in ended.reasons):
                raise UnitsForbid(reasons=ended.reasons)
            if ended.state is MessageState.HELD:
                raise MessageRefused("The message is held for these reasons.", reasons=ended.reasons)
        told = await connection.fetchrow("SELECT * FROM edifact_message WHERE id = $1", message_id)
        assert told is not None
        return 200, _message(told), {"etag": etags.etag(told["version"])}

    return await whole(pool_of(request), once, act)


def _told(body: EdifactMessageAct) -> Told:
    lines = {each.line: LineTold(each.order_line_id, each.shares) for each in body.lines}
    return Told(frozenset(body.accept), lines, body.fiscal_year_id)


class QueuedOrderOut(BaseModel):
    """An order that goes out with the vendor's next interchange."""

    message: EdifactMessageOut


@router.post(
    "/orders/{order_id}/edifact-messages",
    status_code=201,
    response_model=QueuedOrderOut,
    responses=problems(Unauthenticated, Forbidden, OrderUnknown, NotSendable, InFlight, Invalid),
)
async def send_order(request: Request, order_id: UUID, by: MaySend, once: OnceRequired, now: Now) -> Response:
    """Queue an open order for its vendor by hand; one that was sent before says that it is a repetition."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        order = await locked(connection, order_id, await held(connection, by))
        await send_again(connection, order, actor=str(by.actor), now=now)
        row = await connection.fetchrow(
            "SELECT * FROM edifact_message WHERE order_id = $1 AND state = 'pending'", order_id
        )
        return 201, QueuedOrderOut(message=_message(row)), {}

    return await whole(pool_of(request), once, act)


_REPORT = """
SELECT r.*, o.currency, o.acquisition_unit_ids FROM edifact_line_report r JOIN order_line l ON l.id = r.order_line_id
JOIN purchase_order o ON o.id = l.order_id WHERE r.order_line_id = $1
"""


@router.get(
    "/order-lines/{line_id}/vendor-report",
    response_model=VendorReportOut,
    responses=problems(Unauthenticated, Forbidden, OrderUnknown, ReportUnknown),
)
async def get_vendor_report(request: Request, line_id: UUID, _: MaySee, seen: Seen) -> VendorReportOut:
    """What the vendor last said of a line (ORDRSP)."""
    pool = pool_of(request)
    row = await pool.fetchrow(_REPORT, line_id)
    if row is None or not seen.lets(Act.READ, row["acquisition_unit_ids"]):
        if not await orders.lines_in_sight(pool, [line_id], seen):
            raise OrderUnknown("There is no such order line.")
        raise ReportUnknown
    told = dict(row) | {"price": None if row["price"] is None else written(row["price"], row["currency"])}
    return VendorReportOut(**{name: told[name] for name in VendorReportOut.model_fields})
