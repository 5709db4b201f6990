"""Of the events of acquisitions, which somebody may see: those of records that they may see at this moment."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from chassis.database import Connection
from chassis.principal import Principal
from contracts.erm import InvoiceChanged, OrderChanged, OrderLineReceived, ReceiptUndone
from erm.units.rules import Act
from erm.units.standing import known

_UNITS: Final = """
SELECT id, acquisition_unit_ids FROM purchase_order WHERE id = ANY ($1::uuid[])
UNION ALL SELECT id, acquisition_unit_ids FROM invoice WHERE id = ANY ($2::uuid[])
UNION ALL SELECT l.id, o.acquisition_unit_ids FROM order_line l JOIN purchase_order o ON o.id = l.order_id
    WHERE l.id = ANY ($3::uuid[])
"""
_OF: Final = {
    OrderChanged.type: "order_id",
    InvoiceChanged.type: "invoice_id",
    OrderLineReceived.type: "order_line_id",
    ReceiptUndone.type: "order_line_id",
}
"""What an event of a type is about; other types tell of nothing that belongs to units."""


async def shown(pool: asyncpg.Pool, by: Principal, envelopes: Sequence[str]) -> list[bool]:
    """Of each envelope whether somebody may see it."""
    standing = await known(pool, by)
    if standing.unlimited:
        return [True] * len(envelopes)
    subjects = [_subject(orjson.loads(envelope)) for envelope in envelopes]
    named: dict[str, list[UUID]] = {field: [] for field in ("order_id", "invoice_id", "order_line_id")}
    for field, subject in filter(None, subjects):
        named[field].append(subject)
    units = {row["id"]: row["acquisition_unit_ids"] for row in await pool.fetch(_UNITS, *named.values())}
    return [subject is None or standing.lets(Act.READ, units.get(subject[1], ())) for subject in subjects]


def _subject(envelope: dict[str, Any]) -> tuple[str, UUID] | None:
    field = _OF.get(envelope["type"])
    return None if field is None else (field, UUID(envelope["data"][field]))


async def for_members(connection: Connection, units: Collection[UUID]) -> set[UUID]:
    """Those of these units that keep reading to their members."""
    if not units:
        return set()
    rows = await connection.fetch(
        "SELECT id FROM acquisition_unit WHERE id = ANY ($1::uuid[]) AND protect_read", list(units)
    )
    return {row["id"] for row in rows}


async def members_only(connection: Connection, units: Collection[UUID]) -> bool:
    """Whether what belongs to these units is seen by members alone."""
    return bool(await for_members(connection, units))
