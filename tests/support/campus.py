"""A campus of our own: an identity provider that tells the truth, or whatever a forger would."""

import base64
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4
from xml.sax.saxutils import escape, quoteattr

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID
from lxml import etree

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
DS = "http://www.w3.org/2000/09/xmldsig#"
NS = {"saml": SAML, "samlp": SAMLP, "ds": DS, "md": "urn:oasis:names:tc:SAML:2.0:metadata"}
LIBRARY = "https://library.test"
ACS = f"{LIBRARY}/saml/acs"
US = f"{LIBRARY}/saml/metadata"
PAIRWISE = "urn:oasis:names:tc:SAML:attribute:pairwise-id"
SUBJECT = "urn:oasis:names:tc:SAML:attribute:subject-id"
AFFILIATION = "urn:oid:1.3.6.1.4.1.5923.1.1.1.9"
ENTITLEMENT = "urn:oid:1.3.6.1.4.1.5923.1.1.1.7"
EPPN = "urn:oid:1.3.6.1.4.1.5923.1.1.1.6"
FAMILY, GIVEN, MAIL = "urn:oid:2.5.4.4", "urn:oid:2.5.4.42", "urn:oid:0.9.2342.19200300.100.1.3"
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
MFA = "https://refeds.org/profile/mfa"


@dataclass(frozen=True)
class Pair:
    """A key pair, PEM."""

    private: bytes
    certificate: bytes

    @property
    def body(self) -> str:
        """The certificate's base64."""
        return "".join(self.certificate.decode().splitlines()[1:-1])


@cache
def pair(name: str, bits: int = 2048) -> Pair:
    """A key pair of this name, made once for all tests of a process."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=300))
        .sign(private, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    plain = private.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Pair(plain, made.public_bytes(encoding))


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def signed(
    element: etree._Element,
    by: Pair,
    *,
    method: Any = xmlsec.constants.TransformRsaSha256,
    digest: Any = xmlsec.constants.TransformSha256,
    transforms: Sequence[Any] = (xmlsec.constants.TransformEnveloped, xmlsec.constants.TransformExclC14N),
    key: Any = None,
) -> etree._Element:
    """Sign an element by its ID, in place."""
    signature = xmlsec.template.create(element, xmlsec.constants.TransformExclC14N, method, ns="ds")
    issuer = element.find(f"{{{SAML}}}Issuer")
    element.insert(0 if issuer is None else element.index(issuer) + 1, signature)
    reference = xmlsec.template.add_reference(signature, digest, uri="#" + element.get("ID", ""))
    for transform in transforms:
        xmlsec.template.add_transform(reference, transform)
    context = xmlsec.SignatureContext()
    context.register_id(element, "ID")
    if key is None:
        xmlsec.template.add_x509_data(xmlsec.template.ensure_key_info(signature))
        key = xmlsec.Key.from_memory(by.private, xmlsec.constants.KeyDataFormatPem)
        key.load_cert_from_memory(by.certificate, xmlsec.constants.KeyDataFormatCertPem)
    context.key = key
    context.sign(signature)
    return element


@dataclass
class Asked:
    """A request of ours, as it arrives at the campus."""

    id: str
    acs: str
    issuer: str
    relay_state: str
    element: etree._Element
    url: str

    @classmethod
    def at(cls, url: str) -> "Asked":
        """Read from a redirect."""
        query = parse_qs(urlsplit(url).query)
        element = etree.fromstring(zlib.decompress(base64.b64decode(query["SAMLRequest"][0]), -15))
        return cls(
            element.get("ID", ""),
            element.get("AssertionConsumerServiceURL", ""),
            element.findtext("saml:Issuer", "", NS),
            query.get("RelayState", [""])[0],
            element,
            url,
        )


@dataclass
class Campus:
    """An identity provider."""

    entity_id: str = "https://idp.campus.test/saml"
    scopes: tuple[str, ...] = ("campus.test",)
    name: str = "Campus University"
    key: Pair = field(default_factory=lambda: pair("campus"))
    more_keys: tuple[Pair, ...] = ()
    logout: str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
    hidden: bool = False

    @property
    def sso(self) -> str:
        return self.entity_id.replace("/saml", "/sso")

    @property
    def slo(self) -> str:
        return self.entity_id.replace("/saml", "/slo")

    def descriptor(self, more: str = "") -> str:
        """Its metadata, unsigned."""
        keys = "".join(
            f'<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{each.body}'
            "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
            for each in (self.key, *self.more_keys)
        )
        scopes = "".join(f'<shibmd:Scope regexp="false">{scope}</shibmd:Scope>' for scope in self.scopes)
        hidden = (
            "<md:Extensions><mdattr:EntityAttributes><saml:Attribute "
            'Name="http://macedir.org/entity-category"><saml:AttributeValue>'
            "http://refeds.org/category/hide-from-discovery</saml:AttributeValue></saml:Attribute>"
            "</mdattr:EntityAttributes></md:Extensions>"
            if self.hidden
            else ""
        )
        return (
            f"<md:EntityDescriptor {NAMESPACES} entityID={quoteattr(self.entity_id)} {more}>{hidden}"
            f'<md:IDPSSODescriptor protocolSupportEnumeration="{SAMLP}"><md:Extensions>{scopes}'
            f'<mdui:UIInfo><mdui:DisplayName xml:lang="en">{escape(self.name)}</mdui:DisplayName></mdui:UIInfo>'
            f"</md:Extensions>{keys}"
            f'<md:SingleLogoutService Binding="{self.logout}" Location="{self.slo}"/>'
            '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" '
            f'Location="{self.sso}"/></md:IDPSSODescriptor></md:EntityDescriptor>'
        )


NAMESPACES = (
    'xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" '
    'xmlns:shibmd="urn:mace:shibboleth:metadata:1.0" xmlns:mdui="urn:oasis:names:tc:SAML:metadata:ui" '
    'xmlns:mdattr="urn:oasis:names:tc:SAML:metadata:attribute" '
    f'xmlns:saml="{SAML}"'
)


def aggregate(
    campuses: Sequence[Campus],
    *,
    by: Pair | None,
    until: datetime | None,
    change: Callable[[bytes], bytes] = lambda told: told,
) -> bytes:
    """A federation's document."""
    ends = f'validUntil="{stamp(until)}"' if until else ""
    inside = "<!-- made by the federation -->" + "".join(campus.descriptor() for campus in campuses)
    told = f'<md:EntitiesDescriptor {NAMESPACES} ID="_federation" Name="test" {ends}>{inside}</md:EntitiesDescriptor>'
    element = etree.fromstring(told)
    if by is not None:
        signed(element, by)
    return change(etree.tostring(element))


