"""A library that a learning management system launches."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from support.campus import LIBRARY
from support.front import OPERATOR, Echo, Front, bearer, fronting, listening
from support.lms import PERSONS, Browser, Lms

NEAR: dict[str, Any] = {"lti_networks": "127.0.0.0/8"}
"""The platforms of these tests answer on this machine."""


async def configure(front: Front, **more: Any) -> None:
    """The library's own address, and who its patrons are."""
    told = {"entity": {"url": LIBRARY}, "persons": {**PERSONS, "register_patrons": False}, **more}
    answer = await front.put("/v1/configuration/sign-on", json=told, headers=bearer(OPERATOR))
    assert answer.status_code == 200, answer.text


@pytest.fixture
async def lms() -> AsyncIterator[Lms]:
    """It answers at an address, as servers ask it; browsers know it by its name."""
    made = Lms()
    async with listening(made.app) as url:
        made.url = url
        yield made


@pytest.fixture
async def gateway(gateway_dsn: str, circulation: Echo) -> AsyncIterator[Front]:
    """The gateway; circulation knows nobody."""
    async with fronting(gateway_dsn, apps={"circulation": circulation, "catalog": Echo()}, **NEAR) as front:
        yield front


@pytest.fixture
async def library(gateway: Front, lms: Lms) -> Front:
    """It knows the platform."""
    await configure(gateway)
    await lms.register(gateway)
    return gateway


@pytest.fixture
async def browsers(library: Front) -> AsyncIterator[Callable[..., Browser]]:
    """As many as a test wants."""
    async with AsyncExitStack() as stack:

        def another(*, keeps_cookies: bool = True) -> Browser:
            browser = Browser(library, keeps_cookies)
            stack.push_async_callback(browser.client.aclose)
            return browser

        yield another


@pytest.fixture
def browser(browsers: Callable[..., Browser]) -> Browser:
    return browsers()
