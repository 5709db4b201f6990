"""A library whose people let programs act for them, and browsers before it."""

import hashlib
import html
import re
import secrets
from base64 import urlsafe_b64encode
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx

from chassis.ids import uuid7
from gateway.sessions import local
from gateway.sessions.cookies import SESSION
from gateway.signon.documents import SignOnDoc
from support.front import Front

LIBRARY = "https://library.test"
BACK = "https://app.test/back"
HTML = {"Accept": "text/html,application/xhtml+xml"}
WORD = "correct horse battery"


@dataclass(frozen=True)
class Person:
    """Somebody with an account of the library's own."""

    username: str
    id: UUID
    patron_id: UUID | None


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of a page's first form."""
    first = page.partition("<form")[2].partition("</form>")[0]
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', first)
    return {name: html.unescape(value) for name, value in found}


def told_back(answer: httpx.Response) -> dict[str, str]:
    """What a program learns when a browser is sent back to it."""
    assert answer.status_code == 303, answer.text
    return {name: value for name, (value,) in parse_qs(urlsplit(answer.headers["location"]).query).items()}


async def shut(front: Front, token: str) -> bool:
    """Whether a token opens nothing any more."""
    return (await front.whoami(token)).status_code == 401


@dataclass
class Browser:
    """Somebody's browser, with cookies of its own."""

    front: Front
    client: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        transport = httpx.ASGITransport(app=self.front.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url=LIBRARY, headers=HTML)

    async def sign_in(self, person: Person, target: str = "/sign-in", word: str = WORD) -> httpx.Response:
        """By name and password, as the page has it."""
        page = await self.client.get("/sign-in/local", params={"target": target})
        form = {**hidden(page.text), "username": person.username, "password": word}
        return await self.client.post("/sign-in/local", data=form)

    async def decide(self, page: httpx.Response, decision: str = "allow") -> httpx.Response:
        """Answer a page of consent."""
        assert page.status_code == 200, page.text
        action = re.findall(r'<form method="post" action="([^"]*)"', page.text)[0]
        return await self.client.post(action, data={**hidden(page.text), "decision": decision})


@dataclass
class App:
    """A program that acts for people."""

    front: Front
    told: dict[str, Any]
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def id(self) -> str:
        return str(self.told["id"])

    @property
    def auth(self) -> tuple[str, str] | None:
        secret = self.told.get("client_secret")
        return (self.id, secret) if secret else None

    def asking(self, **more: str | None) -> dict[str, str]:
        """The query that a browser is sent with."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        told = {
            "response_type": "code",
            "client_id": self.id,
            "redirect_uri": BACK,
            "state": "as it was",
            "code_challenge": urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **more,
        }
        return {name: value for name, value in told.items() if value is not None}

    async def post(self, path: str, **fields: str) -> httpx.Response:
        """Ask us something, with the program's credentials."""
        form = fields if self.auth else {"client_id": self.id, **fields}
        auth = httpx.USE_CLIENT_DEFAULT if self.auth is None else httpx.BasicAuth(*self.auth)
        return await self.front.client.post(path, data=form, auth=auth)

    async def token(self, grant_type: str, **fields: str) -> httpx.Response:
        """Ask the token endpoint."""
        return await self.post("/oauth2/token", grant_type=grant_type, **fields)

    async def by_code(self, code: str, **fields: str) -> httpx.Response:
        """Change a code for tokens."""
        told = {"code": code, "redirect_uri": BACK, "code_verifier": self.verifier, **fields}
        return await self.token("authorization_code", **told)

    async def code(self, browser: Browser, **more: str | None) -> str:
        """A code, whoever sits at the browser allowing what is asked."""
        answer = await browser.client.get("/oauth2/authorize", params=self.asking(**more))
        if answer.status_code == 200:
            answer = await browser.decide(answer)
        return told_back(answer)["code"]

    async def tokens(self, browser: Browser, **more: str | None) -> dict[str, Any]:
        """Tokens, all the way."""
        answer = await self.by_code(await self.code(browser, **more))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@dataclass
class House:
    """The library, its people and programs."""

    front: Front
    stack: AsyncExitStack

    async def person(self, *roles: str, username: str | None = None, **more: Any) -> Person:
        """Somebody; a patron unless told otherwise."""
        name = username or f"somebody-{uuid7()}"
        roles = roles or ("patron",)
        patron = uuid7() if "patron" in roles else None
        told = {"patron_id": str(patron)} if patron else {}
        made = await self.front.account(name, WORD, *roles, **told, **more)
        return Person(name, UUID(made["id"]), patron)

    async def app(self, *scopes: str, **more: Any) -> App:
        """A program; a third party's with a secret unless told otherwise."""
        told = {"redirect_uris": [BACK], **more}
        return App(self.front, await self.front.machine(*(scopes or ("account:read",)), **told))

    def browser(self) -> Browser:
        """A browser in which nobody is signed in."""
        browser = Browser(self.front)
        self.stack.push_async_callback(browser.client.aclose)
        return browser

    async def signed_in(self, *roles: str) -> tuple[Browser, Person]:
        """A browser and who is signed in there (without the cost of a password)."""
        browser, roles = self.browser(), roles or ("patron",)
        person = Person(f"somebody-{uuid7()}", uuid7(), uuid7() if "patron" in roles else None)
        pool, now = self.front.resources.pool, self.front.resources.clock()
        await pool.execute(
            "INSERT INTO account (id, username, password_hash, roles, patron_id, disabled, failures, version, "
            "created_at) VALUES ($1, $2, 'none: nobody signs in by it', $3, $4, false, 0, 1, $5)",
            person.id,
            person.username,
            list(roles),
            person.patron_id,
            now,
        )
        token = await local.begin(pool, SignOnDoc(), person.id, now=now)
        browser.client.cookies.set(SESSION, token, domain="library.test")
        return browser, person
