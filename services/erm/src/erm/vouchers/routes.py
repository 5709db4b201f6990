"""Vouchers, their batches and payments on the wire."""

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
from chassis.etags import IfMatch
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    PreconditionRequired,
    Stale,
    Unauthenticated,
    problems,
)
from erm.finance.commands import Books
from erm.finance.named import CodeTaken, Named, Versioned
from erm.invoices.commands import InvoiceRefused
from erm.money.rules import written
from erm.rows import Within, page, pool_of
from erm.units.rules import Act, Standing
from erm.units.standing import Seen, clause, held, within
from erm.vouchers import commands
from erm.vouchers.commands import BatchGroupUnknown, PaymentsRefused, VoucherPaymentIn
from erm.vouchers.rules import VoucherKind, VoucherState
from erm.wire import LONGEST, AmountOut, Code, Limit, Strict, Word

router = new_router("/v1", tag="vouchers")

MayRead = Annotated[Principal, Depends(may("vouchers:read", "vouchers:export"))]
MayExport = Annotated[Principal, Depends(may("vouchers:export"))]
MayPay = Annotated[Principal, Depends(may("invoices:pay"))]
MaySetUp = Annotated[Principal, Depends(may("finance:write"))]
MaySee = Annotated[
    Principal, Depends(may("finance:read", "finance:write", "vouchers:read", "vouchers:export"))
]


class VoucherUnknown(NotFound):
    """There is no such voucher."""

    code, title = "voucher-unknown", "There is no such voucher."


class BatchUnknown(NotFound):
    """There is no such batch."""

    code, title = "voucher-batch-unknown", "There is no such batch of vouchers."


class BatchGroupIn(Strict):
    """Vouchers that go to the university's books together."""

    code: Code
    name: Word
    active: bool = True
    """No invoice names one that is not."""


class BatchGroupOut(Versioned):
    """A group."""

    id: UUID
    code: str
    name: str
    active: bool
    last_batch: int
    """Batches are numbered within their group, without gaps."""
    created_at: datetime


GROUPS = Named("batch_group", "/v1/batch-groups", BatchGroupOut, BatchGroupUnknown)


class VoucherOut(BaseModel):
    """An approved invoice as the university's books are told of it."""

    id: UUID
    number: int
    """Without gaps."""
    kind: VoucherKind
    state: VoucherState
    invoice_id: UUID
    reverses_id: UUID | None
    """The voucher that this one takes back."""
    batch_group_id: UUID
    batch_id: UUID | None
    currency: str
    amount: AmountOut
    """In the ledger's currency; negative where something comes back."""
    document: dict[str, Any]
    """What goes out of it."""
    created_at: datetime
    exported_at: datetime | None
    paid_on: date | None
    payment_reference: str | None
    version: int


class VoucherBatchIn(Strict):
    """What is to go out."""

    batch_group_id: UUID


class VoucherBatchOut(BaseModel):
    """Vouchers that went out together."""

    id: UUID
    batch_group_id: UUID
    number: int
    vouchers: int
    created_at: datetime
    created_by: str


class MadeBatchOut(BaseModel):
    """What went out."""

    batch: VoucherBatchOut | None
    """None: no voucher of the group awaits it."""


class VoucherPaymentsIn(Strict):
    """What the university has paid."""

    payments: list[VoucherPaymentIn] = Field(min_length=1, max_length=LONGEST)


class VoucherPaymentOut(BaseModel):
    """A payment that was taken."""

    number: int
    new: bool
    """It was not reported before."""


class VoucherPaymentsOut(BaseModel):
    """In the order in which they were told."""

    items: list[VoucherPaymentOut]


@router.post(
    "/batch-groups",
    status_code=201,
    response_model=BatchGroupOut,
    responses=problems(Unauthenticated, Forbidden, CodeTaken, InFlight, Invalid),
)
async def create_batch_group(
    request: Request, body: BatchGroupIn, _: MaySetUp, once: OnceRequired, now: Now
) -> Response:
    """Set up a group. `main` is there from the start."""
    return await GROUPS.set_up(request, once, now, **body.model_dump())


