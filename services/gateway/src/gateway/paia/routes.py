"""PAIA auth on the wire: login, logout, change (PAIA 1.4). Errors are PAIA's own, which OAuth clients read."""

import logging
from collections.abc import Collection
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import asyncpg
from fastapi import Request, Response

from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import streamed
from chassis.json import Json
from chassis.principal import Principal
from chassis.problems import Problem, TooLarge, Unavailable
from gateway.accounts.door import Door, SignInBusy
from gateway.paia import tokens
from gateway.paia.rules import CHANGE, LONGEST, VERSION, granted
from gateway.paia.tokens import LIVES, Held
from gateway.persons.circulation import Circulation

log = logging.getLogger(__name__)
router = new_router("/paia/auth", tag="paia")

VERIFIER = Principal("system", "paia", frozenset({"pins:verify"}))
FORM_LIMIT = 16 * 1024
FORM = {
    "requestBody": {
        "required": True,
        "content": {"application/x-www-form-urlencoded": {"schema": {"type": "object"}}},
    }
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": {"type": "object"}}}},
    **{
        status: {"description": told}
        for status, told in {
            400: "`invalid_request`: the body is no form",
            401: "`invalid_grant`: the token is missing, over, or was not given out here",
            403: "`access_denied`, `insufficient_scope`",
            422: "`invalid_request`: a field is missing or wrong",
            503: "`service_unavailable`",
        }.items()
    },
}


class Refusal(Exception):
    """An error as PAIA tells it."""

    def __init__(self, status: int, error: str, words: str, **headers: str) -> None:
        super().__init__(error)
        self.status, self.error, self.words, self.headers = status, error, words, headers


def _headers(request: Request, accepted: str, held: Collection[str] | None) -> dict[str, str]:
    told = {
        "X-PAIA-Version": VERSION,
        "Cache-Control": "no-store",
        "Pragma": "no-cache",
        "Content-Language": "en",
        "X-Accepted-OAuth-Scopes": accepted,
    }
    if held is not None:
        told["X-OAuth-Scopes"] = " ".join(held)
    if "origin" in request.headers:
        told["Access-Control-Allow-Origin"] = "*"  # no cookie counts here, so that any page may ask
        told["Access-Control-Expose-Headers"] = "X-OAuth-Scopes X-Accepted-OAuth-Scopes"
    return told


def _said(
    request: Request, body: dict[str, Any], *, accepted: str = "", held: Collection[str] | None = None
) -> Response:
    return Json(body, headers=_headers(request, accepted, held))


def _refused(request: Request, refusal: Refusal, accepted: str = "", held: Held | None = None) -> Response:
    """An error; whoever showed a good token is told what it is for, too."""
    challenge = 'Bearer realm="PAIA auth"'
    if refusal.error == "insufficient_scope":  # RFC 6750 §3.1
        challenge += f', error="insufficient_scope", scope="{accepted}"'
    headers = _headers(request, accepted, held.scopes if held else None) | {"WWW-Authenticate": challenge}
    body = {"error": refusal.error, "error_description": refusal.words}
    return Json(body, status_code=refusal.status, headers=headers | refusal.headers)


