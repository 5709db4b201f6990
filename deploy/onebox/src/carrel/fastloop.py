"""The event loop of the one box's processes."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any


def run_on_fast_loop(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end, on uvloop where there is one."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    with contextlib.suppress(ImportError):
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(work)
