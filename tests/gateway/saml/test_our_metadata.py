"""What we tell federations of ourselves, and the change of our keys."""

import asyncio
from typing import Any

import pytest
import xmlsec
from lxml import etree

from gateway.tokens.keys import Sealer
from support.campus import LIBRARY, NS, US, Campus, document, pair
from support.front import OPERATOR, SEALING, Front, bearer
from support.shared_data import shared_data

ENTITY: dict[str, Any] = {
    "url": LIBRARY,
    "names": {"en": "Test Library", "de": "Testbibliothek"},
    "descriptions": {"en": "Where books are"},
    "privacy_statements": {"en": "https://library.test/privacy"},
    "information": {"en": "https://library.test/about"},
    "logo": "https://library.test/logo.png",
    "organization": "Test University",
    "contacts": [
        {"kind": "technical", "name": "Desk", "email": "tech@library.test"},
        {"kind": "security", "name": "Guard", "email": "security@library.test"},
    ],
    "categories": ["https://refeds.org/category/personalized"],
    "certifications": ["https://refeds.org/sirtfi"],
}


async def apply(front: Front, told: dict[str, Any], **more: Any) -> Any:
    return await front.put("/v1/configuration/sign-on", json=told, headers=bearer(OPERATOR), **more)


async def has_key(front: Front) -> None:
    """A key of ours that was made before: making one takes longer than a test."""
    made = pair("library")
    await front.resources.pool.execute(
        "INSERT INTO saml_key (kid, state, sealed, certificate, created_at, changed_at) "
        "VALUES ('first', 'current', $1, $2, now(), now())",
        Sealer(SEALING).seal(made.private),
        made.certificate.decode(),
    )


async def metadata(front: Front) -> etree._Element:
    answer = await front.get("/saml/metadata")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/samlmetadata+xml"
    return etree.fromstring(answer.content)


def certificates(entity: etree._Element, use: str | None) -> list[str]:
    found = entity.iterfind("md:SPSSODescriptor/md:KeyDescriptor", NS)
    return [str(each.xpath("string()")).strip() for each in found if each.get("use") == use]


async def test_without_a_document_nobody_signs_in_by_a_campus(gateway: Front) -> None:
    answer = await gateway.get("/saml/metadata")

    assert (answer.status_code, answer.json()["code"]) == (404, "no-campus-sign-in")


async def test_our_metadata_is_signed_and_as_the_schemas_want_it(gateway: Front) -> None:
    await has_key(gateway)
    assert (await apply(gateway, {"entity": ENTITY})).json()["applied"] is True

    entity = await metadata(gateway)

    context = xmlsec.SignatureContext()
    context.register_id(entity, "ID")
    context.key = xmlsec.Key.from_memory(pair("library").certificate, xmlsec.constants.KeyDataFormatCertPem)
    (signature,) = entity.findall("ds:Signature", NS)
    context.verify(signature)
    assert entity.get("entityID") == US
    role = entity.find("md:SPSSODescriptor", NS)
    assert role is not None
    assert (role.get("WantAssertionsSigned"), role.get("AuthnRequestsSigned")) == ("true", "true")
    acs = role.find("md:AssertionConsumerService", NS)
    assert acs is not None
    assert acs.get("Location") == f"{LIBRARY}/saml/acs"
    told = [each.text for each in entity.iter(f"{{{NS['saml']}}}AttributeValue")]
    assert told == ["https://refeds.org/category/personalized", "https://refeds.org/sirtfi", "any"]


