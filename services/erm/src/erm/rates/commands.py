"""The rate that an order or invoice takes: a hand's, else a source's of its day, else a clear refusal."""

from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis.database import Connection
from chassis.problems import Reason
from erm.configuration.queries import in_force
from erm.rates.rules import Known, cross, explained, is_too_old, newest

_KNOWN: Final = """
SELECT s.id, s.code, k.rated_on, k.base, k.of_source, k.of_target FROM rate_source s CROSS JOIN LATERAL (
    SELECT a.rated_on, a.base, a.rate AS of_source, b.rate AS of_target FROM exchange_rate a
    JOIN exchange_rate b ON b.source_id = a.source_id AND b.rated_on = a.rated_on AND b.base = a.base
    WHERE a.source_id = s.id AND a.currency = $1 AND b.currency = $2 AND a.rated_on <= $3
    ORDER BY a.rated_on DESC LIMIT 1
) k WHERE s.active ORDER BY s.id
"""
POINTER: Final = "/exchange_rate"
COLUMNS: Final = ("exchange_rate", "rate_source_id", "rated_on", "rate_note")
"""What an order or invoice keeps of its rate."""


async def known(connection: Connection | asyncpg.Pool, source: str, target: str, on: date) -> Known | None:
    """The newest that an active source says of these currencies on this day or before it; nothing where none does."""
    rows = await connection.fetch(_KNOWN, source, target, on)
    found = newest(
        Known(row["id"], row["code"], row["rated_on"], row["base"], row["of_source"], row["of_target"])
        for row in rows
    )
    return found if found is not None and cross(found) > 0 else None


async def taken(
    connection: Connection, source: str, target: str | None, told: Decimal | None, on: date
) -> tuple[dict[str, Any], list[Reason]]:
    """Columns of the rate that is taken from a source for a day, or why one is to be told by hand; nothing at all where
    one was, or where none is needed."""
    if target is None or source == target or told is not None:
        return {}, []
    by_hand = f"Say how many {target} one {source} is."
    found = await known(connection, source, target, on)
    if found is None:
        text = f"The funds are kept in {target}, this is in {source}, and no source tells a rate for {on}."
        return {}, [Reason("exchange-rate-missing", text, POINTER, by_hand)]
    most = (await in_force(connection)).exchange_rate_days
    if is_too_old(found, on, most):
        text = (
            f"The last rate of {source} in {target} that is known for {on} is {found.code}'s of {found.rated_on}; "
            f"at most {most} days are taken."
        )
        mend = f"{by_hand} Or have the source looked after (GET /v1/exchange-rate-sources)."
        return {}, [Reason("exchange-rate-too-old", text, POINTER, mend, (on - found.rated_on).days, most)]
    values: tuple[Decimal, UUID, date, str] = (
        cross(found),
        found.source_id,
        found.rated_on,
        explained(found, source, target, on),
    )
    return dict(zip(COLUMNS, values, strict=True)), []
