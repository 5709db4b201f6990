"""A forger at work: everything that has ever fooled a service provider, each refused for its own reason.

The table follows the attacks of Somorovsky et al., "On Breaking SAML" (signature wrapping 1 to 8), and what SAML
libraries were seen to accept. Each forgery is brought by the browser that asked, so that nothing else refuses it.
"""

import copy
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import xmlsec
from lxml import etree

from support.campus import (
    AFFILIATION,
    DS,
    MFA,
    NS,
    PAIRWISE,
    SAML,
    SAMLP,
    Asked,
    Campus,
    Says,
    assertion,
    document,
    encrypted,
    honest,
    pair,
    response,
    signed,
)
from support.front import OPERATOR, Front, bearer

from .conftest import STUDENT, Browser, configure, said

Forgery = Callable[[Says, Campus], bytes]
EVIL = "admin@campus.test"


def changed(**how: Any) -> Forgery:
    """An honest response that says something else."""
    return lambda says, campus: honest(replace(says, **how), campus.key)


def later(**how: float) -> Forgery:
    return lambda says, campus: honest(replace(says, now=says.now + timedelta(**how)), campus.key)


def how_signed(**how: Any) -> Forgery:
    return lambda says, campus: honest(says, campus.key, **how)


def spoilt(old: bytes, new: bytes) -> Forgery:
    """An honest response, changed after it was signed."""

    def made(says: Says, campus: Campus) -> bytes:
        raw = honest(says, campus.key)
        assert old in raw
        return raw.replace(old, new, 1)

    return made


def unsigned(says: Says, campus: Campus) -> bytes:
    return response(says, assertion(says).encode())


def only_around(says: Says, campus: Campus) -> bytes:
    return etree.tostring(signed(etree.fromstring(unsigned(says, campus)), campus.key))


def by_somebody(says: Says, _: Campus) -> bytes:
    return honest(says, pair("forger"))


def by_certificate_as_secret(says: Says, campus: Campus) -> bytes:
    key = xmlsec.Key.from_binary_data(xmlsec.constants.KeyDataHmac, campus.key.certificate)
    return honest(says, campus.key, method=xmlsec.constants.TransformHmacSha256, key=key)


def with_doctype(inside: str, entity: str) -> Forgery:
    def made(says: Says, campus: Campus) -> bytes:
        raw = honest(says, campus.key)
        return f"<!DOCTYPE x [{inside}]>".encode() + raw.replace(b"_someone", entity.encode())

    return made


def laughing(says: Says, campus: Campus) -> bytes:
    lol = '<!ENTITY a "ha"><!ENTITY b "' + "&a;" * 50 + '"><!ENTITY c "' + "&b;" * 50 + '">'
    return with_doctype(lol, "&c;")(says, campus)


def twice(says: Says, campus: Campus) -> bytes:
    each = [replace(says, assertion_id=f"_twice{n}") for n in (1, 2)]
    inside = b"".join(etree.tostring(signed(etree.fromstring(assertion(one)), campus.key)) for one in each)
    return response(says, inside)


def encoded(codec: str, declared: str = "") -> Forgery:
    return lambda says, campus: (declared + honest(says, campus.key).decode()).encode(codec)


def large(says: Says, campus: Campus) -> bytes:
    return honest(replace(says, attributes=(*says.attributes, ("padding", ("x" * 300_000,)))), campus.key)


def deep(says: Says, campus: Campus) -> bytes:
    return response(says, b"<x>" * 200 + b"</x>" * 200)


def not_a_response(says: Says, campus: Campus) -> bytes:
    return honest(says, campus.key).replace(b"samlp:Response", b"samlp:LogoutResponse")


def with_transform(says: Says, campus: Campus) -> bytes:
    root = etree.fromstring(honest(says, campus.key))
    (transforms,) = root.iter(f"{{{DS}}}Transforms")
    etree.SubElement(
        transforms, f"{{{DS}}}Transform", Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"
    )
    return etree.tostring(root)