async def _fields(request: Request) -> dict[str, str]:
    """The form's fields, each once."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > FORM_LIMIT:
            raise TooLarge
    kind, _, more = request.headers.get("content-type", "").lower().partition(";")
    charset = more.strip().removeprefix("charset=").strip('"')
    if kind.strip() != "application/x-www-form-urlencoded" or charset not in ("", "utf-8", "utf8"):
        raise Refusal(400, "invalid_request", "A form is wanted (application/x-www-form-urlencoded, UTF-8).")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError:
        raise Refusal(400, "invalid_request", "The form cannot be read.") from None
    if len(dict(pairs)) < len(pairs) or any(len(value) > LONGEST or "\0" in value for _, value in pairs):
        raise Refusal(400, "invalid_request", "A field stands there twice, or is longer than is taken.")
    return dict(pairs)


def _wanted(fields: dict[str, str], *names: str) -> None:
    if missing := [name for name in names if not fields.get(name)]:
        raise Refusal(422, "invalid_request", f"Missing: {', '.join(missing)}.")


async def _holder(request: Request, now: datetime) -> Held:
    told = request.headers.getlist("authorization")
    kind, _, token = told[0].partition(" ") if len(told) == 1 else ("", "", "")
    pool: asyncpg.Pool = request.app.state.resources.pool
    held = await tokens.find(pool, token.strip(), now=now) if kind.lower() == "bearer" else None
    if held is None:
        raise Refusal(401, "invalid_grant", "The token is missing, over, or was not given out here.")
    return held


async def _verified(request: Request, username: str, password: str, now: datetime) -> UUID | None:
    """Whose card and PIN these are; every guess counts at circulation, whatever door it came by."""
    door: Door = request.app.state.door
    address = request.client.host if request.client else ""
    circulation = Circulation(request.app.state, str(request.scope["carrel.traceparent"]))
    async with door.admitted(f"card {username}", address):
        answer = await circulation.ask(
            "POST",
            "/v1/card-pins/verifications",
            now=now,
            json={"barcode": username, "pin": password},
            by=VERIFIER,
        )
    told = answer.json() if answer.status_code == 200 else {}
    return UUID(told["patron_id"]) if told.get("verified") else None


def _away(error: Problem) -> Refusal:
    """A part that does not answer, or too many at once."""
    words = (
        "Too many sign in just now."
        if isinstance(error, SignInBusy)
        else "A part of the library does not answer."
    )
    return Refusal(
        503, "service_unavailable", words, **{"Retry-After": error.headers.get("Retry-After", "2")}
    )


@router.post("/login", response_class=Response, responses=ANSWERS, openapi_extra=FORM)
@streamed
async def paia_login(request: Request, now: Now) -> Response:
    """A token for card number and PIN (`grant_type=password`, `username`, `password`, `scope`)."""
    try:
        fields = await _fields(request)
        _wanted(fields, "grant_type")
        if fields["grant_type"] != "password":
            raise Refusal(
                403, "access_denied", "No machine signs in for a patron here: `password` alone is granted."
            )
        _wanted(fields, "username", "password")
        scopes = granted(fields.get("scope"))
        if not scopes:
            raise Refusal(422, "invalid_request", "None of these scopes is known here.")
        patron_id = await _verified(request, fields["username"], fields["password"], now)
        if patron_id is None or fields.get("patron", str(patron_id)) != str(patron_id):
            raise Refusal(
                403, "access_denied", "The card or the PIN is wrong, or there were too many guesses."
            )
    except Refusal as refusal:
        return _refused(request, refusal)
    except (SignInBusy, Unavailable) as error:
        return _refused(request, _away(error))
    pool: asyncpg.Pool = request.app.state.resources.pool
    token = await tokens.make(pool, patron_id, scopes, now=now)
    log.info("a patron signed in by PAIA", extra={"patron": str(patron_id)})
    told = {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": int(LIVES.total_seconds()),
        "patron": str(patron_id),
        "scope": " ".join(scopes),
    }
    return _said(request, told, held=scopes)


@router.post("/logout", response_class=Response, responses=ANSWERS, openapi_extra=FORM)
@streamed
async def paia_logout(request: Request, now: Now) -> Response:
    """The token that is sent along is good for nothing any more."""
    held: Held | None = None
    try:
        held = await _holder(request, now)
        fields = await _fields(request) if request.headers.get("content-length", "0") != "0" else {}
        if fields.get("patron", str(held.patron_id)) != str(held.patron_id):
            raise Refusal(403, "access_denied", "The token is another patron's.")
    except Refusal as refusal:
        return _refused(request, refusal, held=held)
    await tokens.end(request.app.state.resources.pool, held)
    return _said(request, {"patron": str(held.patron_id)}, held=held.scopes)


@router.post("/change", response_class=Response, responses=ANSWERS, openapi_extra=FORM)
@streamed
async def paia_change(request: Request, now: Now) -> Response:
    """Another PIN (`patron`, `username`, `old_password`, `new_password`), with a token for `change_password`."""
    held: Held | None = None
    try:
        held = await _holder(request, now)
        if CHANGE not in held.scopes:
            raise Refusal(403, "insufficient_scope", f"The token is not for {CHANGE}.")
        fields = await _fields(request)
        _wanted(fields, "patron", "username", "old_password", "new_password")
        if fields["patron"] != str(held.patron_id):
            raise Refusal(403, "access_denied", "The token is another patron's.")
        await _changed(request, held, fields, now)
    except Refusal as refusal:
        return _refused(request, refusal, CHANGE, held)
    except (SignInBusy, Unavailable) as error:
        return _refused(request, _away(error), CHANGE, held)
    await tokens.end_others(request.app.state.resources.pool, held)
    return _said(request, {"patron": str(held.patron_id)}, accepted=CHANGE, held=held.scopes)


async def _changed(request: Request, held: Held, fields: dict[str, str], now: datetime) -> None:
    whose = await _verified(request, fields["username"], fields["old_password"], now)
    if whose != held.patron_id:
        raise Refusal(403, "access_denied", "The card or the PIN is wrong, or there were too many guesses.")
    me = Principal("patron", str(whose), frozenset({"account:own"}), patron_id=whose)
    circulation = Circulation(request.app.state, str(request.scope["carrel.traceparent"]))
    answer = await circulation.ask(
        "PUT",
        "/v1/patrons/me/card-pin",
        now=now,
        json={"pin": fields["new_password"], "current": fields["old_password"]},
        by=me,
    )
    if answer.status_code == 422:
        words = " ".join(str(each.get("text", "")) for each in answer.json().get("reasons", ()))
        raise Refusal(422, "invalid_request", words or "This PIN is not taken.")
    if answer.status_code != 204:
        raise Refusal(403, "access_denied", "The PIN was not changed.")


@router.post("/reset", response_class=Response, include_in_schema=False)
async def paia_reset(request: Request) -> Response:
    """Not here: the desk sets a new PIN."""
    return _refused(request, Refusal(501, "not_implemented", "The desk sets a new PIN."))


@router.api_route("/{method}", methods=["OPTIONS"], response_class=Response, include_in_schema=False)
async def paia_options(request: Request, method: str) -> Response:
    """For browsers that ask first (CORS)."""
    told = _headers(request, CHANGE if method == "change" else "", None)
    told |= {
        "Allow": "POST, OPTIONS",
        "Access-Control-Allow-Methods": "POST, OPTIONS",
        "Access-Control-Allow-Headers": "Content-Type, Authorization, Accept-Language",
        "Access-Control-Max-Age": "3600",
    }
    return Response(status_code=204, headers=told)


@router.api_route(
    "/{method}",
    methods=["GET", "HEAD", "PUT", "PATCH", "DELETE", "POST"],
    response_class=Response,
    include_in_schema=False,
)
async def paia_nothing(request: Request, method: str) -> Response:
    """What PAIA auth does not have, or not by this verb."""
    if method in ("login", "logout", "change", "reset"):
        return _refused(request, Refusal(405, "invalid_request", "POST is wanted.", Allow="POST, OPTIONS"))
    return _refused(request, Refusal(404, "not_found", "PAIA auth has no such method."))
