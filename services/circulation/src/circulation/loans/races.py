"""What a lost race means to who lost it."""

from collections.abc import Awaitable, Callable

import asyncpg
from starlette.responses import Response

from chassis.edge import InFlight


async def persistently(act: Callable[[], Awaitable[Response]]) -> Response:
    """Do it; a duplicate in flight or a deadlock's victim tries again, and is told to when that is no use."""
    for _ in range(3):
        try:
            return await act()
        except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError):
            continue
        except asyncpg.LockNotAvailableError as error:
            raise InFlight from error
    raise InFlight
