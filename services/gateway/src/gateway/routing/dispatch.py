"""The gateway's router, pure ASGI: establishes who asks, scrubs, bounds, and hands on.

In one box a service is an ASGI app in this process: it gets the request with the principal in the scope,
which no header can reach. Distributed, it is an `Upstream` and gets a token minted for it alone.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from opentelemetry.trace import SpanKind
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import problems, tracing
from chassis.application import METHODS, TRACEPARENT, fresh_traceparent
from chassis.principal import ANONYMOUS, SCOPE_KEY, Principal, demand
from chassis.problems import Malformed, Problem, Reason, TooLarge, Unavailable
from gateway.audit.journal import Journal
from gateway.authentication import Authenticator, SecretInAddress, refuse_secrets
from gateway.budgets.door import Entrance
from gateway.budgets.rules import Kind
from gateway.consents.rules import PARTS, narrow, reaches
from gateway.origins.known import Origins
from gateway.origins.rules import VARY, allowed, asks_before, before
from gateway.routing.bodies import Body, ClientGone
from gateway.routing.scrubbing import inward
from gateway.routing.table import Route, Table
from gateway.routing.upstream import ServiceAway, Upstream
from gateway.sessions.commands import Sessions
from gateway.sessions.cookies import SESSION, sent
from gateway.settings import Settings
from gateway.tokens.dpop import HEADER as DPOP

log = logging.getLogger(__name__)

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
ADDRESS_LIMIT = 16 * 1024
HEADERS_LIMIT = 64 * 1024
GONE = 499
"""How the audit writes down that the client left before its answer (nginx's number)."""
OWN_BODY_LIMIT = 1024 * 1024
"""Bytes of a body that the gateway itself reads: strangers may send it before they have said who they are."""
OWN_CREDENTIALS = frozenset(
    [f"/oauth2/{name}" for name in ("token", "par", "device_authorization", "introspect", "revoke")]
    + [f"/paia/auth/{name}" for name in ("login", "logout", "change", "reset")]
)
"""Reads its own credentials (HTTP Basic, or to answer as its protocol does)."""
NO_COOKIES = (
    *("/oauth2/", "/saml/", "/oidc/", "/cas/", "/login/shib", "/paia/auth/", "/sign-in/", "/sign-out"),
    *("/developers/", "/lti/"),
)
"""Where a session's cookie says nothing of who asks: other sites send people there, or the form proves itself."""


class HeadersTooLarge(Problem):
    """More headers than are taken."""

    status, code, title = 431, "headers-too-large", "The headers are larger than is taken here."


class ClientStalled(ConnectionError):
    """The client takes no more of its answer."""


class Dispatcher:
    """The outermost app."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings,
        state: Callable[[], Any],
        apps: Mapping[str, ASGIApp] | None,
    ) -> None:
        self._own = app
        self._settings = settings
        self._state = state
        self._patience = settings.client_patience
        self._apps = apps or {}
        self._table = Table()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._own(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "other"
        asked = _traceparent(scope["headers"])
        with tracing.span(method, asked, kind=SpanKind.SERVER, carrel__service="gateway") as (told, _):
            scope["carrel.traceparent"] = told
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        state = self._state()
        now: datetime = state.resources.clock()
        entrance: Entrance = state.entrance
        answered, flowing = 0, False
        told: list[tuple[bytes, bytes]] = []
        placed: Kind | None = None

        async def note(message: Message) -> None:
            nonlocal answered, flowing, placed
            if flowing:
                try:
                    async with asyncio.timeout(self._patience):
                        await send(message)
                except TimeoutError:
                    raise ClientStalled from None
                return
            if message["type"] == "http.response.body":
                flowing = True
            elif message["type"] == "http.response.start":
                answered = message["status"]
                if placed is not None:
                    entrance.places.give_back(placed)
                    placed = None
                message["headers"] = [
                    *message.get("headers", ()),
                    *told,
                    (b"traceparent", scope["carrel.traceparent"].encode()),
                ]
            await send(message)

        scope.setdefault("raw_path", scope["path"].encode())
        headers = scope["headers"]
        scope[SCOPE_KEY] = ANONYMOUS
        try:
            if len(scope["raw_path"]) + len(scope["query_string"]) > ADDRESS_LIMIT:
                raise Malformed(f"An address may have {ADDRESS_LIMIT} bytes here.")
            _refuse_heads(headers)
            try:
                refuse_secrets(scope["raw_path"], scope["query_string"])
            except SecretInAddress:
                await state.authenticator.note_leak(scope["raw_path"] + b"?" + scope["query_string"], now)
                raise
            if (origin := _single(headers, b"origin")) is not None and await _crossing(
                scope, origin, state.origins, told
            ):
                await _say_before(note)
                return
            try:
                scope[SCOPE_KEY] = await _principal(scope, state, now)
            finally:  # whoever guesses is counted, too: to the stranger that they are
                kind, left = entrance.count(scope, now)
                if left is not None:
                    told += left.headers()
                    entrance.check(left, scope, now)
            if await entrance.place(kind, scope):
                placed = kind
            route = self._table.find(scope["path"])
            limit = self._limit(route)
            _refuse_declared(headers, limit)
            body = Body(receive, limit=limit, patience=self._patience)
            if route is None:
                if scope["path"] == "/metrics":
                    demand(scope[SCOPE_KEY], "metrics:read")
                await self._own(scope, body.receive, note)
            else:
                scope[SCOPE_KEY] = within(scope[SCOPE_KEY], scope["method"], scope["path"])
                await self._hand_on(route, scope, receive, note, state, now, body)
        except (ClientGone, ClientStalled) as error:
            answered = answered or GONE
            log.info("a client went away", extra={"how": type(error).__name__})
        except Exception as error:
            if answered:
                raise
            await problems.render(self._told(error, scope))(scope, receive, note)
        finally:
            if placed is not None:
                entrance.places.give_back(placed)
            journal: Journal = state.journal
            if scope["method"] not in SAFE or answered in (401, 403) or _looked_in_vain(scope, answered):
                journal.note(scope, answered or 500, time.perf_counter() - began, now)

    def _limit(self, route: Route | None) -> int:
        """Bytes of a body: of an import, of an ordinary request, of the gateway's own small ones."""
        if route is None:
            return min(OWN_BODY_LIMIT, self._settings.body_limit)
        return self._settings.upload_limit if route.upload else self._settings.body_limit

    @staticmethod
    def _told(error: Exception, scope: Scope) -> Problem:
        """What the client is told of an error: problems as they are, a lost database as 503, else 500."""
        if isinstance(error, Problem):
            return error
        if problems.database_away(error):
            log.warning("the database is away", extra={"error": str(error)})
            return Unavailable(headers={"Retry-After": "2"})
        log.error("a request failed at the gateway", extra={"method": scope["method"]}, exc_info=error)
        return Problem("This is our fault; it has been recorded.")

    async def _hand_on(
        self,
        route: Route,
        scope: Scope,
        receive: Receive,
        send: Send,
        state: Any,
        now: datetime,
        body: Body,
    ) -> None:
        if (app := self._apps.get(route.service)) is not None:
            inside = dict(scope)
            inside["headers"] = inward(scope["headers"])
            await app(inside, body.receive, send)
            return
        upstream: Upstream | None = state.upstreams.get(route.service)
        if upstream is None:
            raise ServiceAway(f"The service {route.service} is not part of this installation.")
        await upstream(scope, receive, send, now=now, body=body)


async def _principal(scope: Scope, state: Any, now: datetime) -> Principal:
    """Who asks: by the header, else by a browser's session."""
    authorization = _single(scope["headers"], b"authorization")
    path = scope["path"]
    if authorization is not None and path not in OWN_CREDENTIALS:
        authenticator: Authenticator = state.authenticator
        kind, _, token = authorization.partition(" ")
        if kind.lower() == "dpop":
            raw = scope["raw_path"].decode("latin-1")
            proof = _single(scope["headers"], DPOP)
            return await authenticator.by_proof(
                token.strip(), proof, method=scope["method"], path=raw, now=now
            )
        address = (scope.get("client") or (None,))[0]
        return await authenticator.principal(authorization, now=now, address=address)
    if authorization is None and not path.startswith(NO_COOKIES):
        return await _by_cookie(scope, state.sessions, now) or ANONYMOUS
    return ANONYMOUS


async def _crossing(scope: Scope, origin: str, origins: Origins, told: list[tuple[bytes, bytes]]) -> bool:
    """Note what a page of another origin is told; whether its browser only asks before it sends."""
    cookies = await origins.cookies(origin)
    if cookies is None:
        told.append(VARY)
        return False
    told += allowed(origin, cookies=cookies)
    if not asks_before(scope["method"], dict(scope["headers"])):
        return False
    told += before()
    return True


async def _say_before(send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def within(asker: Principal, method: str, path: str) -> Principal:
    """Whoever has granted a part of their account is their own patron there, and nobody's patron elsewhere."""
    if asker.patron_id is None or not narrow(asker.scopes) or reaches(asker.scopes, method, path):
        return asker
    return replace(asker, patron_id=None, scopes=asker.scopes - PARTS)


async def _by_cookie(scope: Scope, sessions: Sessions, now: datetime) -> Principal | None:
    """Whoever is signed in in this browser; None for nobody."""
    headers = scope["headers"]
    token = sent(headers, SESSION)
    if token is None:
        return None
    return await sessions.principal(
        token,
        method=scope["method"],
        origin=_single(headers, b"origin"),
        fetch_site=_single(headers, b"sec-fetch-site"),
        proof=_single(headers, b"csrf-token"),
        now=now,
    )


def _looked_in_vain(scope: Scope, status: int) -> bool:
    """Whether staff of some libraries asked for a patron who is not there, or not there for them."""
    asker: Principal = scope[SCOPE_KEY]
    return status == 404 and asker.libraries is not None and scope["path"].startswith("/v1/patrons/")


def _refuse_heads(headers: list[tuple[bytes, bytes]]) -> None:
    """Refuse headers without end, and a body framed in two ways (RFC 9112 §6.1: request smuggling)."""
    size, framed = 0, 0
    for name, value in headers:
        size += len(name) + len(value)
        framed |= _FRAMING.get(name, 0)
    if size > HEADERS_LIMIT:
        raise HeadersTooLarge(f"All headers together may have {HEADERS_LIMIT} bytes here.")
    if framed == 3:
        raise Malformed(
            reasons=[
                Reason(
                    "body-framed-twice",
                    "The request has both a Content-Length and a Transfer-Encoding.",
                    mend="Send one of them.",
                )
            ],
            headers={"Connection": "close"},
        )


_FRAMING = {b"content-length": 1, b"transfer-encoding": 2}


def _refuse_declared(headers: list[tuple[bytes, bytes]], limit: int) -> None:
    """Refuse a body by its declared length, before any of it is read."""
    declared = _single(headers, b"content-length")
    if declared is None:
        return
    if not (declared.isascii() and declared.isdigit() and len(declared) < 19):
        raise Malformed("Content-Length is no length.")
    if int(declared) > limit:
        raise TooLarge(f"A body may have {limit} bytes here.")


def _single(headers: list[tuple[bytes, bytes]], wanted: bytes) -> str | None:
    """A header that may be sent once."""
    found = [value for name, value in headers if name == wanted]
    if len(found) > 1:
        raise Malformed(
            reasons=[
                Reason("header-repeated", f"{wanted.decode()} is sent more than once.", mend="Send it once.")
            ]
        )
    return found[0].decode("latin-1") if found else None


def _traceparent(headers: list[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if name == b"traceparent" and TRACEPARENT.match(told := value.decode("latin-1")):
            return told
    return fresh_traceparent()
