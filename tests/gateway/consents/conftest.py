"""A library whose people let programs act for them, and browsers before it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from support.front import Front
from support.house import House


@pytest.fixture
async def house(gateway: Front) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        yield House(gateway, stack)
