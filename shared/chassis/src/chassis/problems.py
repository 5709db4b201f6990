"""Errors as RFC 9457 problem details: a stable code, every failing reason at once, and what would mend it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import asyncpg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from starlette.exceptions import HTTPException
from starlette.responses import Response

from chassis.json import Json

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that stood in the way: a code that never changes, a sentence, and what would mend it."""

    code: str
    text: str
    pointer: str | None = None
    """Where in the input (RFC 6901 JSON pointer, or a header's or parameter's name)."""
    mend: str | None = None
    value: int | None = None
    """Where a limit stands in the way: how much there is …"""
    limit: int | None = None
    """… and how much is allowed."""

    def as_json(self) -> dict[str, str | int]:
        told = {
            "code": self.code,
            "text": self.text,
            "pointer": self.pointer,
            "mend": self.mend,
            "value": self.value,
            "limit": self.limit,
        }
        return {name: value for name, value in told.items() if value is not None}


class Problem(Exception):
    """An answer other than the one wished for. Slices subclass the kinds below beside the raising command."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "problem"
    title: ClassVar[str] = "Something stands in the way."

    def __init__(
        self,
        detail: str | None = None,
        *,
        reasons: Sequence[Reason] = (),
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.reasons = tuple(reasons)
        self.headers = headers or {}
        self.more = more

    def as_json(self) -> dict[str, Any]:
        """The problem document."""
        told: dict[str, Any] = {
            "type": f"urn:carrel:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
        }
        if self.detail:
            told["detail"] = self.detail
        if self.reasons:
            told["reasons"] = [reason.as_json() for reason in self.reasons]
        return told | self.more


class Malformed(Problem):
    """The input cannot be read at all."""

    status, code, title = 400, "malformed", "The request cannot be read."


class Unauthenticated(Problem):
    """Nobody we know; a token or key is wanted."""

    status, code, title = 401, "unauthenticated", "Say who you are: a valid token or key is needed."

    def __init__(self, detail: str | None = None, **more: Any) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="carrel"'}, **more)


class Forbidden(Problem):
    """Somebody we know, who may not."""

    status, code, title = 403, "forbidden", "You may not do this."


class NotFound(Problem):
    """There is no such thing, or it is not yours to see."""

    status, code, title = 404, "not-found", "There is no such thing here."


class Refused(Problem):
    """A rule says no."""

    status, code, title = 409, "refused", "A rule of the library stands against it."


class Stale(Problem):
    """The thing has changed since it was read."""

    status, code, title = 412, "stale", "This has changed since you read it: read it again, then repeat."


class TooLarge(Problem):
    """More than is taken in one piece."""

    status, code, title = 413, "too-large", "The body is larger than is taken here."


class Unsupported(Problem):
    """A media type that is not spoken here."""

    status, code, title = 415, "unsupported-media-type", "This media type is not understood here."


class NotAcceptable(Problem):
    """None of the media types asked for can be given."""

    status, code, title = 406, "not-acceptable", "None of the wished media types can be given."


class Invalid(Problem):
    """The input can be read but is wrong or contradicts itself."""

    status, code, title = 422, "invalid", "The request is understood but wrong."


class PreconditionRequired(Problem):
    """Say which version you mean to change."""

    status, code, title = 428, "if-match-required", "Send If-Match with the ETag that you read."


class Unavailable(Problem):
    """Not now; try again."""

    status, code, title = 503, "unavailable", "This cannot be done just now; try again shortly."


class ReasonOut(BaseModel):
    """One failing reason."""

    code: str
    text: str
    pointer: str | None = None
    mend: str | None = None
    value: int | None = None
    limit: int | None = None


class ProblemOut(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    reasons: list[ReasonOut] = Field(default_factory=list)


def problems(*kinds: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route: each status with what it can mean.

    The model is told once, for the document to have it: the framework makes a field of it each time, which for every
    status of every route took a tenth of a process's start.
    """
    told: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        meaning = (kind.__doc__ or kind.title).splitlines()[0]
        if kind.status not in told:
            schema = {"schema": {"$ref": "#/components/schemas/ProblemOut"}}
            told[kind.status] = {
                "description": "",
                "content": {"application/json": schema, MEDIA_TYPE: schema},
                **({} if told else {"model": ProblemOut}),
            }
        entry = told[kind.status]
        entry["description"] = " ".join(filter(None, [entry["description"], f"`{kind.code}`: {meaning}"]))
    return told


def render(problem: Problem) -> Response:
    """The HTTP answer that carries a problem."""
    return Json(problem.as_json(), status_code=problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Render problems, malformed input and what the framework raises in one shape."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_malformed)
    app.add_exception_handler(HTTPException, _on_http_exception)
    for kind in DATA_ERRORS:
        app.add_exception_handler(kind, on_data_error)


DATA_ERRORS = (asyncpg.DataError, asyncpg.InterfaceError, DBAPIError, UnicodeEncodeError)
"""What a value that cannot be stored may raise; and other things, too, so each is looked at."""


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return render(error)


async def _on_malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return render(Invalid(reasons=[_reason(told) for told in error.errors()]))


def _reason(told: dict[str, Any]) -> Reason:
    place, *path = (str(part) for part in told["loc"])
    if place == "body":
        pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)
    else:
        pointer = "/".join([place, *path])
    return Reason(code=str(told["type"]).replace("_", "-"), text=str(told["msg"]), pointer=pointer)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    problem: Problem
    if error.status_code == 404:
        problem = NotFound(f"Nothing answers at {request.url.path}.")
    else:
        problem = Problem(str(error.detail))
        problem.status, problem.title = error.status_code, str(error.detail)  # type: ignore[misc]  # one-off kind
        problem.code = {405: "method-not-allowed"}.get(error.status_code, "refused-by-protocol")  # type: ignore[misc]
    problem.headers = dict(error.headers or {})
    return render(problem)


def database_away(error: BaseException) -> bool:
    """Whether the error says that the database does not answer, or has no connection free for us."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or (error.orig is not None and database_away(error.orig))
    if isinstance(error, asyncpg.InterfaceError):
        return "clos" in str(error)
    if isinstance(error, AWAY):
        return True
    unreachable = type(error) is OSError and "Connect call failed" in str(error)
    return unreachable or (error.__cause__ is not None and database_away(error.__cause__))


AWAY = (
    ConnectionError,
    TimeoutError,
    NoConnectionFree,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)

UNSTORABLE = {"22021", "22P05", "22003", "22P02", "22007", "22008", "54000", "22001"}
"""SQLSTATEs that only the client's own values can cause: bad characters, numbers or dates out of range."""


async def on_data_error(request: Request, error: Exception) -> Response:
    """The answer where the client's own value cannot be stored; anything else is raised again."""
    original: BaseException = (error.orig or error) if isinstance(error, DBAPIError) else error
    state = getattr(original, "sqlstate", None) or getattr(original.__cause__, "sqlstate", None)
    clients = isinstance(error, UnicodeEncodeError | asyncpg.DataError) or state in UNSTORABLE
    if isinstance(error, DBAPIError) and isinstance(
        original.__cause__, asyncpg.DataError | UnicodeEncodeError
    ):
        clients = True
    if not clients:
        raise error
    log.info("unstorable value refused", extra={"error": type(original).__name__, "sqlstate": state})
    return render(
        Invalid(
            "A value cannot be stored.",
            reasons=[
                Reason(
                    "unstorable-value",
                    "A text holds a character that cannot be stored (NUL or half of a surrogate pair), "
                    "or a number or date is out of range.",
                    mend="Send well-formed Unicode without NUL, and numbers within 64 bits.",
                )
            ],
        )
    )
