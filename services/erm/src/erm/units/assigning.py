"""Which acquisition units a record belongs to: on the wire for everything that belongs to some."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import BaseModel

from chassis import etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.etags import IfMatch
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
from erm.finance.routes import FundUnknown, LedgerUnknown
from erm.invoices import commands as invoices
from erm.invoices.commands import InvoiceUnknown
from erm.orders import announcing
from erm.orders import queries as orders
from erm.orders.commands import OrderUnknown
from erm.organisations.routes import OrganisationUnknown
from erm.rows import change, pool_of
from erm.units.rules import Act, moved_against
from erm.units.standing import MANAGE, POINTER, demand_known, demand_units, forbidden, held
from erm.wire import Strict, UnitIds

router = new_router("/v1", tag="acquisition-units")

MayAssign = Annotated[Principal, Depends(may("acquisition-units:assign", MANAGE))]
WHAT: Final = "acquisition-units-changed"


class UnitsOfRecordIn(Strict):
    """The units that a record is to belong to."""

    acquisition_unit_ids: UnitIds
    """All of them; none: whoever has the scope may see and change it."""


class UnitsOfRecordOut(BaseModel):
    """The units that a record belongs to."""

    acquisition_unit_ids: list[UUID]
    version: int
    """Of the record, as its ETag has it."""


Write = Callable[[Connection, UUID, list[UUID], datetime], Awaitable[None]]


def _plain(table: str) -> Write:
    async def write(connection: Connection, row_id: UUID, units: list[UUID], _: datetime) -> None:
        await change(connection, table, row_id, acquisition_unit_ids=units)

    return write


async def _of_order(connection: Connection, row_id: UUID, units: list[UUID], now: datetime) -> None:
    order = await orders.order(connection, row_id)
    assert order is not None
    await announcing.changed(connection, order, WHAT, now, acquisition_unit_ids=units)


async def _of_invoice(connection: Connection, row_id: UUID, units: list[UUID], now: datetime) -> None:
    await invoices.changed(connection, row_id, WHAT, now, acquisition_unit_ids=units)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record that belongs to units by itself."""

    path: str
    name: str
    table: str
    unknown: type[NotFound]
    write: Write


KINDS: Final = (
    Kind("orders", "order", "purchase_order", OrderUnknown, _of_order),
    Kind("invoices", "invoice", "invoice", InvoiceUnknown, _of_invoice),
    Kind("ledgers", "ledger", "ledger", LedgerUnknown, _plain("ledger")),
    Kind("funds", "fund", "fund", FundUnknown, _plain("fund")),
    Kind("organisations", "organisation", "organisation", OrganisationUnknown, _plain("organisation")),
)


async def assign(
    connection: Connection,
    kind: Kind,
    row_id: UUID,
    units: list[UUID],
    *,
    by: Principal,
    expected: int,
    now: datetime,
) -> UnitsOfRecordOut:
    """Put a record into these units, and out of all others; raises what says that it is unknown, `UnitsForbid`,
    `Invalid`, `Stale`.

    It takes being in each unit that comes or goes, and being able to change the record; whoever manages units may do
    it with every record that they see.
    """
    standing = await held(connection, by)
    row: Any = await connection.fetchrow(
        f"SELECT version, acquisition_unit_ids FROM {kind.table} WHERE id = $1 FOR UPDATE",  # noqa: S608 - our own names
        row_id,
    )
    if row is None or not standing.lets(Act.READ, row["acquisition_unit_ids"]):
        raise kind.unknown
    etags.guard(expected=expected, found=row["version"])
    await demand_known(connection, units)
    before, after, manager = row["acquisition_unit_ids"], list(dict.fromkeys(units)), by.may(MANAGE)
    if not manager:
        demand_units(standing, Act.UPDATE, before)
    if against := moved_against(standing, before=before, after=after, manager=manager):
        raise forbidden(standing, against, POINTER)
    if after != before:
        await kind.write(connection, row_id, after, now)
    version = await connection.fetchval(f"SELECT version FROM {kind.table} WHERE id = $1", row_id)  # noqa: S608 - our own names
    return UnitsOfRecordOut(acquisition_unit_ids=after, version=version)


def _offer(kind: Kind) -> None:
    async def put(
        request: Request,
        response: Response,
        record_id: UUID,
        body: UnitsOfRecordIn,
        by: MayAssign,
        expected: IfMatch,
        now: Now,
    ) -> UnitsOfRecordOut:
        async with pool_of(request).acquire() as connection, connection.transaction():
            told = await assign(
                connection, kind, record_id, body.acquisition_unit_ids, by=by, expected=expected, now=now
            )
        etags.tag(response, told.version)
        return told

    router.add_api_route(
        f"/{kind.path}/{{record_id}}/acquisition-units",
        put,
        methods=["PUT"],
        name=f"assign_{kind.name}_to_acquisition_units",
        response_model=UnitsOfRecordOut,
        description=(
            "Say which acquisition units it belongs to, all at once. It takes being in each unit that comes or goes; "
            "whoever manages units may do it with every record that they see. `If-Match` is the record's own ETag."
        ),
        responses=problems(Unauthenticated, Forbidden, kind.unknown, Stale, Invalid, PreconditionRequired),
    )


for _kind in KINDS:
    _offer(_kind)
