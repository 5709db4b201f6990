"""Whoever asks by a record that was taken up by another asks as that one, from the next request on."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis.principal import SCOPE_KEY


class Successors:
    """Looks with each request of a person whether their record is still theirs.

    A look by a primary key costs less than an answer to the wrong person; nothing is remembered, so nobody is told
    for a while that they do not exist.
    """

    def __init__(self, app: ASGIApp, state: Any, successor: str) -> None:
        """`successor`: a statement that tells the record which took up $1, if one did."""
        self.app, self.state, self._successor = app, state, successor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, as the surviving one."""
        asker = scope.get(SCOPE_KEY) if scope["type"] == "http" else None
        if asker is not None and asker.patron_id is not None:
            now = await self._now(asker.patron_id)
            if now != asker.patron_id:
                scope[SCOPE_KEY] = replace(asker, patron_id=now)
        await self.app(scope, receive, send)

    async def _now(self, record: UUID) -> UUID:
        try:
            found: UUID | None = await self.state.resources.pool.fetchval(self._successor, record)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return record  # whatever is asked for will say so better
        return found or record
