"""Is a launch to be believed, and what does it want? Decisions only: the signature was checked before.

Clauses: LTI Core 1.3 §5 (messages), 1EdTech Security Framework 1.0 §5.1.3 (ID token), Deep Linking 2.0 §3 and §4.
What any ID token must say stands in `gateway.oidc.rules`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from gateway.oidc.rules import Expected, id_token_refusals
from gateway.persons.rules import Key
from gateway.signon.rules import Why, attributes_of

CLAIM: Final = "https://purl.imsglobal.org/spec/lti/claim/"
DEEP_LINKING: Final = "https://purl.imsglobal.org/spec/lti-dl/claim/"
NAMES_AND_ROLES: Final = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
VERSION: Final = "1.3.0"
RESOURCE_LINK: Final = "LtiResourceLinkRequest"
DEEP_LINK: Final = "LtiDeepLinkingRequest"
DEEP_LINK_RESPONSE: Final = "LtiDeepLinkingResponse"
MESSAGES: Final = (RESOURCE_LINK, DEEP_LINK)
LINK: Final = "ltiResourceLink"
PLAIN_LINK: Final = "link"
MOST_TITLES: Final = 30
"""In one link; an address has an end."""
LONGEST_ID: Final = 255
AFFILIATIONS: Final[Mapping[str, str]] = {
    f"http://purl.imsglobal.org/vocab/lis/v2/institution/person#{role}": affiliation
    for role, affiliation in {
        "Student": "student",
        "Faculty": "faculty",
        "Instructor": "faculty",
        "Staff": "staff",
        "Alumni": "alum",
        "Member": "member",
        "Guest": "affiliate",
    }.items()
}
"""Roles at the institution, as eduPerson names them. A role in a course says nothing of somebody's place at it."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One place of a platform at which we were put: a faculty, say, and the library that it goes to."""

    id: str
    library: str | None = None


@dataclass(frozen=True, slots=True)
class Platform:
    """A learning management system that we are registered with."""

    id: UUID
    issuer: str
    client_id: str
    label: str
    authorization_url: str
    token_url: str
    jwks_url: str
    token_audience: str | None
    origins: tuple[str, ...]
    deployments: tuple[Deployment, ...]
    attributes: Mapping[str, str]
    scopes: tuple[str, ...]

    def deployment(self, told: object) -> Deployment | None:
        """The deployment of that name."""
        return next((each for each in self.deployments if each.id == told), None)


@dataclass(frozen=True, slots=True)
class Course:
    """Where in the platform somebody comes from."""

    context_id: str
    label: str | None
    title: str | None
    memberships_url: str | None


@dataclass(frozen=True, slots=True)
class Settings:
    """What a platform takes when somebody chooses content for a course (Deep Linking 2.0 §4.4.1)."""

    return_url: str
    accept_types: tuple[str, ...]
    several: bool
    data: str | None
    """Given back as it came: by it the platform knows its own request again."""

    @property
    def kind(self) -> str | None:
        """The type of content that is made: a launch where that is taken, else an address; None: neither."""
        return next((each for each in (LINK, PLAIN_LINK) if each in self.accept_types), None)


@dataclass(frozen=True, slots=True)
class Launch:
    """A message that is believed, as far as we look at it."""

    deployment: Deployment
    subject: str | None
    """Whom the platform speaks of; None: it keeps that to itself."""
    roles: tuple[str, ...]
    course: Course | None
    titles: tuple[UUID, ...]
    settings: Settings | None
    """Somebody chooses content; None: somebody opens it."""
    locale: str | None
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def titles_in(url: object, ours: str) -> tuple[UUID, ...] | None:
    """The titles that an address of ours leads to, none for the search; None for an address that is not ours."""
    if url == f"{ours}/lti/launch":
        return ()
    start = f"{ours}/lti/titles/"
    if not isinstance(url, str) or not url.startswith(start):
        return None
    return ids_in(url.removeprefix(start))


def ids_in(told: str) -> tuple[UUID, ...] | None:
    """Ids with commas between them; None when one is none, or when there are none or too many."""
    parts = told.split(",", MOST_TITLES)
    if len(parts) > MOST_TITLES:
        return None
    try:
        found = tuple(UUID(each) for each in parts)
    except ValueError:
        return None
    return found if [str(each) for each in found] == parts else None


def address_of(ours: str, titles: Sequence[UUID]) -> str:
    """Where a link in a course leads."""
    return f"{ours}/lti/titles/{','.join(map(str, titles))}"


