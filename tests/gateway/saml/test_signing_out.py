"""Signing out, from here and from the campus; only what the campus has signed ends anything."""

import base64
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit
from uuid import uuid4

import httpx
import xmlsec
from lxml import etree

from gateway.saml.signatures import verify_detached
from support.campus import (
    LIBRARY,
    NS,
    SAML,
    SAMLP,
    US,
    Campus,
    Pair,
    document,
    encrypted,
    pair,
    signed,
    stamp,
)
from support.front import Front

from .conftest import HTML, Browser, configure

POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
BY_REDIRECT, BY_FORM, BY_CALL = "/saml/logout/redirect", "/saml/logout/post", "/saml/logout/soap"


def leaving(campus: Campus, path: str, name: str = "_someone", **more: Any) -> etree._Element:
    """A LogoutRequest of the campus."""
    told = {
        "destination": LIBRARY + path,
        "issuer": campus.entity_id,
        "index": "_session",
        "now": datetime.now(UTC),
        "id": "_l" + uuid4().hex,
        "inside": f"<saml:NameID>{name}</saml:NameID>",
        **more,
    }
    index = f"<samlp:SessionIndex>{told['index']}</samlp:SessionIndex>" if told["index"] else ""
    until = stamp(told["now"] + timedelta(minutes=2))
    return etree.fromstring(
        f'<samlp:LogoutRequest xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="{told["id"]}" Version="2.0" '
        f'IssueInstant="{stamp(told["now"])}" NotOnOrAfter="{until}" Destination="{told["destination"]}">'
        f"<saml:Issuer>{told['issuer']}</saml:Issuer>{told['inside']}{index}</samlp:LogoutRequest>"
    )


def packed(element: etree._Element) -> str:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.b64encode(packer.compress(etree.tostring(element)) + packer.flush()).decode()


def by_redirect(element: etree._Element, by: Pair | None, *, relay: str = "theirs") -> str:
    """The address of a redirect, signed beside the message."""
    query = f"SAMLRequest={quote(packed(element), safe='')}&RelayState={relay}"
    if by is not None:
        query += f"&SigAlg={quote(RSA_SHA256, safe='')}"
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_memory(by.private, xmlsec.constants.KeyDataFormatPem)
        made = context.sign_binary(query.encode(), xmlsec.constants.TransformRsaSha256)
        query += f"&Signature={quote(base64.b64encode(made).decode(), safe='')}"
    return f"{BY_REDIRECT}?{query}"


def answered(location: str, name: str) -> etree._Element:
    """Our message in a redirect, whose signature is right."""
    query = urlsplit(location).query
    covered, _, _ = query.partition("&Signature=")
    told = parse_qs(query)
    verify_detached(
        covered.encode(),
        base64.b64decode(told["Signature"][0]),
        told["SigAlg"][0],
        [pair("library").certificate],
    )
    return etree.fromstring(zlib.decompress(base64.b64decode(told[name][0]), -15))


def statuses(element: etree._Element) -> list[str]:
    return [each.get("Value", "").rpartition(":")[2] for each in element.iter(f"{{{SAMLP}}}StatusCode")]


async def alive(browser: Browser) -> bool:
    return (await browser.session()).status_code == 200


def found(page: httpx.Response, path: str) -> list[Any]:
    """What an XPath finds in a page."""
    told: Any = etree.HTML(page.text).xpath(path)
    return list(told)


async def proof(browser: Browser) -> str:
    page = await browser.client.get("/sign-in", headers=HTML)
    return str(found(page, "//input[@name='proof']/@value")[0])


async def test_who_signs_out_here_is_signed_out_at_the_campus_too(browser: Browser, campus: Campus) -> None:
    await browser.sign_in(campus)

    refused = await browser.client.post("/sign-out", data={"proof": "0" * 64})
    still = await alive(browser)
    answer = await browser.client.post("/sign-out", data={"proof": await proof(browser)})

    assert (refused.status_code, still) == (403, True)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(campus.slo)
    asked = answered(answer.headers["location"], "SAMLRequest")
    assert (asked.findtext("saml:Issuer", None, NS), asked.get("Destination")) == (US, campus.slo)
    assert asked.findtext("saml:NameID", None, NS) == "_someone"
    assert asked.findtext("samlp:SessionIndex", None, NS) == "_session"
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert not await alive(browser)