def document(*campuses: Campus, **more: Any) -> dict[str, Any]:
    """A configuration that trusts these campuses."""
    persons = {"groups": [{"name": "students", "affiliation": "student", "group": "student"}]}
    return {
        "entity": {"url": LIBRARY, "names": {"en": "Test Library"}},
        "sources": [
            {"kind": "file", "name": f"campus-{at}", "metadata": campus.descriptor()}
            for at, campus in enumerate(campuses)
        ],
        "persons": persons,
        **more,
    }


@dataclass(frozen=True)
class Says:
    """What a response says; a forger changes one thing at a time."""

    issuer: str
    asked: Asked
    attributes: tuple[tuple[str, tuple[str, ...]], ...]
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    destination: str = ACS
    recipient: str = ACS
    audience: str | None = US
    in_response_to: str | None = None
    confirmed_for: str | None = None
    conditions: bool = True
    confirmation: bool = True
    status: str = "Success"
    name: str = "_someone"
    name_format: str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
    session_index: str | None = "_session"
    context: str = PASSWORD
    assertion_id: str = field(default_factory=lambda: "_a" + uuid4().hex)
    response_id: str = field(default_factory=lambda: "_r" + uuid4().hex)
    lives: timedelta = timedelta(minutes=5)
    session_ends: datetime | None = None
    before: str = ""
    after: str = ""
    """Markup put in before and after the attributes."""


