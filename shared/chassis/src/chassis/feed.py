"""The change feed of one service: published events in the order of their positions, and where a moment lies."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from chassis.problems import Invalid, Reason

_NEWEST = "SELECT last_position FROM outbox_state"
_OLDEST = "SELECT min(position) FROM outbox"
_AFTER = """
SELECT position, envelope FROM outbox
WHERE position > $1 AND ($2::text[] IS NULL OR type = ANY($2)) ORDER BY position LIMIT $3
"""
_FROM = "SELECT position, published_at FROM outbox WHERE position >= $1 ORDER BY position LIMIT 1"


class PositionLost(Invalid):
    """Events after this position are no longer kept, or it was never given out."""

    code, title = "position-lost", "The feed cannot be read on from this position."

    def __init__(self, code: str, text: str) -> None:
        mend = "Read the whole state once, then the feed from its beginning (without a position)."
        super().__init__(reasons=[Reason(code, text, "query/after", mend)])


@dataclass(frozen=True, slots=True)
class Told:
    """A piece of the feed: envelopes as they were written, where each stands, and where to go on."""

    envelopes: list[str]
    positions: list[int]
    position: int


async def read(pool: asyncpg.Pool, *, after: int, types: Sequence[str] | None, limit: int) -> Told:
    """What was published after a position; `PositionLost` where there is a gap.

    `0` begins with the oldest kept. Of some types alone, the position goes past the others.
    """
    newest: int = await pool.fetchval(_NEWEST)
    rows = await pool.fetch(_AFTER, min(after, 2**62), types, limit)
    oldest: int | None = await pool.fetchval(_OLDEST)
    if after > newest:
        raise PositionLost("position-unknown", f"Position {after} was not given out; the newest is {newest}.")
    if 0 < after < (oldest or newest + 1) - 1:
        raise PositionLost("position-expired", f"Events after position {after} are no longer kept.")
    position = rows[-1]["position"] if rows else after
    if len(rows) < limit:
        position = max(position, newest)
    return Told([row["envelope"] for row in rows], [row["position"] for row in rows], position)


async def position_before(pool: asyncpg.Pool, moment: datetime) -> int:
    """The position after which lies what was published at a moment or later.

    The relay gives positions out in the order of publication: halving finds it by an index that is there anyway.
    """
    oldest: int | None = await pool.fetchval(_OLDEST)
    low, high = oldest or 0, int(await pool.fetchval(_NEWEST)) + 1
    if oldest is None:
        return high - 1
    while low < high:
        middle = (low + high) // 2
        row = await pool.fetchrow(_FROM, middle)
        if row is None or row["published_at"] >= moment:
            high = middle
        else:
            low = row["position"] + 1
    return low - 1
