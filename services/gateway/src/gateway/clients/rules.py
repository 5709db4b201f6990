"""Secrets of machines: 256 random bits, so a plain hash keeps them; a prefix lets leak scanners find them."""

import hashlib
import hmac
import ipaddress
import os
import re
from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote
from uuid import UUID

from gateway.consents.rules import OF_PATRONS, WHOLE, origin_reason, redirect_reason
from gateway.roles.rules import beyond, scopes_of, unknown_scopes

PREFIX = "crl_"
LIKE_A_KEY = re.compile(rb"crl_[0-9a-f]{32}_[\w%-]*")
NO_SECRET = bytes(32)
"""The hash of no secret that anybody knows: what a stranger's is compared with."""


def new_secret() -> str:
    """256 random bits as text."""
    return urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()


def hashed(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def matches(secret: str, kept: bytes) -> bool:
    """Whether this is the secret, compared in constant time."""
    return hmac.compare_digest(hashed(secret), bytes(kept))


def live_secret(
    secret: str, kept: bytes, previous: bytes | None, previous_expires_at: datetime | None, *, now: datetime
) -> tuple[bool, datetime | None]:
    """Whether this is the secret or, while that is good, the one before it; and until when, if not for good."""
    if matches(secret, kept):
        return True, None
    if previous is not None and previous_expires_at is not None and previous_expires_at > now:
        return matches(secret, previous), previous_expires_at
    return False, None


def comes_from(address: str | None, networks: Iterable[str] | None) -> bool:
    """Whether a machine that is bound to networks asks from one of them."""
    if networks is None:
        return True
    try:
        told = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    if isinstance(told, ipaddress.IPv6Address) and told.ipv4_mapped is not None:
        told = told.ipv4_mapped
    return any(told.version == n.version and told in n for n in map(ipaddress.ip_network, networks))


def keys_in(address: bytes) -> list[str]:
    """What looks like a key of ours in an address."""
    return [unquote(found.decode("latin-1")) for found in LIKE_A_KEY.findall(address)]


def as_key(client_id: UUID, secret: str) -> str:
    """The API key that a client sends: prefix, the client's id, the secret."""
    return f"{PREFIX}{client_id.hex}_{secret}"


def read_key(key: str) -> tuple[UUID, str] | None:
    """The client's id and the secret in a key; None when it is none of ours."""
    if not key.startswith(PREFIX):
        return None
    hex_id, _, secret = key.removeprefix(PREFIX).partition("_")
    try:
        return UUID(hex=hex_id), secret
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody who made a machine for their own work, as they stand now."""

    roles: Collection[str]
    libraries: Collection[str] | None
    disabled: bool


def within_owner(scopes: Iterable[str], owner: Owner) -> list[str]:
    """What is left of a machine's scopes: none that its owner has not, or has no more."""
    if owner.disabled:
        return []
    held = scopes_of(owner.roles)
    return sorted(scopes) if "*" in held else sorted(held.intersection(scopes))


def own_scope_reasons(held: frozenset[str], asked: Collection[str]) -> list[tuple[str, str]]:
    """Every reason against the scopes of a machine that somebody makes for themselves: code, words."""
    unknown = unknown_scopes(asked)
    of_patrons = sorted(OF_PATRONS & set(asked))
    lacking = beyond(held, set(asked) - set(unknown) - OF_PATRONS)
    return [
        *(("scope-unknown", f"There is no scope {name}.") for name in unknown),
        *(("scope-of-patrons", f"{name} is a patron's own: no machine is a patron.") for name in of_patrons),
        *(("scope-missing", f"You do not have {name} yourself.") for name in lacking),
    ]


_FOR_PEOPLE = {"authorization_code", "urn:ietf:params:oauth:grant-type:device_code"}


def program_reasons(
    *,
    kind: str,
    scopes: Collection[str],
    grants: Collection[str],
    redirect_uris: Sequence[str],
    origins: Sequence[str],
    public: bool,
    in_house: bool,
    has_keys: bool,
) -> list[tuple[str, str, str]]:
    """Every reason against the way in which a program is to get tokens: code, words, where."""
    told = []
    for place, address in enumerate(redirect_uris):
        if (why := redirect_reason(address)) is not None:
            told.append(("redirect-unusable", f"{address[:200]!r}: {why}.", f"/redirect_uris/{place}"))
    for place, origin in enumerate(origins):
        if (why := origin_reason(origin)) is not None:
            told.append(("origin-unusable", f"{origin[:200]!r}: {why}.", f"/origins/{place}"))
    rules = {
        ("program-for-oauth2", "An API key acts for nobody else: choose oauth2.", "/kind"): kind != "oauth2"
        and (bool(redirect_uris) or public or in_house or set(grants) != {"client_credentials"}),
        ("redirect-missing", "Whoever gets codes says where browsers come back to.", "/redirect_uris"): (
            "authorization_code" in grants and not redirect_uris
        ),
        ("grant-missing", "A refresh token comes with a code or a device.", "/grants"): (
            "refresh_token" in grants and not _FOR_PEOPLE & set(grants)
        ),
        ("grants-missing", "It must get tokens in some way.", "/grants"): not grants,
        ("public-proves-nothing", "Who keeps no secret acts by code or by device alone.", "/grants"): (
            public and not set(grants) <= {*_FOR_PEOPLE, "refresh_token"}
        ),
        ("public-without-keys", "A public client has no keys.", "/public"): public and has_keys,
        (
            "scope-in-house",
            f"{WHOLE} is for the library's own programs; others ask for {', '.join(sorted(OF_PATRONS - {WHOLE}))}.",
            "/scopes",
        ): WHOLE in scopes and not in_house and bool(_FOR_PEOPLE & set(grants)),
    }
    return told + [reason for reason, holds in rules.items() if holds]
