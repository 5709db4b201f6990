"""Headers that say who somebody is: believed on one path, from one place, with a proof (T8)."""

import asyncio
import importlib.util
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from gateway.settings import Settings
from gateway.shib.rules import proof_in, read, trusted, values
from gateway.signon.rules import Why
from support.campus import LIBRARY
from support.front import OPERATOR, SEALING, Echo, Front, bearer, fronting, listening

ROOT = Path(__file__).resolve().parents[3]
KEY = "what the web server and the gateway share"
IDP = "https://idp.campus.test/saml"
SAID = {
    "Shib-Session-ID": "_abc",
    "Shib-Identity-Provider": IDP,
    "pairwise-id": "marie@campus.test",
    "affiliation": "member@campus.test;student@campus.test",
    "sn": "Skłodowska",
}


def program() -> Any:
    """The program that stands behind Apache, as we ship it."""
    spec = importlib.util.spec_from_file_location("login", ROOT / "deploy" / "mod_shib" / "login.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("a", ["a"]),
        ("a;b", ["a", "b"]),
        ("a\\;b;c", ["a;b", "c"]),
        (";a;;", ["a"]),
        ("", []),
        ("urn:x\\;y", ["urn:x;y"]),
        ("a\\", ["a\\"]),
    ],
)
def test_values_are_parted_by_semicolons_that_are_not_escaped(told: str, found: list[str]) -> None:
    assert values(told) == found


@pytest.mark.parametrize(
    ("headers", "against"),
    [
        ([("eppn", b"a"), ("x-other", b"b")], []),
        ([("eppn", b"a"), ("eppn", b"b")], [Why.HEADER_TWICE]),
        ([("shib-eppn", b"a"), ("Shib_eppn", b"b")], [Why.HEADER_LIKE]),
        ([("shib_eppn", b"b")], [Why.HEADER_LIKE]),
        ([("eppn", b"\xff")], [Why.UNREADABLE]),
    ],
)
def test_a_name_is_compared_to_the_letter(headers: list[tuple[str, bytes]], against: list[Why]) -> None:
    assert read([(name.encode(), value) for name, value in headers], {"eppn", "shib-eppn"})[1] == against


