"""The configuration of signing in, as a document."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from gateway.persons.rules import KEYS, GroupRule, StaffRule
from gateway.roles.rules import unknown_roles
from gateway.saml.names import KNOWN
from gateway.sessions.rules import Limits
from gateway.signon.doors import CasDoc, Door, LdapDoc, OidcDoc, ShibDoc
from gateway.signon.fields import (
    LONGEST_METADATA,
    NAME,
    Address,
    Certificate,
    EntityId,
    FetchUrl,
    Origin,
    Path,
    Strict,
    Text,
    Texts,
    Web,
)


class ContactDoc(Strict):
    """Whom to write to."""

    kind: Literal["technical", "support", "administrative", "security"]
    name: Text
    email: Annotated[str, Field(max_length=200, pattern=r"^[\x21-\x7e]+@[\x21-\x7e]+$")]


class EntityDoc(Strict):
    """What federations are told about us."""

    url: Address
    """Where browsers reach the gateway: scheme, host and, if it must be, port. Everything we send is made of it."""
    entity_id: EntityId | None = None
    """Our name in the federation; `URL/saml/metadata` where left out. Never change it."""
    names: Texts = Field(default_factory=lambda: {"en": "Library"})
    """By language, as people see it at their identity provider."""
    descriptions: Texts = Field(default_factory=dict)
    privacy_statements: dict[str, Web] = Field(default_factory=dict, max_length=40)
    information: dict[str, Web] = Field(default_factory=dict, max_length=40)
    logo: Web | None = None
    organization: Text | None = None
    contacts: list[ContactDoc] = Field(default_factory=list, max_length=10)
    categories: list[Web] = Field(default_factory=list, max_length=20)
    """Entity categories that the federation has granted, such as `https://refeds.org/category/personalized`."""
    certifications: list[Web] = Field(default_factory=list, max_length=20)
    """Assurance certifications, such as `https://refeds.org/sirtfi`."""
    sign_requests: bool = True

    @property
    def id(self) -> str:
        """Our entityID."""
        return self.entity_id or f"{self.url}/saml/metadata"

    @model_validator(mode="after")
    def _no_path(self) -> Self:
        if urlsplit(self.url).path:
            raise ValueError("/entity/url: the gateway answers at the root of a host")
        return self


class FileSource(Strict):
    """One metadata document, given here."""

    kind: Literal["file"]
    name: str = Field(pattern=NAME)
    metadata: str = Field(max_length=LONGEST_METADATA)
    certificate: Certificate | None = None
    """Where given, the document must be signed by it."""


class AggregateSource(Strict):
    """A federation's signed aggregate, fetched again and again."""

    kind: Literal["aggregate"]
    name: str = Field(pattern=NAME)
    url: FetchUrl
    certificate: Certificate
    """The federation's, got on another way than the document."""
    every_minutes: int = Field(default=60, ge=5, le=1440)
    longest_validity_days: int = Field(default=14, ge=1, le=60)
    admit: Literal["all", "listed"] = "listed"
    """Whether everybody in it may sign in, or only those named under `identity_providers`."""


class QuerySource(Strict):
    """A server that is asked for one entity at a time (MDQ)."""

    kind: Literal["mdq"]
    name: str = Field(pattern=NAME)
    url: FetchUrl
    certificate: Certificate
    longest_validity_days: int = Field(default=14, ge=1, le=60)
    admit: Literal["all", "listed"] = "listed"


Source = Annotated[FileSource | AggregateSource | QuerySource, Field(discriminator="kind")]


class ProviderDoc(Strict):
    """What this library has decided about one identity provider."""

    entity_id: EntityId
    name: Text | None = None
    """As the discovery page shows it."""
    hidden: bool = False
    allow_cbc: bool = False
    """Take assertions encrypted with AES-CBC, which does not notice changes; for providers that cannot do GCM."""
    scopes: list[Annotated[str, Field(pattern=r"^[a-z0-9.-]{1,255}$")]] | None = Field(
        default=None, max_length=50
    )
    """Instead of those in its metadata."""


