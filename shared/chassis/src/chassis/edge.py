"""The edge of a request: its one transaction, its idempotency key, and what its events are attributed to.

The transaction is committed before the answer leaves; when anything fails, all of it is rolled back. The
idempotency row is written in the same transaction as the effect, so the stored answer exists exactly when
the effect does.
"""

import hashlib
import inspect
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import asyncpg
import orjson
from fastapi import Depends, Header, Request
from fastapi.params import Depends as DependsOn
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path, get_name

from chassis import outbox
from chassis.endings import ending_of
from chassis.principal import principal_of
from chassis.problems import Invalid, Malformed, Problem, Reason, Refused, TooLarge
from chassis.resources import Resources

T = TypeVar("T")

JSON_LIMIT = 4 * 1024 * 1024
"""Bytes of a JSON body."""
KEY_LIMIT = 200
F = TypeVar("F", bound=Callable[..., Any])
_DEFAULTS = {
    name: parameter.default
    for name, parameter in inspect.signature(APIRoute.__init__).parameters.items()
    if parameter.default is not inspect.Parameter.empty
}
_LOOKING = threading.RLock()
"""A route may be asked by the loop and by who describes the service beside it."""
PATTERN = ("path_regex", "path_format", "param_convertors")
"""What the framework makes of a route's path: a fiftieth of a start for all of them."""
KEPT_HEADERS = ("content-type", "location", "etag", "link")


class KeyMissing(Malformed):
    """This call must carry an Idempotency-Key, so that it can be repeated safely."""

    code, title = "idempotency-key-required", "Send an Idempotency-Key header (any unique text, a UUID say)."


class KeyReused(Invalid):
    """This Idempotency-Key was used for another request."""

    code, title = "idempotency-key-reused", "This Idempotency-Key belongs to another request."


class InFlight(Refused):
    """The same request is still being worked on."""

    code, title = "in-flight", "The same request is still under way; repeat it in a moment."


@dataclass(frozen=True, slots=True)
class Once:
    """What makes a repetition recognisable: who, their key, and a fingerprint of the request."""

    principal: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The first answer to a request."""

    status: int
    headers: dict[str, str]
    body: bytes

    def response(self) -> Response:
        """The same answer again, and a header that says so."""
        return Response(self.body, self.status, {**self.headers, "Idempotency-Replayed": "true"})


class _Replay(Exception):
    def __init__(self, answer: StoredAnswer) -> None:
        self.answer = answer


async def once(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(max_length=KEY_LIMIT, description="Makes a repetition harmless: same key, same answer"),
    ] = None,
) -> Once | None:
    """What the client sent to make a repetition harmless, if anything; strangers would share their keys."""
    asker = principal_of(request)
    if idempotency_key is None or not idempotency_key.strip() or asker.kind == "anonymous":
        return None
    return Once(str(asker.actor), idempotency_key, fingerprint(request, await request.body()))


async def once_required(told: Annotated[Once | None, Depends(once)]) -> Once:
    """The same, for calls that are not taken without it."""
    if told is None:
        raise KeyMissing
    return told


OnceRequired = Annotated[Once, Depends(once_required)]


def fingerprint(request: Request, body: bytes) -> bytes:
    """Two requests with one fingerprint ask for the same thing."""
    scope = request.scope
    head = f"{scope['method']} {scope['path']}?".encode() + scope["query_string"] + b"\n"
    return hashlib.sha256(head + body).digest()


def checked(stored_fingerprint: bytes, asked: Once) -> None:
    """Raise `KeyReused` when the key was used for something else."""
    if bytes(stored_fingerprint) != asked.fingerprint:
        raise KeyReused(
            reasons=[
                Reason(
                    "idempotency-key-reused",
                    "The key was first sent with another body or path.",
                    mend="Use a new key.",
                )
            ]
        )


class Edge:
    """One request's transaction, opened when somebody needs it."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.resources: Resources = request.app.state.resources
        self.session: AsyncSession | None = None
        self.once: Once | None = None
        self.kept_body: bytes | None = None
        """What is stored instead of the answer's body, where that holds a secret."""

    async def open(self, asked: Once | None) -> AsyncSession:
        """Begin the transaction and claim the idempotency key in it."""
        if self.session is None:
            self.session = self.resources.sessions()
            if asked is not None and self.request.method not in ("GET", "HEAD"):
                await self._claim(asked)
        return self.session

    async def _claim(self, asked: Once) -> None:
        assert self.session is not None
        try:
            claimed = await self.session.scalar(
                text(
                    "INSERT INTO idempotency (principal, key, fingerprint) "
                    "VALUES (:principal, :key, :fingerprint) "
                    "ON CONFLICT DO NOTHING RETURNING true"
                ),
                {"principal": asked.principal, "key": asked.key, "fingerprint": asked.fingerprint},
            )
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == "55P03":
                raise InFlight from error
            raise
        if not claimed:
            found = (
                await self.session.execute(
                    text(
                        "SELECT fingerprint, status, headers, body FROM idempotency "
                        "WHERE principal = :principal AND key = :key"
                    ),
                    {"principal": asked.principal, "key": asked.key},
                )
            ).first()
            if found is None:
                raise InFlight
            checked(found.fingerprint, asked)
            raise _Replay(StoredAnswer(found.status, json.loads(found.headers), bytes(found.body)))
        self.once = asked

    async def finish(self, response: Response) -> None:
        """Store the answer beside the effect, and commit both."""
        if self.session is None:
            return
        if response.status_code >= 400:
            await self.abandon()
            return
        if self.once is not None:
            headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
            await self.session.execute(
                text(
                    "UPDATE idempotency SET status = :status, headers = :headers, body = :body "
                    "WHERE principal = :principal AND key = :key"
                ),
                {
                    "status": response.status_code,
                    "headers": json.dumps(headers),
                    "body": bytes(response.body) if self.kept_body is None else self.kept_body,
                    "principal": self.once.principal,
                    "key": self.once.key,
                },
            )
        try:
            await self.session.commit()
        finally:
            await self.session.close()

    async def abandon(self) -> None:
        """Roll everything back."""
        if self.session is not None:
            await self.session.close()


