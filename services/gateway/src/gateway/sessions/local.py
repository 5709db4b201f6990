"""Browsers signed in with an account of the library's own: a form, and the same session that a campus leads to."""

import hmac
from datetime import datetime
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
from fastapi import Query, Request, Response

from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import streamed
from chassis.problems import Malformed, Unavailable, problems
from gateway.accounts.commands import SignInRefused
from gateway.accounts.door import Door, SecondFactorWanted, SignInBusy
from gateway.accounts.rules import roles_at_door, waits_for_a_factor
from gateway.consents import pages
from gateway.consents.standing import LOCAL
from gateway.forms import HTML, read_form
from gateway.ldap.arriving import arrive as by_directory
from gateway.ldap.directory import Directories
from gateway.persons.admitting import TurnedAway
from gateway.persons.circulation import Circulation
from gateway.persons.rules import MFA
from gateway.sessions import commands
from gateway.sessions.commands import Session, Signed
from gateway.sessions.cookies import (
    BROWSER,
    SESSION,
    browser_cookie,
    forgery_token,
    new_token,
    sent,
    session_cookie,
)
from gateway.sessions.rules import ends_at, idle_for
from gateway.signon.answers import SignInNotAccepted, busy, refused, return_of, turned_away
from gateway.signon.documents import SignOnDoc
from gateway.signon.reading import InForce
from gateway.signon.rules import DoorRefused
from gateway.tongues import spoken_to

router = new_router(tag="sign-on")

PATH: Final = "/sign-in/local"
SECURITY: Final = "/sign-in/security"
"""Where somebody looks after their second factor."""
_PERSON = """
INSERT INTO person (id, key_kind, key_value, entity_id, patron_id, registered_at, signed_in_at)
VALUES ($1::uuid, $2, ($1::uuid)::text, '', $3, $4, $4)
ON CONFLICT (key_kind, key_value) DO UPDATE SET patron_id = excluded.patron_id, signed_in_at = excluded.signed_in_at
"""
"""Whoever has an account is a person of the same id: the same in events, whichever way they come."""


def _page(
    request: Request,
    doc: SignOnDoc,
    browser: str,
    target: str,
    *,
    refused: bool,
    username: str = "",
    wants_code: bool = False,
) -> Response:
    say = spoken_to(request).at(target=target)
    name = next(iter(doc.entity.names.values()), None) if doc.entity else None
    campus = f"/saml/login?{urlencode({'target': target})}" if doc.sources or doc.doors else None
    answer = pages.sign_in(
        say,
        name or say("the-library"),
        target=target,
        proof=forgery_token(browser),
        campus=campus,
        refused=refused,
        username=username,
        wants_code=wants_code,
        passkeys=_by_passkey(request, doc),
    )
    answer.headers.append("Set-Cookie", browser_cookie(browser))
    return answer


def _by_passkey(request: Request, doc: SignOnDoc) -> str | None:
    """What the page's script proves that a session asks by, blank where there is none; None: no passkeys here."""
    if doc.entity is None and request.app.state.public_url is None:
        return None
    session = sent(request.scope["headers"], SESSION)
    return forgery_token(session) if session else ""


@router.get(PATH, response_class=Response, responses={200: HTML})
async def show_local_sign_in(
    request: Request,
    target: Annotated[str | None, Query(max_length=4000, description="Where to go afterwards")] = None,
) -> Response:
    """A form for accounts of the library's own, and the way to one's institution."""
    in_force: InForce = request.app.state.saml.in_force
    doc = await in_force.now()
    browser = sent(request.scope["headers"], BROWSER) or new_token()
    return _page(request, doc, browser, return_of(doc, target), refused=False)


