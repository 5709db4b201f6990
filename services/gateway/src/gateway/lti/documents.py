"""A platform as the library describes it, in its own words."""

from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from gateway.lti.rules import origin_of
from gateway.saml.names import KNOWN
from gateway.signon.fields import ExactAddress, Origin, Scope, Strict, Text

SAID: Final = {
    "name": "display-name",
    "given_name": "given-name",
    "family_name": "family-name",
    "email": "mail",
}
"""OpenID Connect Core §5.1, which platforms follow."""
TAKEN: Final = KNOWN - {"affiliation", "entitlement", "assurance"}
"""What a claim may stand for: an affiliation follows from roles alone, and no platform says who works here."""
MOST_DEPLOYMENTS: Final = 1000


def _end_point(told: str) -> str:
    try:
        parts = urlsplit(told)
        port = parts.port
    except ValueError:
        raise ValueError("it is no address") from None
    plain = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if (
        not (parts.scheme == "https" or plain)
        or not parts.hostname
        or port == 0
        or parts.username is not None
    ):
        raise ValueError("an https address is wanted (http only on this machine)")
    if parts.fragment:
        raise ValueError("an address without a fragment is wanted")
    return told


def _claim(told: str) -> str:
    if told.startswith("custom.") or told == "custom":
        raise ValueError(
            "custom parameters say nothing of a person: whoever edits a link in a course can write them"
        )
    return told


def _attribute(told: str) -> str:
    if told not in TAKEN:
        raise ValueError(f"a claim may stand for one of {', '.join(sorted(TAKEN))}")
    return told


def _deployment(told: str) -> str:
    if not told.isprintable():
        raise ValueError("a name without control characters is wanted")
    return told


EndPoint = Annotated[str, Field(max_length=1000, pattern=r"^[\x21-\x7e]+$"), AfterValidator(_end_point)]
Library = Annotated[str, Field(min_length=1, max_length=60)]
DeploymentId = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_deployment)]
Claim = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,99}$"), AfterValidator(_claim)]


class LtiDeploymentDoc(Strict):
    """A place in the platform at which the library was put."""

    id: DeploymentId
    """`deployment_id`, as the platform names it."""
    library: Library | None = None
    """Whose pickup points and copies come first there, and that new patrons belong to."""


class LtiPlatformDoc(Strict):
    """A learning management system, as its administrator tells it."""

    label: Text
    issuer: ExactAddress
    """`iss`, to the letter."""
    client_id: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]
    authorization_url: EndPoint
    """Where a launch goes on (OpenID Connect authentication request)."""
    token_url: EndPoint
    """Where we get access tokens, for rosters."""
    jwks_url: EndPoint
    """Where it publishes its keys."""
    token_audience: Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[\x21-\x7e]+$")] | None = (
        None
    )
    """Whom our assertions are for, where it wants another name than `token_url`."""
    origins: list[Origin] = Field(default_factory=list, max_length=20)
    """Where its pages are, which hold ours in a frame; left out: where `authorization_url` is."""
    deployments: list[LtiDeploymentDoc] = Field(default_factory=list, max_length=MOST_DEPLOYMENTS)
    """A launch from any other is refused; the log names it."""
    attributes: dict[Claim, Annotated[str, AfterValidator(_attribute)]] = Field(
        default_factory=lambda: dict(SAID), max_length=50
    )
    """Claim → one of our attributes; `lis.NAME` and `ext.NAME` for parts of those claims."""
    scopes: list[Scope] = Field(default_factory=list, max_length=20)
    """What it may say after an @: of `eppn`, `pairwise-id`, `subject-id`. The first is that of affiliations."""
    suspended: bool = False
    """Nobody is let in from there; nothing is forgotten."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        names = [each.id for each in self.deployments]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"/deployments: {', '.join(twice)} stands there more than once")
        if not self.origins:
            self.origins = [origin_of(self.authorization_url)]
        return self
