"""Several titles as one list of citations in a style."""

import asyncio
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg

from catalog.citations.csl import Csl, csl
from catalog.citations.styles.listing import listed
from catalog.citations.styles.phrases import plain
from catalog.marc.storage import unpack
from catalog.search.filing import Filing
from chassis.problems import Invalid, Reason

SLICE: Final = 500
_SOME: Final = """
SELECT t.hrid, t.record FROM unnest($1::uuid[]) WITH ORDINALITY AS told (id, place) JOIN title t ON t.id = told.id
WHERE ($2 OR NOT t.suppressed) AND t.deleted_at IS NULL ORDER BY told.place
"""


def not_of_all() -> Invalid:
    """The problem for a list of citations of the whole catalogue."""
    words, mend = "A list of citations is of titles that are named.", "Name ids, a query or a list."
    return Invalid(reasons=[Reason("titles-not-named", words, "query", mend)])


def _items(rows: Sequence[asyncpg.Record]) -> list[Csl]:
    return [csl(unpack(row["record"]), key=f"t{row['hrid']}") for row in rows]


async def bibliography(
    pool: asyncpg.Pool,
    ids: Sequence[UUID],
    *,
    style: str,
    locale: str | None,
    filing: Filing,
    hidden_too: bool,
) -> bytes:
    """A citation per line, each title once: numbered in the order in which they were named, or sorted, as the style
    has it. Titles that the asker does not see are left out."""
    wanted = list(dict.fromkeys(ids))
    items: list[Csl] = []
    for start in range(0, len(wanted), SLICE):
        rows = await pool.fetch(_SOME, wanted[start : start + SLICE], hidden_too)
        items += await asyncio.to_thread(_items, rows)
    lines = await asyncio.to_thread(
        lambda: [plain(each) for each in listed(items, style, locale, filed=filing.key)]
    )
    return "".join(f"{line}\n" for line in lines).encode()
