"""The origins that are known: the library's front ends by the document of signing in, programs' by their clients."""

import asyncio
import logging

import asyncpg

from chassis import faults

log = logging.getLogger(__name__)

FRESH_SECONDS = 5.0

_READ = """
SELECT (SELECT document -> 'sessions' -> 'front_ends' FROM sign_on) AS front_ends,
    ARRAY(SELECT DISTINCT unnest(origins) FROM client
          WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())) AS programs
"""


class Origins:
    """One process's copy, read again when it is asked for and has grown old."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._front_ends: frozenset[str] = frozenset()
        self._programs: frozenset[str] = frozenset()
        self._read_at = float("-inf")

    async def cookies(self, origin: str) -> bool | None:
        """Whether a page there acts for who is signed in in the browser; None when it is not known at all."""
        now = asyncio.get_running_loop().time()
        if now - self._read_at > FRESH_SECONDS:
            self._read_at = now
            try:
                row = await self._pool.fetchrow(_READ)
                assert row is not None
                self._front_ends = frozenset(row["front_ends"] or ())
                self._programs = frozenset(row["programs"])
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("origins cannot be read just now", extra={"error": faults.told(error)})
        if origin in self._front_ends:
            return True
        return False if origin in self._programs else None