def inclusive(says: Says, campus: Campus) -> bytes:
    enveloped = xmlsec.constants.TransformEnveloped
    return honest(says, campus.key, transforms=(enveloped, xmlsec.constants.TransformInclC14N))


def closed(
    *, certificate: bytes | None = None, change: Callable[[bytes], bytes] = lambda told: told, **how: Any
) -> Forgery:
    """An encrypted assertion."""

    def made(says: Says, campus: Campus) -> bytes:
        inside = change(etree.tostring(signed(etree.fromstring(assertion(says)), campus.key)))
        return response(says, encrypted(inside, certificate or pair("library").certificate, **how))

    return made


def closed_unsigned(says: Says, campus: Campus) -> bytes:
    raw = response(says, encrypted(assertion(says).encode(), pair("library").certificate))
    return etree.tostring(signed(etree.fromstring(raw), campus.key))


# Signature wrapping: `good` is a signed assertion, `evil` the same with another name and no signature.


def wrapping(put: Callable[[etree._Element, etree._Element, etree._Element], None]) -> Forgery:
    def made(says: Says, campus: Campus) -> bytes:
        root = etree.fromstring(honest(says, campus.key))
        good = root.find("saml:Assertion", NS)
        assert good is not None
        evil = copy.deepcopy(good)
        evil.set("ID", "_evil")
        for signature in evil.findall("ds:Signature", NS):
            evil.remove(signature)
        for value in evil.iter(f"{{{SAML}}}AttributeValue"):
            value.text = EVIL if value.text == "someone@campus.test" else value.text
        put(root, good, evil)
        return etree.tostring(root)

    return made


def wrapping_response(put: Callable[[etree._Element, etree._Element], None]) -> Forgery:
    """The Response is signed, and wrapped in or beside its own signature (XSW 1 and 2)."""

    def made(says: Says, campus: Campus) -> bytes:
        good = signed(etree.fromstring(honest(says, campus.key)), campus.key)
        evil = copy.deepcopy(good)
        evil.set("ID", "_evil-response")
        put(good, evil)
        return etree.tostring(evil)

    return made


def signature_of(element: etree._Element) -> etree._Element:
    found = element.find("ds:Signature", NS)
    assert found is not None
    return found


def one(good: etree._Element, evil: etree._Element) -> None:
    inside = copy.deepcopy(good)
    inside.remove(signature_of(inside))
    signature_of(evil).append(inside)


def two(good: etree._Element, evil: etree._Element) -> None:
    before = copy.deepcopy(good)
    before.remove(signature_of(before))
    signature_of(evil).addprevious(before)


def three(root: etree._Element, good: etree._Element, evil: etree._Element) -> None:
    good.addprevious(evil)


def four(root: etree._Element, good: etree._Element, evil: etree._Element) -> None:
    root.replace(good, evil)
    evil.append(good)


def five(root: etree._Element, good: etree._Element, evil: etree._Element) -> None:
    evil.insert(1, signature_of(good))
    root.replace(good, evil)
    root.append(good)


def six(root: etree._Element, good: etree._Element, evil: etree._Element) -> None:
    signature = signature_of(good)
    evil.insert(1, signature)
    root.replace(good, evil)
    signature.append(good)


def seven(root: etree._Element, good: etree._Element, evil: etree._Element) -> None:
    extensions = etree.Element(f"{{{SAMLP}}}Extensions")
    evil.set("ID", good.get("ID", ""))
    extensions.append(evil)
    good.addprevious(extensions)


def eight(root: etree._Element, good: etree._Element, evil: etree._Element) -> None:
    signature = signature_of(good)
    evil.insert(1, signature)
    root.replace(good, evil)
    etree.SubElement(signature, f"{{{DS}}}Object").append(good)


def nine(root: etree._Element, good: etree._Element, evil: etree._Element) -> None:
    evil.set("ID", good.get("ID", ""))
    good.addprevious(evil)


