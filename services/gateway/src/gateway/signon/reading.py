"""The document in force, read once and kept as long as its version is the newest."""

import asyncpg

from gateway.signon.documents import SignOnDoc, of


class InForce:
    """One process's copy."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._known: tuple[int, SignOnDoc] | None = None

    async def now(self) -> SignOnDoc:
        """The document, never older than this moment."""
        return (await self.versioned())[1]

    async def versioned(self) -> tuple[int, SignOnDoc]:
        """With its version."""
        version = await self._pool.fetchval("SELECT version FROM sign_on")
        if self._known is None or self._known[0] != version:
            row = await self._pool.fetchrow("SELECT version, document FROM sign_on")
            assert row is not None  # the migration made it
            self._known = row["version"], of(row["document"])
        return self._known
