"""Names as they are searched, for rows that an older release wrote."""

import asyncio
import time
from datetime import datetime

from chassis.database import Connection
from chassis.resources import Resources
from circulation.registration.rules import filing_name
from circulation.registration.writing import searched_words

SLICE = 100
"""Few, and in one statement: whoever of them stands at a desk meanwhile waits for all of them."""
TURN_SECONDS = 20.0
"""Then the other timers have theirs; the rest is for the next minute."""
_NAMELESS = """
SELECT id, family_name, given_name, preferred_name, sort_name, name_forms FROM patron
WHERE name_key IS NULL ORDER BY id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
"""
_NAME = """
UPDATE patron SET name_key = n.key, name_words = array_to_tsvector(n.words)
FROM jsonb_to_recordset($1) AS n (id uuid, key text, words text[]) WHERE patron.id = n.id
"""


async def name_patrons(resources: Resources, now: datetime) -> None:
    """Fold the names that nobody has folded yet, slice by slice, resting as long as each took."""
    until = time.monotonic() + TURN_SECONDS
    while (began := time.monotonic()) < until:
        async with resources.pool.acquire() as connection:
            more = await name_some(connection)
        if not more:
            return
        await asyncio.sleep(time.monotonic() - began)


async def name_some(connection: Connection) -> bool:
    """Name a slice of them; whether there may be more."""
    async with connection.transaction():
        rows = await connection.fetch(_NAMELESS, SLICE)
        named = [
            {
                "id": str(row["id"]),
                "key": filing_name(
                    family=row["family_name"], given=row["given_name"], sort_name=row["sort_name"]
                ),
                "words": searched_words(
                    row["family_name"],
                    row["given_name"],
                    row["preferred_name"],
                    row["sort_name"],
                    row["name_forms"],
                ),
            }
            for row in rows
        ]
        await connection.execute(_NAME, named)
    return len(rows) == SLICE
