"""Budgets counted in this process and evened out with the others a second later; no request waits for it.

A process knows what it has let in itself, and what the others had let in when it last asked. So together they let in
more than a budget by what arrives at the others within a second, and by no more.
"""

import asyncio
import heapq
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from chassis import faults
from gateway.budgets.documents import BudgetsDoc, Networks, of
from gateway.budgets.rules import WINDOW, Asker, Kind, Left, inside, key_of, worth_telling

log = logging.getLogger(__name__)

EVENED_SECONDS = 1.0
READ_SECONDS = 5.0
"""How long a change of the document, or of a program's own budget, may take to be heard of."""
KEYS_AT_MOST = 50_000
"""Askers told apart in one window; whoever comes after them shares what one has."""
HOT_AT_MOST = 2000
"""Budgets evened out each second: those that are used most."""
OTHERS = Asker(Kind.STRANGER, "others")

_TELL = """
INSERT INTO budget_use AS known (key, starts, used)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::integer[]) AS told (key, starts, used) ORDER BY key
ON CONFLICT (key, starts) DO UPDATE SET used = known.used + excluded.used RETURNING key, used
"""
_ASK = "SELECT key, used FROM budget_use WHERE key = ANY ($1) AND starts = $2"
_FORGET = "DELETE FROM budget_use WHERE starts < $1"


@dataclass(slots=True)
class Use:
    """What is used of one budget in this window."""

    limit: int
    here: int = 0
    untold: int = 0
    elsewhere: int = 0


class Budgets:
    """The budgets of one process."""

    def __init__(self, pool: asyncpg.Pool, secret: bytes) -> None:
        self._pool = pool
        self._secret = secret
        self._starts = 0
        self._used: dict[Asker, Use] = {}
        self._own: dict[str, int] = {}
        self.document = BudgetsDoc()
        self._networks = Networks(())
        self._read_at = float("-inf")

    def take(self, asker: Asker, address: str | None, now: datetime) -> Left | None:
        """Count a request; what is left afterwards, or None where nothing is counted."""
        limit = self._limit(asker, address)
        if limit is None:
            return None
        seconds = now.timestamp()
        starts = int(seconds) // WINDOW * WINDOW
        if limit == 0:  # shut out: nothing to count
            return Left(asker.kind, 0, -1, max(1, starts + WINDOW - int(seconds)))
        if starts != self._starts:
            self._starts, self._used = starts, {}
        use = self._used.get(asker)
        if use is None:
            if len(self._used) >= KEYS_AT_MOST:
                asker = OTHERS
            use = self._used.setdefault(asker, Use(limit))
        use.limit = limit
        left = limit - use.here - use.elsewhere - 1
        if left >= 0:
            use.here += 1
            use.untold += 1
        return Left(asker.kind, limit, left, max(1, starts + WINDOW - int(seconds)))

    def _limit(self, asker: Asker, address: str | None) -> int | None:
        """Requests a minute; None: not counted. Whoever is shut out has none at all."""
        if (own := self._own.get(asker.ref)) is not None and asker.kind in (Kind.DESK, Kind.MACHINE):
            return own
        if asker.kind is Kind.DESK:
            return None
        if asker.kind is Kind.STRANGER:
            if (told := self._networks.find(address)) is not None:
                return told
            if inside(address):
                return None
        return int(getattr(self.document, asker.kind)) or None

    async def run(self) -> None:
        """Even out with the other processes for the life of this one."""
        while True:
            try:
                await self.even_out()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("budgets are counted alone just now", extra={"error": faults.told(error)})
            await asyncio.sleep(EVENED_SECONDS)

    async def even_out(self) -> None:
        """Tell the others what was used here and learn what was used there; read what has changed."""
        clock = asyncio.get_running_loop().time
        if clock() - self._read_at > READ_SECONDS:
            await self.read()
            self._read_at = clock()
        used = [
            (asker, use)
            for asker, use in self._used.items()
            if worth_telling(use.here + use.elsewhere, use.limit)
        ]
        if len(used) > HOT_AT_MOST:
            used = heapq.nlargest(HOT_AT_MOST, used, key=lambda told: told[1].here / told[1].limit)
        hot = {key_of(asker, self._secret): use for asker, use in used}
        if not hot:
            return
        moment = datetime.fromtimestamp(self._starts, UTC)
        telling = {key: use.untold for key, use in hot.items() if use.untold}
        for key, untold in telling.items():
            hot[key].untold -= untold
        try:
            rows = await self._told(telling, moment) if telling else []
        except BaseException:
            for key, untold in telling.items():
                hot[key].untold += untold
            raise
        if asking := hot.keys() - telling.keys():
            rows += await self._pool.fetch(_ASK, [*asking], moment)
        for row in rows:
            use = hot[row["key"]]
            use.elsewhere = max(0, row["used"] - (use.here - use.untold))

    async def _told(self, telling: dict[str, int], moment: datetime) -> list[asyncpg.Record]:
        return list(await self._pool.fetch(_TELL, [*telling], [moment] * len(telling), [*telling.values()]))

    async def read(self) -> None:
        """The document and the programs' own budgets."""
        found = await self._pool.fetchval("SELECT document FROM budget_document")
        self.document = of(found or {})
        self._networks = Networks(self.document.networks)
        rows = await self._pool.fetch("SELECT id, per_minute FROM client WHERE per_minute IS NOT NULL")
        self._own = {str(row["id"]): row["per_minute"] for row in rows}


async def forget(pool: asyncpg.Pool, now: datetime) -> None:
    """Drop what was used in windows that are over."""
    await pool.execute(_FORGET, datetime.fromtimestamp(now.timestamp() - 5 * WINDOW, UTC))