def origin_of(url: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def refusals(
    claims: Mapping[str, Any],
    platform: Platform,
    *,
    nonce: str,
    ours: str,
    skew: timedelta,
    now: datetime,
) -> list[Why]:
    """Every reason not to believe a launch whose signature is right."""
    expected = Expected(platform.issuer, platform.client_id, skew, nonce)
    message, target = claims.get(f"{CLAIM}message_type"), claims.get(f"{CLAIM}target_link_uri")
    chooses = message == DEEP_LINK
    settings = settings_of(claims) if chooses else None
    roles = claims.get(f"{CLAIM}roles")
    found = dict.fromkeys(id_token_refusals(claims, expected, now=now), True)
    if "sub" not in claims:  # somebody who is not named (Core §5.3.6.1)
        found.pop(Why.SUBJECT, None)
    found |= {
        Why.VERSION: claims.get(f"{CLAIM}version") != VERSION,
        Why.MESSAGE: message not in MESSAGES
        or not isinstance(roles, list)
        or (not chooses and not _named(claims.get(f"{CLAIM}resource_link")))
        or (chooses and settings is None),
        Why.DEPLOYMENT: platform.deployment(claims.get(f"{CLAIM}deployment_id")) is None,
        Why.TARGET: (target is not None or not chooses) and titles_in(target, ours) is None,
        Why.RETURN: settings is not None and origin_of(settings.return_url) not in platform.origins,
    }
    return [why for why, holds in found.items() if holds]


def _named(told: object) -> bool:
    return isinstance(told, dict) and isinstance(told.get("id"), str) and 0 < len(told["id"]) <= LONGEST_ID


def settings_of(claims: Mapping[str, Any]) -> Settings | None:
    """How content is chosen; None when the claim cannot be used."""
    told = claims.get(f"{DEEP_LINKING}deep_linking_settings")
    if not isinstance(told, dict):
        return None
    url, types, data = told.get("deep_link_return_url"), told.get("accept_types"), told.get("data")
    if (
        not isinstance(url, str)
        or not url.isascii()
        or not url.isprintable()
        or len(url) > 4000
        or " " in url
    ):
        return None
    if not isinstance(types, list) or not (data is None or isinstance(data, str)):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        return None
    return Settings(
        url,
        tuple(each for each in types[:20] if isinstance(each, str)),
        told.get("accept_multiple") in (True, "true"),
        data,
    )


def launch_of(claims: Mapping[str, Any], platform: Platform, *, ours: str) -> Launch:
    """What a believed message says; `refusals` has found nothing against it."""
    deployment = platform.deployment(claims[f"{CLAIM}deployment_id"])
    assert deployment is not None  # refused otherwise
    roles = tuple(each for each in claims[f"{CLAIM}roles"][:50] if isinstance(each, str) and len(each) <= 300)
    chooses = claims[f"{CLAIM}message_type"] == DEEP_LINK
    presentation = claims.get(f"{CLAIM}launch_presentation")
    locale = presentation.get("locale") if isinstance(presentation, dict) else None
    return Launch(
        deployment,
        claims.get("sub"),
        roles,
        _course(claims),
        () if chooses else titles_in(claims.get(f"{CLAIM}target_link_uri"), ours) or (),
        settings_of(claims) if chooses else None,
        locale if isinstance(locale, str) else None,
        attributes_in(claims, roles, platform),
    )


def _course(claims: Mapping[str, Any]) -> Course | None:
    told, service = claims.get(f"{CLAIM}context"), claims.get(NAMES_AND_ROLES)
    if not isinstance(told, dict) or not _named(told):
        return None
    url = service.get("context_memberships_url") if isinstance(service, dict) else None
    return Course(
        told["id"],
        _line(told.get("label")),
        _line(told.get("title")),
        url if isinstance(url, str) and len(url) <= 2000 else None,
    )


def _line(told: object) -> str | None:
    if not isinstance(told, str):
        return None
    kept = "".join(letter for letter in told if letter.isprintable() and not 0xD800 <= ord(letter) < 0xE000)
    return kept.strip()[:300] or None


def attributes_in(
    claims: Mapping[str, Any], roles: Sequence[str], platform: Platform
) -> dict[str, tuple[str, ...]]:
    """Who somebody is, by our own names: what the platform itself says of them.

    `custom` parameters are left out: whoever may edit a link in a course can write anything into them.
    """
    said = {name: value for name, value in claims.items() if "/" not in name}
    if said.get("email_verified") is False:
        said.pop("email", None)
    for part in ("lis", "ext"):
        told = claims.get(f"{CLAIM}{part}")
        if isinstance(told, dict):
            said |= {f"{part}.{name}": value for name, value in told.items()}
    found = attributes_of(said, platform.attributes)
    at = f"@{platform.scopes[0]}" if platform.scopes else ""
    if affiliations := tuple(
        dict.fromkeys(f"{AFFILIATIONS[role]}{at}" for role in roles if role in AFFILIATIONS)
    ):
        found["affiliation"] = affiliations
    return found


def key_of_subject(issuer: str, subject: str) -> Key:
    """What somebody is known by where nothing better is said: the platform's own name for them."""
    return Key("lti", f"{issuer}#{subject}")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A title that somebody puts into a course."""

    id: UUID
    title: str
    about: str | None = None


def content_items(
    chosen: Sequence[Chosen], settings: Settings, *, ours: str, name: str | None
) -> list[dict[str, Any]]:
    """What the platform puts into the course (Deep Linking 2.0 §3): a link for each title, or with a `name` one."""
    if settings.kind == PLAIN_LINK:
        return [_item(PLAIN_LINK, each.title, each.about, f"{ours}/titles/{each.id}") for each in chosen]
    if name is not None:
        about = "; ".join(each.title for each in chosen)[:1000]
        return [_item(LINK, name, about, address_of(ours, [each.id for each in chosen]))]
    return [_item(LINK, each.title, each.about, address_of(ours, [each.id])) for each in chosen]


def _item(kind: str, title: str, about: str | None, url: str) -> dict[str, Any]:
    told = {"type": kind, "title": title, "text": about, "url": url}
    return {name: value for name, value in told.items() if value}


def deep_linking_response(
    items: Sequence[Mapping[str, Any]],
    platform: Platform,
    settings: Settings,
    *,
    deployment: str,
    nonce: str,
) -> dict[str, Any]:
    """The claims of the answer (Deep Linking 2.0 §4.5), without its times."""
    told: dict[str, Any] = {
        "iss": platform.client_id,
        "aud": platform.issuer,
        "nonce": nonce,
        f"{CLAIM}message_type": DEEP_LINK_RESPONSE,
        f"{CLAIM}version": VERSION,
        f"{CLAIM}deployment_id": deployment,
        f"{DEEP_LINKING}content_items": list(items),
    }
    if settings.data is not None:
        told[f"{DEEP_LINKING}data"] = settings.data
    return told