async def test_our_metadata_fits_the_published_schemas(gateway: Front) -> None:
    folder = shared_data("saml", "saml-schema-metadata-2.0.xsd").parent
    await has_key(gateway)
    await apply(gateway, {"entity": ENTITY})

    entity = await metadata(gateway)

    places = {
        NS["md"]: "saml-schema-metadata-2.0.xsd",
        "urn:oasis:names:tc:SAML:metadata:ui": "sstc-saml-metadata-ui-v1.0.xsd",
        "urn:oasis:names:tc:SAML:metadata:attribute": "sstc-metadata-attr.xsd",
        "urn:oasis:names:tc:SAML:metadata:algsupport": "sstc-saml-metadata-algsupport-v1.0.xsd",
    }
    imports = "".join(f'<import namespace="{n}" schemaLocation="{folder / f}"/>' for n, f in places.items())
    head = f'<schema xmlns="http://www.w3.org/2001/XMLSchema">{imports}</schema>'
    schema = etree.XMLSchema(etree.fromstring(head, etree.XMLParser(no_network=True)))
    schema.assertValid(entity)


async def test_a_key_is_announced_then_used_then_forgotten(gateway: Front) -> None:
    await has_key(gateway)
    await apply(gateway, {"entity": ENTITY})
    first = pair("library").body

    added = await gateway.post("/v1/saml/keys", headers=bearer(OPERATOR))
    announced = await metadata(gateway)
    (following,) = [key for key in added.json()["items"] if key["state"] == "next"]
    used = await gateway.post(f"/v1/saml/keys/{following['id']}:use", headers=bearer(OPERATOR))
    turned = await metadata(gateway)
    in_use = await gateway.delete(f"/v1/saml/keys/{following['id']}", headers=bearer(OPERATOR))
    dropped = await gateway.delete("/v1/saml/keys/first", headers=bearer(OPERATOR))

    assert added.status_code == 201
    assert first in certificates(announced, None)[0]
    assert len(certificates(announced, "signing")) == 1
    assert [(key["id"], key["state"]) for key in used.json()["items"]] == [
        (following["id"], "current"),
        ("first", "former"),
    ]
    assert len(certificates(turned, None)) == 1
    assert first not in certificates(turned, None)[0]
    assert certificates(turned, "signing") == []
    assert (in_use.status_code, in_use.json()["code"]) == (409, "saml-key-refused")
    assert dropped.status_code == 204
    assert "PRIVATE" not in added.text


async def test_two_who_add_a_key_at_one_moment_add_one(
    gateway: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    await has_key(gateway)
    await apply(gateway, {"entity": ENTITY})
    ready = pair("library")
    monkeypatch.setattr("gateway.saml.keys.made", lambda *_, **__: (ready.private, ready.certificate))

    answers = await asyncio.gather(
        *(gateway.post("/v1/saml/keys", headers=bearer(OPERATOR)) for _ in range(4))
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_the_document_is_judged_whole(gateway: Front) -> None:
    staff = {"name": "desk", "entitlement": "urn:example:desk", "roles": ["desk", "wizard"]}
    wrong = {**document(Campus()), "entity": None, "persons": {"staff": [staff, staff]}}

    answer = await apply(gateway, wrong)

    assert answer.status_code == 422
    assert sorted(reason["code"] for reason in answer.json()["reasons"]) == [
        "entity-needed",
        "named-twice",
        "role-unknown",
        "role-unknown",
    ]


async def test_an_entity_that_cannot_be_is_refused(gateway: Front) -> None:
    wrong: list[dict[str, Any]] = [
        {"url": "http://library.test"},
        {"url": "https://library.test/path"},
        {"url": "https://someone@library.test"},
        {"url": "https://library.test:99999"},
        {"url": "https://library.test", "names": {"en": "a\x01b"}},
        {"url": "https://library.test", "logo": "javascript:alert(1)"},
    ]

    assert [(await apply(gateway, {"entity": entity})).status_code for entity in wrong] == [422] * len(wrong)


async def test_nobody_gives_staff_roles_by_rule_that_they_lack(gateway: Front) -> None:
    clerk = await gateway.token("sign-on:write", "sign-on:read")
    staff = {"name": "boss", "entitlement": "urn:example:boss", "roles": ["administrator"]}
    told = {"persons": {"staff": [staff]}}

    answer = await gateway.put("/v1/configuration/sign-on", json=told, headers=bearer(clerk))

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert (await apply(gateway, told)).status_code == 200
