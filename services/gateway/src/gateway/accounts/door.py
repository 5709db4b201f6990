"""Signing in: a guess is counted before it is judged, and nobody holds a connection while it is judged.

However many knock, only the hashing threads are busy: machines get their tokens and desks their answers.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from weakref import WeakValueDictionary

import asyncpg

from chassis.principal import Principal
from chassis.problems import Problem
from gateway.accounts import passwords
from gateway.accounts.commands import principal_of
from gateway.accounts.rules import Standing, lock_after, locked
from gateway.tables import Account

WAITING = 64
FROM_ONE_ADDRESS = 16
"""How many may wait for their password to be judged, in all and from one address."""
TRIES = 5

_LOOK = "SELECT id, password_hash, disabled, failures, locked_until FROM account WHERE username = $1"
_COUNT = """
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE account SET failures = failures + 1, locked_until = $3 FROM quick
WHERE id = $1 AND failures = $2 AND NOT disabled RETURNING true
"""
"""Not waiting for the disk: a name that is known takes as long as one that is not, and a lost count costs little."""
_WELCOME = """
UPDATE account SET failures = 0, locked_until = NULL
WHERE id = $1 AND password_hash = $2 AND NOT disabled RETURNING *
"""


class SignInBusy(Problem):
    """Too many sign in just now."""

    status, code, title = 429, "sign-in-busy", "Too many sign in just now; try again in a moment."


class Door:
    """Where people sign in to one process: so many at once, and one at a time under one name."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._waiting = 0
        self._from: Counter[str] = Counter()
        self._names: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def sign_in(self, *, username: str, password: str, address: str, now: datetime) -> Principal | None:
        """The principal behind name and password; None when refused, for whatever reason."""
        folded = username.strip().lower()
        async with self._admitted(folded, address):
            row = await self._counted(folded, now)
            if not await passwords.matches(password, row["password_hash"] if row else None) or row is None:
                return None
            welcome = await self._pool.fetchrow(_WELCOME, row["id"], row["password_hash"])
            return principal_of(Account(**dict(welcome))) if welcome else None

    @asynccontextmanager
    async def _admitted(self, name: str, address: str) -> AsyncIterator[None]:
        if self._waiting >= WAITING or self._from[address] >= FROM_ONE_ADDRESS:
            raise SignInBusy(headers={"Retry-After": "2"})
        lock = self._names.setdefault(name, asyncio.Lock())
        self._waiting += 1
        self._from[address] += 1
        try:
            async with lock:
                yield
        finally:
            self._waiting -= 1
            self._from[address] -= 1
            if not self._from[address]:
                del self._from[address]

    async def _counted(self, name: str, now: datetime) -> asyncpg.Record | None:
        """The account, this guess counted as a failure until it turns out right; None when none is judged."""
        for _ in range(TRIES):
            row = await self._pool.fetchrow(_LOOK, name)
            if row is None:
                return None
            standing = Standing(row["disabled"], row["failures"], row["locked_until"])
            if standing.disabled or locked(standing, now=now):
                return None
            until = lock_after(standing.failures + 1, now=now)
            if await self._pool.fetchval(_COUNT, row["id"], standing.failures, until):
                return row
        return None