async def transaction(
    request: Request, asked: Annotated[Once | None, Depends(once)]
) -> AsyncIterator[AsyncSession]:
    """The request's one transaction: committed before the answer leaves, rolled back when anything fails."""
    edge: Edge = request.state.edge
    yield await edge.open(asked)


Tx = Annotated[AsyncSession, Depends(transaction)]


async def transaction_once_only(request: Request) -> AsyncIterator[AsyncSession]:
    """A transaction that takes no idempotency key, because the answer must not be kept: it is a secret."""
    edge: Edge = request.state.edge
    yield await edge.open(None)


UnkeyedTx = Annotated[AsyncSession, Depends(transaction_once_only)]


async def reading(request: Request) -> AsyncIterator[AsyncSession]:
    """A transaction for a route that reads: there is nothing to repeat, and no key to take."""
    edge: Edge = request.state.edge
    yield await edge.open(None)


ReadTx = Annotated[AsyncSession, Depends(reading)]


Arguments = Callable[[Request], Coroutine[Any, Any, dict[str, Any] | None]]
"""Makes an endpoint's arguments from a plain request; None: let the framework do it, and tell what is wrong."""
E = TypeVar("E", bound=Callable[..., Any])


def busy(arguments: Arguments) -> Callable[[E], E]:
    """For the few routes that run all day: plain, valid requests go straight to the endpoint (`lanes`).

    The endpoint is the same, its documentation too, and whatever is not plain and valid goes the framework's way,
    so every refusal reads the same.
    """

    def mark(endpoint: E) -> E:
        endpoint.arguments = arguments  # type: ignore[attr-defined]  # read by EdgeRoute.straight
        return endpoint

    return mark


async def plain(request: Request, model: TypeAdapter[T]) -> tuple[T, Once] | None:
    """Body and idempotency key of a plain request: JSON, no query, valid; None when it is anything else."""
    key = request.headers.get("idempotency-key")
    if not key or len(key) > KEY_LIMIT or not key.strip():
        return None
    if (told := await plain_body(request, model)) is None:
        return None
    return told, Once(str(principal_of(request).actor), key, fingerprint(request, await request.body()))


async def plain_body(request: Request, model: TypeAdapter[T]) -> T | None:
    """The body of a plain request that changes nothing, or needs no key: JSON, no query, valid; else None."""
    if request.scope["query_string"] or request.headers.get("content-type") != "application/json":
        return None
    body = await request.body()
    if len(body) > JSON_LIMIT or b"\\u0000" in body:
        return None
    try:
        return model.validate_json(body)
    except ValidationError:
        return None


