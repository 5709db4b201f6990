"""Names that the standards have given: namespaces, bindings, algorithms, attributes."""

from typing import Final

SAML: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP: Final = "urn:oasis:names:tc:SAML:2.0:protocol"
MD: Final = "urn:oasis:names:tc:SAML:2.0:metadata"
MDUI: Final = "urn:oasis:names:tc:SAML:metadata:ui"
MDATTR: Final = "urn:oasis:names:tc:SAML:metadata:attribute"
ALG: Final = "urn:oasis:names:tc:SAML:metadata:algsupport"
INIT: Final = "urn:oasis:names:tc:SAML:profiles:SSO:request-init"
IDPDISC: Final = "urn:oasis:names:tc:SAML:profiles:SSO:idp-discovery-protocol"
SHIBMD: Final = "urn:mace:shibboleth:metadata:1.0"
REMD: Final = "http://refeds.org/metadata"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
XENC: Final = "http://www.w3.org/2001/04/xmlenc#"
XENC11: Final = "http://www.w3.org/2009/xmlenc11#"
XML: Final = "http://www.w3.org/XML/1998/namespace"
SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
NS: Final = {"saml": SAML, "samlp": SAMLP, "md": MD, "ds": DS, "xenc": XENC, "mdui": MDUI, "shibmd": SHIBMD}

REDIRECT: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
POST: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
SOAP_BINDING: Final = "urn:oasis:names:tc:SAML:2.0:bindings:SOAP"

SUCCESS: Final = "urn:oasis:names:tc:SAML:2.0:status:Success"
BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
TRANSIENT: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
PERSISTENT: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
MFA: Final = "https://refeds.org/profile/mfa"

RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SIGNATURES: Final = frozenset(
    {
        RSA_SHA256,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
    }
)
"""Signature algorithms that are taken: nothing with SHA-1 or MD5, nothing keyed by a secret."""
DIGESTS: Final = frozenset(
    {
        "http://www.w3.org/2001/04/xmlenc#sha256",
        "http://www.w3.org/2001/04/xmldsig-more#sha384",
        "http://www.w3.org/2001/04/xmlenc#sha512",
    }
)
ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
EXC_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"

GCM: Final = {
    "http://www.w3.org/2009/xmlenc11#aes128-gcm": 16,
    "http://www.w3.org/2009/xmlenc11#aes192-gcm": 24,
    "http://www.w3.org/2009/xmlenc11#aes256-gcm": 32,
}
CBC: Final = {
    "http://www.w3.org/2001/04/xmlenc#aes128-cbc": 16,
    "http://www.w3.org/2001/04/xmlenc#aes192-cbc": 24,
    "http://www.w3.org/2001/04/xmlenc#aes256-cbc": 32,
}
"""Ciphers and the bytes of their keys. CBC tells nobody that it was changed on the way: only by exception."""
OAEP_MGF1P: Final = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
OAEP: Final = "http://www.w3.org/2009/xmlenc11#rsa-oaep"

ATTRIBUTES: Final = {
    "urn:oasis:names:tc:SAML:attribute:pairwise-id": "pairwise-id",
    "urn:oasis:names:tc:SAML:attribute:subject-id": "subject-id",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.6": "eppn",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.10": "persistent-id",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.9": "affiliation",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.7": "entitlement",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.11": "assurance",
    "urn:oid:1.3.6.1.4.1.25178.1.2.9": "home-organization",
    "urn:oid:1.3.6.1.4.1.25178.1.2.14": "personal-code",
    "urn:oid:2.16.840.1.113730.3.1.241": "display-name",
    "urn:oid:2.5.4.42": "given-name",
    "urn:oid:2.5.4.4": "family-name",
    "urn:oid:0.9.2342.19200300.100.1.3": "mail",
}
"""The attributes that are understood, by their names on the wire, and what they are called here."""
KNOWN: Final = frozenset(ATTRIBUTES.values()) | {"card-number"}
SCOPED: Final = frozenset({"pairwise-id", "subject-id", "eppn", "affiliation"})
"""Attributes whose value ends in `@scope`; the scope must be the identity provider's."""


def tag(namespace: str, name: str) -> str:
    """A name as lxml writes it."""
    return f"{{{namespace}}}{name}"
