"""Identity providers that others wrote: pysaml2."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from support.campus import ACS, Campus, pair
from support.front import Front

from .conftest import Browser

PROTECTED = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"


@pytest.fixture
async def pysaml2(library: Front, campus: Campus, tmp_path: Path) -> Any:
    """An identity provider by pysaml2 with the campus's name and key, which has read our metadata."""
    program = shutil.which("xmlsec1")
    if program is None:
        pytest.skip("xmlsec1 is not installed: pysaml2 signs with it (apt-get install xmlsec1)")
    from saml2.config import IdPConfig
    from saml2.server import Server

    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    key.write_bytes(campus.key.private)
    certificate.write_bytes(campus.key.certificate)
    ours = await library.get("/saml/metadata")
    told = IdPConfig().load(
        {
            "entityid": campus.entity_id,
            "xmlsec_binary": program,
            "key_file": str(key),
            "cert_file": str(certificate),
            "metadata": {"inline": [ours.text]},
            "service": {
                "idp": {
                    "endpoints": {"single_sign_on_service": [(campus.sso, ACS.replace("POST", ""))]},
                    "policy": {"default": {"lifetime": {"minutes": 5}, "attribute_restrictions": None}},
                    "want_authn_requests_signed": True,
                }
            },
        }
    )
    return Server(config=told)


STUDENT = {
    "eduPersonScopedAffiliation": ["student@campus.test"],
    "pairwise-id": ["someone@campus.test"],
}


def with_gcm(server: Any) -> None:
    """It encrypts with 3DES unless told otherwise, and can be told in no setting."""
    encrypt = server.sec.crypto.encrypt_assertion

    def closed(statement: Any, key: str, template: Any, node_xpath: str | None = None, **_: Any) -> Any:
        template.encryption_method.algorithm = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
        return encrypt(statement, key, template, "aes-256", node_xpath)

    server.sec.encrypt_assertion = closed


SIGNED = {"sign_assertion": True}
CLOSED = {**SIGNED, "encrypt_assertion": True}
FORMS: dict[str, tuple[dict[str, bool], bool, int]] = {
    "signed": (SIGNED, False, 303),
    "both signed": ({**SIGNED, "sign_response": True}, False, 303),
    "only around": ({"sign_response": True}, False, 403),
    "unsigned": ({}, False, 403),
    "encrypted with 3DES": (CLOSED, False, 403),
    "encrypted": (CLOSED, True, 303),
    "encrypted, and signed around": ({**CLOSED, "sign_response": True}, True, 303),
    "encrypted, leaning on what is around": (
        {**CLOSED, "encrypt_assertion_self_contained": False},
        True,
        303,
    ),
}
"""How it writes a response, whether it is told to use AES-GCM, and what we answer."""


async def test_pysaml2_is_understood(pysaml2: Any, browser: Browser, campus: Campus) -> None:
    found = {}
    for name, (how, gcm, _) in FORMS.items():
        pysaml2.sec.__dict__.pop("encrypt_assertion", None)
        if gcm:
            with_gcm(pysaml2)
        asked = await browser.begin(campus)
        raw = pysaml2.create_authn_response(
            identity=STUDENT,
            in_response_to=asked.id,
            destination=asked.acs,
            sp_entity_id=asked.issuer,
            userid="someone",
            authn={"class_ref": PROTECTED, "authn_auth": campus.entity_id},
            sign_alg="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            digest_alg="http://www.w3.org/2001/04/xmlenc#sha256",
            encrypt_cert_assertion=pair("library").certificate.decode()
            if CLOSED.items() <= how.items()
            else None,
            **how,
        )
        found[name] = (await browser.answer(str(raw).encode(), asked)).status_code

    assert found == {name: status for name, (_, _, status) in FORMS.items()}
