"""A service behind HTTP: bodies streamed both ways, one session and a bound on requests per service.

A place among the bounded ones is held while the service is waited for, never while a client is: whoever sends
or reads slowly holds up nobody.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote_from_bytes

import aiohttp
import httpx
from starlette.types import Receive, Scope, Send
from yarl import URL

from chassis.principal import ANONYMOUS, SCOPE_KEY
from chassis.problems import Problem, Unavailable
from gateway.routing.bodies import Body, declares_body
from gateway.routing.scrubbing import inward, outward
from gateway.tokens.minting import Mint

log = logging.getLogger(__name__)

CHUNK = 64 * 1024
WATCHED_FROM = 1024 * 1024
"""Bytes of an answer after which it is worth a task to notice that the client has gone."""
ASKED_SECONDS = 5.0
"""How long the gateway waits for a service's part of what it puts together itself."""
DOCUMENT_SECONDS = 30.0
"""The same for a service's document: it is long, and nobody at a desk waits for it."""
IDLE_SECONDS = 120
"""How long a service may pause inside an answer."""
KEPT_SECONDS = 3.0
"""How long an idle connection is kept: less than the five seconds after which a service closes it."""
BROKEN = (aiohttp.ClientError, TimeoutError)
OURS = frozenset({b"host", b"content-length", b"traceparent"})
"""Headers that the hop inside gets anew."""
ADDRESS_SAFE = "/%:;=@!$&'()*+,-._~?[]|^`{}\"<>\\"


class ServiceBusy(Unavailable):
    """Too many requests to this service are under way."""

    code, title = "service-busy", "This part of the library is very busy; try again shortly."


class ServiceAway(Unavailable):
    """The service does not answer."""

    code, title = "service-away", "This part of the library does not answer just now; try again shortly."


class ServiceSlow(Problem):
    """The service has not answered in time; whether it has done what was asked is not known."""

    status, code, title = (
        504,
        "service-slow",
        "This part of the library has not answered in time. Repeat with the same Idempotency-Key.",
    )


class Upstream:
    """Hands requests on to one service."""

    def __init__(self, name: str, url: str, mint: Mint, *, timeout: float, concurrency: int) -> None:
        self.name = name
        self.url = url.rstrip("/")
        self._mint = mint
        self._timeout = timeout
        self._free = concurrency
        self._session: aiohttp.ClientSession | None = None
        self._client: httpx.AsyncClient | None = None

    async def open(self) -> None:
        """Make the session; answers are passed on as they are, encoded or not."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_SECONDS),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=3),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept-Encoding", "Accept", "Content-Type"),
        )
        self._client = httpx.AsyncClient(
            base_url=self.url,
            timeout=ASKED_SECONDS,
            trust_env=False,  # a proxy of the environment has no business with tokens of the hop inside
            limits=httpx.Limits(keepalive_expiry=KEPT_SECONDS),
        )

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
        if self._client is not None:
            await self._client.aclose()

    async def ask(
        self, method: str, path: str, *, headers: Mapping[str, str], params: Mapping[str, Any], json: Any
    ) -> httpx.Response:
        """The gateway's own question to the service; `httpx.HTTPError` when it does not answer."""
        assert self._client is not None
        return await self._client.request(method, path, params=params, json=json, headers=headers)

    async def document(self) -> dict[str, Any] | None:
        """The service's own OpenAPI document; None while it does not tell."""
        try:
            assert self._client is not None
            answer = await self._client.get("/openapi.json", timeout=DOCUMENT_SECONDS)
            answer.raise_for_status()
            told = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            log.warning(
                "a service does not tell what it offers", extra={"service": self.name, "error": repr(error)}
            )
            return None
        return told if isinstance(told, dict) else None

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, *, now: datetime, body: Body
    ) -> None:
        """Hand one request on and its answer back."""
        asked: Body | bytes | None = None
        if declares_body(scope):
            expects = any(name == b"expect" for name, _ in scope["headers"])
            asked = body if expects else await body.whole()
            if asked is None:
                asked = body
        if self._free <= 0:
            raise ServiceBusy(headers={"Retry-After": "1"})
        self._free -= 1
        try:
            answer = await self._asked(scope, asked, now)
            async with answer:
                await self._hand_back(answer, send, None if isinstance(asked, Body) else receive)
        finally:
            self._free += 1

    async def _asked(self, scope: Scope, asked: Body | bytes | None, now: datetime) -> aiohttp.ClientResponse:
        assert self._session is not None
        url = URL(self.url + _address(scope), encoded=True)
        headers = [
            (name.decode("latin-1"), _text(value))
            for name, value in inward(scope["headers"])
            if name not in OURS
        ]
        headers.append(("traceparent", scope["carrel.traceparent"]))
        principal = scope[SCOPE_KEY]
        if principal is not ANONYMOUS:
            token = await self._mint.inner_token(principal, self.name, now=now)
            headers.append(("Authorization", f"Bearer {token}"))
        if isinstance(asked, Body) and (declared := _declared(scope)) is not None:
            headers.append(("Content-Length", declared))
        tries = 2 if _repeatable(scope, asked) else 1
        while True:
            tries -= 1
            try:
                async with asyncio.timeout(self._timeout) as deadline:
                    data = _Streamed(self, asked, deadline) if isinstance(asked, Body) else asked
                    try:
                        return await self._session.request(
                            scope["method"], url, headers=headers, data=data, allow_redirects=False
                        )
                    finally:
                        if isinstance(data, _Streamed):
                            data.deadline = None
            except TimeoutError as error:
                if isinstance(error, aiohttp.ServerTimeoutError):  # no connection to be had
                    raise ServiceAway(headers={"Retry-After": "2"}) from error
                raise ServiceSlow from error
            except (aiohttp.ClientError, OSError) as error:
                if isinstance(error.__cause__, Problem):  # why the body did not come to its end
                    raise error.__cause__ from None
                dropped = isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError)
                if tries and dropped and not isinstance(error, aiohttp.ClientConnectorError):
                    continue
                raise ServiceAway(headers={"Retry-After": "2"}) from error

    async def _hand_back(self, answer: aiohttp.ClientResponse, send: Send, receive: Receive | None) -> None:
        """Send an answer on, until its end or until nobody listens any more."""
        content = answer.content
        try:
            chunk = await _next(content)
        except BROKEN as error:
            raise ServiceAway(headers={"Retry-After": "2"}) from error
        headers = outward([(name.lower(), value) for name, value in answer.raw_headers])
        if chunk and content.at_eof() and answer.content_length is None:
            headers.append((b"content-length", b"%d" % len(chunk)))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        sent = 0
        gone: asyncio.Task[None] | None = None
        try:
            while True:
                more = bool(chunk) and not content.at_eof()
                with self._client_waited_for():
                    await send({"type": "http.response.body", "body": chunk, "more_body": more})
                sent += len(chunk)
                if gone is None and receive is not None and sent > WATCHED_FROM:
                    gone = asyncio.create_task(_left(receive))
                if not more or (gone is not None and gone.done()):
                    return
                chunk = await _next(content)
        except BROKEN as error:
            # The client sees it cut short: its end is not sent.
            log.warning("a service broke off its answer", extra={"service": self.name, "error": repr(error)})
        finally:
            if gone is not None:
                gone.cancel()

    @contextlib.contextmanager
    def _client_waited_for(self) -> Iterator[None]:
        """Whoever waits for a client gives the place to somebody else meanwhile."""
        self._free += 1
        try:
            yield
        finally:
            self._free -= 1


