"""A library that trusts a campus, and browsers before it."""

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import httpx
import pytest

from gateway.tokens.keys import Sealer
from support.campus import AFFILIATION, LIBRARY, PAIRWISE, Asked, Campus, Pair, Says, document, honest, pair
from support.front import OPERATOR, SEALING, Front, bearer

HTML = {"Accept": "text/html,application/xhtml+xml"}
STUDENT = ((PAIRWISE, ("someone@campus.test",)), (AFFILIATION, ("student@campus.test", "member@campus.test")))


class Browser:
    """Somebody's browser, with cookies of its own."""

    def __init__(self, front: Front) -> None:
        transport = httpx.ASGITransport(app=front.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url=LIBRARY)

    async def begin(self, campus: Campus, **query: str) -> Asked:
        """Go to the campus with a request."""
        answer = await self.client.get("/saml/login", params={"entityID": campus.entity_id, **query})
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"].startswith(campus.sso)
        return Asked.at(answer.headers["location"])

    async def answer(self, raw: bytes, asked: Asked, *, html: bool = False) -> httpx.Response:
        """Come back with a response."""
        form = {"SAMLResponse": base64.b64encode(raw).decode(), "RelayState": asked.relay_state}
        return await self.client.post("/saml/acs", data=form, headers=HTML if html else {})

    async def sign_in(self, campus: Campus, by: Pair | None = None, **says: Any) -> httpx.Response:
        """The whole way, with a campus that tells the truth."""
        asked = await self.begin(campus)
        return await self.answer(honest(said(campus, asked, **says), by or campus.key), asked)

    async def session(self) -> httpx.Response:
        return await self.client.get("/v1/session")


def said(campus: Campus, asked: Asked, **more: Any) -> Says:
    """What a campus says of a student."""
    says = Says(campus.entity_id, asked, STUDENT, in_response_to=asked.id)
    return replace(says, **more)


@pytest.fixture
def campus() -> Campus:
    return Campus()


@pytest.fixture
async def library(gateway: Front, campus: Campus) -> Front:
    """The gateway, trusting the campus; nobody is registered by a sign-in."""
    made = pair("library")
    await gateway.resources.pool.execute(
        "INSERT INTO saml_key (kid, state, sealed, certificate, created_at, changed_at) "
        "VALUES ('first', 'current', $1, $2, now(), now())",
        Sealer(SEALING).seal(made.private),
        made.certificate.decode(),
    )
    told = document(campus)
    told["persons"]["register_patrons"] = False
    await configure(gateway, told)
    return gateway


async def configure(front: Front, told: dict[str, Any]) -> None:
    """Put a document in place and look at its sources."""
    answer = await front.put("/v1/configuration/sign-on", json=told, headers=bearer(OPERATOR))
    assert answer.status_code == 200, answer.text
    answer = await front.post("/v1/saml/sources:refresh", headers=bearer(OPERATOR))
    assert [each["failure"] for each in answer.json()["items"]] == [None] * len(told["sources"]), answer.text


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