def assertion(says: Says) -> str:
    """An unsigned assertion."""
    at, until = stamp(says.now), stamp(says.now + says.lives)
    to = says.confirmed_for if says.confirmed_for is not None else says.in_response_to
    in_response_to = f'InResponseTo="{to}"' if to else ""
    confirmation = (
        '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData '
        f'{in_response_to} Recipient="{says.recipient}" NotOnOrAfter="{until}"/></saml:SubjectConfirmation>'
        if says.confirmation
        else ""
    )
    audience = (
        f"<saml:AudienceRestriction><saml:Audience>{says.audience}</saml:Audience></saml:AudienceRestriction>"
        if says.audience
        else ""
    )
    conditions = (
        f'<saml:Conditions NotBefore="{at}" NotOnOrAfter="{until}">{audience}</saml:Conditions>'
        if says.conditions
        else ""
    )
    session = f'SessionIndex="{says.session_index}"' if says.session_index else ""
    ends = f'SessionNotOnOrAfter="{stamp(says.session_ends)}"' if says.session_ends else ""
    attributes = "".join(
        f'<saml:Attribute Name="{name}" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri">'
        + "".join(f"<saml:AttributeValue>{value}</saml:AttributeValue>" for value in values)
        + "</saml:Attribute>"
        for name, values in says.attributes
    )
    return (
        f'<saml:Assertion xmlns:saml="{SAML}" ID="{says.assertion_id}" Version="2.0" IssueInstant="{at}">'
        f"<saml:Issuer>{says.issuer}</saml:Issuer>"
        f'<saml:Subject><saml:NameID Format="{says.name_format}">{says.name}</saml:NameID>{confirmation}</saml:Subject>'
        f'{conditions}<saml:AuthnStatement AuthnInstant="{at}" {session} {ends}><saml:AuthnContext>'
        f"<saml:AuthnContextClassRef>{says.context}</saml:AuthnContextClassRef></saml:AuthnContext>"
        f"</saml:AuthnStatement><saml:AttributeStatement>{says.before}{attributes}{says.after}"
        "</saml:AttributeStatement></saml:Assertion>"
    )


def response(says: Says, inside: bytes) -> bytes:
    """A response around assertions, encrypted ones or whatever stands in it."""
    to = f'InResponseTo="{says.in_response_to}"' if says.in_response_to else ""
    return (
        (
            f'<samlp:Response xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="{says.response_id}" Version="2.0" '
            f'IssueInstant="{stamp(says.now)}" Destination="{says.destination}" {to}>'
            f"<saml:Issuer>{says.issuer}</saml:Issuer><samlp:Status><samlp:StatusCode "
            f'Value="urn:oasis:names:tc:SAML:2.0:status:{says.status}"/></samlp:Status>'
        ).encode()
        + inside
        + b"</samlp:Response>"
    )


def honest(says: Says, by: Pair, **how: Any) -> bytes:
    """A response with one assertion, signed by itself as it stands alone."""
    return response(says, etree.tostring(signed(etree.fromstring(assertion(says)), by, **how)))


def encrypted(
    inside: bytes,
    certificate: bytes,
    *,
    cipher: str = "http://www.w3.org/2009/xmlenc11#aes256-gcm",
    transport: str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
) -> bytes:
    """An EncryptedAssertion around these bytes."""
    public = x509.load_pem_x509_certificate(certificate).public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    secret = os.urandom(16 if "128" in cipher else 32)
    if cipher.endswith("gcm"):
        nonce = os.urandom(12)
        content = nonce + AESGCM(secret).encrypt(nonce, inside, None)
    else:
        nonce = os.urandom(16)
        short = 16 - len(inside) % 16
        writer = Cipher(algorithms.AES(secret), modes.CBC(nonce)).encryptor()
        content = nonce + writer.update(inside + bytes(short - 1) + bytes([short])) + writer.finalize()
    oaep: Any = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
    wrapped = public.encrypt(secret, padding.PKCS1v15() if transport.endswith("1_5") else oaep)
    xenc = "http://www.w3.org/2001/04/xmlenc#"
    return (
        f'<saml:EncryptedAssertion xmlns:saml="{SAML}"><xenc:EncryptedData xmlns:xenc="{xenc}" '
        f'Type="{xenc}Element"><xenc:EncryptionMethod Algorithm="{cipher}"/><ds:KeyInfo xmlns:ds="{DS}">'
        f'<xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="{transport}"/><xenc:CipherData><xenc:CipherValue>'
        f"{base64.b64encode(wrapped).decode()}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo>"
        f"<xenc:CipherData><xenc:CipherValue>{base64.b64encode(content).decode()}</xenc:CipherValue>"
        "</xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion>"
    ).encode()
