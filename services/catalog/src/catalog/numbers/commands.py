"""Series go on behind a number, and what came before there were numbers is given one."""

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.resources import Resources

SLICE: Final = 2000
MOST_SLICES: Final = 100
_SEQUENCES: Final = {
    "titles": "title_hrid_seq", "holdings": "holdings_hrid_seq", "items": "item_hrid_seq",
}  # fmt: skip
_HOLD: Final = {kind: text(f"ALTER SEQUENCE {name} INCREMENT BY 1") for kind, name in _SEQUENCES.items()}
"""Changes nothing, and nobody takes a number until the transaction ends: none can come in between."""
_LAST: Final = {kind: text(f"SELECT last_value FROM {name}") for kind, name in _SEQUENCES.items()}  # noqa: S608 - ours


async def go_on_behind(session: AsyncSession, kind: str, start: int) -> None:
    """Let the next number be `start`, unless the series is past it already."""
    await session.execute(_HOLD[kind])
    last = await session.scalar(_LAST[kind])
    if last is not None and last < start:
        await session.execute(text(f"ALTER SEQUENCE {_SEQUENCES[kind]} RESTART WITH {int(start)}"))


_NUMBER: Final = {
    table: f"""
UPDATE {table} SET hrid = nextval('{table}_hrid_seq')
WHERE id IN (SELECT id FROM {table} WHERE hrid IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
"""  # noqa: S608 - ours
    for table in ("holdings", "item")
}


async def number(resources: Resources, now: datetime) -> None:
    """A timer: slices of holdings and items of earlier releases, each in a transaction of its own."""
    for statement in _NUMBER.values():
        for _ in range(MOST_SLICES):
            done = await resources.pool.execute(statement, SLICE)
            if int(done.rpartition(" ")[2]) < SLICE:
                break