class GroupRuleDoc(Strict):
    """Whoever fits all that is told here belongs to the group; null turns them away. The first that fits wins."""

    name: Text
    group: Annotated[str, Field(min_length=1, max_length=60)] | None
    affiliation: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    entitlement: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    identity_provider: EntityId | None = None
    assurance: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    starts_on: date | None = None
    ends_on: date | None = None


class StaffRuleDoc(Strict):
    """Whoever has the entitlement gets the roles, after a sign-in with two factors."""

    name: Text
    entitlement: Annotated[str, Field(min_length=1, max_length=1000)]
    roles: list[str] = Field(min_length=1, max_length=20)
    libraries: list[Annotated[str, Field(max_length=60)]] | None = Field(default=None, max_length=200)
    identity_provider: EntityId | None = None
    starts_on: date | None = None
    ends_on: date | None = None


KeyName = Literal["pairwise-id", "subject-id", "persistent-id", "eppn"]
Updated = Literal["family_name", "given_name", "email", "group"]
assert set(KEYS) == {"pairwise-id", "subject-id", "persistent-id", "eppn"}


class PersonsDoc(Strict):
    """Who somebody is, and what follows from it."""

    keys: list[KeyName] = Field(
        default=["pairwise-id", "subject-id", "persistent-id"], min_length=1, max_length=4
    )
    """Which attribute somebody is known by: the first that comes. `eppn` may be given to another person later."""
    groups: list[GroupRuleDoc] = Field(default_factory=list, max_length=500)
    staff: list[StaffRuleDoc] = Field(default_factory=list, max_length=500)
    register_patrons: bool = True
    """Whether a first sign-in makes a patron where none is found."""
    update: list[Updated] = Field(default=["family_name", "given_name", "email", "group"])
    """What each later sign-in brings up to date."""
    library: str | None = Field(default=None, max_length=60)
    """The library that new patrons belong to."""
    attribute_names: dict[Annotated[str, Field(min_length=1, max_length=300)], str] = Field(
        default_factory=dict, max_length=100
    )
    """Further names of attributes: name on the wire → one of ours (`mail`, `card-number`, …)."""

    def group_rules(self) -> list[GroupRule]:
        """As the rules want them."""
        return [GroupRule(**each.model_dump()) for each in self.groups]

    def staff_rules(self) -> list[StaffRule]:
        """As the rules want them."""
        told = (each.model_dump() for each in self.staff)
        return [
            StaffRule(
                **{
                    **each,
                    "roles": tuple(each["roles"]),
                    "libraries": None if each["libraries"] is None else tuple(each["libraries"]),
                }
            )
            for each in told
        ]


class SessionsDoc(Strict):
    """How long sessions live."""

    idle_minutes: int = Field(default=30, ge=1, le=24 * 60)
    staff_idle_minutes: int = Field(default=15, ge=1, le=24 * 60)
    longest_hours: int = Field(default=8, ge=1, le=24)
    mfa_hours: int = Field(default=12, ge=1, le=24)
    """How long a sign-in with two factors counts for staff roles."""
    staff_second_factor: bool = False
    """Whether people with an account of the library's own work with two factors alone. Without, they come in to set one
    up (`/sign-in/security`), and may do no more than a patron."""
    start: Path = "/sign-in"
    """Where people arrive who came from nowhere."""
    front_ends: list[Origin] = Field(default_factory=list, max_length=50)
    """Origins of the library's own pages elsewhere: people may be sent back there."""

    @property
    def mfa(self) -> timedelta:
        """How long two factors count."""
        return timedelta(hours=self.mfa_hours)

    def limits(self) -> Limits:
        """As the rules want them."""
        return Limits(
            timedelta(minutes=self.idle_minutes),
            timedelta(minutes=self.staff_idle_minutes),
            timedelta(hours=self.longest_hours),
        )


