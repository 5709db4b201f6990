"""Units and their members are changed while nobody writes by them."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import NotFound, Reason, Refused
from erm.rows import change, insert
from erm.units.standing import CHANGE

MOST: Final = 500
"""Units of a library: every question reads them all."""
OF_UNITS: Final = ("purchase_order", "invoice", "ledger", "fund", "organisation", "vendor_order_account")
"""What names units."""


class UnitUnknown(NotFound):
    """There is no such acquisition unit."""

    code, title = "acquisition-unit-unknown", "There is no such acquisition unit."


class MemberUnknown(NotFound):
    """They are not in the unit."""

    code, title = "acquisition-unit-member-unknown", "They are not in this acquisition unit."


class UnitTaken(Refused):
    """Another unit has this name."""

    code, title = "acquisition-unit-taken", "Another acquisition unit has this name."


class UnitRefused(Refused):
    """The unit has records, or there are too many units."""

    code, title = "acquisition-unit-refused", "This cannot be done with the acquisition unit."


def _taken(name: str) -> UnitTaken:
    text = f"Another one is called {name}."
    return UnitTaken(reasons=[Reason("acquisition-unit-taken", text, "/name", "Change that one instead.")])


async def make(connection: Connection, told: dict[str, Any], *, now: datetime) -> UUID:
    """Enter a unit; it has no members and no records."""
    await connection.execute(CHANGE)
    if await connection.fetchval("SELECT count(*) FROM acquisition_unit") >= MOST:
        text = f"There are {MOST} already."
        raise UnitRefused(
            reasons=[Reason("too-many-units", text, None, "Remove one that is not used.", MOST, MOST)]
        )
    unit_id = uuid7()
    try:
        await insert(connection, "acquisition_unit", id=unit_id, created_at=now, **told)
    except asyncpg.UniqueViolationError as error:
        raise _taken(told["name"]) from error
    return unit_id


async def read(connection: Connection | asyncpg.Pool, unit_id: UUID) -> Any:
    """One; `UnitUnknown`."""
    row = await connection.fetchrow("SELECT * FROM acquisition_unit WHERE id = $1", unit_id)
    if row is None:
        raise UnitUnknown
    return row


async def under_change(connection: Connection, unit_id: UUID) -> Any:
    """One that nobody writes by until the transaction ends; `UnitUnknown`."""
    await connection.execute(CHANGE)
    return await read(connection, unit_id)


async def rewrite(connection: Connection, unit_id: UUID, told: dict[str, Any]) -> None:
    """Replace what is told of a unit."""
    try:
        await change(connection, "acquisition_unit", unit_id, **told)
    except asyncpg.UniqueViolationError as error:
        raise _taken(told["name"]) from error


_USED = " UNION ALL ".join(
    f"(SELECT '{table}' AS kind FROM {table} WHERE acquisition_unit_ids @> ARRAY[$1::uuid] "  # noqa: S608 - our own names
    "AND acquisition_unit_ids <> '{}' LIMIT 1)"
    for table in OF_UNITS
)
_KINDS = {
    "purchase_order": "orders",
    "invoice": "invoices",
    "ledger": "ledgers",
    "fund": "funds",
    "organisation": "organisations",
    "vendor_order_account": "accounts of vendors' programs",
}


async def remove(connection: Connection, unit_id: UUID) -> None:
    """Take a unit away that has no records: they would stand open. `UnitRefused`."""
    if used := await connection.fetch(_USED, unit_id):
        kinds = ", ".join(_KINDS[row["kind"]] for row in used)
        text = f"There are {kinds} that belong to it."
        mend = "Take them out of it first (PUT …/acquisition-units)."
        raise UnitRefused(reasons=[Reason("acquisition-unit-in-use", text, None, mend)])
    await connection.execute("DELETE FROM acquisition_unit WHERE id = $1", unit_id)


_ADD = """
INSERT INTO acquisition_unit_member (unit_id, member, added_at, added_by) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""


async def add(connection: Connection, unit_id: UUID, member: str, *, actor: str, now: datetime) -> Any:
    """Put somebody into a unit; who is in it already stays as they were put there."""
    await under_change(connection, unit_id)
    await connection.execute(_ADD, unit_id, member, now, actor)
    return await connection.fetchrow(
        "SELECT * FROM acquisition_unit_member WHERE unit_id = $1 AND member = $2", unit_id, member
    )


async def take_out(connection: Connection, unit_id: UUID, member: str) -> None:
    """Take somebody out of a unit: what they are writing at this moment ends first. `MemberUnknown`."""
    await under_change(connection, unit_id)
    gone = await connection.fetchval(
        "DELETE FROM acquisition_unit_member WHERE unit_id = $1 AND member = $2 RETURNING true",
        unit_id,
        member,
    )
    if gone is None:
        raise MemberUnknown
