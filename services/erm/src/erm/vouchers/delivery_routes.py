"""Where a group's batches are delivered, and what became of each, on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import Request, Response
from pydantic import BaseModel, Field, SecretStr, field_validator

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.ids import uuid7
from chassis.once import whole
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Stale, Unauthenticated, problems
from erm.rows import change, insert, page, pool_of
from erm.sources.sealing import NotSealable, demanded, seal
from erm.units.standing import Seen
from erm.vouchers import delivering
from erm.vouchers.commands import BatchGroupUnknown
from erm.vouchers.delivering import DeliveryRefused
from erm.vouchers.routes import (
    GROUPS,
    BatchUnknown,
    MayExport,
    MayRead,
    MaySee,
    MaySetUp,
    read_batch,
    whole_batches,
)
from erm.wire import Limit, Strict

router = new_router("/v1", tag="vouchers")


class DeliveryUnknown(NotFound):
    """The group's batches are delivered nowhere."""

    code, title = "batch-group-delivery-unknown", "The group's batches are delivered nowhere."


class BatchGroupDeliveryIn(Strict):
    """Where the batches of a group are put, by FTP."""

    host: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9.:-]+$")]
    """A name or an address, public or in a network that the operator allows (ERM_DELIVERY_NETWORKS)."""
    port: Annotated[int, Field(ge=1, le=65535)] = 21
    security: Literal["tls", "none"] = "tls"
    """`tls`: explicit TLS for commands and files; `none` only in networks that the operator allows."""
    user_name: Annotated[str, Field(min_length=1, max_length=200)]
    password: Annotated[SecretStr, Field(min_length=1, max_length=2000)] | None = None
    """Kept sealed and never told again; left out, the one that there is stays."""
    directory: Annotated[str, Field(max_length=500)] = ""
    """None: the one that whoever signs in is in."""
    form: Literal["json", "xml"] = "xml"
    active: bool = True

    @field_validator("user_name", "directory")
    @classmethod
    def _printable(cls, told: str) -> str:
        if not told.isprintable():
            raise ValueError("it is printable")
        return told

    @field_validator("password")
    @classmethod
    def _password_printable(cls, told: SecretStr | None) -> SecretStr | None:
        if told is not None and not told.get_secret_value().isprintable():
            raise ValueError("a password is printable")
        return told


class BatchGroupDeliveryOut(BaseModel):
    """Where the batches of a group are put."""

    batch_group_id: UUID
    host: str
    port: int
    security: Literal["tls", "none"]
    user_name: str
    has_password: bool
    directory: str
    form: Literal["json", "xml"]
    active: bool
    created_at: datetime
    version: int


class VoucherDeliveryOut(BaseModel):
    """A batch on its way."""

    id: UUID
    batch_id: UUID
    batch_group_id: UUID
    number: int
    """Of the batch."""
    state: Literal["waiting", "sent", "failed"]
    """`failed`: it is not tried any more until somebody asks for it."""
    file_name: str | None
    attempts: int
    next_at: datetime | None
    error: str | None
    """Why the last attempt came to nothing."""
    sent_at: datetime | None
    created_at: datetime


async def _target(connection: Connection | asyncpg.Pool, group_id: UUID) -> Any:
    await GROUPS.read(connection, group_id)
    return await connection.fetchrow("SELECT * FROM batch_group_delivery WHERE batch_group_id = $1", group_id)


def _out(row: Any) -> BatchGroupDeliveryOut:
    if row is None:
        raise DeliveryUnknown
    told = {name: row[name] for name in BatchGroupDeliveryOut.model_fields if name != "has_password"}
    return BatchGroupDeliveryOut(**told, has_password=row["sealed"] is not None)


@router.get(
    "/batch-groups/{batch_group_id}/delivery",
    response_model=BatchGroupDeliveryOut,
    responses=problems(Unauthenticated, Forbidden, BatchGroupUnknown, DeliveryUnknown),
)
async def get_batch_group_delivery(
    request: Request, response: Response, batch_group_id: UUID, _: MaySee
) -> BatchGroupDeliveryOut:
    """Where the batches of a group are put."""
    told = _out(await _target(pool_of(request), batch_group_id))
    etags.tag(response, told.version)
    return told


