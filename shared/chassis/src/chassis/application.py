"""The outer frame of every service's app: authentication, traces, metrics, problems, health."""

import logging
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from opentelemetry.trace import SpanKind
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import administration, declaring, faults, logs, problems, tracing
from chassis.edge import EdgeRoute
from chassis.endings import ending_of
from chassis.ids import random_hex
from chassis.lanes import Lanes
from chassis.metrics import REQUESTS
from chassis.principal import ANONYMOUS, SCOPE_KEY
from chassis.problems import Malformed, Problem, Reason, Unauthenticated, Unavailable
from chassis.resources import Resources, Service, open_resources
from chassis.settings import ServiceSettings
from chassis.tokens import Verifier
from chassis.ways import Ways

log = logging.getLogger(__name__)

SLOW_SECONDS = 1.0
TRACEPARENT = re.compile(r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}\Z")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Others are counted together: a stranger's invention must not grow the metrics."""


def build(
    service: Service,
    settings: ServiceSettings,
    *,
    routers: Sequence[APIRouter],
    resources: Resources | None = None,
    description: str = "",
    operated: bool = True,
) -> FastAPI:
    """Make a service's app. Its lifespan opens the resources, unless they are given (tests, one box).

    `operated` adds its API document, change feed and dead letters; the gateway's own are over all services.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if resources is not None:
            app.state.resources = resources
            yield
            return
        async with open_resources(service, settings, role="serve") as opened:
            app.state.resources = opened
            yield

    app = _App(
        title=f"Carrel {service.name}",
        version="1",
        description=description,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # ours is `administration.openapi`
        separate_input_output_schemas=False,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # ours is `tracing` and `metrics`
        generate_unique_id_function=lambda route: f"{service.name}-{route.name.replace('_', '-')}",
    )
    app.written = service.document
    app.router.route_class = EdgeRoute
    problems.install(app)
    every = [*routers, *([administration.router] if operated else []), administration.watched]
    included: list[tuple[APIRouter, BaseRoute]] = []
    for router in every:
        app.include_router(router)
        included.append((router, app.router.routes[-1]))
    app.router.middleware_stack = Ways(app.router.middleware_stack, included)
    app.state.service = service
    verifier = Verifier(service.name, settings.jwks_url) if settings.jwks_url else None
    app.add_middleware(Frame, service=service.name, verifier=verifier, lanes=Lanes(routers))
    return app


class _App(FastAPI):
    """The framework's app, whose requests begin at our outermost layer.

    What the framework puts around that (its last catch, its telemetry, its limit of bodies) is done there already, and
    a request that goes straight would pass three layers for nothing, each of its messages as well.
    """

    written: Path | None = None
    """Where its API document stands, as written with the code (`describing`)."""
    _outermost: ASGIApp | None = None

    def build_middleware_stack(self) -> ASGIApp:
        """The framework's own stack; where it reaches the layer that was added last is remembered."""
        layer = stack = super().build_middleware_stack()
        while not isinstance(layer, self.user_middleware[0].cls):  # type: ignore[arg-type]  # layers are classes
            layer = layer.app  # type: ignore[attr-defined]  # as every layer of the framework keeps it
        self._outermost = layer
        return stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request at our outermost layer; other scopes go the framework's way."""
        if scope["type"] != "http" or self._outermost is None:
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        await self._outermost(scope, receive, send)


def new_router(prefix: str = "", *, tag: str) -> APIRouter:
    """A slice's router, with the edge around each route. Empty for good in a process that declares none."""
    return declaring.router_class()(prefix=prefix, tags=[tag], route_class=EdgeRoute)


class Frame:
    """Pure ASGI: who asks, which trace, how long it took; and a last catch, so that a bug is logged once."""

    def __init__(self, app: ASGIApp, *, service: str, verifier: Verifier | None, lanes: Lanes) -> None:
        self.app = app
        self.service = service
        self.verifier = verifier
        self.lanes = lanes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; other scopes pass."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        method = scope["method"] if scope["method"] in METHODS else "other"
        with tracing.span(
            method,
            self._told(scope, headers),
            kind=SpanKind.SERVER,
            carrel__service=self.service,
            http__request__method=method,
        ) as (traceparent, begun):
            scope["carrel.traceparent"] = traceparent = traceparent or fresh_traceparent()
            token = logs.about.set(logs.ids(traceparent, request=random_hex(1)))
            try:
                status = await self._answer(scope, headers, receive, send, method)
            finally:
                logs.about.reset(token)
            if begun is not None:
                begun.update_name(f"{method} {self._route(scope)}")
                begun.set_attributes({"http.route": self._route(scope), "http.response.status_code": status})
                if status >= 500:
                    tracing.failed(begun, str(status))

    async def _answer(
        self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send, method: str
    ) -> int:
        """Have the request answered; with which status."""
        began = time.perf_counter()
        status = 500
        started = False

        async def note(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                if (ends := ending_of(scope.get("endpoint"))) is not None:
                    message["headers"] = [*message.get("headers", ()), *ends.headers()]
            await send(message)

        try:
            await self._authenticate(scope, headers)
            if b"%00" in scope.get("raw_path", b"") or b"%00" in scope["query_string"]:
                raise Malformed(
                    reasons=[Reason("nul-in-address", "The address holds NUL.", mend="Leave it out.")]
                )
            if (onwards := await self.lanes.take(scope, receive, note)) is not None:
                await self.app(scope, onwards, note)
        except Problem as problem:
            await problems.render(problem)(scope, receive, note)
        except Exception as error:
            route = self._route(scope)
            if not started and problems.database_away(error):
                log.warning("the database is away", extra={"route": route, "error": faults.told(error)})
                told: Problem = Unavailable(headers={"Retry-After": "2"})
            else:
                log.exception("a request failed", extra={"method": method, "route": route})
                told = Problem("This is our fault; it has been recorded.")
            if started:
                raise
            await problems.render(told)(scope, receive, note)
        finally:
            took = time.perf_counter() - began
            REQUESTS.labels(self.service, method, self._route(scope), status).observe(took)
            if took > SLOW_SECONDS:
                log.warning("slow request", extra={"route": self._route(scope), "seconds": round(took, 3)})
        return status

    async def _authenticate(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        if SCOPE_KEY in scope:
            return
        told = headers.get(b"authorization", b"").decode("latin-1").strip()
        kind, _, token = told.partition(" ")
        if not told:
            scope[SCOPE_KEY] = ANONYMOUS
        elif kind.lower() == "bearer" and self.verifier is not None:
            scope[SCOPE_KEY] = await self.verifier.verify(token.strip())
        else:
            raise Unauthenticated("Only bearer tokens minted by the gateway are taken here.")

    @staticmethod
    def _told(scope: Scope, headers: dict[bytes, bytes]) -> str | None:
        told = scope.get("carrel.traceparent") or headers.get(b"traceparent", b"").decode("latin-1")
        return str(told) if TRACEPARENT.match(told) else None

    @staticmethod
    def _route(scope: Scope) -> str:
        route: Any = scope.get("route")
        return getattr(route, "path", "-")


def fresh_traceparent() -> str:
    """A trace that begins here."""
    return f"00-{random_hex(2)}-{random_hex(1)}-00"


def matches(app: FastAPI, method: str, path: str) -> bool:
    """Whether the app answers there; for tests and the gateway's table."""
    scope = {"type": "http", "method": method, "path": path, "headers": []}
    return any(route.matches(scope)[0] is Match.FULL for route in app.routes)