class EdgeRoute(APIRoute):
    """Every route of a service: reads JSON strictly, sets the origin of events, ends the transaction.

    To declare one is cheap. What the framework finds out about it (parameters, models, the handler) it finds out when
    somebody first asks: a process declares five hundred routes at its start, and the framework looks at each again for
    the app that includes it.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        extra = {**(more.get("openapi_extra") or {})}
        if scopes := _scopes(endpoint):
            extra = {"security": [{"bearer": [scope]} for scope in scopes], **extra}
        if (ends := ending_of(endpoint)) is not None:
            extra = {**ends.document(), **extra}
        more["openapi_extra"] = extra or None
        self._declared = {"path": path, "endpoint": endpoint, **more}
        told = {**_DEFAULTS, **more}
        self.path, self.endpoint = path, endpoint
        self.methods = {method.upper() for method in told.pop("methods") or ["GET"]}
        self.name = told.pop("name") or get_name(endpoint)
        self.description = told.pop("description") or inspect.cleandoc(endpoint.__doc__ or "")
        for name in ("tags", "dependencies"):
            told[name] = list(told[name] or ())
        for name in ("responses", "form_limits"):
            told[name] = dict(told[name] or {})
        self.__dict__.update(told)

    def __getattr__(self, name: str) -> Any:
        """What only the framework's own look at the route tells; that look is taken now, once.

        By what pattern its paths are known is told without it: whoever asks for one route has its neighbours tried.
        """
        if name.startswith("__"):
            raise AttributeError(name)
        if name in PATTERN:
            self.__dict__.update(zip(PATTERN, compile_path(self.path), strict=True))
            return self.__dict__[name]
        with _LOOKING:
            if (declared := self.__dict__.pop("_declared", None)) is not None:
                super().__init__(**declared)
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(name) from None

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the framework's handler."""
        handler = super().get_route_handler()
        own_body = getattr(self.endpoint, "streams_body", False)

        async def at_the_edge(request: Request) -> Response:
            edge = Edge(request)
            request.state.edge = edge
            principal = principal_of(request)
            token = outbox.origin.set(
                edge.resources.origin(principal.actor, request.scope.get("carrel.traceparent"))
            )
            try:
                if not own_body:
                    await _read_json(request)
                response = await handler(request)
                await edge.finish(response)
            except _Replay as replay:
                await edge.abandon()
                return replay.answer.response()
            except HTTPException as error:
                await edge.abandon()
                if isinstance(error.__cause__, Problem):  # the framework hides why a body could not be read
                    raise error.__cause__ from None
                raise
            except (DBAPIError, asyncpg.PostgresError) as error:
                await edge.abandon()
                if (problem := _busy(error)) is not None:
                    raise problem from error
                raise
            except BaseException:
                await edge.abandon()
                raise
            finally:
                outbox.origin.reset(token)
            return response

        return at_the_edge

    @property
    def arguments(self) -> Arguments | None:
        """What makes the endpoint's arguments from a plain request, where it is one of the `busy` ones."""
        return getattr(self.endpoint, "arguments", None)

    async def straight(self, request: Request) -> Response | None:
        """Answer a plain, valid request to a `busy` endpoint; None when it is not one, and was only read."""
        assert self.arguments is not None
        resources: Resources = request.app.state.resources
        actor = principal_of(request).actor
        token = outbox.origin.set(resources.origin(actor, request.scope.get("carrel.traceparent")))
        try:
            ready = await self.arguments(request)
            answer: Response | None = None if ready is None else await self.endpoint(**ready)
        except (DBAPIError, asyncpg.PostgresError) as error:
            if (problem := _busy(error)) is not None:
                raise problem from error
            raise
        finally:
            outbox.origin.reset(token)
        return answer


def _busy(error: DBAPIError | asyncpg.PostgresError) -> Problem | None:
    """A lock that could not be had, or a deadlock's victim: nothing was written, repeat."""
    state = getattr(error.orig if isinstance(error, DBAPIError) else error, "sqlstate", None)
    return InFlight() if state in ("55P03", "40P01", "40001") else None


def streamed(endpoint: F) -> F:
    """Mark a route that reads its body itself, in pieces and within its own limit."""
    endpoint.streams_body = True  # type: ignore[attr-defined]  # read by EdgeRoute
    return endpoint


def _scopes(call: Callable[..., Any]) -> tuple[str, ...]:
    """The scopes of which a route wants one, where it wants one whoever asks (`principal.may`)."""
    for parameter in inspect.signature(call).parameters.values():
        for told in (parameter.default, *getattr(parameter.annotation, "__metadata__", ())):
            wanted = told.dependency if isinstance(told, DependsOn) else None
            if wanted is not None and (found := getattr(wanted, "scopes", None) or _scopes(wanted)):
                return tuple(found)
    return ()


async def _read_json(request: Request) -> None:
    """Read a JSON body strictly: well-formed Unicode without NUL, within the limit."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method in ("GET", "HEAD") or not (
        media_type == "application/json"
        or (media_type.startswith("application/") and media_type.endswith("+json"))
    ):
        return
    declared = request.headers.get("content-length", "0")
    if declared.isascii() and declared.isdigit() and int(declared[:18]) > JSON_LIMIT:
        raise TooLarge(f"A JSON body may have {JSON_LIMIT} bytes here.")
    body = await request.body()
    if len(body) > JSON_LIMIT:
        raise TooLarge(f"A JSON body may have {JSON_LIMIT} bytes here.")
    if not body:
        return
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(
            reasons=[
                Reason(
                    "json-malformed",
                    f"The body is not well-formed JSON: {error}.",
                    "",
                    "Send valid JSON in UTF-8.",
                )
            ]
        ) from error
    if b"\\u0000" in body and _holds_nul(told):
        raise Invalid(
            reasons=[
                Reason(
                    "unstorable-value",
                    "A text holds NUL (U+0000), which cannot be stored.",
                    mend="Leave it out.",
                )
            ]
        )
    request._json = told


def _holds_nul(told: Any) -> bool:
    """Whether a text in a parsed document holds NUL (an escaped backslash before `u0000` is none)."""
    if isinstance(told, str):
        return "\0" in told
    if isinstance(told, dict):
        return any(_holds_nul(name) or _holds_nul(value) for name, value in told.items())
    return isinstance(told, list) and any(map(_holds_nul, told))


def passing(error: BaseException) -> bool:
    """Whether a busy path may look again after this: the race was lost, nothing was written."""
    return isinstance(error, asyncpg.UniqueViolationError | asyncpg.DeadlockDetectedError)