class SignOnDoc(Strict):
    """How people sign in here by their campus."""

    entity: EntityDoc | None = None
    """Left out: nobody does."""
    sources: list[Source] = Field(default_factory=list, max_length=50)
    identity_providers: list[ProviderDoc] = Field(default_factory=list, max_length=1000)
    oidc: list[OidcDoc] = Field(default_factory=list, max_length=50)
    """OpenID Connect providers."""
    cas: list[CasDoc] = Field(default_factory=list, max_length=20)
    """Central Authentication Service servers."""
    ldap: list[LdapDoc] = Field(default_factory=list, max_length=20)
    """Directories that judge names and passwords, where there is nothing better."""
    shib: ShibDoc | None = None
    """A web server with mod_shib in front, whose headers are believed when they prove themselves."""
    local_accounts: bool = True
    """Whether people with an account of the gateway itself may sign in to a browser by it."""
    discovery: Web | None = None
    """A discovery service elsewhere, such as SeamlessAccess, that the page of choices offers."""
    clock_skew_seconds: int = Field(default=60, ge=0, le=180)
    persons: PersonsDoc = Field(default_factory=PersonsDoc)
    sessions: SessionsDoc = Field(default_factory=SessionsDoc)

    @property
    def doors(self) -> list[Door]:
        """Those beside SAML that a person can choose."""
        return [*self.oidc, *self.cas]

    @property
    def password_door(self) -> bool:
        """Whether anybody signs in with a name and a password."""
        return self.local_accounts or bool(self.ldap)

    def open_doors(self) -> Iterator[tuple[str, str]]:
        """Each door beside SAML with whom it believes; sessions from any other end."""
        for each in (*self.oidc, *self.cas, *self.ldap):
            yield each.door, each.provider
        if self.shib is not None:
            for provider in self.shib.identity_providers:
                yield self.shib.door, provider.entity_id

    def wrong(self) -> list[tuple[str, str, str]]:
        """What contradicts itself: code, words, where."""
        found: list[tuple[str, str, str]] = []
        doors: list[OidcDoc | CasDoc | LdapDoc] = [*self.oidc, *self.cas, *self.ldap]
        for kind, names in (
            ("doors", [each.name for each in doors]),
            ("doors", [each.provider for each in doors]),
            ("sources", [each.name for each in self.sources]),
            ("identity_providers", [each.entity_id for each in self.identity_providers]),
            ("persons/groups", [each.name for each in self.persons.groups]),
            ("persons/staff", [each.name for each in self.persons.staff]),
        ):
            twice = (
                sorted({name for name in names if names.count(name) > 1})
                if len(set(names)) < len(names)
                else []
            )
            found += [("named-twice", f"“{name}” stands there more than once.", f"/{kind}") for name in twice]
        for at, rule in enumerate(self.persons.staff):
            found += [
                ("role-unknown", f"There is no role {name}.", f"/persons/staff/{at}/roles")
                for name in unknown_roles(rule.roles)
            ]
        found += [
            ("attribute-unknown", f"There is no attribute {name} here.", "/persons/attribute_names")
            for name in sorted(set(self.persons.attribute_names.values()) - KNOWN)
        ]
        for where, maps in (
            *((f"/{each.door}/{each.name}", each.attributes) for each in doors),
            *([("/shib", self.shib.attributes)] if self.shib else []),
        ):
            found += [
                ("attribute-unknown", f"There is no attribute {name} here.", f"{where}/attributes")
                for name in sorted(set(maps.values()) - KNOWN)
            ]
        if (self.sources or doors or self.shib) and self.entity is None:
            found.append(
                ("entity-needed", "Whoever trusts identity providers is an entity itself.", "/entity")
            )
        return found


def of(told: Any) -> SignOnDoc:
    """A stored document."""
    return SignOnDoc.model_validate(told)
