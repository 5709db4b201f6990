"""Whoever signs in as a registration that was merged acts as the one that took it up."""

import time
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import asyncpg
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis.principal import SCOPE_KEY

REMEMBERED_SECONDS: Final = 30.0
MOST: Final = 10_000


class FollowsMerges:
    """Asks once in a while, and of patrons alone, whether their registration is still theirs."""

    def __init__(self, app: ASGIApp, state: Any) -> None:
        self.app, self.state = app, state
        self._known: dict[UUID, tuple[float, UUID]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, as the surviving patron."""
        asker = scope.get(SCOPE_KEY) if scope["type"] == "http" else None
        if asker is not None and asker.patron_id is not None:
            now = await self._now(asker.patron_id)
            if now != asker.patron_id:
                scope[SCOPE_KEY] = replace(asker, patron_id=now)
        await self.app(scope, receive, send)

    async def _now(self, patron_id: UUID) -> UUID:
        at = time.monotonic()
        known = self._known.get(patron_id)
        if known is not None and known[0] > at:
            return known[1]
        try:
            found = await self.state.resources.pool.fetchval(
                "SELECT patron_id FROM merged_patron WHERE id = $1", patron_id
            )
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return patron_id  # whatever is asked for will say so better
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[patron_id] = (at + REMEMBERED_SECONDS, found or patron_id)
        return found or patron_id
