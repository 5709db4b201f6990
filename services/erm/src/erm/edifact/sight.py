"""Which accounts, messages and interchanges somebody may see: all of what they speak of, or none of it."""

from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis.database import Connection
from erm.rows import Within
from erm.units.rules import Act, Standing
from erm.units.standing import clause, within

_UNITS: Final = clause("r.acquisition_unit_ids", "{0}", "{1}")


def _of_account(table: str) -> str:
    return (
        f"(SELECT {_UNITS} FROM edifact_account a JOIN organisation r ON r.id = a.organisation_id "  # noqa: S608 - our own words
        f"WHERE a.id = {table}.account_id) IS NOT FALSE"
    )


ACCOUNT: Final = (
    f"(SELECT {_UNITS} FROM organisation r WHERE r.id = edifact_account.organisation_id) IS NOT FALSE"  # noqa: S608 - our own words
)
MESSAGE: Final = f"""{_of_account("edifact_message")}
AND (SELECT {_UNITS} FROM purchase_order r WHERE r.id = edifact_message.order_id) IS NOT FALSE
AND (SELECT {_UNITS} FROM invoice r WHERE r.id = edifact_message.invoice_id) IS NOT FALSE
AND NOT EXISTS (SELECT FROM purchase_order r WHERE r.id = ANY (edifact_message.named_order_ids) AND NOT {_UNITS})
"""  # noqa: S608 - our own words
INTERCHANGE: Final = f"""{_of_account("edifact_interchange")}
AND NOT EXISTS (SELECT FROM edifact_message WHERE edifact_message.interchange_id = edifact_interchange.id
    AND NOT ({MESSAGE}))
"""


def of(text: str, standing: Standing) -> Within | None:
    """The condition that leaves of a list what somebody may see."""
    told = within(standing, "acquisition_unit_ids")
    return None if told is None else Within(text, told.values)


async def is_seen(
    connection: Connection | asyncpg.Pool, table: str, text: str, row_id: UUID, standing: Standing
) -> bool:
    """Whether somebody may see one of these; nobody sees what is not there."""
    condition = of(text, standing)
    if condition is None:
        return True
    statement = f"SELECT true FROM {table} WHERE id = $1 AND {condition.numbered(2)}"  # noqa: S608 - our own names
    told: Any = await connection.fetchval(statement, row_id, *condition.values)
    return told is True


async def against_change(connection: Connection, account_id: UUID, standing: Standing) -> list[UUID] | None:
    """The units that keep somebody from changing an account, which is its vendor's; none where they may not see it."""
    units = await connection.fetchval(
        "SELECT o.acquisition_unit_ids FROM edifact_account a JOIN organisation o ON o.id = a.organisation_id "
        "WHERE a.id = $1 FOR SHARE OF o",
        account_id,
    )
    if units is None or not standing.lets(Act.READ, units):
        return None
    return standing.against(Act.UPDATE, units)
