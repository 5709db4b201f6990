"""The gateway and its webhooks, open for a test."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from support.front import Echo, fronting
from support.receiving import Hooks, hooked


@pytest.fixture
async def hooks(gateway_dsn: str) -> AsyncIterator[Hooks]:
    """The gateway, with receivers on loopback allowed."""
    async with (
        fronting(gateway_dsn, apps={"circulation": Echo()}, webhook_networks="127.0.0.0/8") as front,
        hooked(front, datetime.now(UTC)) as opened,
    ):
        yield opened
