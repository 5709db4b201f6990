"""Names as they are searched, for rows that an older release wrote."""

from datetime import datetime

from chassis.resources import Resources
from circulation.registration.rules import filing_name
from circulation.registration.writing import searched_words

SLICE = 1000
_NAMELESS = """
SELECT id, family_name, given_name, preferred_name, sort_name, name_forms FROM patron
WHERE name_key IS NULL ORDER BY id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
"""
_NAME = "UPDATE patron SET name_key = $2, name_words = array_to_tsvector($3::text[]) WHERE id = $1"


async def name_patrons(resources: Resources, now: datetime) -> None:
    """Fold the names that nobody has folded yet, slice by slice."""
    while await _slice(resources):
        pass


async def _slice(resources: Resources) -> bool:
    async with resources.pool.acquire() as connection, connection.transaction():
        rows = await connection.fetch(_NAMELESS, SLICE)
        await connection.executemany(
            _NAME,
            [
                (
                    row["id"],
                    filing_name(
                        family=row["family_name"], given=row["given_name"], sort_name=row["sort_name"]
                    ),
                    searched_words(
                        row["family_name"],
                        row["given_name"],
                        row["preferred_name"],
                        row["sort_name"],
                        row["name_forms"],
                    ),
                )
                for row in rows
            ],
        )
    return len(rows) == SLICE