class _Streamed:
    """A long body on its way to the service, whose time runs only while it is the service that is waited for."""

    def __init__(self, upstream: Upstream, body: Body, deadline: asyncio.Timeout) -> None:
        self._upstream = upstream
        self._body = body
        self.deadline: asyncio.Timeout | None = deadline

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Piece by piece."""
        while True:
            self._allow(None)
            with self._upstream._client_waited_for():
                piece = await self._body.piece()
            self._allow(asyncio.get_running_loop().time() + self._upstream._timeout)
            if not piece:
                return
            yield piece

    def _allow(self, until: float | None) -> None:
        if self.deadline is not None:
            self.deadline.reschedule(until)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _next(content: aiohttp.StreamReader) -> bytes:
    """What has arrived of an answer; nothing at its end."""
    async with asyncio.timeout(IDLE_SECONDS):
        return await content.read(CHUNK)


def _address(scope: Scope) -> str:
    """Path and query as they came; bytes that no address may hold are escaped, as the service would read them."""
    raw: bytes = scope["raw_path"]
    if scope["query_string"]:
        raw += b"?" + scope["query_string"]
    return raw.decode() if raw.isascii() and b"#" not in raw else quote_from_bytes(raw, ADDRESS_SAFE)


def _text(value: bytes) -> str:
    """A header's value as the client library takes it: it writes UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _declared(scope: Scope) -> str | None:
    return next((value.decode() for name, value in scope["headers"] if name == b"content-length"), None)


def _repeatable(scope: Scope, asked: Body | bytes | None) -> bool:
    """Whether a request may be sent again when its connection is lost before an answer.

    A service closes an idle connection just as the next request is on its way; then, and when it dies, a key
    makes the repetition harmless. (The client library repeats GET, HEAD, PUT and DELETE by itself.)
    """
    return (
        not isinstance(asked, Body)
        and scope["method"] in ("POST", "PATCH")
        and scope[SCOPE_KEY] is not ANONYMOUS
        and any(name == b"idempotency-key" and value.strip() for name, value in scope["headers"])
    )