@router.put(
    "/batch-groups/{batch_group_id}/delivery",
    response_model=BatchGroupDeliveryOut,
    responses=problems(Unauthenticated, Forbidden, BatchGroupUnknown, NotSealable, Stale, Invalid),
)
async def put_batch_group_delivery(
    request: Request,
    response: Response,
    batch_group_id: UUID,
    body: BatchGroupDeliveryIn,
    _: MaySetUp,
    now: Now,
) -> BatchGroupDeliveryOut:
    """Have each new batch of a group put on an FTP server. An existing delivery wants `If-Match`."""
    settings = request.app.state.resources.settings
    told = request.headers.get("if-match")
    expected = await etags.expected_version(told) if told is not None else None
    async with pool_of(request).acquire() as connection, connection.transaction():
        await GROUPS.read(connection, batch_group_id, lock=True)
        found = await _target(connection, batch_group_id)
        etags.guard(expected=expected or 0, found=found["version"] if found else 0)
        row_id = found["id"] if found else uuid7()
        sealed = found["sealed"] if found else None
        if body.password is not None:
            key = demanded(settings.sealing_key, "/password")
            sealed = seal(key, row_id, body.password.get_secret_value())
        elif sealed is not None and any(found[name] != getattr(body, name) for name in ("host", "port")):
            text = "The password was given for another server."
            raise Invalid(reasons=[Reason("password-needed", text, "/password", "Send it again.")])
        values = body.model_dump(exclude={"password"}) | {"sealed": sealed}
        if found:
            await change(connection, "batch_group_delivery", row_id, **values)
        else:
            values |= {"batch_group_id": batch_group_id, "created_at": now}
            await insert(connection, "batch_group_delivery", id=row_id, **values)
        told_out = _out(await _target(connection, batch_group_id))
    etags.tag(response, told_out.version)
    return told_out


@router.delete(
    "/batch-groups/{batch_group_id}/delivery",
    status_code=204,
    response_class=Response,
    responses=problems(Unauthenticated, Forbidden, BatchGroupUnknown, DeliveryUnknown),
)
async def remove_batch_group_delivery(request: Request, batch_group_id: UUID, _: MaySetUp) -> Response:
    """Its batches are put nowhere any more, and the password is forgotten; what still waits fails."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        _out(await _target(connection, batch_group_id))
        await connection.execute("DELETE FROM batch_group_delivery WHERE batch_group_id = $1", batch_group_id)
    return Response(status_code=204)


_DELIVERIES = """
SELECT d.*, voucher_batch.batch_group_id, voucher_batch.number FROM voucher_delivery d
JOIN voucher_batch ON voucher_batch.id = d.batch_id
"""


@router.get(
    "/voucher-deliveries",
    response_model=cursors.Page[VoucherDeliveryOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_voucher_deliveries(
    request: Request,
    response: Response,
    _: MayRead,
    seen: Seen,
    state: Literal["waiting", "sent", "failed"] | None = None,
    batch_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[VoucherDeliveryOut]:
    """Deliveries, newest first; `failed` are those that want looking after."""
    rows, more = await page(
        request,
        response,
        _DELIVERIES,
        {"d.state =": state, "d.batch_id =": batch_id},
        cursor=cursor,
        limit=limit,
        by="d.id",
        within=whole_batches(seen),
    )
    return cursors.Page(items=[VoucherDeliveryOut(**dict(row)) for row in rows], next_cursor=more)


@router.post(
    "/voucher-batches/{batch_id}/deliveries",
    response_model=VoucherDeliveryOut,
    responses=problems(Unauthenticated, Forbidden, BatchUnknown, DeliveryRefused, InFlight, Invalid),
)
async def deliver_batch(
    request: Request, batch_id: UUID, _: MayExport, seen: Seen, once: OnceRequired, now: Now
) -> Response:
    """Deliver a batch that has failed, or that was made before its group was delivered anywhere."""
    batch = await read_batch(request, batch_id, "batch_group_id", seen)

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        await delivering.ask(connection, batch["batch_group_id"], batch_id, now=now)
        row = await connection.fetchrow(_DELIVERIES + "WHERE d.batch_id = $1", batch_id)
        assert row is not None
        return 200, VoucherDeliveryOut(**dict(row)), {}

    return await whole(pool_of(request), once, act)