def test_a_proof_has_one_shape_and_a_place_one_network() -> None:
    assert proof_in(f"t=1,n={'x' * 16},mac={'0' * 64}") is not None
    for told in (None, "", "t=1", f"t=-1,n={'x' * 16},mac={'0' * 64}", f"t=1,n={'x' * 16},mac={'0' * 64},"):
        assert proof_in(told) is None
    assert [trusted(each, ["127.0.0.0/8"]) for each in (None, "127.0.0.1", "10.0.0.1", "x", "::1")] == [
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize("told", [{"shib_key": KEY}, {"shib_proxies": "127.0.0.0/8"}, {"shib_key": "short"}])
def test_half_a_set_up_does_not_start(told: dict[str, str]) -> None:
    whole: dict[str, Any] = {
        "database_url": "postgresql://x/y",
        "transport_url": "postgresql://x/y",
        "sealing_key": SEALING,
    }
    with pytest.raises(ValidationError):
        Settings(**{**whole, **told}, _env_file=None)


@pytest.fixture
async def library(gateway_dsn: str) -> AsyncIterator[Front]:
    """The gateway behind a web server with mod_shib."""
    settings: dict[str, Any] = {"shib_key": KEY, "shib_proxies": "127.0.0.0/8"}
    async with fronting(gateway_dsn, apps={"circulation": Echo()}, **settings) as front:
        told = {
            "entity": {"url": LIBRARY},
            "shib": {"identity_providers": [{"entity_id": IDP, "scopes": ["campus.test"]}]},
            "persons": {
                "register_patrons": False,
                "groups": [{"name": "students", "affiliation": "student", "group": "student"}],
            },
        }
        answer = await front.put("/v1/configuration/sign-on", json=told, headers=bearer(OPERATOR))
        assert answer.status_code == 200, answer.text
        yield front


def proven(nonce: str, more: dict[str, str] | None = None, *, late: float = 0.0, key: str = KEY) -> Any:
    environment = {**SAID, **(more or {}), "CARREL_SHIB_KEY": key}
    return program().headers_of(
        environment, now=datetime.now(UTC).timestamp() - late, nonce=nonce.rjust(16, "-")
    )


async def test_only_headers_with_a_proof_of_their_own_begin_a_session(library: Front) -> None:
    async def tried(headers: Any, address: str = "127.0.0.1", path: str = "/login/shib") -> tuple[int, str]:
        transport = httpx.ASGITransport(app=library.app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url=LIBRARY) as client:
            answer = await client.get(path, headers=headers, params={"target": "/here"})
            told = answer.json() if answer.content else {}
            return answer.status_code, (told.get("reasons") or [{"code": ""}])[0]["code"]

    good = proven("good")
    without = {name: value for name, value in proven("without").items() if name != "lib-shib-proof"}
    more = [*proven("twice").items(), ("eppn", b"a@campus.test"), ("eppn", b"b@campus.test")]
    assert {
        "without a proof": await tried(without),
        "from elsewhere": await tried(proven("a"), address="10.1.2.3"),
        "changed": await tried({**proven("b"), "pairwise-id": b"admin@campus.test"}),
        "with one header more": await tried({**proven("c"), "entitlement": b"urn:desk"}),
        "half a minute late": await tried(proven("d", late=31)),
        "ahead of time": await tried(proven("e", late=-32)),
        "with another key": await tried(proven("f", key="x" * 40)),
        "a header twice": await tried(more),
        "spelled with an underscore": await tried({**proven("g"), "shib_session_id": b"x"}),
        "of a stranger": await tried(proven("h", {"Shib-Identity-Provider": "https://evil.test"})),
        "without a session": await tried(proven("i", {"Shib-Session-ID": ""})),
        "another's scope": await tried(proven("j", {"affiliation": "staff@evil.test"})),
        "nobody's group": await tried(proven("k", {"affiliation": "alum@campus.test"})),
        "good": await tried(good),
        "good, once more": await tried(good),
    } == {
        "without a proof": (403, "proof-wrong"),
        "from elsewhere": (403, "address-not-trusted"),
        "changed": (403, "proof-wrong"),
        "with one header more": (403, "proof-wrong"),
        "half a minute late": (403, "proof-wrong"),
        "ahead of time": (403, "proof-wrong"),
        "with another key": (403, "proof-wrong"),
        "a header twice": (400, "header-repeated"),
        "spelled with an underscore": (400, "header-alike"),
        "of a stranger": (403, "wrong-issuer"),
        "without a session": (403, "subject-missing"),
        "another's scope": (403, "scope-foreign"),
        "nobody's group": (403, "no-rule-fits"),
        "good": (303, ""),
        "good, once more": (403, "replayed"),
    }
    # T8: everywhere else they are nothing
    assert await tried(proven("l"), path="/v1/accounts") == (401, "")
    who = await library.client.get("/v1/whoami", headers={**proven("m"), "remote-user": b"admin"})
    assert who.json()["kind"] == "anonymous"
    assert await library.resources.pool.fetchval("SELECT count(*) FROM browser_session") == 1


async def test_the_program_behind_apache_leads_people_in(library: Front) -> None:
    async with listening(library.app) as url:
        environment = {**SAID, "CARREL_SHIB_KEY": KEY, "CARREL_GATEWAY": url.removeprefix("http://")}
        environment["QUERY_STRING"] = "target=/here"
        out = io.BytesIO()
        await asyncio.to_thread(program().lead, environment, out)

    head = out.getvalue().decode()
    assert head.startswith("Status: 303 See Other\r\nLocation: /here\r\nSet-Cookie: __Host-sid=")
    session = await library.resources.pool.fetchrow("SELECT door, entity_id FROM browser_session")
    assert tuple(session or ()) == ("shib", IDP)


async def test_without_its_settings_nobody_signs_in_by_headers(gateway: Front) -> None:
    told = {"entity": {"url": LIBRARY}, "shib": {"identity_providers": [{"entity_id": IDP}]}}
    await gateway.put("/v1/configuration/sign-on", json=told, headers=bearer(OPERATOR))
    answer = await gateway.client.get("/login/shib", headers=proven("x"))

    assert answer.status_code == 404
