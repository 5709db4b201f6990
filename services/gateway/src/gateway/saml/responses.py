"""A response to a request of ours: decrypted, verified, judged by our own rules and by python3-saml's.

Everything here is plain computing on at most 256 KB; the caller runs it in a thread (`work.py`).
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from gateway.saml import markup
from gateway.saml.decryption import decrypted
from gateway.saml.markup import Element, text, written
from gateway.saml.names import ATTRIBUTES, DS, NS, PERSISTENT, SAML, SAMLP, SCOPED, SUCCESS, tag
from gateway.saml.providers import IdentityProvider
from gateway.saml.rules import Code, Confirmation, Expected, MessageRefused, Told, refusals
from gateway.saml.signatures import Credential, body_of, no_other_signatures, signature_in, verify

PLACE = b"<carrel-here/>"
LONGEST_VALUE = 2000
MOST_VALUES = 200


@dataclass(frozen=True, slots=True)
class NameId:
    """Who is meant, in the identity provider's words; needed to sign out there."""

    value: str
    format: str | None = None
    qualifier: str | None = None
    sp_qualifier: str | None = None


@dataclass(frozen=True, slots=True)
class Believed:
    """What a response has told, once nothing stands against it."""

    assertion_id: str
    issuer: str
    valid_until: datetime
    """After that the assertion cannot be used again anyway."""
    name_id: NameId | None
    session_index: str | None
    authenticated_at: datetime | None
    context: str | None
    session_until: datetime | None
    attributes: Mapping[str, tuple[str, ...]]
    """By our own names; what is not understood is left out."""


def believed(
    raw: bytes,
    expected: Expected,
    provider: IdentityProvider,
    credentials: Sequence[Credential],
    names: Mapping[str, str],
    *,
    now: datetime,
) -> Believed:
    """What a response tells, or `MessageRefused` with every reason. `names`: further names of attributes."""
    root = markup.message(raw)
    if root.tag != tag(SAMLP, "Response") or root.get("Version") != "2.0" or not root.get("ID"):
        raise MessageRefused(Code.WRONG_MESSAGE)
    status = root.find("samlp:Status/samlp:StatusCode", NS)
    if status is not None and status.get("Value") != SUCCESS:
        raise MessageRefused(Code.STATUS, (status.get("Value") or "").rpartition(":")[2][:60])
    outer = signature_in(root)
    if outer is not None:
        verify(root, outer, provider.certificates)
    root, plain = _opened(root, outer, credentials, provider)
    assertions = list(root.iter(tag(SAML, "Assertion")))
    if len(assertions) != 1 or assertions[0].getparent() is not root:
        raise MessageRefused(Code.ASSERTIONS)
    assertion = assertions[0]
    inner = signature_in(assertion)
    if inner is None:
        raise MessageRefused(Code.UNSIGNED)
    remaining = root.find(tag(DS, "Signature"))
    no_other_signatures(root, [inner] if remaining is None else [inner, remaining])
    verify(assertion, inner, provider.certificates)

    told, values, repeated = _read(root, assertion, names)
    scoped = {name: found for name, found in values.items() if name in SCOPED}
    told = replace(told, attributes=values, repeated=repeated)
    if against := list(dict.fromkeys(refusals(told, expected, scoped, now=now))):
        raise MessageRefused(*against)
    _asked_of_the_core(plain, expected, provider)
    return _told(assertion, told, values, now=now)


def _opened(
    root: Element, outer: Element | None, credentials: Sequence[Credential], provider: IdentityProvider
) -> tuple[Element, bytes]:
    """The response with its assertion readable, and as bytes; put together as bytes, parsed anew."""
    closed = list(root.iter(tag(SAML, "EncryptedAssertion")))
    if not closed:
        return root, written(root)
    if len(closed) != 1 or closed[0].getparent() is not root or root.find(tag(SAML, "Assertion")) is not None:
        raise MessageRefused(Code.ASSERTIONS)
    plain = decrypted(closed[0], credentials, allow_cbc=provider.allow_cbc)
    if PLACE[1:-2] in written(root) or not plain.strip().startswith(b"<"):
        raise MessageRefused(Code.UNDECRYPTABLE, "no assertion inside")
    if b"<?" in plain or b"<!" in plain:
        raise MessageRefused(Code.FORBIDDEN_MARKUP)
    if outer is not None:
        no_other_signatures(root, [outer, *closed[0].iter(tag(DS, "Signature"))])
        root.remove(outer)  # verified above; it was over the encrypted text
    here = root.makeelement("carrel-here")
    root.replace(closed[0], here)
    whole = written(root)
    if whole.count(PLACE) != 1:
        raise MessageRefused(Code.UNDECRYPTABLE, "no place for the assertion")
    whole = whole.replace(PLACE, plain.strip())
    return markup.message(whole), whole