def ten(root: etree._Element, good: etree._Element, evil: etree._Element) -> None:
    root.replace(good, evil)
    evil.insert(1, signature_of(good))
    etree.SubElement(evil, f"{{{SAML}}}Advice").append(good)


def eleven(root: etree._Element, good: etree._Element, evil: etree._Element) -> None:
    good.addnext(evil)


def twelve(root: etree._Element, good: etree._Element, evil: etree._Element) -> None:
    statement = evil.find("saml:AttributeStatement", NS)
    assert statement is not None
    root.append(statement)


PAST = datetime.now(UTC) - timedelta(minutes=1)
TABLE: dict[str, tuple[Forgery, str]] = {
    "unsigned": (unsigned, "assertion-unsigned"),
    "only the response signed": (only_around, "assertion-unsigned"),
    "another audience": (changed(audience="https://other.test"), "audience-other"),
    "no audience": (changed(audience=None), "audience-missing"),
    "no conditions": (changed(conditions=False), "not-one-conditions"),
    "run out": (later(minutes=-7), "issued-too-long-ago"),
    "conditions run out": (changed(lives=timedelta(minutes=-2)), "expired"),
    "not yet valid": (later(minutes=3), "not-yet-valid"),
    "issued in the future": (later(minutes=3), "issued-in-the-future"),
    "another issuer": (changed(issuer="https://other.test/saml"), "wrong-issuer"),
    "answers another request": (changed(in_response_to="_other"), "in-response-to-other"),
    "answers no request": (changed(in_response_to=None), "in-response-to-missing"),
    "confirmed for another request": (changed(confirmed_for="_other"), "in-response-to-other"),
    "confirmed for no request": (changed(confirmed_for=""), "in-response-to-missing"),
    "signed by a stranger": (by_somebody, "signature-wrong"),
    "name changed": (spoilt(b"_someone", b"_somebody"), "signature-wrong"),
    "value changed": (spoilt(b"someone@campus", b"admin@campus"), "signature-wrong"),
    "not successful": (changed(status="Responder"), "status-not-success"),
    "another recipient": (changed(recipient="https://other.test/saml/acs"), "recipient-other"),
    "recipient begins alike": (changed(recipient="https://library.test/saml/acs/x"), "recipient-other"),
    "another destination": (changed(destination="https://library.test/saml/acs2"), "destination-other"),
    "destination of another spelling": (
        changed(destination="HTTPS://library.test/saml/acs"),
        "destination-other",
    ),
    "no confirmation": (changed(confirmation=False), "no-bearer-confirmation"),
    "session over": (changed(session_ends=PAST), "session-over"),
    "RSA with SHA-1": (how_signed(method=xmlsec.constants.TransformRsaSha1), "algorithm-refused"),
    "digest with SHA-1": (how_signed(digest=xmlsec.constants.TransformSha1), "algorithm-refused"),
    "certificate as a secret": (by_certificate_as_secret, "algorithm-refused"),
    "inclusive canonicalization": (inclusive, "signature-shape"),
    "a transform more": (with_transform, "signature-shape"),
    "comment in the name": (changed(name="admin<!-- -->.evil"), "forbidden-markup"),
    "comment in a value": (
        changed(attributes=((PAIRWISE, ("admin@campus.test<!-- -->.evil",)), STUDENT[1])),
        "forbidden-markup",
    ),
    "instruction in the name": (changed(name="admin<?x y?>.evil"), "forbidden-markup"),
    "CDATA in the name": (spoilt(b"_someone", b"<![CDATA[_someone]]>"), "forbidden-markup"),
    "document type": (with_doctype("", "_someone"), "forbidden-markup"),
    "entity from a file": (
        with_doctype('<!ENTITY e SYSTEM "file:///etc/passwd">', "&e;"),
        "forbidden-markup",
    ),
    "entities without end": (laughing, "forbidden-markup"),
    "UTF-16": (encoded("utf-16"), "unreadable"),
    "declared as UTF-7": (encoded("utf-8", '<?xml version="1.0" encoding="UTF-7"?>'), "unreadable"),
    "declared as Latin 1": (encoded("utf-8", '<?xml version="1.0" encoding="ISO-8859-1"?>'), "unreadable"),
    "two signed assertions": (twice, "not-one-assertion"),
    "no assertion": (lambda says, _: response(says, b""), "not-one-assertion"),
    "an attribute twice": (
        changed(attributes=(*STUDENT, (PAIRWISE, (EVIL,)))),
        "attribute-repeated",
    ),
    "affiliation of another": (
        changed(attributes=(STUDENT[0], (AFFILIATION, ("staff@other.test",)))),
        "scope-foreign",
    ),
    "identifier of another": (
        changed(attributes=((PAIRWISE, ("someone@other.test",)), STUDENT[1])),
        "scope-foreign",
    ),
    "identifier of two": (
        changed(attributes=((PAIRWISE, ("someone@other.test@campus.test",)), STUDENT[1])),
        "scope-foreign",
    ),
    "identifier of none": (changed(attributes=((PAIRWISE, ("someone",)), STUDENT[1])), "scope-foreign"),
    "too large": (large, "too-large"),
    "nested without end": (deep, "unreadable"),
    "cut short": (lambda says, campus: honest(says, campus.key)[:-20], "unreadable"),
    "no markup": (lambda *_: b"hello", "unreadable"),
    "nothing": (lambda *_: b"", "unreadable"),
    "bytes": (lambda *_: bytes(range(256)), "unreadable"),
    "another message": (not_a_response, "wrong-message"),
    "an older version": (spoilt(b'Version="2.0"', b'Version="1.1"'), "wrong-message"),
    "wrapping 1": (wrapping_response(one), "duplicate-id"),
    "wrapping 2": (wrapping_response(two), "duplicate-id"),
    "wrapping 3": (wrapping(three), "not-one-assertion"),
    "wrapping 4": (wrapping(four), "not-one-assertion"),
    "wrapping 5": (wrapping(five), "not-one-assertion"),
    "wrapping 6": (wrapping(six), "not-one-assertion"),
    "wrapping 7": (wrapping(seven), "duplicate-id"),
    "wrapping 8": (wrapping(eight), "not-one-assertion"),
    "wrapping 9, one id twice": (wrapping(nine), "duplicate-id"),
    "wrapping 10, the original as advice": (wrapping(ten), "not-one-assertion"),
    "wrapping 11, the evil one second": (wrapping(eleven), "not-one-assertion"),
    "wrapping 12, attributes outside": (wrapping(twelve), "core-refused"),
    "encrypted to another": (closed(certificate=pair("forger").certificate), "undecryptable"),
    "encrypted with CBC": (closed(cipher="http://www.w3.org/2001/04/xmlenc#aes256-cbc"), "cipher-refused"),
    "key in PKCS 1": (closed(transport="http://www.w3.org/2001/04/xmlenc#rsa-1_5"), "cipher-refused"),
    "encrypted and unsigned": (closed_unsigned, "assertion-unsigned"),
    "comment inside what is encrypted": (
        closed(change=lambda told: told.replace(b"_someone", b"_some<!-- -->one")),
        "forbidden-markup",
    ),
    "two inside what is encrypted": (closed(change=lambda told: told + told), "duplicate-id"),
    "text inside what is encrypted": (closed(change=lambda _: b"hello"), "undecryptable"),
    "more than it should inside": (
        closed(change=lambda told: told + b"</samlp:Response>"),
        "unreadable",
    ),
}


