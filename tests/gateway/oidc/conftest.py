"""A library that trusts an OpenID Connect provider, and browsers before it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from support.campus import LIBRARY
from support.front import OPERATOR, Front, bearer
from support.provider import Asked, Provider

HTML = {"Accept": "text/html,application/xhtml+xml"}
PERSONS = {
    "register_patrons": False,
    "groups": [
        {"name": "students", "affiliation": "student@campus.test", "group": "student"},
        {"name": "former members", "affiliation": "alum", "group": None},
    ],
    "staff": [{"name": "the desk", "entitlement": "urn:campus:desk", "roles": ["desk"]}],
}


class Browser:
    """Somebody's browser, with cookies of its own."""

    def __init__(self, front: Front) -> None:
        transport = httpx.ASGITransport(app=front.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url=LIBRARY)

    async def begin(self, provider: Provider, **query: str) -> Asked:
        """Go to the provider with a request."""
        answer = await self.client.get("/oidc/login", params={"provider": provider.name, **query})
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"].startswith(f"{provider.issuer}/auth?tenant=1&")
        return Asked.at(answer.headers["location"])

    async def sign_in(self, provider: Provider, **says: Any) -> httpx.Response:
        """The whole way, with a provider that tells the truth."""
        asked = await self.begin(provider)
        return await self.client.get(provider.back(asked, provider.code(asked, **says)))

    async def session(self) -> httpx.Response:
        return await self.client.get("/v1/session")


@pytest.fixture
def provider() -> Provider:
    return Provider()


def document(*providers: Provider, **more: Any) -> dict[str, Any]:
    told = {
        "entity": {"url": LIBRARY},
        "oidc": [each.document() for each in providers],
        "persons": PERSONS,
    }
    return {**told, **more}


async def configure(front: Front, told: dict[str, Any]) -> None:
    answer = await front.put("/v1/configuration/sign-on", json=told, headers=bearer(OPERATOR))
    assert answer.status_code == 200, answer.text


async def keep_secret(front: Front, name: str, secret: str) -> None:
    answer = await front.put(f"/v1/sign-on/secrets/{name}", json={"secret": secret}, headers=bearer(OPERATOR))
    assert answer.status_code == 204, answer.text


@pytest.fixture
async def library(gateway: Front, provider: Provider) -> AsyncIterator[Front]:
    """The gateway, trusting the provider; nobody is registered by a sign-in."""
    await configure(gateway, document(provider))
    await keep_secret(gateway, provider.name, provider.secret or "")
    async with httpx.AsyncClient(transport=httpx.MockTransport(provider)) as http:
        gateway.app.state.oidc.http = http
        yield gateway


@pytest.fixture
async def browsers(library: Front) -> AsyncIterator[Callable[[], Browser]]:
    """As many as a test wants."""
    async with AsyncExitStack() as stack:

        def another() -> Browser:
            browser = Browser(library)
            stack.push_async_callback(browser.client.aclose)
            return browser

        yield another


@pytest.fixture
def browser(browsers: Callable[[], Browser]) -> Browser:
    return browsers()