def _moment(element: Element | None, name: str) -> datetime | None:
    told = None if element is None else element.get(name)
    if told is None:
        return None
    try:
        found = datetime.fromisoformat(told)
    except ValueError:
        raise MessageRefused(Code.UNREADABLE, f"{name} is no moment") from None
    if found.tzinfo is None:
        raise MessageRefused(Code.UNREADABLE, f"{name} names no zone")
    return found


def _required(element: Element, name: str) -> datetime:
    found = _moment(element, name)
    if found is None:
        raise MessageRefused(Code.UNREADABLE, f"{name} is missing")
    return found


def _read(
    root: Element, assertion: Element, names: Mapping[str, str]
) -> tuple[Told, dict[str, tuple[str, ...]], frozenset[str]]:
    status = root.find("samlp:Status/samlp:StatusCode", NS)
    issuer = root.find("saml:Issuer", NS)
    conditions = assertion.findall("saml:Conditions", NS)
    statements = assertion.findall("saml:AuthnStatement", NS)
    first = conditions[0] if conditions else None
    statement = statements[0] if statements else None
    restrictions = () if first is None else first.findall("saml:AudienceRestriction", NS)
    confirmations = []
    for each in assertion.iterfind("saml:Subject/saml:SubjectConfirmation", NS):
        about = each.find("saml:SubjectConfirmationData", NS)
        confirmations.append(
            Confirmation(
                each.get("Method", ""),
                None if about is None else about.get("Recipient"),
                None if about is None else about.get("InResponseTo"),
                _moment(about, "NotBefore"),
                _moment(about, "NotOnOrAfter"),
            )
        )
    context = None if statement is None else statement.find("saml:AuthnContext/saml:AuthnContextClassRef", NS)
    issuer_told = text(assertion.find("saml:Issuer", NS))
    values, repeated = _attributes(assertion, names, issuer_told)
    told = Told(
        status="" if status is None else status.get("Value", ""),
        destination=root.get("Destination"),
        in_response_to=root.get("InResponseTo"),
        issuer=None if issuer is None else text(issuer),
        assertion_issuer=issuer_told,
        response_at=_required(root, "IssueInstant"),
        assertion_at=_required(assertion, "IssueInstant"),
        conditions=len(conditions),
        audiences=tuple(
            frozenset(text(audience) for audience in each.iterfind("saml:Audience", NS))
            for each in restrictions
        ),
        not_before=_moment(first, "NotBefore"),
        not_on_or_after=_moment(first, "NotOnOrAfter"),
        confirmations=tuple(confirmations),
        authentications=len(statements),
        session_not_on_or_after=_moment(statement, "SessionNotOnOrAfter"),
        context=text(context) or None,
    )
    return told, values, repeated


def _attributes(
    assertion: Element, names: Mapping[str, str], issuer: str
) -> tuple[dict[str, tuple[str, ...]], frozenset[str]]:
    """What is understood of the attributes; names that stand there twice are told, not merged."""
    known = {**ATTRIBUTES, **names}
    found: dict[str, tuple[str, ...]] = {}
    seen: set[str] = set()
    repeated: set[str] = set()
    for attribute in assertion.iterfind("saml:AttributeStatement/saml:Attribute", NS):
        wire = attribute.get("Name", "")
        ours = known.get(wire, wire)
        if ours in seen:
            repeated.add(wire)
        seen.add(ours)
        values = attribute.findall("saml:AttributeValue", NS)[:MOST_VALUES]
        if ours == "persistent-id":
            names_in = [each for value in values for each in value.iterfind("saml:NameID", NS)]
            found[ours] = tuple(filter(None, (_persistent(each, issuer) for each in names_in)))
        elif wire in known:
            plain = (text(value) for value in values if not len(value))
            found[ours] = tuple(told for told in plain if 0 < len(told) <= LONGEST_VALUE)
    return found, frozenset(repeated)