async def test_no_forgery_is_believed_and_each_is_refused_for_its_own_reason(
    library: Front, browser: Browser, campus: Campus, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    wrong = {}
    for name, (forge, expected) in TABLE.items():
        asked = await browser.begin(campus)
        answer = await browser.answer(forge(said(campus, asked), campus), asked)
        told = answer.json() if answer.status_code != 303 else {}
        codes = [reason["code"] for reason in told.get("reasons", ())]
        if answer.status_code != 403 or expected not in codes or "set-cookie" in answer.headers:
            wrong[name] = (answer.status_code, told)

    assert wrong == {}
    logged = {code for record in caplog.records for code in getattr(record, "codes", ())}
    assert logged >= {expected for _, expected in TABLE.values()}
    assert await library.resources.pool.fetchval("SELECT count(*) FROM browser_session") == 0


async def test_a_forgery_gets_a_plain_page_without_a_word_of_what_was_sent(
    browser: Browser, campus: Campus
) -> None:
    asked = await browser.begin(campus)
    answer = await browser.answer(
        honest(said(campus, asked, name="<script>"[1:]), pair("forger")), asked, html=True
    )

    assert (answer.status_code, answer.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert "signature-wrong" in answer.text
    assert "script" not in answer.text
    assert "Traceback" not in answer.text


async def test_only_the_browser_that_asked_and_only_once(
    library: Front, browsers: Callable[[], Browser], campus: Campus
) -> None:
    asker, other = browsers(), browsers()

    async def codes(who: Browser, raw: bytes, asked: Asked) -> list[str]:
        answer = await who.answer(raw, asked)
        return [reason["code"] for reason in answer.json()["reasons"]] if answer.status_code == 403 else []

    asked = await asker.begin(campus)
    raw = honest(said(campus, asked), campus.key)
    without_cookie = await codes(other, raw, asked)
    await other.begin(campus)
    in_another = await codes(other, raw, asked)
    late = await asker.begin(campus)
    library.at(datetime.now(UTC) + timedelta(minutes=11))
    too_late = await codes(asker, honest(said(campus, late), campus.key), late)
    library.at(datetime.now(UTC))
    taken = await codes(asker, raw, asked)
    again = await codes(asker, raw, asked)
    invented = await codes(asker, raw, replace(asked, relay_state="x" * 43))
    long = await codes(asker, raw, replace(asked, relay_state="x" * 81))
    unasked = await codes(asker, raw, replace(asked, relay_state=""))

    assert without_cookie == ["other-browser"]
    assert (in_another, too_late, taken, again) == (
        ["other-browser"],
        ["request-expired"],
        [],
        ["request-used"],
    )
    assert (invented, long, unasked) == (["no-request"], ["no-request"], ["no-request"])


async def test_an_assertion_is_taken_once_whatever_request_it_answers(
    browser: Browser, campus: Campus
) -> None:
    first = await browser.sign_in(campus, assertion_id="_the-same")
    second = await browser.sign_in(campus, assertion_id="_the-same")

    assert (first.status_code, second.status_code) == (303, 403)
    assert [reason["code"] for reason in second.json()["reasons"]] == ["replayed"]


async def test_what_is_no_form_is_a_bad_request(library: Front, browser: Browser) -> None:
    post = browser.client.post
    answers = [
        await post("/saml/acs", content=b"{}", headers={"Content-Type": "application/json"}),
        await post("/saml/acs", data={"RelayState": "x"}),
        await post("/saml/acs", content=b"SAMLResponse=a&SAMLResponse=b", headers=FORM),
        await post("/saml/acs", content=b"SAMLResponse=\xff", headers=FORM),
        await post("/saml/acs", content=b"&".join(b"a%d=1" % n for n in range(50)), headers=FORM),
        await post("/saml/acs", content=b"SAMLResponse=" + b"A" * 500_000, headers=FORM),
        await post("/saml/acs", data={"SAMLResponse": "%%%", "RelayState": "x"}),
    ]

    assert [answer.status_code for answer in answers] == [400, 400, 400, 400, 400, 413, 403]


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_encrypted_assertions_are_read_whatever_their_prefixes(
    library: Front, browser: Browser, campus: Campus
) -> None:
    def around_too(says: Says, by: Campus) -> bytes:
        raw = closed()(says, by)
        return etree.tostring(signed(etree.fromstring(raw), by.key))

    def other_prefix(says: Says, by: Campus) -> bytes:
        """The assertion's own prefix is one that the response uses otherwise: nodes moved there would be renamed."""
        plain = assertion(says).replace("saml:", "samlp:").replace("xmlns:saml=", "xmlns:samlp=")
        inside = etree.tostring(signed(etree.fromstring(plain), by.key))
        return response(says, encrypted(inside, pair("library").certificate))

    def leaning(says: Says, by: Campus) -> bytes:
        """Not self-contained: its prefix is declared by the response around it alone."""
        inside = etree.tostring(signed(etree.fromstring(assertion(says)), by.key))
        bare = inside.replace(f' xmlns:saml="{SAML}"'.encode(), b"", 1)
        return response(says, encrypted(bare, pair("library").certificate))

    forms: list[Forgery] = [closed(), around_too, other_prefix, leaning]
    answers = []
    for form in forms:
        asked = await browser.begin(campus)
        answers.append(await browser.answer(form(said(campus, asked), campus), asked))

    assert [(answer.status_code, answer.text) for answer in answers] == [(303, "")] * len(forms)


async def test_cbc_is_taken_only_from_whom_it_is_allowed(
    library: Front, browser: Browser, campus: Campus
) -> None:
    told = document(campus)
    told["persons"]["register_patrons"] = False
    told["identity_providers"] = [{"entity_id": campus.entity_id, "allow_cbc": True}]
    await configure(library, told)
    asked = await browser.begin(campus)
    form = closed(cipher="http://www.w3.org/2001/04/xmlenc#aes128-cbc")

    assert (await browser.answer(form(said(campus, asked), campus), asked)).status_code == 303


async def test_what_was_encrypted_to_the_key_before_is_still_read(
    library: Front, browser: Browser, campus: Campus, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = pair("library-next")
    monkeypatch.setattr("gateway.saml.keys.made", lambda *_, **__: (ready.private, ready.certificate))
    added = await library.post("/v1/saml/keys", headers=bearer(OPERATOR))
    (following,) = [key["id"] for key in added.json()["items"] if key["state"] == "next"]
    told = []
    for step in (None, ":use", None):
        if step:
            await library.post(f"/v1/saml/keys/{following}{step}", headers=bearer(OPERATOR))
        for name in ("library", "library-next"):
            asked = await browser.begin(campus)
            form = closed(certificate=pair(name).certificate)
            told.append((await browser.answer(form(said(campus, asked), campus), asked)).status_code)
    await library.delete("/v1/saml/keys/first", headers=bearer(OPERATOR))
    asked = await browser.begin(campus)
    gone = await browser.answer(closed()(said(campus, asked), campus), asked)

    assert told == [303] * 6
    assert gone.json()["reasons"][0]["code"] == "undecryptable"


async def test_no_secret_and_no_name_stands_in_a_log_an_address_or_the_audit(
    library: Front, browser: Browser, campus: Campus, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "gateway")
    caplog.set_level(logging.DEBUG, "chassis")
    canary = "canary-7d1f"
    attributes = ((PAIRWISE, (f"{canary}@campus.test",)), STUDENT[1])
    asked = await browser.begin(campus)
    good = honest(
        said(campus, asked, name=canary, assertion_id=f"_{canary}", attributes=attributes), campus.key
    )
    answer = await browser.answer(good, asked)
    asked_again = await browser.begin(campus, mfa="true")
    bad = said(campus, asked_again, name=canary, context=f"urn:{canary}", attributes=attributes)
    refused = await browser.answer(honest(bad, campus.key), asked_again, html=True)
    token = browser.client.cookies["__Host-sid"]
    await library.app.state.journal.flush()

    audit = await library.get("/v1/audit", headers=bearer(OPERATOR))
    sign_ins = await library.get("/v1/sign-ins", headers=bearer(OPERATOR))
    logged = json.dumps([vars(record) for record in caplog.records], default=str)
    seen = (audit.text, sign_ins.text, logged, refused.text, answer.headers["location"])
    assert MFA not in logged
    for secret in (canary, token, asked.relay_state):
        assert [secret in told for told in seen] == [False] * len(seen), secret
