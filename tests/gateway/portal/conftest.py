"""People who write programs for the library, and their browsers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from support.front import Front
from support.house import House


@pytest.fixture
async def house(gateway: Front) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        yield House(gateway, stack)
