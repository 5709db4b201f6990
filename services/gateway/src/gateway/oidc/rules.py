"""What a provider's token must say to be believed. Decisions only: the signature was checked before.

Clauses: OpenID Connect Core 1.0 §3.1.3.7 (ID token), Back-Channel Logout 1.0 §2.4 and §2.6 (logout token).
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.signon.rules import Why

OLDEST: Final = timedelta(minutes=10)
"""How old a token may be: it was made while somebody waited for it."""
LOGOUT: Final = "http://schemas.openid.net/event/backchannel-logout"
LONGEST_SUBJECT: Final = 255


@dataclass(frozen=True, slots=True)
class Expected:
    """What the request that we sent lets us expect."""

    issuer: str
    client_id: str
    skew: timedelta
    nonce: str | None = None
    contexts: tuple[str, ...] = ()
    """Where two factors were asked for: the values of `acr` that stand for them."""
    signed_in_after: datetime | None = None
    """Where they were to sign in anew: not before this."""


def audience(told: object) -> tuple[str, ...]:
    """Whom a token is for."""
    values = told if isinstance(told, list) else [told]
    return tuple(each for each in values if isinstance(each, str))


def moment(told: object) -> float | None:
    """A NumericDate (RFC 7519 §2); a text or a truth value is none."""
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 <= told < 2**40:
        return None
    return float(told)


def _common(claims: Mapping[str, Any], expected: Expected, now: datetime) -> dict[Why, bool]:
    meant_for = audience(claims.get("aud"))
    party = claims.get("azp")
    ends, made = moment(claims.get("exp")), moment(claims.get("iat"))
    at, skew = now.timestamp(), expected.skew.total_seconds()
    begins = moment(claims.get("nbf")) if "nbf" in claims else None
    return {
        Why.OTHER_ISSUER: claims.get("iss") != expected.issuer,
        Why.AUDIENCE: expected.client_id not in meant_for,
        Why.PARTY: (party is not None or len(meant_for) > 1) and party != expected.client_id,
        Why.EXPIRED: ends is None or ends + skew <= at,
        Why.STALE: made is None or made + OLDEST.total_seconds() + skew < at,
        Why.AHEAD: (made is not None and made - skew > at) or (begins is not None and begins - skew > at),
    }


def _subject(told: object) -> bool:
    return (
        isinstance(told, str) and 0 < len(told) <= LONGEST_SUBJECT and told.isascii() and told.isprintable()
    )


def id_token_refusals(claims: Mapping[str, Any], expected: Expected, *, now: datetime) -> list[Why]:
    """Every reason not to believe an ID token whose signature is right."""
    nonce = claims.get("nonce")
    signed_in = moment(claims.get("auth_time"))
    earliest = expected.signed_in_after
    found = _common(claims, expected, now) | {
        Why.SUBJECT: not _subject(claims.get("sub")),
        Why.NONCE: not isinstance(nonce, str)
        or expected.nonce is None
        or not hmac.compare_digest(nonce.encode("utf-8", "surrogatepass"), expected.nonce.encode()),
        Why.CONTEXT: bool(expected.contexts) and claims.get("acr") not in expected.contexts,
        Why.NOT_ANEW: earliest is not None
        and (signed_in is None or signed_in + expected.skew.total_seconds() < earliest.timestamp()),
        Why.KIND: "events" in claims,
    }
    return [why for why, holds in found.items() if holds]


def logout_token_refusals(claims: Mapping[str, Any], expected: Expected, *, now: datetime) -> list[Why]:
    """Every reason not to end a session by a logout token whose signature is right."""
    events, identifier = claims.get("events"), claims.get("jti")
    named = [each for each in (claims.get("sub"), claims.get("sid")) if each is not None]
    found = _common(claims, expected, now) | {
        Why.KIND: "nonce" in claims,
        Why.EVENT: not isinstance(events, dict) or not isinstance(events.get(LOGOUT), dict),
        Why.SUBJECT: not named or not all(_subject(each) for each in named),
        Why.REPLAYED: not _subject(identifier),
    }
    return [why for why, holds in found.items() if holds]


def context_of(acr: object, mfa_contexts: Sequence[str], *, mfa: str) -> str | None:
    """The authentication context as our rules name it."""
    if not isinstance(acr, str):
        return None
    return mfa if acr in mfa_contexts else acr[:500]
