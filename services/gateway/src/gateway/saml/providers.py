"""Identity providers as their metadata describes them, once its signature and its time have been checked."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509

from gateway.saml import markup
from gateway.saml.markup import Element, text
from gateway.saml.names import MD, MDATTR, MDUI, NS, POST, REDIRECT, SAML, SHIBMD, SOAP_BINDING, XML, tag
from gateway.saml.rules import MessageRefused
from gateway.saml.signatures import certificate_of, signature_in, verify

CATEGORY = "http://macedir.org/entity-category"
HIDDEN = "http://refeds.org/category/hide-from-discovery"
ASSURED = "urn:oasis:names:tc:SAML:attribute:assurance-certification"


class MetadataRefused(Exception):
    """A metadata document that is not taken, and why in a sentence."""


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """One identity provider, as far as we need to know it."""

    entity_id: str
    certificates: tuple[bytes, ...]
    """Its signing certificates, PEM; two of them while it changes its key."""
    sign_on_url: str | None
    """Where a redirect with an AuthnRequest goes."""
    wants_signed_requests: bool = False
    logout_url: str | None = None
    logout_binding: str | None = None
    logout_response_url: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    """By language."""
    keywords: tuple[str, ...] = ()
    logo: str | None = None
    scopes: tuple[str, ...] = ()
    hidden: bool = False
    certifications: tuple[str, ...] = ()
    help_url: str | None = None
    """Where its people are helped (errorURL)."""
    allow_cbc: bool = False
    """Set by us, never by metadata."""

    def as_json(self) -> dict[str, Any]:
        """For keeping."""
        told = asdict(self)
        return {**told, "certificates": [certificate.decode() for certificate in self.certificates]}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "IdentityProvider":
        """What was kept."""
        lists = {name: tuple(told[name]) for name in ("keywords", "scopes", "certifications")}
        certificates = tuple(certificate.encode() for certificate in told["certificates"])
        return cls(**{**told, **lists, "certificates": certificates})

    def named(self, language: str) -> str:
        """Its name in a language, else in English, else in any, else its id."""
        return (
            self.names.get(language)
            or self.names.get("en")
            or next(iter(self.names.values()), self.entity_id)
        )


@dataclass(frozen=True, slots=True)
class Document:
    """What a metadata document holds."""

    providers: tuple[IdentityProvider, ...]
    valid_until: datetime | None
    passed_over: tuple[str, ...] = ()
    """Identity providers that cannot be used, and why, for the log."""


def read(data: bytes, *, certificates: list[bytes], longest: timedelta | None, now: datetime) -> Document:
    """The identity providers of a document; `MetadataRefused` when it is not to be trusted.

    With certificates its root must be signed by one of them; only what the signature covers is read. `longest`: how
    far off its validUntil may lie, which it then must have (an old copy cannot be passed off for ever).
    """
    try:
        root = markup.metadata(data)
        if root.tag not in (tag(MD, "EntitiesDescriptor"), tag(MD, "EntityDescriptor")):
            raise MetadataRefused("It is no SAML metadata.")
        if certificates:
            signature = signature_in(root)
            if signature is None:
                raise MetadataRefused("It is not signed.")
            verify(root, signature, certificates)
    except MessageRefused as error:
        raise MetadataRefused(f"It is not taken: {error} {error.words}".strip() + ".") from None
    until = _until(root, now)
    if longest is not None:
        if until is None:
            raise MetadataRefused("It has no validUntil.")
        if until > now + longest:
            raise MetadataRefused(f"Its validUntil lies more than {longest.days} days ahead.")
    found, passed_over = [], []
    for entity, ends in _entities(root, until, now):
        try:
            provider = _provider(entity)
        except ValueError as error:
            passed_over.append(f"{entity.get('entityID', '')[:200]}: {error}")
            continue
        if provider is not None and (ends is None or ends > now):
            found.append(provider)
    return Document(tuple(found), until, tuple(passed_over))


def _until(element: Element, now: datetime) -> datetime | None:
    told = element.get("validUntil")
    if told is None:
        return None
    try:
        until = datetime.fromisoformat(told)
    except ValueError:
        raise MetadataRefused("Its validUntil is no moment.") from None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    if until <= now:
        raise MetadataRefused("Its validUntil is past.")
    return until


def _entities(
    root: Element, until: datetime | None, now: datetime
) -> Iterator[tuple[Element, datetime | None]]:
    """Every entity, with the earliest end of all that it stands in; what is over is left out."""
    if root.tag == tag(MD, "EntityDescriptor"):
        yield root, until
        return
    for child in root:
        if child.tag in (tag(MD, "EntityDescriptor"), tag(MD, "EntitiesDescriptor")):
            try:
                own = _until(child, now)
            except MetadataRefused:
                continue
            ends = min((end for end in (own, until) if end is not None), default=None)
            yield from _entities(child, ends, now)


def _provider(entity: Element) -> IdentityProvider | None:
    """The identity provider of an entity; None when it is none for SAML 2.0, `ValueError` when it cannot be used."""
    role = next(
        (
            each
            for each in entity.iterfind("md:IDPSSODescriptor", NS)
            if "urn:oasis:names:tc:SAML:2.0:protocol" in each.get("protocolSupportEnumeration", "").split()
        ),
        None,
    )
    if role is None:
        return None
    entity_id = entity.get("entityID", "")
    if not 0 < len(entity_id) <= 1024:
        raise ValueError("it has no usable entityID")
    certificates = tuple(dict.fromkeys(_certificates(role)))
    if not certificates:
        raise ValueError("it has no signing certificate")
    logout = _logout(role)
    attributes = _entity_attributes(entity)
    names = _names(role) or _names_of_organization(entity)
    logo = role.find(f"md:Extensions/{tag(MDUI, 'UIInfo')}/{tag(MDUI, 'Logo')}", NS)
    logo_url = text(logo)
    return IdentityProvider(
        entity_id=entity_id,
        certificates=certificates,
        sign_on_url=_location(role, "SingleSignOnService", REDIRECT),
        wants_signed_requests=role.get("WantAuthnRequestsSigned") in ("true", "1"),
        logout_url=None if logout is None else logout.get("Location"),
        logout_binding=None if logout is None else logout.get("Binding"),
        logout_response_url=None if logout is None else logout.get("ResponseLocation"),
        names=names,
        keywords=_keywords(role),
        logo=logo_url if logo_url.startswith("https://") and len(logo_url) < 1000 else None,
        scopes=_scopes(role) or _scopes(entity),
        hidden=HIDDEN in attributes.get(CATEGORY, ()),
        certifications=attributes.get(ASSURED, ()),
        help_url=_web(entity.get("errorURL") or role.get("errorURL")),
    )


def _certificates(role: Element) -> Iterator[bytes]:
    for key in role.iterfind("md:KeyDescriptor", NS):
        if key.get("use") in (None, "signing"):
            for told in key.iterfind("ds:KeyInfo/ds:X509Data/ds:X509Certificate", NS):
                try:
                    yield certificate_of(text(told))
                except (ValueError, x509.InvalidVersion):
                    continue


def _web(url: str | None) -> str | None:
    return url if url is not None and url.startswith(("https://", "http://")) and len(url) < 2000 else None


def _location(role: Element, name: str, binding: str) -> str | None:
    found = (each for each in role.iterfind(f"md:{name}", NS) if each.get("Binding") == binding)
    return next((_web(each.get("Location")) for each in found), None)


def _logout(role: Element) -> Element | None:
    """The end point of logout that suits us best: a redirect, a form, a call."""
    by_binding = {
        each.get("Binding"): each
        for each in role.iterfind("md:SingleLogoutService", NS)
        if _web(each.get("Location"))
    }
    found = (by_binding[binding] for binding in (REDIRECT, POST, SOAP_BINDING) if binding in by_binding)
    return next(found, None)


def _scopes(element: Element) -> tuple[str, ...]:
    """The scopes that it may use (shibmd:Scope); patterns are passed over: nobody reads one with certainty."""
    found = element.iterfind(f"md:Extensions/{tag(SHIBMD, 'Scope')}", NS)
    plain = (text(each).lower() for each in found if each.get("regexp") not in ("true", "1"))
    return tuple(dict.fromkeys(scope for scope in plain if 0 < len(scope) < 256))


def _names(role: Element) -> dict[str, str]:
    found = role.iterfind(f"md:Extensions/{tag(MDUI, 'UIInfo')}/{tag(MDUI, 'DisplayName')}", NS)
    return {each.get(tag(XML, "lang"), "en")[:20]: text(each)[:300] for each in found if text(each)}


def _names_of_organization(entity: Element) -> dict[str, str]:
    found = entity.iterfind("md:Organization/md:OrganizationDisplayName", NS)
    return {each.get(tag(XML, "lang"), "en")[:20]: text(each)[:300] for each in found if text(each)}


def _keywords(role: Element) -> tuple[str, ...]:
    found = role.iterfind(f"md:Extensions/{tag(MDUI, 'UIInfo')}/{tag(MDUI, 'Keywords')}", NS)
    return tuple(word.replace("+", " ")[:100] for each in found for word in text(each).split())[:50]


def _entity_attributes(entity: Element) -> dict[str, tuple[str, ...]]:
    path = f"md:Extensions/{tag(MDATTR, 'EntityAttributes')}/{tag(SAML, 'Attribute')}"
    return {
        attribute.get("Name", ""): tuple(
            text(value) for value in attribute.iterfind("saml:AttributeValue", NS)
        )
        for attribute in entity.iterfind(path, NS)
    }


def adjusted(
    provider: IdentityProvider, *, allow_cbc: bool, scopes: tuple[str, ...] | None, name: str | None
) -> IdentityProvider:
    """A provider with what this library has decided about it."""
    changed = replace(provider, allow_cbc=allow_cbc)
    if scopes is not None:
        changed = replace(changed, scopes=scopes)
    return replace(changed, names={"en": name}) if name else changed
