"""A host for each test."""

from collections.abc import AsyncIterator

import pytest

from support.circulating import Played, played


@pytest.fixture
async def host() -> AsyncIterator[Played]:
    """It listens on loopback."""
    async with played() as listening:
        yield listening