@router.get(
    "/batch-groups",
    response_model=cursors.Page[BatchGroupOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_batch_groups(
    request: Request, response: Response, _: MaySee, cursor: str | None = None, limit: Limit = 100
) -> cursors.Page[BatchGroupOut]:
    """Groups, newest first."""
    return await GROUPS.listed(request, response, {}, cursor=cursor, limit=limit)


@router.get(
    "/batch-groups/{batch_group_id}",
    response_model=BatchGroupOut,
    responses=problems(Unauthenticated, Forbidden, BatchGroupUnknown),
)
async def get_batch_group(
    request: Request, response: Response, batch_group_id: UUID, _: MaySee
) -> BatchGroupOut:
    """One group."""
    return await GROUPS.shown(request, response, batch_group_id)


@router.put(
    "/batch-groups/{batch_group_id}",
    response_model=BatchGroupOut,
    responses=problems(
        Unauthenticated, Forbidden, BatchGroupUnknown, CodeTaken, Stale, Invalid, PreconditionRequired
    ),
)
async def change_batch_group(
    request: Request,
    response: Response,
    batch_group_id: UUID,
    body: BatchGroupIn,
    _: MaySetUp,
    expected: IfMatch,
) -> BatchGroupOut:
    """Replace what is told of a group."""
    return await GROUPS.replaced(request, response, batch_group_id, expected, **body.model_dump())


def _out(row: Any) -> VoucherOut:
    told = dict(row) | {"amount": written(row["amount"], row["currency"])}
    return VoucherOut(**{name: told[name] for name in VoucherOut.model_fields})


_SELECT = "SELECT v.*, i.acquisition_unit_ids FROM voucher v JOIN invoice i ON i.id = v.invoice_id"


@router.get(
    "/vouchers",
    response_model=cursors.Page[VoucherOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_vouchers(
    request: Request,
    response: Response,
    _: MayRead,
    seen: Seen,
    state: VoucherState | None = None,
    number: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    invoice_id: UUID | None = None,
    batch_group_id: UUID | None = None,
    batch_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[VoucherOut]:
    """Vouchers, newest first; in a state, of an invoice, a group or a batch."""
    wanted = {
        "v.state =": state,
        "v.number =": number,
        "v.invoice_id =": invoice_id,
        "v.batch_group_id =": batch_group_id,
        "v.batch_id =": batch_id,
    }
    rows, more = await page(
        request,
        response,
        _SELECT,
        wanted,
        cursor=cursor,
        limit=limit,
        by="v.id",
        within=within(seen, "i.acquisition_unit_ids"),
    )
    return cursors.Page(items=[_out(row) for row in rows], next_cursor=more)


@router.get(
    "/vouchers/{voucher_id}",
    response_model=VoucherOut,
    responses=problems(Unauthenticated, Forbidden, VoucherUnknown),
)
async def get_voucher(
    request: Request, response: Response, voucher_id: UUID, _: MayRead, seen: Seen
) -> VoucherOut:
    """One voucher."""
    row = await pool_of(request).fetchrow(_SELECT + " WHERE v.id = $1", voucher_id)
    if row is None or not seen.lets(Act.READ, row["acquisition_unit_ids"]):
        raise VoucherUnknown
    etags.tag(response, row["version"])
    return _out(row)


_HIDDEN = (
    "NOT EXISTS (SELECT FROM voucher v JOIN invoice i ON i.id = v.invoice_id WHERE v.batch_id = voucher_batch.id "
    f"AND NOT {clause('i.acquisition_unit_ids', '{0}', '{1}')})"
)


def whole_batches(seen: Standing) -> Within | None:
    """Batches go out as they were written: who may not see one of the vouchers does not see the batch."""
    one = within(seen, "i.acquisition_unit_ids")
    return None if one is None else Within(_HIDDEN, one.values)


async def read_batch(request: Request, batch_id: UUID, columns: str, seen: Standing) -> Any:
    """One batch; `BatchUnknown`."""
    hidden = whole_batches(seen)
    text, values = ("true", ()) if hidden is None else (hidden.numbered(2), hidden.values)
    statement = f"SELECT {columns} FROM voucher_batch WHERE id = $1 AND {text}"  # noqa: S608 - our own names
    row = await pool_of(request).fetchrow(statement, batch_id, *values)
    if row is None:
        raise BatchUnknown
    return row


_BATCH = ", ".join(VoucherBatchOut.model_fields)
_ONE_BATCH = f"SELECT {_BATCH} FROM voucher_batch WHERE id = $1"  # noqa: S608 - our own names


@router.post(
    "/voucher-batches",
    response_model=MadeBatchOut,
    responses=problems(Unauthenticated, Forbidden, BatchGroupUnknown, InFlight, Invalid),
)
async def export_vouchers(
    request: Request, body: VoucherBatchIn, by: MayExport, once: OnceRequired, now: Now
) -> Response:
    """Put the group's vouchers that await it into a batch (1000 at most), each once and for all."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        batch_id = await commands.export(
            connection,
            body.batch_group_id,
            actor=str(by.actor),
            now=now,
            standing=await held(connection, by),
        )
        if batch_id is None:
            return 200, MadeBatchOut(batch=None), {}
        row = await connection.fetchrow(_ONE_BATCH, batch_id)
        assert row is not None
        where = {"location": f"/v1/voucher-batches/{batch_id}"}
        return 200, MadeBatchOut(batch=VoucherBatchOut(**dict(row))), where

    return await whole(pool_of(request), once, act)


@router.get(
    "/voucher-batches",
    response_model=cursors.Page[VoucherBatchOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_batches(
    request: Request,
    response: Response,
    _: MayRead,
    seen: Seen,
    batch_group_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[VoucherBatchOut]:
    """Batches, newest first; of a group."""
    rows, more = await page(
        request,
        response,
        f"SELECT {_BATCH} FROM voucher_batch",  # noqa: S608 - our own names
        {"batch_group_id =": batch_group_id},
        cursor=cursor,
        limit=limit,
        within=whole_batches(seen),
    )
    return cursors.Page(items=[VoucherBatchOut(**dict(row)) for row in rows], next_cursor=more)


@router.get(
    "/voucher-batches/{batch_id}",
    response_model=VoucherBatchOut,
    responses=problems(Unauthenticated, Forbidden, BatchUnknown),
)
async def get_batch(request: Request, batch_id: UUID, _: MayRead, seen: Seen) -> VoucherBatchOut:
    """One batch."""
    return VoucherBatchOut(**dict(await read_batch(request, batch_id, _BATCH, seen)))


@router.get(
    "/voucher-batches/{batch_id}/content",
    response_class=Response,
    responses={
        200: {"content": {"application/json": {}, "application/xml": {}}},
        **problems(Unauthenticated, Forbidden, BatchUnknown, Invalid),
    },
)
async def get_batch_content(
    request: Request, batch_id: UUID, _: MayRead, seen: Seen, form: Literal["json", "xml"] = "json"
) -> Response:
    """The batch as the university's books read it: as JSON or XML, the same bytes however often it is read."""
    row = await read_batch(request, batch_id, "number, as_json, as_xml", seen)
    name = {"content-disposition": f'attachment; filename="vouchers-{row["number"]}.{form}"'}
    return Response(bytes(row[f"as_{form}"]), media_type=f"application/{form}", headers=name)


@router.post(
    "/voucher-payments",
    response_model=VoucherPaymentsOut,
    responses=problems(Unauthenticated, Forbidden, PaymentsRefused, InvoiceRefused, InFlight, Invalid),
)
async def report_payments(
    request: Request, body: VoucherPaymentsIn, by: MayPay, once: OnceRequired, now: Now
) -> Response:
    """Report what the university has paid: its invoices are paid, all of them or none. What was reported before with
    the same amount and reference changes nothing."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        books = Books(connection, str(by.actor), now, standing=await held(connection, by))
        fresh = await commands.report(connection, body.payments, books)
        told = [
            VoucherPaymentOut(number=each.number, new=new)
            for each, new in zip(body.payments, fresh, strict=True)
        ]
        return 200, VoucherPaymentsOut(items=told), {}

    return await whole(pool_of(request), once, act)
