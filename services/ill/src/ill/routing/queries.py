"""What routes go by, and the partners that they name."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis.database import Connection

_NAMED: Final = """
SELECT w.at, n.id FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (scheme, symbol, at)
CROSS JOIN LATERAL (
    SELECT p.id FROM partner p WHERE upper(p.scheme) = upper(w.scheme) AND upper(p.symbol) = upper(w.symbol)
    UNION ALL
    SELECT o.partner_id FROM partner_symbol o
    WHERE upper(o.scheme) = upper(w.scheme) AND upper(o.symbol) = upper(w.symbol)) AS n
"""
_GROUP: Final = "SELECT patron_group FROM known_patron WHERE patron_ref = $1"


async def named(
    connection: Connection | asyncpg.Pool | Any, symbols: Sequence[tuple[str, str]]
) -> list[UUID | None]:
    """Whom each of these (scheme, symbol) means, by any of its symbols; None: nobody."""
    rows = await connection.fetch(_NAMED, [one for one, _ in symbols], [one for _, one in symbols])
    found: dict[int, UUID] = {row["at"]: row["id"] for row in rows}
    return [found.get(at) for at, _ in enumerate(symbols, 1)]


async def group_of(connection: Connection, patron_ref: UUID | None) -> str | None:
    """A patron's group, as circulation has told of it."""
    group: str | None = await connection.fetchval(_GROUP, patron_ref)
    return group
