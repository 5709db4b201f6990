"""Places for requests that are worked on at once: each sort of asker but the desks has so many and no more.

So however many bots there are, and from however many addresses, the rest of a process is for staff and kiosks.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from chassis.problems import Unavailable
from gateway.budgets.rules import Kind

WAITED_SECONDS: Final = 2.0
QUEUE: Final = 4
"""How many wait for each place, at most."""


class NoPlaces(Unavailable):
    """Too many of this sort ask at once."""

    code, title = "busy", "Too many ask just now; try again shortly."


class Places:
    """The places of one process."""

    def __init__(self, shares: Mapping[Kind, int]) -> None:
        self._shares = dict(shares)
        self._free = {kind: asyncio.Semaphore(places) for kind, places in shares.items()}
        self._waiting = dict.fromkeys(shares, 0)

    async def take(self, kind: Kind) -> bool:
        """Take a place, waiting for one at need; whether there is one to give back. `NoPlaces` after two seconds."""
        free = self._free.get(kind)
        if free is None:
            return False
        if not free.locked():
            await free.acquire()
            return True
        if self._waiting[kind] >= QUEUE * self._shares[kind]:
            raise NoPlaces(headers={"Retry-After": "2"})
        self._waiting[kind] += 1
        try:
            async with asyncio.timeout(WAITED_SECONDS):
                await free.acquire()
        except TimeoutError:
            raise NoPlaces(headers={"Retry-After": "2"}) from None
        finally:
            self._waiting[kind] -= 1
        return True

    def give_back(self, kind: Kind) -> None:
        """Give a place back."""
        self._free[kind].release()
