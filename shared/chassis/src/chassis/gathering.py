"""Those who come while others are on their way to the database go together, in one statement.

A statement for many costs little more than one for a single row: starting it, its commit and the hops there and back
are paid once. Nobody waits for company: who finds a way free goes at once, with whoever came in the same turn of the
loop; in a crowd the ways are taken, and whoever waits for one is gathered.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

import asyncpg

from chassis.database import Connection

A = TypeVar("A")
R = TypeVar("R")

Go = Callable[[Connection, Sequence[A]], Awaitable[Sequence[R]]]
"""Does what is asked, in one statement, and tells what became of each, in their order."""


def _nothing(_asked: object) -> Iterable[Hashable]:
    return ()


def _never(_many: int) -> float:
    return 0.0


class Gathering(Generic[A, R]):
    """One kind of statement, and those who wait for their turn in it."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        go: Go[A, R],
        *,
        ways: int,
        most: int,
        touches: Callable[[A], Iterable[Hashable]] = _nothing,
        rest: Callable[[int], float] = _never,
    ) -> None:
        """`ways` statements at a time, each for `most` at most, no two of whom touch the same thing.

        After a statement its way rests for so many seconds as `rest` says for how many were in it; whoever comes
        meanwhile is gathered.
        """
        self._pool, self._go = pool, go
        self._ways, self._most, self._touches, self._rest = ways, most, touches, rest
        self._waiting: list[tuple[A, asyncio.Future[R]]] = []
        self._taken = 0
        """Ways that are taken …"""
        self._boarding = 0
        """… and of these, those whose next statement is yet to leave: whoever comes now goes with it."""
        self._carriers: set[asyncio.Task[None]] = set()

    async def join(self, asked: A) -> R:
        """Go with the next statement; raises what going alone raises, where the statement of many failed."""
        told: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, told))
        if not self._boarding and self._taken < self._ways:
            self._taken += 1
            self._boarding += 1
            carrier = asyncio.create_task(self._carry())
            self._carriers.add(carrier)
            carrier.add_done_callback(self._carriers.discard)
        return await told

    async def _carry(self) -> None:
        """Carry those who wait until nobody does, by one connection."""
        left = False
        try:
            async with self._pool.acquire() as connection:
                while True:
                    await asyncio.sleep(0)  # whoever comes in the same turn of the loop comes along
                    together = self._next()
                    self._boarding -= 1
                    if not together:
                        # Before anything is waited for: whoever comes from now on finds the way free.
                        self._taken -= 1
                        left = True
                        return
                    await self._sent(connection, together)
                    self._boarding += 1
                    if seconds := self._rest(len(together)):
                        await asyncio.sleep(seconds)
        except BaseException as error:
            if not left:
                self._taken -= 1
                self._boarding -= 1
                self._give_up(error)
            if not isinstance(error, Exception):
                raise

    def _give_up(self, error: BaseException) -> None:
        """There is no connection to be had: whoever waits is told so."""
        waiting, self._waiting = self._waiting, []
        for _, told in waiting:
            if not told.done():
                told.set_exception(error) if isinstance(error, Exception) else told.cancel()

    def _next(self) -> list[tuple[A, "asyncio.Future[R]"]]:
        """Who goes now, first come first; who touches what somebody before them touches goes later."""
        together: list[tuple[A, asyncio.Future[R]]] = []
        later: list[tuple[A, asyncio.Future[R]]] = []
        touched: set[Hashable] = set()
        for place, (asked, told) in enumerate(self._waiting):
            if len(together) == self._most:
                later += self._waiting[place:]
                break
            if told.done():  # nobody waits for it any more
                continue
            theirs = set(self._touches(asked))
            (later if theirs & touched else together).append((asked, told))
            touched |= theirs
        self._waiting = later
        return together

    async def _sent(self, connection: Connection, together: list[tuple[A, "asyncio.Future[R]"]]) -> None:
        """Do it for all of them at once; where that fails, for each alone, so that nobody pays for another."""
        try:
            became = await self._go(connection, [asked for asked, _ in together])
        except Exception as error:
            if len(together) == 1:
                _, told = together[0]
                if not told.done():
                    told.set_exception(error)
                return
            for each in together:
                await self._sent(connection, [each])
        except BaseException:
            for _, told in together:
                told.cancel()
            raise
        else:
            for (_, told), what in zip(together, became, strict=True):
                if not told.done():
                    told.set_result(what)