async def test_a_campus_that_takes_forms_gets_one(library: Front, browser: Browser) -> None:
    campus = Campus(logout=POST)
    told = document(campus)
    told["persons"]["register_patrons"] = False
    await configure(library, told)
    await browser.sign_in(campus)

    page = await browser.client.post("/sign-out", data={"proof": await proof(browser)})

    assert found(page, "//form/@action") == [campus.slo]
    asked = etree.fromstring(base64.b64decode(found(page, "//input[@name='SAMLRequest']/@value")[0]))
    context = xmlsec.SignatureContext()
    context.register_id(asked, "ID")
    context.key = xmlsec.Key.from_memory(pair("library").certificate, xmlsec.constants.KeyDataFormatCertPem)
    (signature,) = asked.findall("ds:Signature", NS)
    context.verify(signature)


async def test_the_campus_signs_somebody_out_by_every_binding(
    browsers: Callable[[], Browser], campus: Campus
) -> None:
    first, second, third = browsers(), browsers(), browsers()
    for at, browser in enumerate((first, second, third)):
        await browser.sign_in(campus, session_index=f"_s{at}")
    stranger = browsers()

    redirected = await stranger.client.get(
        by_redirect(leaving(campus, BY_REDIRECT, index="_s0"), campus.key), headers=HTML
    )
    after_first = [await alive(browser) for browser in (first, second, third)]
    form = base64.b64encode(
        etree.tostring(signed(leaving(campus, BY_FORM, index="_s1"), campus.key))
    ).decode()
    posted = await stranger.client.post(BY_FORM, data={"SAMLRequest": form})
    call = (
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        + etree.tostring(signed(leaving(campus, BY_CALL, index=None), campus.key))
        + b"</s:Body></s:Envelope>"
    )
    called = await stranger.client.post(BY_CALL, content=call, headers={"Content-Type": "text/xml"})

    assert after_first == [False, True, True]
    assert redirected.headers["location"].startswith(campus.slo)
    assert parse_qs(urlsplit(redirected.headers["location"]).query)["RelayState"] == ["theirs"]
    assert statuses(answered(redirected.headers["location"], "SAMLResponse")) == ["Success"]
    assert statuses(answered(posted.headers["location"], "SAMLResponse")) == ["Success"]
    assert statuses(etree.fromstring(called.content)) == ["Success"]
    assert [await alive(browser) for browser in (first, second, third)] == [False, False, False]


async def test_an_encrypted_name_is_read(browser: Browser, campus: Campus) -> None:
    await browser.sign_in(campus)
    name = f'<saml:NameID xmlns:saml="{SAML}">_someone</saml:NameID>'.encode()
    closed = encrypted(name, pair("library").certificate).replace(b"EncryptedAssertion", b"EncryptedID")

    answer = await browser.client.get(
        by_redirect(leaving(campus, BY_REDIRECT, inside=closed.decode()), campus.key)
    )

    assert statuses(answered(answer.headers["location"], "SAMLResponse")) == ["Success"]
    assert not await alive(browser)


