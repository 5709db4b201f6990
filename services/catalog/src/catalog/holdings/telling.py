"""Holdings as events tell of them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.items.announcing import further
from contracts.catalog import HoldingsState

_STATES = text("""
SELECT h.id, h.version, h.title_id, h.location_id, nullif(h.call_number, '') AS call_number, h.suppressed,
    h.statistical_codes, h.temporary_location_id, h.other_call_numbers,
    h.digitisation_policy, h.policies ->> 'lending_policy' AS lending_policy,
    h.policies ->> 'reproduction_policy' AS reproduction_policy,
    (SELECT count(*) FROM item i WHERE i.title_id = h.title_id AND i.holdings_id = h.id) AS items
FROM holdings h WHERE h.id = ANY (:ids) ORDER BY h.id
""")


async def holdings_states(session: AsyncSession, ids: Sequence[UUID]) -> list[tuple[HoldingsState, int]]:
    """Holdings as they now stand, each with the number of its items."""
    if not ids:
        return []
    return [
        (
            HoldingsState(
                holdings_id=row.id,
                version=row.version,
                title_id=row.title_id,
                location_id=row.location_id,
                call_number=row.call_number,
                suppressed=row.suppressed,
                statistical_codes=tuple(row.statistical_codes),
                digitisation_policy=row.digitisation_policy,
                lending_policy=row.lending_policy,
                reproduction_policy=row.reproduction_policy,
                temporary_location_id=row.temporary_location_id,
                other_call_numbers=further(row.other_call_numbers),
            ),
            row.items,
        )
        for row in await session.execute(_STATES, {"ids": list(ids)})
    ]
