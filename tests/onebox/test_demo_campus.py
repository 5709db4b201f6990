"""The campus for trying: who signs in by it, and that it stays on this machine."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from lxml import etree

from carrel.demo.campus import Campus, CampusRefused, document, library_at
from gateway.app import SERVICE
from gateway.tokens.keys import Sealer
from support.campus import pair
from support.front import OPERATOR, SEALING, Echo, bearer, fronting
from support.harness import migrated

LIBRARY = "http://localhost:8000"


def field(page: httpx.Response, path: str) -> str:
    found: Any = etree.HTML(page.text).xpath(path)
    return str(found[0])


async def test_a_newcomer_signs_in_works_here_and_signs_out(
    database: Callable[..., Awaitable[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = pair("demo campus")
    monkeypatch.setattr("gateway.saml.keys.made", lambda *_, **__: (made.private, made.certificate))
    campus = Campus("http://localhost:8010", LIBRARY, now=datetime.now(UTC))
    dsn = await database("gateway", lambda dsn: migrated(SERVICE, dsn))
    async with (
        fronting(dsn, apps={"circulation": Echo()}) as front,
        # Cookies for TLS are kept by browsers on this machine, too; this client wants to see TLS.
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=front.app), base_url="https://localhost:8000"
        ) as browser,
        httpx.AsyncClient(transport=httpx.ASGITransport(app=campus.app()), base_url=campus.url) as there,
    ):
        ours = pair("library")
        await front.resources.pool.execute(
            "INSERT INTO saml_key (kid, state, sealed, certificate, created_at, changed_at) "
            "VALUES ('first', 'current', $1, $2, now(), now())",
            Sealer(SEALING).seal(ours.private),
            ours.certificate.decode(),
        )
        told = document(campus, LIBRARY, ["student", "faculty"])
        applied = await front.put("/v1/configuration/sign-on", json=told, headers=bearer(OPERATOR))
        assert applied.status_code == 200, applied.text
        await front.post("/v1/saml/sources:refresh", headers=bearer(OPERATOR))

        for query in ({}, {"mfa": "true"}):
            asked = await browser.get("/saml/login", params=query)
            page = await there.get(asked.headers["location"])
            form = {n: field(page, f"//input[@name='{n}']/@value") for n in ("to", "context", "relay")}
            page = await there.post("/in", data={**form, "who": "cleo"})
            assert field(page, "//form/@action") == f"{LIBRARY}/saml/acs"
            form = {n: field(page, f"//input[@name='{n}']/@value") for n in ("SAMLResponse", "RelayState")}
            answer = await browser.post("/saml/acs", data=form)
            assert answer.status_code == 303, answer.text
        roles = (await browser.get("/v1/session")).json()["roles"]
        page = await browser.get("/sign-in")
        out = await browser.post("/sign-out", data={"proof": field(page, "//input[@name='proof']/@value")})
        back = await there.get(out.headers["location"])
        last = await browser.get(back.headers["location"])

    assert roles == ["desk", "patron"]
    assert "of your institution" in last.text


def test_a_campus_where_anybody_is_anybody_opens_for_this_machine_alone() -> None:
    assert library_at("http://127.0.0.1:8000") == LIBRARY
    with pytest.raises(CampusRefused, match="not on this machine"):
        library_at("https://library.example.edu")
