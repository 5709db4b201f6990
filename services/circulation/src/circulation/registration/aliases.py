"""Who is meant by an id or a card of former times; asked only when nobody was found by it."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from chassis.database import Connection
from chassis.problems import NotFound, Problem, Reason

_ALIAS = """
SELECT patron_id, 'merged' AS state FROM merged_patron WHERE id = $1
UNION ALL
SELECT patron_id, state FROM patron_identifier WHERE kind = 'barcode' AND value = $2 AND $1::uuid IS NULL
"""
CARD_REPLACED = Reason(
    "card-replaced",
    "This card was replaced by another.",
    "/patron_barcode",
    "Ask for the new card, or find the patron by name.",
)


@dataclass(frozen=True, slots=True)
class Alias:
    """Whom a number leads to."""

    patron_id: UUID
    replaced: bool
    """The card was replaced: it tells whose it was, and lends nothing."""


async def alias_of(
    connection: Connection | asyncpg.Pool, *, patron_id: UUID | None, barcode: str | None
) -> Alias | None:
    """The patron whose this id or card is now, though they have another; None for what nobody ever had."""
    row = await connection.fetchrow(_ALIAS, patron_id, barcode)
    return Alias(row["patron_id"], row["state"] == "replaced") if row else None


class PatronMoved(Problem):
    """The registration was merged into another; ask there."""

    status, code, title = 308, "patron-merged", "This registration was merged into another."


async def unknown_patron(connection: Connection | asyncpg.Pool, patron_id: UUID, path: str) -> Problem:
    """What to answer for an id without a patron: where its registration went, or that there never was one."""
    found = await alias_of(connection, patron_id=patron_id, barcode=None)
    if found is None:
        return NotFound("There is no such patron.")
    where = path.replace(str(patron_id), str(found.patron_id))
    return PatronMoved(headers={"Location": where}, merged_into=str(found.patron_id))