@router.post(
    PATH,
    status_code=303,
    response_class=Response,
    responses={200: HTML, **problems(SignInRefused, SignInNotAccepted, SignInBusy, Malformed, Unavailable)},
)
@streamed
async def sign_in_locally(request: Request, now: Now) -> Response:
    """Sign this browser in; the form must be one that was given to it."""
    fields = await read_form(request)
    in_force: InForce = request.app.state.saml.in_force
    doc = await in_force.now()
    target = return_of(doc, fields.get("target"))
    browser = sent(request.scope["headers"], BROWSER)
    if browser is None or not hmac.compare_digest(
        fields.get("proof", "").encode(), forgery_token(browser).encode()
    ):
        return _page(request, doc, browser or new_token(), target, refused=False)
    door: Door = request.app.state.door
    username = fields.get("username", "")[:200]
    try:
        opened = await door.sign_in(
            username=username,
            password=fields.get("password", "")[:1000],
            code="".join(fields.get("code", "").split())[:60] or None,
            address=request.client.host if request.client else "",
            now=now,
        )
    except SecondFactorWanted:
        return _page(request, doc, browser, target, refused=False, username=username, wants_code=True)
    if opened is None:
        known = await _by_directory(request, doc, username, fields.get("password", ""), target, now)
        return known or _page(request, doc, browser, target, refused=True, username=username)
    account_id = UUID(opened.principal.ref)
    token = await begin(
        request.app.state.resources.pool, doc, account_id, two_factors=opened.two_factors, now=now
    )
    wanted = doc.sessions.staff_second_factor
    if waits_for_a_factor(opened.account.roles, two_factors=opened.two_factors, wanted=wanted):
        target = f"{SECURITY}?{urlencode({'target': target})}"
    answer = Response(status_code=303, headers={"Location": target, "Cache-Control": "no-store"})
    answer.headers.append("Set-Cookie", session_cookie(token))
    return answer


async def work_waits(pool: asyncpg.Pool, doc: SignOnDoc, session: Session) -> bool:
    """Whether somebody with an account is signed in with less than they have, for want of a second factor."""
    roles = await pool.fetchval("SELECT roles FROM account WHERE id = $1", session.person_id)
    wanted = doc.sessions.staff_second_factor
    return waits_for_a_factor(roles or (), two_factors=session.context == MFA, wanted=wanted)


async def _by_directory(
    request: Request, doc: SignOnDoc, username: str, password: str, target: str, now: datetime
) -> Response | None:
    """The answer to somebody whom a directory knows; None for whoever is known nowhere."""
    door: Door = request.app.state.door
    directories: Directories = request.app.state.directories
    circulation = Circulation(request.app.state, str(request.scope["carrel.traceparent"]))
    address = request.client.host if request.client else ""
    try:
        async with door.admitted(f"ldap {username}", address):
            arrived = await by_directory(
                request.app.state.resources.pool,
                request.app.state.sealer,
                directories,
                circulation,
                doc,
                username=username,
                password=password,
                return_to=target,
                now=now,
            )
    except DoorRefused as error:
        return refused(request, error, door="ldap", name="directory", again=PATH)
    except TurnedAway as error:
        return turned_away(request, error)
    except Unavailable as error:
        return busy(request, error)
    if arrived is None:
        return None
    answer = Response(status_code=303, headers={"Location": target, "Cache-Control": "no-store"})
    answer.headers.append("Set-Cookie", session_cookie(arrived.token))
    return answer


async def begin(
    pool: asyncpg.Pool, doc: SignOnDoc, account_id: UUID, *, two_factors: bool = False, now: datetime
) -> str:
    """A session of somebody with an account, and the token of its cookie."""
    limits = doc.sessions.limits()
    async with pool.acquire() as connection, connection.transaction():
        account = await connection.fetchrow(
            "SELECT id, roles, libraries, patron_id FROM account WHERE id = $1", account_id
        )
        assert account is not None  # accounts are never deleted
        roles = roles_at_door(
            account["roles"], two_factors=two_factors, wanted=doc.sessions.staff_second_factor
        )
        await connection.execute(_PERSON, account["id"], LOCAL, account["patron_id"], now)
        return await commands.begin(
            connection,
            person_id=account["id"],
            patron_id=account["patron_id"],
            roles=roles,
            libraries=account["libraries"],
            signed=Signed("account", None, None, None, None, MFA if two_factors else None, now),
            idle=idle_for(limits, account["roles"]),
            ends_at=ends_at(limits, granted_until=None, now=now),
            now=now,
        )
