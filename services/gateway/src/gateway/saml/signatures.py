"""XML signatures: their shape is judged before their mathematics, and no key comes from the message itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree

from gateway.saml.markup import Element
from gateway.saml.names import DIGESTS, DS, ENVELOPED, EXC_C14N, NS, RSA_SHA256, SAML, SIGNATURES, tag
from gateway.saml.rules import Code, MessageRefused

SHORTEST_RSA = 2048


class MismatchedLibraries(Exception):
    """lxml and xmlsec carry different copies of libxml2: signatures would be checked on something else."""


def self_test() -> None:
    """Raise unless lxml and xmlsec share one libxml2 (their wheels are pinned together for that)."""
    if xmlsec.get_libxml_version() != etree.LIBXML_VERSION:
        raise MismatchedLibraries(
            f"lxml brings libxml2 {etree.LIBXML_VERSION}, xmlsec {xmlsec.get_libxml_version()}: "
            "install the versions of requirements.lock together"
        )


@dataclass(frozen=True, slots=True)
class Credential:
    """A key of ours: private key and self-signed certificate, both PEM."""

    kid: str
    private: bytes = field(repr=False)
    certificate: bytes


def certificate_of(told: str) -> bytes:
    """A certificate in a metadata document or a configuration (PEM, or bare base64) as PEM; `ValueError`."""
    bare = "".join(
        told.replace("-----BEGIN CERTIFICATE-----", "").replace("-----END CERTIFICATE-----", "").split()
    )
    lines = "\n".join(bare[at : at + 64] for at in range(0, len(bare), 64))
    pem = f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n".encode()
    key = x509.load_pem_x509_certificate(pem).public_key()
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < SHORTEST_RSA:
            raise ValueError(f"an RSA key of {key.key_size} bits is too short")
    elif not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("neither an RSA nor an EC key")
    return pem


def signature_in(element: Element) -> Element | None:
    """The one signature of an element, well placed and well shaped; None when there is none."""
    found = element.findall(tag(DS, "Signature"))
    if not found:
        return None
    if len(found) > 1:
        raise MessageRefused(Code.SIGNATURE_SHAPE, "several signatures")
    _judge(found[0], element)
    return found[0]


def _judge(signature: Element, element: Element) -> None:
    """Raise unless it signs exactly this element, wholly, with nothing clever in between (XSW)."""
    info = signature.find("ds:SignedInfo", NS)
    references = [] if info is None else info.findall("ds:Reference", NS)
    own = element.get("ID")
    if info is None or not own or len(references) != 1 or references[0].get("URI") != f"#{own}":
        raise MessageRefused(Code.SIGNATURE_SHAPE, "it does not sign the element that it stands in")
    if signature.find("ds:Object", NS) is not None:
        raise MessageRefused(Code.SIGNATURE_SHAPE, "an object inside the signature")
    transforms = [each.get("Algorithm") for each in references[0].iterfind("ds:Transforms/ds:Transform", NS)]
    if not transforms or len(transforms) > 2 or not {ENVELOPED, EXC_C14N}.issuperset(transforms):
        raise MessageRefused(Code.SIGNATURE_SHAPE, "other transforms than enveloped-signature and exc-c14n")
    if _algorithm(info, "CanonicalizationMethod") != EXC_C14N:
        raise MessageRefused(Code.ALGORITHM, "canonicalization")
    if _algorithm(info, "SignatureMethod") not in SIGNATURES:
        raise MessageRefused(Code.ALGORITHM, "signature method")
    if _algorithm(references[0], "DigestMethod") not in DIGESTS:
        raise MessageRefused(Code.ALGORITHM, "digest method")


def _algorithm(parent: Element, name: str) -> str | None:
    found = parent.findall(f"ds:{name}", NS)
    return found[0].get("Algorithm") if len(found) == 1 else None


def no_other_signatures(root: Element, allowed: Iterable[Element]) -> None:
    """Raise when a signature stands anywhere else in the message."""
    known = set(allowed)
    if any(each not in known for each in root.iter(tag(DS, "Signature"))):
        raise MessageRefused(Code.SIGNATURE_PLACE)


def verify(element: Element, signature: Element, certificates: Sequence[bytes]) -> None:
    """Raise unless one of these certificates' keys has signed the element; what KeyInfo says does not count."""
    for certificate in certificates:
        context = xmlsec.SignatureContext()
        context.register_id(element, "ID")
        context.key = xmlsec.Key.from_memory(certificate, xmlsec.constants.KeyDataFormatCertPem)
        try:
            context.verify(signature)
        except xmlsec.Error:
            continue
        return
    raise MessageRefused(Code.SIGNATURE)


def sign(element: Element, credential: Credential) -> None:
    """Sign an element of ours, by its ID; the signature stands after the Issuer, or first (SAML core §5.4)."""
    signature = xmlsec.template.create(
        element, xmlsec.constants.TransformExclC14N, xmlsec.constants.TransformRsaSha256, ns="ds"
    )
    issuer = element.find(tag(SAML, "Issuer"))
    element.insert(0 if issuer is None else element.index(issuer) + 1, signature)
    reference = xmlsec.template.add_reference(
        signature, xmlsec.constants.TransformSha256, uri=f"#{element.get('ID')}"
    )
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformEnveloped)
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformExclC14N)
    xmlsec.template.add_x509_data(xmlsec.template.ensure_key_info(signature))
    context = xmlsec.SignatureContext()
    context.register_id(element, "ID")
    key = xmlsec.Key.from_memory(credential.private, xmlsec.constants.KeyDataFormatPem)
    key.load_cert_from_memory(credential.certificate, xmlsec.constants.KeyDataFormatCertPem)
    context.key = key
    context.sign(signature)


_TRANSFORMS = {
    RSA_SHA256: xmlsec.constants.TransformRsaSha256,
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384": xmlsec.constants.TransformRsaSha384,
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512": xmlsec.constants.TransformRsaSha512,
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256": xmlsec.constants.TransformEcdsaSha256,
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384": xmlsec.constants.TransformEcdsaSha384,
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512": xmlsec.constants.TransformEcdsaSha512,
}


def sign_detached(told: bytes, credential: Credential) -> bytes:
    """An RSA-SHA256 signature over a redirect's parameters (SAML bindings §3.4.4.1)."""
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(credential.private, xmlsec.constants.KeyDataFormatPem)
    return bytes(context.sign_binary(told, xmlsec.constants.TransformRsaSha256))


def verify_detached(told: bytes, signature: bytes, algorithm: str, certificates: Sequence[bytes]) -> None:
    """Raise unless one of these certificates' keys has signed a redirect's parameters."""
    if algorithm not in _TRANSFORMS:
        raise MessageRefused(Code.ALGORITHM, "signature method")
    for certificate in certificates:
        context = xmlsec.SignatureContext()
        try:
            context.key = xmlsec.Key.from_memory(certificate, xmlsec.constants.KeyDataFormatCertPem)
            context.verify_binary(told, _TRANSFORMS[algorithm], signature)
        except xmlsec.Error:
            continue
        return
    raise MessageRefused(Code.SIGNATURE)


def body_of(certificate: bytes) -> str:
    """A certificate's base64, as metadata carries it."""
    der = x509.load_pem_x509_certificate(certificate).public_bytes(serialization.Encoding.PEM).decode()
    return "".join(der.splitlines()[1:-1])
