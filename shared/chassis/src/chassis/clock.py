"""The time, as an argument: routes depend on `Now`, commands take `now`, tests set it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The present moment, aware and in UTC."""
    return datetime.now(UTC)


async def current_time(request: Request) -> datetime:
    """The moment this request is decided at."""
    clock: Clock = request.app.state.resources.clock
    return clock()


Now = Annotated[datetime, Depends(current_time)]
