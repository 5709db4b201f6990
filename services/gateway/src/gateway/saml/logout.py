"""Signing out in both directions (SAML single logout profile): what we ask, and what we are asked."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote_plus

from lxml import etree

from gateway.saml import markup
from gateway.saml.decryption import decrypted
from gateway.saml.entity import moment
from gateway.saml.markup import Element, text, written
from gateway.saml.names import NS, SAML, SAMLP, SOAP, SUCCESS, tag
from gateway.saml.providers import IdentityProvider
from gateway.saml.responses import NameId
from gateway.saml.rules import LONGEST_IN_TRANSIT, Code, MessageRefused
from gateway.saml.signatures import (
    Credential,
    no_other_signatures,
    sign,
    signature_in,
    verify,
    verify_detached,
)

UNKNOWN = "urn:oasis:names:tc:SAML:2.0:status:UnknownPrincipal"
REQUESTER = "urn:oasis:names:tc:SAML:2.0:status:Requester"
LONGEST_RELAY = 500
_PARAMETERS = ("SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature")


@dataclass(frozen=True, slots=True)
class Detached:
    """A signature beside a message, over the address that carried both (SAML bindings §3.4.4.1)."""

    covered: bytes
    algorithm: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Carried:
    """A message as a binding brought it."""

    xml: bytes
    relay_state: str | None
    detached: Detached | None


@dataclass(frozen=True, slots=True)
class Leaving:
    """A request to sign somebody out."""

    id: str
    name: NameId
    session_indexes: tuple[str, ...]


def from_query(query: bytes) -> Carried:
    """The message of a redirect; its signature covers the parameters exactly as they stand there."""
    raw: dict[str, str] = {}
    for part in query.decode("latin-1").split("&"):
        name, _, value = part.partition("=")
        if name in raw:
            raise MessageRefused(Code.UNREADABLE, "a parameter stands there twice")
        if name in _PARAMETERS:
            raw[name] = value
    names = [name for name in ("SAMLRequest", "SAMLResponse") if name in raw]
    if len(names) != 1:
        raise MessageRefused(Code.WRONG_MESSAGE)
    plain = {name: unquote_plus(value) for name, value in raw.items()}
    detached = None
    if "Signature" in raw:
        covered = "&".join(f"{n}={raw[n]}" for n in (names[0], "RelayState", "SigAlg") if n in raw)
        try:
            signature = base64.b64decode(plain["Signature"], validate=True)
        except (binascii.Error, ValueError):
            raise MessageRefused(Code.SIGNATURE, "not base64") from None
        detached = Detached(covered.encode("latin-1"), plain.get("SigAlg", ""), signature)
    return Carried(markup.inflated(plain[names[0]]), plain.get("RelayState"), detached)


def issuer_of(carried: Carried) -> tuple[Element, str]:
    """The message and who it says it is from; to be believed only once its signature is checked."""
    root = markup.message(carried.xml)
    if root.tag not in (tag(SAMLP, "LogoutRequest"), tag(SAMLP, "LogoutResponse")):
        raise MessageRefused(Code.WRONG_MESSAGE)
    if root.get("Version") != "2.0" or not root.get("ID"):
        raise MessageRefused(Code.WRONG_MESSAGE)
    return root, text(root.find("saml:Issuer", NS))


def unwrapped(envelope: bytes) -> bytes:
    """The message in a SOAP envelope."""
    root = markup.message(envelope)
    body = root.find(tag(SOAP, "Body"))
    if root.tag != tag(SOAP, "Envelope") or body is None or len(body) != 1:
        raise MessageRefused(Code.WRONG_MESSAGE)
    return written(body[0])


def checked(
    root: Element,
    carried: Carried,
    provider: IdentityProvider,
    *,
    destination: str | None,
    skew: timedelta,
    now: datetime,
) -> None:
    """Raise unless the message is signed by its issuer, meant for this address, and fresh."""
    signature = signature_in(root)
    if signature is not None:
        no_other_signatures(root, [signature])
        verify(root, signature, provider.certificates)
    elif carried.detached is not None:
        told = carried.detached
        verify_detached(told.covered, told.signature, told.algorithm, provider.certificates)
    else:
        raise MessageRefused(Code.UNSIGNED)
    at = _moment(root, "IssueInstant")
    found = {
        Code.DESTINATION: destination is not None and root.get("Destination") != destination,
        Code.STALE: at is None or at < now - LONGEST_IN_TRANSIT - skew,
        Code.AHEAD: at is not None and at > now + skew,
        Code.EXPIRED: (until := _moment(root, "NotOnOrAfter")) is not None and until + skew <= now,
    }
    if against := [code for code, holds in found.items() if holds]:
        raise MessageRefused(*against)


def _moment(element: Element, name: str) -> datetime | None:
    told = element.get(name)
    try:
        found = None if told is None else datetime.fromisoformat(told)
    except ValueError:
        raise MessageRefused(Code.UNREADABLE, f"{name} is no moment") from None
    if found is not None and found.tzinfo is None:
        raise MessageRefused(Code.UNREADABLE, f"{name} names no zone")
    return found


def leaving(root: Element, credentials: Sequence[Credential], *, allow_cbc: bool) -> Leaving:
    """Who is to be signed out, and where."""
    name = root.find("saml:NameID", NS)
    closed = root.find("saml:EncryptedID", NS)
    if closed is not None and name is None:
        name = markup.message(decrypted(closed, credentials, allow_cbc=allow_cbc))
        if name.tag != tag(SAML, "NameID"):
            raise MessageRefused(Code.UNDECRYPTABLE, "no name inside")
    if name is None or not text(name):
        raise MessageRefused(Code.NO_SESSION)
    told = NameId(text(name), name.get("Format"), name.get("NameQualifier"), name.get("SPNameQualifier"))
    indexes = (text(each) for each in root.iterfind("samlp:SessionIndex", NS))
    return Leaving(root.get("ID", ""), told, tuple(index for index in indexes if index))


def request(
    ours: str, url: str, message_id: str, name: NameId, session_index: str | None, *, now: datetime
) -> Element:
    """A LogoutRequest (SAML core §3.7.1)."""
    root = _message("LogoutRequest", ours, url, message_id, now)
    told = etree.SubElement(root, tag(SAML, "NameID"))
    told.text = name.value
    for attribute, value in (
        ("Format", name.format),
        ("NameQualifier", name.qualifier),
        ("SPNameQualifier", name.sp_qualifier),
    ):
        if value is not None:
            told.set(attribute, value)
    if session_index is not None:
        etree.SubElement(root, tag(SAMLP, "SessionIndex")).text = session_index
    return root


def response(
    ours: str, url: str, message_id: str, in_response_to: str, status: str, *, now: datetime
) -> Element:
    """A LogoutResponse (SAML core §3.7.2)."""
    root = _message("LogoutResponse", ours, url, message_id, now)
    root.set("InResponseTo", in_response_to)
    told = etree.SubElement(root, tag(SAMLP, "Status"))
    if status == SUCCESS:
        etree.SubElement(told, tag(SAMLP, "StatusCode"), Value=SUCCESS)
    else:
        outer = etree.SubElement(told, tag(SAMLP, "StatusCode"), Value=REQUESTER)
        etree.SubElement(outer, tag(SAMLP, "StatusCode"), Value=status)
    return root


def _message(name: str, ours: str, url: str, message_id: str, now: datetime) -> Element:
    root = etree.Element(tag(SAMLP, name), nsmap={"samlp": SAMLP, "saml": SAML})
    root.set("ID", message_id)
    root.set("Version", "2.0")
    root.set("IssueInstant", moment(now))
    if url:
        root.set("Destination", url)
    etree.SubElement(root, tag(SAML, "Issuer")).text = ours
    return root


def signed(root: Element, credential: Credential) -> bytes:
    """For a form or a call: the signature stands in the message."""
    sign(root, credential)
    return written(root)


def enveloped(xml: bytes) -> bytes:
    """A message in a SOAP envelope."""
    return (
        b'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="%s"><s:Body>%s</s:Body></s:Envelope>'
        % (SOAP.encode(), xml)
    )
