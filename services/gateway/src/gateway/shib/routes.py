"""The one path on which headers say who somebody is."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Query, Request, Response

from chassis.application import new_router
from chassis.clock import Now
from chassis.problems import Malformed, NotFound, Reason, Unavailable, problems
from gateway.persons.admitting import TurnedAway, Vouched, admit, note
from gateway.persons.circulation import Circulation
from gateway.saml.operating import parts_of
from gateway.saml.parts import NoCampusSignIn
from gateway.saml.requests import seen_first
from gateway.sessions.commands import Signed
from gateway.sessions.cookies import session_cookie
from gateway.settings import Settings
from gateway.shib.rules import (
    CONTEXT,
    FIXED,
    INSTANT,
    PROOF,
    PROVIDER,
    SESSION,
    WINDOW,
    proof_in,
    proves,
    read,
    trusted,
    values,
)
from gateway.signon.answers import (
    SignInNotAccepted,
    busy,
    refused,
    return_of,
    to,
    turned_away,
)
from gateway.signon.doors import ShibDoc
from gateway.signon.rules import DoorRefused, Why, attributes_of, foreign_scopes

router = new_router(tag="sign-on")

ODD = frozenset({Why.HEADER_TWICE, Why.HEADER_LIKE, Why.UNREADABLE})
"""What a web server that is set up as it should be never sends."""


class NoHeaderSignIn(NotFound):
    """Nobody signs in here by headers: it is not set up."""

    code, title = "no-header-sign-in", "Signing in behind mod_shib is not set up here."


class OddHeaders(Malformed):
    """Headers that two readers could read in two ways."""

    code, title = "headers-odd", "The headers that say who you are cannot be read in one way only."


@router.get(
    "/login/shib",
    status_code=303,
    response_class=Response,
    responses=problems(SignInNotAccepted, OddHeaders, NoHeaderSignIn, NoCampusSignIn, Unavailable),
)
async def sign_in_by_headers(
    request: Request,
    now: Now,
    target: Annotated[str | None, Query(max_length=4000, description="Where to go afterwards")] = None,
) -> Response:
    """Where a web server with mod_shib leads people: their headers become a session of ours, once."""
    settings: Settings = request.app.state.resources.settings
    config, _ = await parts_of(request).configured()
    if config.shib is None or settings.shib_key is None:
        raise NoHeaderSignIn
    pool = request.app.state.resources.pool
    circulation = Circulation(request.app.state, str(request.scope["carrel.traceparent"]))
    headers: dict[str, str] = {}
    try:
        address = request.client.host if request.client else None
        if not trusted(address, settings.shib_proxies):
            raise DoorRefused(Why.NOT_TRUSTED)
        headers = await _proven(request, config.shib, settings.shib_key.get_secret_value(), now)
        vouched = _believed(config.shib, headers)
        arrived = await admit(
            pool, circulation, config, vouched, return_to=return_of(config, target), now=now
        )
    except DoorRefused as error:
        if ODD & set(error.codes):
            raise OddHeaders(reasons=[Reason(str(code), OddHeaders.title) for code in error.codes]) from None
        if PROVIDER in headers:  # they are proven
            await note(pool, headers[PROVIDER][:1024], None, "refused", tuple(error.codes), None, None, now)
        return refused(request, error, door="shib", name="headers", again="/sign-in")
    except TurnedAway as error:
        return turned_away(request, error)
    except Unavailable as error:
        return busy(request, error)
    return to(arrived.return_to, session_cookie(arrived.token))


async def _proven(request: Request, doc: ShibDoc, key: str, now: datetime) -> dict[str, str]:
    """The headers, once they are known to be the web server's; each proof counts once."""
    headers, against = read(request.scope["headers"], {*doc.attributes, *FIXED, PROOF})
    if against:
        raise DoorRefused(*against)
    proof = proof_in(headers.pop(PROOF, None))
    if proof is None or not proves(proof, key.encode(), headers, now=now):
        raise DoorRefused(Why.PROOF)
    until = datetime.fromtimestamp(proof.at, UTC) + WINDOW + timedelta(minutes=1)
    pool = request.app.state.resources.pool
    if not await seen_first(pool, entity_id="shib", message_id=proof.nonce, until=until):
        raise DoorRefused(Why.REPLAYED)
    return headers


def _believed(doc: ShibDoc, headers: dict[str, str]) -> Vouched:
    if not headers.get(SESSION) or not headers.get(PROVIDER):
        raise DoorRefused(Why.SUBJECT)
    provider = next((each for each in doc.identity_providers if each.entity_id == headers[PROVIDER]), None)
    if provider is None:
        raise DoorRefused(Why.OTHER_ISSUER)
    told = {name: values(headers[name]) for name in doc.attributes if name in headers}
    attributes = attributes_of(dict(told), doc.attributes)
    if foreign_scopes(attributes, provider.scopes):
        raise DoorRefused(Why.SCOPE)
    signed = Signed(
        "shib",
        provider.entity_id,
        None,
        None,
        hashlib.sha256(headers[SESSION].encode()).hexdigest(),
        headers.get(CONTEXT, "")[:500] or None,
        _moment(headers.get(INSTANT, "")),
    )
    return Vouched(signed, attributes)


def _moment(told: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(told)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
