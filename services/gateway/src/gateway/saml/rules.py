"""What a message must say to be believed. Decisions only: no clock, no XML, no database."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
SUCCESS: Final = "urn:oasis:names:tc:SAML:2.0:status:Success"
LONGEST_IN_TRANSIT: Final = timedelta(minutes=5)
"""How old a message may be when it arrives."""
LONGEST_REQUEST: Final = timedelta(minutes=10)
"""How long somebody may take to sign in at home."""
LONGEST_RETURN: Final = 2000


class Code(StrEnum):
    """Why a message was not believed; the log has the code, the person a sentence."""

    # what arrived
    TOO_LARGE = "too-large"
    UNREADABLE = "unreadable"
    FORBIDDEN_MARKUP = "forbidden-markup"
    DUPLICATE_ID = "duplicate-id"
    WRONG_MESSAGE = "wrong-message"
    # whether we asked
    NO_REQUEST = "no-request"
    REQUEST_USED = "request-used"
    REQUEST_EXPIRED = "request-expired"
    OTHER_BROWSER = "other-browser"
    # who says it
    UNKNOWN_ISSUER = "unknown-issuer"
    WRONG_ISSUER = "wrong-issuer"
    STATUS = "status-not-success"
    ASSERTIONS = "not-one-assertion"
    UNSIGNED = "assertion-unsigned"
    SIGNATURE_SHAPE = "signature-shape"
    SIGNATURE_PLACE = "signature-misplaced"
    ALGORITHM = "algorithm-refused"
    SIGNATURE = "signature-wrong"
    CIPHER = "cipher-refused"
    UNDECRYPTABLE = "undecryptable"
    # what it says
    NO_IN_RESPONSE_TO = "in-response-to-missing"
    IN_RESPONSE_TO = "in-response-to-other"
    DESTINATION = "destination-other"
    RECIPIENT = "recipient-other"
    NO_CONFIRMATION = "no-bearer-confirmation"
    CONFIRMATION_EXPIRED = "confirmation-expired"
    CONDITIONS = "not-one-conditions"
    NO_AUDIENCE = "audience-missing"
    AUDIENCE = "audience-other"
    EXPIRED = "expired"
    NOT_YET = "not-yet-valid"
    STALE = "issued-too-long-ago"
    AHEAD = "issued-in-the-future"
    STATEMENTS = "not-one-authentication"
    SESSION_OVER = "session-over"
    CONTEXT = "authentication-context-other"
    REPEATED_ATTRIBUTE = "attribute-repeated"
    SCOPE = "scope-foreign"
    REPLAYED = "replayed"
    CORE = "core-refused"
    # signing out
    NO_SESSION = "no-such-session"


class MessageRefused(Exception):
    """A message that is not believed: every reason that was found, and words for the log (no values of it)."""

    def __init__(self, *codes: Code | str) -> None:
        self.codes = tuple(code for code in codes if isinstance(code, Code))
        self.words = "; ".join(code for code in codes if not isinstance(code, Code))
        super().__init__(", ".join(self.codes))


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One SubjectConfirmation and its data."""

    method: str
    recipient: str | None = None
    in_response_to: str | None = None
    not_before: datetime | None = None
    not_on_or_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What a response and its assertion say, read from what was signed."""

    status: str
    destination: str | None
    in_response_to: str | None
    issuer: str | None
    """The Response's; it may be left out (SAML core §3.2.2), the assertion's may not."""
    assertion_issuer: str
    response_at: datetime
    assertion_at: datetime
    conditions: int
    audiences: tuple[frozenset[str], ...]
    """By restriction: each of them must hold (SAML core §2.5.1.4)."""
    not_before: datetime | None
    not_on_or_after: datetime | None
    confirmations: tuple[Confirmation, ...]
    authentications: int
    session_not_on_or_after: datetime | None = None
    context: str | None = None
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    repeated: frozenset[str] = frozenset()
    """Attribute names that stand in the assertion more than once."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the request that we sent lets us expect."""

    request_id: str
    acs_url: str
    entity_id: str
    identity_provider: str
    scopes: frozenset[str]
    skew: timedelta
    context: str | None = None
    """The authentication context that was asked for, and nothing less."""


def refusals(
    told: Told, expected: Expected, scoped: Mapping[str, Sequence[str]], *, now: datetime
) -> list[Code]:
    """Every reason not to believe a response whose signature is right. `scoped`: values that end in a scope."""
    skew = expected.skew
    found = {
        Code.STATUS: told.status != SUCCESS,
        Code.DESTINATION: told.destination != expected.acs_url,
        Code.NO_IN_RESPONSE_TO: told.in_response_to is None,
        Code.IN_RESPONSE_TO: told.in_response_to not in (None, expected.request_id),
        Code.WRONG_ISSUER: told.assertion_issuer != expected.identity_provider
        or told.issuer not in (None, expected.identity_provider),
        Code.STALE: min(told.response_at, told.assertion_at) < now - LONGEST_IN_TRANSIT - skew,
        Code.AHEAD: max(told.response_at, told.assertion_at) > now + skew,
        Code.CONDITIONS: told.conditions != 1,
        Code.NO_AUDIENCE: not told.audiences,
        Code.AUDIENCE: any(expected.entity_id not in audience for audience in told.audiences),
        Code.EXPIRED: told.not_on_or_after is not None and told.not_on_or_after + skew <= now,
        Code.NOT_YET: told.not_before is not None and told.not_before - skew > now,
        Code.STATEMENTS: told.authentications != 1,
        Code.SESSION_OVER: told.session_not_on_or_after is not None and told.session_not_on_or_after <= now,
        Code.CONTEXT: expected.context is not None and told.context != expected.context,
        Code.REPEATED_ATTRIBUTE: bool(told.repeated),
        Code.SCOPE: any(foreign(value, expected.scopes) for values in scoped.values() for value in values),
    }
    return [code for code, holds in found.items() if holds] + confirmation_refusals(told, expected, now=now)


def confirmation_refusals(told: Told, expected: Expected, *, now: datetime) -> list[Code]:
    """Why none of the confirmations holds (web browser SSO profile §4.1.4.2); nothing when one does."""
    bearers = [each for each in told.confirmations if each.method == BEARER]
    if not bearers:
        return [Code.NO_CONFIRMATION]
    by_each = [_against(each, expected, now) for each in bearers]
    return min(by_each, key=len)


def _against(each: Confirmation, expected: Expected, now: datetime) -> list[Code]:
    found = {
        Code.RECIPIENT: each.recipient != expected.acs_url,
        Code.NO_IN_RESPONSE_TO: each.in_response_to is None,
        Code.IN_RESPONSE_TO: each.in_response_to not in (None, expected.request_id),
        Code.CONFIRMATION_EXPIRED: each.not_on_or_after is None
        or each.not_on_or_after + expected.skew <= now
        or each.not_before is not None,
    }
    return [code for code, holds in found.items() if holds]


def foreign(value: str, scopes: frozenset[str]) -> bool:
    """Whether a scoped value is of another's scope, of none, or of several."""
    name, at, scope = value.partition("@")
    return not name or not at or "@" in scope or scope.lower() not in scopes


_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*\Z")


def safe_return(wished: str | None, *, start: str, origins: frozenset[str]) -> str:
    """Where a browser may be sent afterwards: a path here, an address at a known front end, else the start."""
    if not wished or len(wished) > LONGEST_RETURN:
        return start
    if _PATH.match(wished):
        return wished
    if not wished.isascii() or not wished.isprintable() or "\\" in wished or " " in wished:
        return start
    try:
        parts = urlsplit(wished)
        origin = f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        return start
    return wished if origin in origins else start
