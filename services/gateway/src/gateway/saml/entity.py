"""Our own metadata: what a federation registers, and what identity providers read (SAML metadata 2.0, MDUI, MDRPI)."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from lxml import etree

from gateway.saml.keys import OurKey
from gateway.saml.markup import Element, written
from gateway.saml.names import (
    ALG,
    DIGESTS,
    DS,
    GCM,
    IDPDISC,
    INIT,
    MD,
    MDATTR,
    MDUI,
    OAEP_MGF1P,
    PERSISTENT,
    POST,
    REDIRECT,
    REMD,
    SAML,
    SAMLP,
    SIGNATURES,
    SOAP_BINDING,
    TRANSIENT,
    XML,
    tag,
)
from gateway.saml.signatures import body_of, sign
from gateway.signon.documents import EntityDoc

VALID_FOR = timedelta(days=7)
ACS = "/saml/acs"
LOGOUT = "/saml/logout/redirect"
LOGOUT_POST = "/saml/logout/post"
LOGOUT_SOAP = "/saml/logout/soap"
LOGIN = "/saml/login"
DISCOVERY_RETURN = "/saml/login"
CATEGORY = "http://macedir.org/entity-category"
ASSURED = "urn:oasis:names:tc:SAML:attribute:assurance-certification"
SUBJECT_ID_REQ = "urn:oasis:names:tc:SAML:profiles:subject-id:req"
_MAP = {"md": MD, "ds": DS, "mdui": MDUI, "mdattr": MDATTR, "saml": SAML, "alg": ALG, "idpdisc": IDPDISC}
REQUESTED = (
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.9", "eduPersonScopedAffiliation", True),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.7", "eduPersonEntitlement", False),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.11", "eduPersonAssurance", False),
    ("urn:oid:2.5.4.4", "sn", False),
    ("urn:oid:2.5.4.42", "givenName", False),
    ("urn:oid:0.9.2342.19200300.100.1.3", "mail", False),
)
"""What we ask for. Who somebody is comes as pairwise-id or subject-id, which are not asked for here (their own
standard wants them told as a requirement of the entity)."""


def published(doc: EntityDoc, keys: Sequence[OurKey], wishes: Sequence[str], *, now: datetime) -> bytes:
    """The signed EntityDescriptor. Every published key is there for both uses; a former one is gone."""
    shown = [key for key in keys if key.state in ("current", "next")]
    entity = etree.Element(tag(MD, "EntityDescriptor"), nsmap={**_MAP, "remd": REMD, "init": INIT})
    entity.set("entityID", doc.id)
    entity.set("ID", "_" + hashlib.sha256(f"{doc.id}{now.isoformat()}".encode()).hexdigest()[:32])
    entity.set("validUntil", moment(now + VALID_FOR))
    entity.set("cacheDuration", "PT6H")
    _extensions(entity, doc, wishes)
    role = etree.SubElement(entity, tag(MD, "SPSSODescriptor"))
    role.set("AuthnRequestsSigned", "true" if doc.sign_requests else "false")
    role.set("WantAssertionsSigned", "true")
    role.set("protocolSupportEnumeration", SAMLP)
    _role_extensions(role, doc)
    for key in shown:
        _key(role, key)
    for binding, path in ((REDIRECT, LOGOUT), (POST, LOGOUT_POST), (SOAP_BINDING, LOGOUT_SOAP)):
        etree.SubElement(role, tag(MD, "SingleLogoutService"), Binding=binding, Location=doc.url + path)
    for name in (TRANSIENT, PERSISTENT):
        etree.SubElement(role, tag(MD, "NameIDFormat")).text = name
    etree.SubElement(
        role,
        tag(MD, "AssertionConsumerService"),
        Binding=POST,
        Location=doc.url + ACS,
        index="0",
        isDefault="true",
    )
    service = etree.SubElement(role, tag(MD, "AttributeConsumingService"), index="0", isDefault="true")
    _texts(service, MD, "ServiceName", doc.names)
    _texts(service, MD, "ServiceDescription", doc.descriptions)
    for name, friendly, needed in REQUESTED:
        etree.SubElement(
            service,
            tag(MD, "RequestedAttribute"),
            Name=name,
            FriendlyName=friendly,
            NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri",
            isRequired="true" if needed else "false",
        )
    if doc.organization:
        organization = etree.SubElement(entity, tag(MD, "Organization"))
        for name in ("OrganizationName", "OrganizationDisplayName"):
            _texts(organization, MD, name, {"en": doc.organization})
        _texts(organization, MD, "OrganizationURL", {"en": next(iter(doc.information.values()), doc.url)})
    for contact in doc.contacts:
        security = contact.kind == "security"
        person = etree.SubElement(
            entity, tag(MD, "ContactPerson"), contactType="other" if security else contact.kind
        )
        if security:
            person.set(tag(REMD, "contactType"), "http://refeds.org/metadata/contactType/security")
        etree.SubElement(person, tag(MD, "GivenName")).text = contact.name
        etree.SubElement(person, tag(MD, "EmailAddress")).text = f"mailto:{contact.email}"
    current = next(key for key in shown if key.state == "current")
    sign(entity, current.credential)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + written(entity)


def _extensions(entity: Element, doc: EntityDoc, wishes: Sequence[str]) -> None:
    extensions = etree.SubElement(entity, tag(MD, "Extensions"))
    for digest in sorted(DIGESTS):
        etree.SubElement(extensions, tag(ALG, "DigestMethod"), Algorithm=digest)
    for signature in sorted(SIGNATURES):
        etree.SubElement(extensions, tag(ALG, "SigningMethod"), Algorithm=signature)
    attributes = etree.SubElement(extensions, tag(MDATTR, "EntityAttributes"))
    told: dict[str, Sequence[str]] = {
        CATEGORY: doc.categories,
        ASSURED: doc.certifications,
        SUBJECT_ID_REQ: [_wish(wishes)],
    }
    for name, values in told.items():
        if values:
            attribute = etree.SubElement(
                attributes,
                tag(SAML, "Attribute"),
                Name=name,
                NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri",
            )
            for value in values:
                etree.SubElement(attribute, tag(SAML, "AttributeValue")).text = value


def _wish(wishes: Sequence[str]) -> str:
    """Which subject identifier is wanted (SAML subject-id attributes 1.0 §5.1)."""
    both = {"subject-id", "pairwise-id"} & set(wishes)
    if len(both) == 2:
        return "any"
    return next(iter(both), "none")


def _role_extensions(role: Element, doc: EntityDoc) -> None:
    extensions = etree.SubElement(role, tag(MD, "Extensions"))
    etree.SubElement(extensions, tag(INIT, "RequestInitiator"), Binding=INIT, Location=doc.url + LOGIN)
    etree.SubElement(
        extensions,
        tag(IDPDISC, "DiscoveryResponse"),
        Binding=IDPDISC,
        Location=doc.url + DISCOVERY_RETURN,
        index="0",
    )
    shown = etree.SubElement(extensions, tag(MDUI, "UIInfo"))
    _texts(shown, MDUI, "DisplayName", doc.names)
    _texts(shown, MDUI, "Description", doc.descriptions)
    if doc.logo:
        etree.SubElement(shown, tag(MDUI, "Logo"), height="60", width="80").text = doc.logo
    _texts(shown, MDUI, "InformationURL", doc.information)
    _texts(shown, MDUI, "PrivacyStatementURL", doc.privacy_statements)


def _texts(parent: Element, namespace: str, name: str, told: Mapping[str, str]) -> None:
    for language, words in told.items():
        element = etree.SubElement(parent, tag(namespace, name))
        element.set(tag(XML, "lang"), language)
        element.text = words


def _key(role: Element, key: OurKey) -> None:
    descriptor = etree.SubElement(role, tag(MD, "KeyDescriptor"))
    if key.state == "next":
        # Nobody encrypts to it yet: providers take the first key that they find for it.
        descriptor.set("use", "signing")
    info = etree.SubElement(descriptor, tag(DS, "KeyInfo"))
    etree.SubElement(info, tag(DS, "KeyName")).text = key.kid
    data = etree.SubElement(info, tag(DS, "X509Data"))
    etree.SubElement(data, tag(DS, "X509Certificate")).text = body_of(key.credential.certificate)
    if key.state == "current":
        for cipher in GCM:
            etree.SubElement(descriptor, tag(MD, "EncryptionMethod"), Algorithm=cipher)
        etree.SubElement(descriptor, tag(MD, "EncryptionMethod"), Algorithm=OAEP_MGF1P)


def moment(at: datetime) -> str:
    """As the schemas write it: UTC, whole seconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