async def test_what_the_campus_did_not_say_ends_nothing(
    library: Front, browsers: Callable[[], Browser], campus: Campus
) -> None:
    north = Campus("https://north.test/saml", ("north.test",), "North", pair("north"))
    told = document(campus, north)
    told["persons"]["register_patrons"] = False
    await configure(library, told)
    somebody, forger = browsers(), browsers()
    await somebody.sign_in(campus)
    old = datetime.now(UTC) - timedelta(minutes=9)
    asked = leaving(campus, BY_REDIRECT)
    good = by_redirect(asked, campus.key)
    other = quote(packed(leaving(campus, BY_REDIRECT)), safe="")
    before, _, after = good.partition("&RelayState=")

    def form(element: etree._Element) -> dict[str, str]:
        return {"SAMLRequest": base64.b64encode(etree.tostring(element)).decode()}

    get, post = forger.client.get, forger.client.post
    cases: dict[str, tuple[httpx.Response, str]] = {
        "unsigned": (await get(by_redirect(asked, None)), "assertion-unsigned"),
        "by a stranger": (await get(by_redirect(asked, pair("forger"))), "signature-wrong"),
        "by another campus": (await get(by_redirect(asked, north.key)), "signature-wrong"),
        "another message": (
            await get(f"{BY_REDIRECT}?SAMLRequest={other}&RelayState={after}"),
            "signature-wrong",
        ),
        "relay state changed": (await get(f"{before}&RelayState=x{after}"), "signature-wrong"),
        "twice one parameter": (await get(good + "&SAMLRequest=x"), "unreadable"),
        "SHA-1": (await get(good.replace("rsa-sha256", "rsa-sha1")), "algorithm-refused"),
        "another address": (
            await get(by_redirect(leaving(campus, BY_FORM), campus.key)),
            "destination-other",
        ),
        "old": (
            await get(by_redirect(leaving(campus, BY_REDIRECT, now=old), campus.key)),
            "issued-too-long-ago",
        ),
        "of nobody": (
            await get(by_redirect(leaving(campus, BY_REDIRECT, issuer="https://x.test"), campus.key)),
            "unknown-issuer",
        ),
        "a form, unsigned": (await post(BY_FORM, data=form(leaving(campus, BY_FORM))), "assertion-unsigned"),
        "a form by a stranger": (
            await post(BY_FORM, data=form(signed(leaving(campus, BY_FORM), pair("forger")))),
            "signature-wrong",
        ),
        "inflated": (await get(f"{BY_REDIRECT}?{urlencode({'SAMLRequest': bomb()})}"), "too-large"),
        "not deflated": (await get(f"{BY_REDIRECT}?SAMLRequest=aGVsbG8%3D"), "unreadable"),
        "two": (await get(f"{BY_REDIRECT}?SAMLRequest=x&SAMLResponse=x"), "wrong-message"),
        "a call that is none": (await post(BY_CALL, content=b"<x/>"), "wrong-message"),
    }
    wrong = {
        name: (answer.status_code, answer.text)
        for name, (answer, code) in cases.items()
        if answer.status_code != 403 or code not in [each["code"] for each in answer.json()["reasons"]]
    }
    assert wrong == {}
    assert (await get(BY_REDIRECT)).status_code == (await post(BY_FORM, data={})).status_code == 400
    # A campus speaks for its own people alone, and of those for whom it names.
    for element, by in (
        (leaving(north, BY_REDIRECT), north.key),
        (leaving(campus, BY_REDIRECT, name="_somebody-else"), campus.key),
        (leaving(campus, BY_REDIRECT, index="_another"), campus.key),
    ):
        answer = await get(by_redirect(element, by))
        assert statuses(answered(answer.headers["location"], "SAMLResponse")) == [
            "Requester",
            "UnknownPrincipal",
        ]
    assert await alive(somebody)


def bomb() -> str:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.b64encode(packer.compress(b" " * 5_000_000) + packer.flush()).decode()


async def test_a_message_is_taken_once(browser: Browser, campus: Campus) -> None:
    url = by_redirect(leaving(campus, BY_REDIRECT), campus.key)
    await browser.sign_in(campus)
    first = await browser.client.get(url)
    await browser.sign_in(campus)
    second = await browser.client.get(url)

    assert (first.status_code, second.status_code) == (303, 403)
    assert second.json()["reasons"][0]["code"] == "replayed"
    assert await alive(browser)


async def test_the_campus_confirms_and_the_person_reads_it(browser: Browser, campus: Campus) -> None:
    root = etree.fromstring(
        etree.tostring(leaving(campus, BY_FORM)).replace(b"LogoutRequest", b"LogoutResponse")
    )
    form = {"SAMLResponse": base64.b64encode(etree.tostring(signed(root, campus.key))).decode()}

    page = await browser.client.post(BY_FORM, data=form)

    assert page.status_code == 200
    assert "signed out of the library and of your institution" in page.text
