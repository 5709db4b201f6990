"""The way to the campus and back, and the session that follows."""

import asyncio
import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from gateway.saml.signatures import verify_detached
from support.campus import ACS, ENTITLEMENT, LIBRARY, MFA, PAIRWISE, Campus, document, honest, pair
from support.front import OPERATOR, Front, bearer

from .conftest import HTML, STUDENT, Browser, configure, said


async def test_a_student_signs_in_and_is_known_from_then_on(
    library: Front, browser: Browser, campus: Campus
) -> None:
    asked = await browser.begin(campus, target="/docs?x=1")
    answer = await browser.answer(honest(said(campus, asked), campus.key), asked)

    assert (answer.status_code, answer.headers["location"]) == (303, "/docs?x=1")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-sid=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    told = (await browser.session()).json()
    assert (told["roles"], told["identity_provider"]) == (["patron"], campus.entity_id)
    who = (await browser.client.get("/v1/whoami")).json()
    assert (who["kind"], who["ref"]) == ("patron", told["person"])


async def test_the_request_is_signed_and_says_where_the_answer_goes(browser: Browser, campus: Campus) -> None:
    asked = await browser.begin(campus)

    query = urlsplit(asked.url).query
    covered, _, signature = query.partition("&Signature=")
    verify_detached(
        covered.encode(),
        base64.b64decode(unquote(signature)),
        parse_qs(query)["SigAlg"][0],
        [pair("library").certificate],
    )
    assert (asked.acs, asked.element.get("Destination")) == (ACS, campus.sso)
    assert len(asked.relay_state) <= 80


async def test_a_session_is_kept_as_a_hash_and_names_are_sealed(
    library: Front, browser: Browser, campus: Campus
) -> None:
    await browser.sign_in(campus, name="_secret-name")

    rows = await library.resources.pool.fetch("SELECT * FROM browser_session")
    kept = repr([dict(row) for row in rows])
    assert len(rows) == 1
    assert "_secret-name" not in kept
    assert browser.client.cookies["__Host-sid"] not in kept


async def test_what_changes_something_needs_more_than_the_cookie(browser: Browser, campus: Campus) -> None:
    await browser.sign_in(campus)
    proof = (await browser.session()).json()["csrf_token"]

    async def asked(**headers: str) -> int:
        return (await browser.client.delete("/v1/session", headers=headers)).status_code

    refused = [
        await asked(),
        await asked(**{"CSRF-Token": "0" * 64}),
        await asked(**{"CSRF-Token": proof, "Origin": "https://evil.test"}),
        await asked(**{"CSRF-Token": proof, "Sec-Fetch-Site": "cross-site"}),
        await asked(**{"CSRF-Token": proof, "Origin": "null"}),
    ]
    ended = await asked(**{"CSRF-Token": proof, "Origin": LIBRARY, "Sec-Fetch-Site": "same-origin"})

    assert (refused, ended) == ([403] * 5, 204)
    assert (await browser.session()).status_code == 404
    assert (await browser.client.get("/v1/whoami")).json()["kind"] == "anonymous"


async def test_a_credential_in_the_header_goes_before_the_cookie(
    library: Front, browser: Browser, campus: Campus
) -> None:
    await browser.sign_in(campus)

    who = await browser.client.get("/v1/whoami", headers=bearer(OPERATOR))

    assert who.json()["ref"] == "operator"


async def test_sessions_end_when_nothing_is_done_and_at_their_longest(
    library: Front, browsers: Callable[[], Browser], campus: Campus
) -> None:
    began = datetime.now(UTC)
    busy, idle, short = browsers(), browsers(), browsers()
    for browser in (busy, idle):
        await browser.sign_in(campus)
    await short.sign_in(campus, session_ends=began + timedelta(minutes=10))
    told: list[tuple[object, ...]] = []

    for minutes in (9, 11, 29, 38, 58):
        library.at(began + timedelta(minutes=minutes))
        told.append((minutes, *[(await browser.session()).status_code for browser in (busy, short)]))
    nothing_done = (await idle.session()).status_code
    almost = began + timedelta(hours=8, minutes=-1)
    await library.resources.pool.execute("UPDATE browser_session SET seen_at = $1", almost)
    for moment in (almost, almost + timedelta(minutes=2)):
        library.at(moment)
        told.append((moment, (await busy.session()).status_code))

    assert told == [
        (9, 200, 200),
        (11, 200, 404),
        (29, 200, 404),
        (38, 200, 404),
        (58, 200, 404),
        (almost, 200),
        (almost + timedelta(minutes=2), 404),
    ]
    assert nothing_done == 404


