"""XML and its cryptography are worked at in a few threads: requests go on meanwhile, and a flood is turned away."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from chassis.problems import Unavailable

T = TypeVar("T")

THREADS = 2
WAITING = 32
"""Messages that may wait at once; each takes some milliseconds."""

_threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="saml")


class TooManySignIns(Unavailable):
    """Too many sign in at this moment."""

    code, title = "sign-in-busy", "Too many sign in just now; try again in a moment."


class Workshop:
    """The threads of one process, and how many wait for them."""

    def __init__(self) -> None:
        self._waiting = 0

    async def do(self, work: Callable[..., T], *given: Any, **more: Any) -> T:
        """Have it done in a thread; `TooManySignIns` when too much waits already."""
        if self._waiting >= WAITING:
            raise TooManySignIns(headers={"Retry-After": "2"})
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(_threads, partial(work, *given, **more))
        finally:
            self._waiting -= 1
