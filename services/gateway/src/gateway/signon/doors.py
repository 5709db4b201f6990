"""Doors beside SAML, as the document describes them: whom they believe, and what their words mean here."""

from abc import ABC, abstractmethod
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field

from gateway.persons.rules import MFA
from gateway.signon.fields import NAME, Address, Certificate, EntityId, ExactAddress, Scope, Strict, Text

CLAIMS: Final = {
    "name": "display-name",
    "given_name": "given-name",
    "family_name": "family-name",
    "email": "mail",
    "eduperson_scoped_affiliation": "affiliation",
    "eduperson_entitlement": "entitlement",
    "eduperson_assurance": "assurance",
    "eduperson_principal_name": "eppn",
    "schac_home_organization": "home-organization",
    "schac_personal_unique_code": "personal-code",
}
"""As the research community names them (REFEDS, OIDCre white paper), and OpenID Connect Core §5.1."""
OF_A_DIRECTORY: Final = {
    "displayName": "display-name",
    "givenName": "given-name",
    "sn": "family-name",
    "mail": "mail",
    "eduPersonScopedAffiliation": "affiliation",
    "eduPersonAffiliation": "affiliation",
    "eduPersonEntitlement": "entitlement",
    "eduPersonAssurance": "assurance",
    "eduPersonPrincipalName": "eppn",
}
"""As LDAP schemas name them (inetOrgPerson, eduPerson); CAS servers hand them on under the same names."""
OF_MOD_SHIB: Final = {
    "pairwise-id": "pairwise-id",
    "subject-id": "subject-id",
    "persistent-id": "persistent-id",
    "eppn": "eppn",
    "affiliation": "affiliation",
    "entitlement": "entitlement",
    "assurance": "assurance",
    "displayName": "display-name",
    "givenName": "given-name",
    "sn": "family-name",
    "mail": "mail",
}
"""As attribute-map.xml of the Shibboleth service provider names them."""
ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384", "Ed25519", "EdDSA")
Algorithm = Literal["RS256", "PS256", "ES256", "ES384", "Ed25519", "EdDSA"]
NamedAttributes = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=300)], str], Field(max_length=100)
]
Contexts = Annotated[list[Annotated[str, Field(min_length=1, max_length=500)]], Field(max_length=20)]


def _header(told: str) -> str:
    if "_" in told or told.lower() != told:
        raise ValueError("a header's name is told in small letters and with dashes")
    return told


def _filter(told: str) -> str:
    from ldap3.core.exceptions import LDAPException  # a hundred modules, read when there is a directory
    from ldap3.operation.search import parse_filter

    try:
        parse_filter(told, None, False, False, None, False)  # type: ignore[no-untyped-call]  # its stubs leave it out
    except LDAPException:
        raise ValueError("it is no filter (RFC 4515)") from None
    if not told.startswith("("):
        raise ValueError("a filter stands in brackets")
    return told


class Door(Strict, ABC):
    """What each of them has."""

    door: ClassVar[str]
    name: str = Field(pattern=NAME)
    """In addresses; never change it, an OpenID Connect provider knows us by it."""
    label: Text
    """As the page of choices shows it."""
    hidden: bool = False
    domains: list[Scope] = Field(default_factory=list, max_length=50)
    """Domains of mail addresses whose people are at home there: the page of choices finds it by them."""
    scopes: list[Scope] = Field(default_factory=list, max_length=50)
    """What it may say after an @: of `affiliation`, `eppn`, `pairwise-id`, `subject-id`."""

    @property
    @abstractmethod
    def provider(self) -> str:
        """How rules and sign-ins name whom it believes."""


class OidcDoc(Door):
    """An OpenID Connect provider; its client secret is put under /v1/sign-on/secrets."""

    door: ClassVar[str] = "oidc"
    issuer: ExactAddress
    client_id: Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[\x20-\x7e]+$")]
    asks_for: list[Annotated[str, Field(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,100}$")]] = Field(
        default=["openid", "profile", "email"], max_length=20
    )
    attributes: NamedAttributes = Field(default_factory=lambda: dict(CLAIMS))
    """Claim → one of our attributes."""
    algorithms: list[Algorithm] = Field(default=list(ALGORITHMS), min_length=1)
    """What its tokens may be signed by; whatever else one says is not looked at."""
    mfa_contexts: Contexts = Field(default=[MFA])
    """Values of `acr` that stand for two factors."""
    client_authentication: Literal["basic", "post", "none"] = "basic"

    @property
    def provider(self) -> str:
        """Its issuer."""
        return self.issuer


class CasDoc(Door):
    """A CAS server (protocol 3.0)."""

    door: ClassVar[str] = "cas"
    url: Address
    """Of the server, up to and without `/login`."""
    attributes: NamedAttributes = Field(default_factory=lambda: dict(OF_A_DIRECTORY))
    mfa_contexts: Contexts = Field(default=[MFA])
    """Values of its attribute `authnContextClass` that stand for two factors."""
    proxies: list[Address] = Field(default_factory=list, max_length=20)
    """Services through which people may come; with none, proxy tickets are refused."""

    @property
    def provider(self) -> str:
        """Its address."""
        return self.url


LdapUrl = Annotated[str, Field(max_length=300, pattern=r"^ldaps?://[A-Za-z0-9.:\[\]-]+$")]
AttributeName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9.;-]{0,99}$")]


class LdapDoc(Door):
    """A directory that people's names and passwords are shown to; the password of `bind_dn` is a secret of its name."""

    door: ClassVar[str] = "ldap"
    url: LdapUrl
    """`ldaps://…`, or `ldap://…`, which is made secret by StartTLS before anything is said (plain on this machine)."""
    certificate: Certificate | None = None
    """Who must have signed the directory's; left out: the system's authorities."""
    bind_dn: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """Whom the gateway itself is there; left out: nobody (anonymous)."""
    base: Annotated[str, Field(min_length=1, max_length=500)]
    """Below which people are looked for."""
    names: list[AttributeName] = Field(default=["uid"], min_length=1, max_length=5)
    """Attributes that hold what people type as their name."""
    only: Annotated[str, Field(max_length=500), AfterValidator(_filter)] = "(objectClass=person)"
    """A filter that narrows whom it lets in."""
    key: AttributeName = "entryUUID"
    """An attribute that never changes, and is never given to another."""
    attributes: NamedAttributes = Field(default_factory=lambda: dict(OF_A_DIRECTORY))

    @property
    def provider(self) -> str:
        """By its name."""
        return f"ldap:{self.name}"


class ShibProviderDoc(Strict):
    """An identity provider whose people come through mod_shib."""

    entity_id: EntityId
    scopes: list[Scope] = Field(default_factory=list, max_length=50)


class ShibDoc(Strict):
    """Headers of mod_shib: which of them stand for what. Nothing is read without the settings GATEWAY_SHIB_*."""

    door: ClassVar[str] = "shib"
    identity_providers: list[ShibProviderDoc] = Field(min_length=1, max_length=1000)
    attributes: dict[
        Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,99}$"), AfterValidator(_header)], str
    ] = Field(
        default_factory=lambda: {name.lower(): ours for name, ours in OF_MOD_SHIB.items()}, max_length=100
    )
    """Header, in small letters with dashes → one of our attributes."""
