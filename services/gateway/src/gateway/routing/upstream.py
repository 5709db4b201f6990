"""A service behind HTTP: bodies streamed both ways, one session and a bound on requests per service."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import aiohttp
from starlette.types import Receive, Scope, Send
from yarl import URL

from chassis.principal import ANONYMOUS, SCOPE_KEY
from chassis.problems import TooLarge, Unavailable
from gateway.routing.scrubbing import inward, outward
from gateway.tokens.minting import Mint

CHUNK = 64 * 1024
WATCHED_FROM = 1024 * 1024
"""Bytes of an answer after which it is worth a task to notice that the client has gone."""
IDLE_SECONDS = 120
"""How long a service may pause inside an answer before its place among the concurrent ones is given up."""


class ServiceBusy(Unavailable):
    """Too many requests to this service are under way."""

    code, title = "service-busy", "This part of the library is very busy; try again shortly."


class ServiceAway(Unavailable):
    """The service does not answer."""

    code, title = "service-away", "This part of the library does not answer just now; try again shortly."


class BodyTooLong(Exception):
    """The client sent more than was allowed."""


class Upstream:
    """Hands requests on to one service."""

    def __init__(self, name: str, url: str, mint: Mint, *, timeout: float, concurrency: int) -> None:
        self.name = name
        self.url = url.rstrip("/")
        self._mint = mint
        self._timeout = timeout
        self._free = concurrency
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the session; answers are passed on as they are, encoded or not."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=3),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def document(self) -> dict[str, Any]:
        """The service's own OpenAPI document."""
        assert self._session is not None
        try:
            async with asyncio.timeout(5), self._session.get(f"{self.url}/openapi.json") as answer:
                told: dict[str, Any] = await answer.json()
                return told
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise ServiceAway(f"{self.name} does not tell what it offers.") from error

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, *, now: datetime, limit: int
    ) -> None:
        """Hand one request on and its answer back."""
        assert self._session is not None
        if self._free <= 0:
            raise ServiceBusy(headers={"Retry-After": "1"})
        self._free -= 1
        try:
            await self._exchange(self._session, scope, receive, send, now, limit)
        finally:
            self._free += 1

    async def _exchange(
        self,
        session: aiohttp.ClientSession,
        scope: Scope,
        receive: Receive,
        send: Send,
        now: datetime,
        limit: int,
    ) -> None:
        query = scope["query_string"].decode("latin-1")
        path = scope["raw_path"].decode("latin-1")
        url = URL(f"{self.url}{path}{'?' + query if query else ''}", encoded=True)
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in inward(scope["headers"])
            if name not in (b"host", b"content-length", b"traceparent")
        ]
        headers.append(("traceparent", scope["carrel.traceparent"]))
        principal = scope[SCOPE_KEY]
        if principal is not ANONYMOUS:
            token = await self._mint.inner_token(principal, self.name, now=now)
            headers.append(("Authorization", f"Bearer {token}"))
        has_body, declared = _body_of(scope)
        if declared is not None:
            headers.append(("Content-Length", str(declared)))
        request = session.request(
            scope["method"],
            url,
            headers=headers,
            data=_streamed(receive, limit) if has_body else None,
            allow_redirects=False,
            skip_auto_headers=("User-Agent", "Accept-Encoding", "Accept", "Content-Type"),
        )
        try:
            async with asyncio.timeout(None if limit > 2**30 else self._timeout):
                answer = await request
        except BodyTooLong as error:
            raise TooLarge(f"A body may have {limit} bytes here.") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if isinstance(error.__cause__, BodyTooLong):
                raise TooLarge(f"A body may have {limit} bytes here.") from error
            raise ServiceAway(headers={"Retry-After": "2"}) from error
        async with answer:
            await send(
                {
                    "type": "http.response.start",
                    "status": answer.status,
                    "headers": outward([(name.lower(), value) for name, value in answer.raw_headers]),
                }
            )
            await _hand_back(answer.content, send, None if has_body else receive)


async def _hand_back(content: aiohttp.StreamReader, send: Send, receive: Receive | None) -> None:
    """Send an answer's body on, until its end or until nobody listens any more."""
    sent = 0
    gone: asyncio.Task[None] | None = None
    try:
        while chunk := await _next(content):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            sent += len(chunk)
            if gone is None and receive is not None and sent > WATCHED_FROM:
                gone = asyncio.create_task(_left(receive))
            if gone is not None and gone.done():
                return
        await send({"type": "http.response.body", "body": b""})
    finally:
        if gone is not None:
            gone.cancel()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _next(content: aiohttp.StreamReader) -> bytes:
    """What has arrived of an answer; nothing at its end."""
    async with asyncio.timeout(IDLE_SECONDS):
        return await content.read(CHUNK)


def _body_of(scope: Scope) -> tuple[bool, int | None]:
    """Whether the request has a body, and its declared length."""
    declared: int | None = None
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            declared = int(value)
        elif name == b"transfer-encoding":
            return True, None
    return bool(declared), declared


async def _streamed(receive: Receive, limit: int) -> AsyncIterator[bytes]:
    taken = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client went away")
        body = message.get("body", b"")
        taken += len(body)
        if taken > limit:
            raise BodyTooLong
        if body:
            yield body
        if not message.get("more_body"):
            return
