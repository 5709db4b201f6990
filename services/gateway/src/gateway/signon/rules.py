"""What a door beside SAML must hear to believe somebody, as far as all doors agree. Decisions only."""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Final

SCOPED: Final = frozenset({"pairwise-id", "subject-id", "eppn"})
"""Attributes whose value always ends in `@scope`."""
MOST_VALUES: Final = 100
LONGEST_VALUE: Final = 1000


class Why(StrEnum):
    """Why somebody was not believed; the log has the code, the person a sentence."""

    # whether we asked
    NO_REQUEST = "no-request"
    REQUEST_USED = "request-used"
    REQUEST_EXPIRED = "request-expired"
    OTHER_BROWSER = "other-browser"
    # what came
    UNREADABLE = "unreadable"
    DENIED = "not-signed-in-there"
    OTHER_ISSUER = "wrong-issuer"
    AWAY = "provider-away"
    CODE = "code-refused"
    TICKET = "ticket-refused"
    PROXIED = "proxied"
    # the token
    ALGORITHM = "algorithm-refused"
    SIGNATURE = "signature-wrong"
    KIND = "wrong-token"
    AUDIENCE = "audience-other"
    PARTY = "authorized-party-other"
    NONCE = "nonce-other"
    EXPIRED = "expired"
    STALE = "issued-too-long-ago"
    AHEAD = "issued-in-the-future"
    SUBJECT = "subject-missing"
    OTHER_SUBJECT = "subject-other"
    CODE_HASH = "token-hash-other"
    REPLAYED = "replayed"
    EVENT = "event-missing"
    # how they signed in
    CONTEXT = "authentication-context-other"
    NOT_ANEW = "not-signed-in-anew"
    SCOPE = "scope-foreign"
    # a launch from a learning management system
    DEPLOYMENT = "deployment-unknown"
    VERSION = "version-other"
    MESSAGE = "message-unknown"
    TARGET = "target-foreign"
    RETURN = "return-address-unusable"
    # headers
    NOT_TRUSTED = "address-not-trusted"
    PROOF = "proof-wrong"
    HEADER_TWICE = "header-repeated"
    HEADER_LIKE = "header-alike"
    # a name and a password
    PASSWORD = "password-wrong"  # noqa: S105 - a code


class DoorRefused(Exception):
    """Somebody who is not believed: every reason that was found, and words for the log (no values)."""

    def __init__(self, *codes: Why, about: str = "") -> None:
        super().__init__(", ".join(codes))
        self.codes = codes
        self.about = about


def texts(told: object) -> tuple[str, ...]:
    """The values of an attribute as it came: a text or a list of them; whatever else, none."""
    values = told if isinstance(told, list) else [told]
    kept = (each.strip() for each in values[:MOST_VALUES] if isinstance(each, str))
    return tuple(each for each in kept if each and len(each) <= LONGEST_VALUE and _sound(each))


def _sound(text: str) -> bool:
    return not any(ord(letter) < 32 or 0xD800 <= ord(letter) < 0xE000 for letter in text)


def attributes_of(told: Mapping[str, object], names: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """What came, by our own names; several names for one attribute add up."""
    found: dict[str, tuple[str, ...]] = {}
    for wire, ours in names.items():
        if values := texts(told.get(wire)):
            found[ours] = tuple(dict.fromkeys([*found.get(ours, ()), *values]))
    return found


def foreign_scopes(attributes: Mapping[str, Sequence[str]], scopes: Collection[str]) -> bool:
    """Whether a value ends in a scope that this provider may not say.

    An affiliation without one is the provider's own (`eduPersonAffiliation`); an identifier without one is nobody's.
    """

    def foreign(value: str, *, bare: bool) -> bool:
        name, at, scope = value.partition("@")
        return not bare if not at else not name or scope.lower() not in scopes

    return any(
        foreign(value, bare=name == "affiliation")
        for name in (*SCOPED, "affiliation")
        for value in attributes.get(name, ())
    )
