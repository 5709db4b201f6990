"""The desk in a rush: check-outs of one process that come at the same time share their statements.

What is decided is decided for each on its own, by the same rules, from a row that was read and is guarded as ever. Only
the statements are shared: many are looked at in one, and many written in one, where no two touch the same patron, item
or key. Somebody else's lock is never waited for together with others; who meets one goes on alone.

A rush that lasts could lend faster than is told of it, for good. So it gives way: the longer the oldest event waits
past what the relay allows itself, the longer a way rests for each loan that it wrote.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.gathering import Gathering
from circulation.loans import statements

LOOKING_WAYS: Final = 1
ACTING_WAYS: Final = 2
"""One is written while the other is on its way to the disk."""
MOST: Final = 16
"""Check-outs in a statement: past that it gets no cheaper, and who came first would wait for the last."""

LATE_SECONDS: Final = 12.0
"""A rush gives way from here on: at ten seconds the relay stops resting, and needs some to catch up."""
GIVEN_UP_SECONDS: Final = 120.0
"""From here on it is not the processor that events wait for, and to rest would help nobody."""
REST_SECONDS: Final = 0.002
"""A way's rest for each loan it wrote, and each second past the first of these …"""
LONGEST_REST: Final = 0.02
"""… and at most for each loan."""
LOOK_BEHIND_SECONDS: Final = 1.0
"""How often a rush asks how far what is told of it lies behind."""

PATRON, ITEM, LOAN, PRINCIPAL, KEY = 0, 2, 5, 19, 20
"""Where an act's arguments name what it touches (`statements.ACT_CHECK_OUT`)."""


class Rush:
    """Those who are at the desk of this process now."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._here = 0
        self._behind = 0.0
        self._looked_behind_at = float("-inf")
        self._looks = Gathering(pool, _look, ways=LOOKING_WAYS, most=MOST)
        self._acts = Gathering(
            pool,
            self._act,
            ways=ACTING_WAYS,
            most=MOST,
            touches=_touched,
            rest=lambda loans: rest(loans, self._behind),
        )

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Be at the desk; whether others are."""
        self._here += 1
        try:
            yield self._here > 1
        finally:
            self._here -= 1

    async def look(self, *named: object) -> asyncpg.Record:
        """What `statements.EVERYDAY` brings, for the arguments of `EVERYDAY_TOGETHER`."""
        return await self._looks.join(named)

    async def act(self, *arguments: object) -> bool:
        """Write a check-out, for the arguments of `ACT_CHECK_OUT`; whether it was, and nothing was where it was not."""
        return await self._acts.join(arguments)

    async def _act(self, connection: Connection, asked: Sequence[tuple[object, ...]]) -> Sequence[bool]:
        now = time.monotonic()
        if len(asked) > 1 and now - self._looked_behind_at > LOOK_BEHIND_SECONDS:
            self._looked_behind_at = now
            self._behind = await outbox.age(connection)
        return await _act(connection, asked)


def rest(loans: int, behind: float) -> float:
    """Seconds that a way rests after so many loans, by the seconds that the oldest event has waited.

    Who was written alone was in no rush.
    """
    if loans == 1 or not LATE_SECONDS < behind < GIVEN_UP_SECONDS:
        return 0.0
    return loans * min((behind - LATE_SECONDS) * REST_SECONDS, LONGEST_REST)


def _touched(arguments: tuple[object, ...]) -> Sequence[Any]:
    return ("patron", arguments[PATRON]), ("item", arguments[ITEM]), (arguments[PRINCIPAL], arguments[KEY])


async def _look(connection: Connection, asked: Sequence[tuple[object, ...]]) -> Sequence[asyncpg.Record]:
    if len(asked) > 1:
        rows = await connection.fetch(statements.EVERYDAY_TOGETHER, *map(list, zip(*asked, strict=True)))
        found = {row["n"]: row for row in rows}
        return [found[place] for place in range(1, len(asked) + 1)]
    ((patron_id, patron_barcode, item_id, item_barcode, *by),) = asked
    statement, patron, item = statements.everyday(patron_id, patron_barcode, item_id, item_barcode)
    row = await connection.fetchrow(statement, patron, item, *by)
    assert row is not None
    return [row]


async def _act(connection: Connection, asked: Sequence[tuple[object, ...]]) -> Sequence[bool]:
    if len(asked) == 1:
        return [bool(await connection.fetchval(statements.ACT_UNLESS_LOCKED, *asked[0]))]
    rows = await connection.fetch(statements.ACT_TOGETHER, *map(list, zip(*asked, strict=True)))
    written = {row["loan_id"] for row in rows}
    return [each[LOAN] in written for each in asked]
