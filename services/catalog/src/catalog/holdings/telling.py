"""Holdings as events tell of them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.items.announcing import further
from catalog.items.standing import lasting
from chassis.database import Connection, plain
from contracts.catalog import HoldingsState

_STATES: Final = f"""
SELECT h.id, h.hrid_prefix || h.hrid AS record_number, h.version, h.title_id,
    h.location_id, nullif(h.call_number, '') AS call_number, h.suppressed,
    h.statistical_codes, {lasting("h", "temporary_location")} AS temporary_location_id, h.other_call_numbers,
    CASE WHEN h.temporary_location_ends_at > now() THEN h.temporary_location_ends_at END AS temporary_location_ends_at,
    h.digitisation_policy, h.policies ->> 'lending_policy' AS lending_policy,
    h.policies ->> 'reproduction_policy' AS reproduction_policy,
    (SELECT count(*) FROM item i WHERE i.title_id = h.title_id AND i.holdings_id = h.id) AS items
FROM holdings h WHERE h.id = ANY ({{0}}) ORDER BY h.id
"""  # noqa: S608 - our own text
_IN_SESSION: Final = text(_STATES.format(":ids"))
_ON_CONNECTION: Final = _STATES.format("$1::uuid[]")


async def holdings_states(session: AsyncSession, ids: Sequence[UUID]) -> list[tuple[HoldingsState, int]]:
    """Holdings as they now stand, each with the number of its items."""
    if not ids:
        return []
    rows = await session.execute(_IN_SESSION, {"ids": list(ids)})
    return [(_state(dict(row._mapping)), row.items) for row in rows]


async def holdings_states_on(connection: Connection, ids: Sequence[UUID]) -> list[HoldingsState]:
    """The same for a worker."""
    if not ids:
        return []
    return [_state(plain(row)) for row in await connection.fetch(_ON_CONNECTION, list(ids))]


def _state(row: Mapping[str, Any]) -> HoldingsState:
    return HoldingsState(
        holdings_id=row["id"],
        version=row["version"],
        title_id=row["title_id"],
        location_id=row["location_id"],
        call_number=row["call_number"],
        suppressed=row["suppressed"],
        statistical_codes=tuple(row["statistical_codes"]),
        digitisation_policy=row["digitisation_policy"],
        lending_policy=row["lending_policy"],
        reproduction_policy=row["reproduction_policy"],
        temporary_location_id=row["temporary_location_id"],
        temporary_location_ends_at=row["temporary_location_ends_at"],
        record_number=row["record_number"],
        other_call_numbers=further(row["other_call_numbers"]),
    )