def _persistent(name: Element, issuer: str) -> str | None:
    """A persistent name as provider!service!value, as Shibboleth writes it; the provider must be its own."""
    if name.get("NameQualifier") not in (None, "", issuer):
        raise MessageRefused(Code.SCOPE, "a name of another provider")
    value = text(name)
    return (
        f"{issuer}!{name.get('SPNameQualifier') or ''}!{value}" if 0 < len(value) <= LONGEST_VALUE else None
    )


def _asked_of_the_core(plain: bytes, expected: Expected, provider: IdentityProvider) -> None:
    """Let python3-saml judge the same bytes, schema and all; two readers must agree."""
    address = urlsplit(expected.acs_url)
    asked: dict[str, Any] = {
        "https": "on" if address.scheme == "https" else "off",
        "http_host": address.netloc,
        "script_name": address.path,
        "get_data": {},
        "post_data": {},
    }
    try:
        settings = OneLogin_Saml2_Settings(core_settings(expected, provider), sp_validation_only=True)
        response = OneLogin_Saml2_Response(settings, base64.b64encode(plain).decode())
        response.is_valid(asked, request_id=expected.request_id, raise_exceptions=True)
    except OneLogin_Saml2_ValidationError as error:
        raise MessageRefused(Code.CORE, f"number {error.code}") from None
    except (OneLogin_Saml2_Error, Exception) as error:  # whatever it stumbles over is not believed
        raise MessageRefused(Code.CORE, type(error).__name__) from None


def core_settings(expected: Expected, provider: IdentityProvider) -> dict[str, Any]:
    """How python3-saml is to judge: strictly, and nothing that is not signed."""
    certificates = [body_of(certificate) for certificate in provider.certificates]
    return {
        "strict": True,
        "debug": False,
        "sp": {
            "entityId": expected.entity_id,
            "assertionConsumerService": {"url": expected.acs_url},
        },
        "idp": {
            "entityId": provider.entity_id,
            "singleSignOnService": {"url": provider.sign_on_url or expected.acs_url},
            "x509certMulti": {"signing": certificates, "encryption": certificates[:1]},
        },
        "security": {
            "wantAssertionsSigned": True,
            "wantMessagesSigned": False,
            "wantNameId": False,
            "wantAttributeStatement": False,
            "rejectDeprecatedAlgorithm": True,
            "allowRepeatAttributeName": False,
            "requestedAuthnContext": False,
        },
    }


def _told(
    assertion: Element, told: Told, values: Mapping[str, tuple[str, ...]], *, now: datetime
) -> Believed:
    statement = assertion.find("saml:AuthnStatement", NS)
    assert statement is not None
    name = assertion.find("saml:Subject/saml:NameID", NS)
    ends = [each.not_on_or_after for each in told.confirmations if each.not_on_or_after is not None]
    if told.not_on_or_after is not None:
        ends.append(told.not_on_or_after)
    name_id = None
    if name is not None and text(name):
        name_id = NameId(
            text(name), name.get("Format"), name.get("NameQualifier"), name.get("SPNameQualifier")
        )
    attributes = dict(values)
    if name is not None and name.get("Format") == PERSISTENT:
        persistent = _persistent(name, told.assertion_issuer)
        attributes.setdefault("persistent-id", (persistent,) if persistent else ())
    return Believed(
        assertion_id=assertion.get("ID", ""),
        issuer=told.assertion_issuer,
        valid_until=max(ends, default=now),
        name_id=name_id,
        session_index=statement.get("SessionIndex"),
        authenticated_at=_moment(statement, "AuthnInstant"),
        context=told.context,
        session_until=told.session_not_on_or_after,
        attributes=attributes,
    )
