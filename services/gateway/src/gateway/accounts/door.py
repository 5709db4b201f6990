"""Signing in: a guess is counted before it is judged, and nobody holds a connection while it is judged.

However many knock, only the hashing threads are busy: machines get their tokens and desks their answers. A second
factor is asked for once the password is right, and guesses at it are counted with those at the password.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from weakref import WeakValueDictionary

import asyncpg

from chassis.principal import Principal
from chassis.problems import Problem, Reason, Unauthenticated
from gateway.accounts import factors, passwords
from gateway.accounts.commands import principal_of
from gateway.accounts.rules import Standing, lock_after, locked, roles_at_door
from gateway.tables import Account
from gateway.tokens.keys import Sealer

WAITING = 64
FROM_ONE_ADDRESS = 16
"""How many may wait for their password to be judged, in all and from one address."""
TRIES = 5

_LOOK = """
SELECT account.id, password_hash, disabled, failures, locked_until, totp.sealed AS totp
FROM account LEFT JOIN account_totp AS totp ON totp.account_id = account.id AND totp.confirmed_at IS NOT NULL
WHERE username = $1
"""
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


_NOT_COUNTED = "UPDATE account SET failures = $2, locked_until = $3 WHERE id = $1 AND failures = $2 + 1"


class SecondFactorWanted(Unauthenticated):
    """The password is right, and this account has a second factor."""

    code, title = "second-factor-wanted", "This account wants a code beside the password."

    def __init__(self) -> None:
        super().__init__(
            reasons=[
                Reason(
                    "second-factor-wanted",
                    "The password is right; this account has a second factor.",
                    "/code",
                    "Send the code of your app, or one of your recovery codes, as `code` beside the password.",
                )
            ]
        )


@dataclass(frozen=True, slots=True)
class Opened:
    """Somebody whom the door let in."""

    account: Account
    two_factors: bool

    @property
    def principal(self) -> Principal:
        """Them, with all their roles."""
        return principal_of(self.account)

    def at_work(self, *, wanted: bool) -> Principal:
        """Them as they may work: `wanted` says whether that takes two factors."""
        roles = roles_at_door(self.account.roles, two_factors=self.two_factors, wanted=wanted)
        return principal_of(self.account, roles)


class SignInBusy(Problem):
    """Too many sign in just now."""

    status, code, title = 429, "sign-in-busy", "Too many sign in just now; try again in a moment."


class Door:
    """Where people sign in to one process: so many at once, and one at a time under one name."""

    def __init__(self, pool: asyncpg.Pool, sealer: Sealer) -> None:
        self._pool = pool
        self._sealer = sealer
        self._waiting = 0
        self._from: Counter[str] = Counter()
        self._names: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def sign_in(
        self, *, username: str, password: str, address: str, now: datetime, code: str | None = None
    ) -> Opened | None:
        """Whoever has this name and password; None when refused, for whatever reason.

        `SecondFactorWanted` when they are right and a code is wanted that was not sent along.
        """
        folded = username.strip().lower()
        async with self.admitted(folded, address):
            row = await self._counted(folded, now)
            if not await passwords.matches(password, row["password_hash"] if row else None) or row is None:
                return None
            if row["totp"] is not None:
                if not code:
                    await self._pool.execute(_NOT_COUNTED, row["id"], row["failures"], row["locked_until"])
                    raise SecondFactorWanted
                if not await factors.takes(self._pool, self._sealer, row["id"], row["totp"], code, now=now):
                    return None
            welcome = await self._pool.fetchrow(_WELCOME, row["id"], row["password_hash"])
            if welcome is None:
                return None
            return Opened(Account(**dict(welcome)), row["totp"] is not None)

    @asynccontextmanager
    async def admitted(self, name: str, address: str) -> AsyncIterator[None]:
        """A place among those whose guess is judged, one at a time under one name; `SignInBusy` when there is none."""
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
