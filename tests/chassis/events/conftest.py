"""The tiny service on the transports that libraries run on."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from chassis.transport import EventTransport, transport_for
from support import tiny as smallest
from support.harness import Harness, running
from support.telling import TYPES


@pytest.fixture(
    params=[
        "postgres",
        pytest.param("rabbitmq", marks=[pytest.mark.rabbitmq, pytest.mark.xdist_group("rabbitmq")]),
    ]
)
async def carrier(
    request: pytest.FixtureRequest, database: Callable[..., Awaitable[str]]
) -> AsyncIterator[EventTransport]:
    """Each transport in turn, with the tiny service's queue declared."""
    url = await database() if request.param == "postgres" else request.getfixturevalue("broker").url()
    transport = transport_for(url)
    await transport.open()
    await transport.declare("tiny", TYPES)
    yield transport
    await transport.close()


@pytest.fixture
async def wired(tiny_dsn: str, carrier: EventTransport, tiny_events: None) -> AsyncIterator[Harness]:
    """The service on that transport."""
    async with running(smallest.SERVICE, tiny_dsn, transport=carrier) as harness:
        yield harness