async def test_return_addresses_lead_nowhere_else(library: Front, browser: Browser, campus: Campus) -> None:
    told = document(campus)
    told["persons"]["register_patrons"] = False
    told["sessions"] = {"front_ends": ["https://search.library.test"]}
    await configure(library, told)
    wished = [
        "https://evil.test",
        "//evil.test",
        "/\\evil.test",
        "https://search.library.test.evil.test/",
        "https://search.library.test@evil.test/",
        "javascript:alert(1)",
        "/ok\r\nSet-Cookie: x=1",
        "/" + "x" * 3000,
        "",
        "/fine?a=b",
        "https://search.library.test/found?q=1",
    ]
    where = []
    for target in wished:
        asked = await browser.begin(campus, target=target)
        answer = await browser.answer(honest(said(campus, asked), campus.key), asked)
        where.append(answer.headers["location"])

    assert where == ["/sign-in"] * 9 + ["/fine?a=b", "https://search.library.test/found?q=1"]


async def test_one_answer_signs_in_once_however_many_bring_it(
    library: Front, browser: Browser, campus: Campus
) -> None:
    asked = await browser.begin(campus)
    raw = honest(said(campus, asked), campus.key)

    answers = await asyncio.gather(*(browser.answer(raw, asked) for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [303, 403, 403, 403, 403]
    assert await library.resources.pool.fetchval("SELECT count(*) FROM browser_session") == 1


async def test_people_without_an_identifier_or_a_rule_are_told_what_is_missing(
    library: Front, browser: Browser, campus: Campus
) -> None:
    nameless = await browser.sign_in(campus, attributes=STUDENT[1:])
    asked = await browser.begin(campus)
    guest = said(campus, asked, attributes=(STUDENT[0], (STUDENT[1][0], ("guest@campus.test",))))
    unfit = await browser.answer(honest(guest, campus.key), asked, html=True)

    assert (nameless.status_code, nameless.json()["reasons"][0]["code"]) == (403, "identifier-missing")
    assert unfit.status_code == 403
    assert "eduPersonScopedAffiliation" in unfit.text
    assert "__Host-sid" not in browser.client.cookies
    told = await library.get("/v1/sign-ins", headers=bearer(OPERATOR))
    assert [(each["outcome"], each["reasons"]) for each in told.json()["items"]] == [
        ("turned-away", ["no-rule-fits"]),
        ("turned-away", ["identifier-missing"]),
    ]


STAFF = {
    "groups": [{"name": "students", "affiliation": "student", "group": "student"}],
    "staff": [{"name": "desk", "entitlement": "urn:x:desk", "roles": ["desk"], "libraries": ["main"]}],
    "register_patrons": False,
}


async def test_work_at_the_library_takes_two_factors(
    library: Front, browser: Browser, campus: Campus
) -> None:
    await configure(library, {**document(campus), "persons": STAFF})
    clerk = (*STUDENT, (ENTITLEMENT, ("urn:x:desk",)))

    await browser.sign_in(campus, attributes=clerk)
    once = (await browser.session()).json()
    page = await browser.client.get("/sign-in", headers=HTML)
    asked = await browser.begin(campus, mfa="true", forceAuthn="true")
    weak = await browser.answer(honest(said(campus, asked, attributes=clerk), campus.key), asked)
    asked = await browser.begin(campus, mfa="true")
    await browser.answer(honest(said(campus, asked, attributes=clerk, context=MFA), campus.key), asked)
    twice = (await browser.session()).json()

    assert once["roles"] == ["patron"]
    assert "mfa=true" in page.text
    assert (weak.status_code, weak.json()["reasons"][0]["code"]) == (403, "authentication-context-other")
    assert twice["roles"] == ["desk", "patron"]
    who = (await browser.client.get("/v1/whoami")).json()
    assert (who["kind"], who["libraries"]) == ("staff", ["main"])


async def test_who_loses_the_entitlement_loses_the_work_at_the_next_sign_in(
    library: Front, browser: Browser, campus: Campus
) -> None:
    await configure(library, {**document(campus), "persons": STAFF})
    clerk = (*STUDENT, (ENTITLEMENT, ("urn:x:desk",)))
    await browser.sign_in(campus, attributes=clerk, context=MFA)
    await browser.sign_in(campus, context=MFA)

    assert (await browser.session()).json()["roles"] == ["patron"]


async def test_rules_are_tried_on_those_who_signed_in_lately(
    library: Front, browser: Browser, campus: Campus
) -> None:
    await browser.sign_in(campus)
    await browser.sign_in(campus, attributes=((PAIRWISE, ("other@campus.test",)), STUDENT[1]))
    rules: dict[str, Any] = {"groups": [{"name": "members", "affiliation": "member", "group": "guest"}]}

    same = await library.post(
        "/v1/sign-ins:try", json=document(campus)["persons"], headers=bearer(OPERATOR), key=""
    )
    other = await library.post("/v1/sign-ins:try", json=rules, headers=bearer(OPERATOR), key="")

    assert (same.json()["looked_at"], same.json()["same"]) == (2, 2)
    assert [(each["was"]["group"], each["becomes"]["group"]) for each in other.json()["changed"]] == [
        ("student", "guest"),
        ("student", "guest"),
    ]


async def test_with_several_campuses_one_chooses(library: Front, browser: Browser, campus: Campus) -> None:
    north = Campus("https://north.test/saml", ("north.test",), "Northern <University>")
    hidden = Campus("https://hidden.test/saml", ("hidden.test",), "Hidden House", hidden=True)
    await configure(
        library,
        {**document(campus, north, hidden), "discovery": "https://ds.test/choose"},
    )

    onward = await browser.client.get("/saml/login")
    page = await browser.client.get(onward.headers["location"], headers=HTML)
    found = await browser.client.get("/sign-in/where", params={"q": "nörth UNIV", "target": "//evil.test"})
    none = await browser.client.get("/sign-in/where", params={"q": "<b>'; & | ! :*"})
    unknown = await browser.client.get("/saml/login", params={"entityID": "https://evil.test"})

    assert onward.headers["location"] == "/sign-in/where?target=%2Fsign-in"
    assert "Campus University" in page.text
    assert "Northern &lt;University&gt;" in page.text
    assert "Hidden House" not in page.text
    assert (
        "https://ds.test/choose?entityID=https%3A%2F%2Flibrary.test%2Fsaml%2Fmetadata&amp;return="
        in page.text
    )
    assert "script" not in page.text
    assert ("Northern" in found.text, "Campus" in found.text, "evil" in found.text) == (True, False, False)
    assert none.status_code == 200
    assert "<b>" not in none.text
    assert (unknown.status_code, unknown.json()["code"]) == (404, "institution-unknown")
    for name in ("content-security-policy", "referrer-policy", "x-content-type-options"):
        assert name in page.headers


@pytest.mark.parametrize("old", [True, False], ids=["the old key", "the new key"])
async def test_a_campus_changes_its_key_without_anybody_noticing(
    library: Front, browser: Browser, campus: Campus, old: bool
) -> None:
    both = Campus(more_keys=(pair("campus-next"),))
    told = document(both)
    told["persons"]["register_patrons"] = False
    await configure(library, told)

    answer = await browser.sign_in(campus, campus.key if old else pair("campus-next"))
    stranger = await browser.sign_in(campus, pair("campus-after-next"))

    assert (answer.status_code, stranger.status_code) == (303, 403)


async def test_who_is_trusted_no_longer_has_no_sessions_either(
    library: Front, browser: Browser, campus: Campus
) -> None:
    await browser.sign_in(campus)
    north = Campus("https://north.test/saml", ("north.test",), "North")
    await configure(library, document(north))
    await library.tick("look-at-sources")

    assert (await browser.session()).status_code == 404
    asked = await browser.client.get("/saml/login", params={"entityID": campus.entity_id})
    assert asked.status_code == 404


async def test_what_is_over_is_forgotten(library: Front, browser: Browser, campus: Campus) -> None:
    await browser.sign_in(campus)
    library.at(datetime.now(UTC) + timedelta(days=32))
    await library.tick("forget-sign-ins")

    for table in ("saml_request", "saml_message_seen", "browser_session", "sign_in"):
        assert await library.resources.pool.fetchval(f"SELECT count(*) FROM {table}") == 0, table
    assert await library.resources.pool.fetchval("SELECT count(*) FROM person") == 1
