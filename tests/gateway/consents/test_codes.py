"""A program gets a code by way of the browser and changes it once for tokens; asking wrongly, it is told nothing."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from authlib.integrations.httpx_client import AsyncOAuth2Client

from chassis.ids import uuid7
from support.box import until
from support.front import OPERATOR, bearer
from support.house import BACK, LIBRARY, House, hidden, shut, told_back


async def test_a_patron_lets_an_app_see_their_loans_and_it_is_told_no_more(house: House) -> None:
    browser, person = house.browser(), await house.person()
    app = await house.app("account:read", "account:renew", name="Shelf Notes")

    sent = await browser.client.get("/oauth2/authorize", params=app.asking(scope="account:read"))
    here = httpx.URL(sent.headers["location"]).params["target"]
    signed = await browser.sign_in(person, here)
    page = await browser.client.get(signed.headers["location"])
    back = told_back(await browser.decide(page))
    told = (await app.by_code(back["code"])).json()
    who = (await house.front.whoami(told["access_token"])).json()

    assert (sent.status_code, sent.headers["location"].partition("?")[0]) == (303, "/sign-in/local")
    assert "Shelf Notes" in page.text
    assert "see your loans" in page.text
    assert "renew" not in page.text
    assert {name: back[name] for name in ("state", "iss")} == {"state": "as it was", "iss": LIBRARY}
    assert (told["scope"], told["token_type"], told["expires_in"]) == ("account:read", "Bearer", 600)
    assert (who["kind"], who["ref"], who["patron_id"], who["scopes"]) == (
        "patron",
        str(person.id),
        str(person.patron_id),
        ["account:read"],
    )


async def test_an_independent_client_finds_its_way(house: House) -> None:
    browser, person = await house.signed_in()
    app = await house.app("account:read")
    transport = httpx.ASGITransport(app=house.front.app, raise_app_exceptions=False)
    async with AsyncOAuth2Client(
        app.id,
        app.told["client_secret"],
        scope="account:read",
        redirect_uri=BACK,
        code_challenge_method="S256",
        transport=transport,
        base_url=LIBRARY,
    ) as client:
        where = (await browser.client.get("/.well-known/oauth-authorization-server")).json()
        url, state = client.create_authorization_url(
            where["authorization_endpoint"], code_verifier=app.verifier
        )
        answer = await browser.decide(await browser.client.get(url))
        token = await client.fetch_token(
            where["token_endpoint"],
            authorization_response=answer.headers["location"],
            state=state,
            code_verifier=app.verifier,
        )
        first = (await client.get("/v1/whoami")).json()
        token = await client.refresh_token(where["token_endpoint"], refresh_token=token["refresh_token"])
        second = (await client.get("/v1/whoami")).json()
        active = (
            await client.introspect_token(where["introspection_endpoint"], token["access_token"])
        ).json()
        await client.revoke_token(where["revocation_endpoint"], token["refresh_token"])
        ended = await client.get("/v1/whoami")

    assert where["issuer"] == LIBRARY
    assert where["code_challenge_methods_supported"] == ["S256"]
    assert first == second
    assert first["ref"] == str(person.id)
    assert (active["active"], active["client_id"], active["scope"]) == (True, app.id, "account:read")
    assert ended.status_code == 401


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge_method": None}, "invalid_request"),
    ({"code_challenge": "too-short"}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": None}, "unsupported_response_type"),
    ({"scope": "account:own"}, "invalid_scope"),
    ({"scope": "accounts:write account:read"}, "invalid_scope"),
    ({"response_mode": "fragment"}, "invalid_request"),
    ({"prompt": "login"}, "invalid_request"),
    ({"scope": "x\ny"}, "invalid_request"),
]


async def test_a_request_that_is_wrong_goes_back_with_the_reason_and_no_code(house: House) -> None:
    app, browser = await house.app("account:read"), house.browser()

    for changed, error in WRONG:
        back = told_back(await browser.client.get("/oauth2/authorize", params=app.asking(**changed)))
        assert (back["error"], back["state"], back["iss"]) == (error, "as it was", LIBRARY), changed
        assert "code" not in back, changed


NOT_REGISTERED = [
    None,
    "https://evil.test/back",
    "https://app.test/back/",
    "https://app.test/back?x=1",
    "https://app.test/back/../evil",
    "https://app.test:444/back",
    "http://app.test/back",
    "https://app.test/back#x",
    "https://APP.test/back",
    "https://app.test@evil.test/back",
    "https://app.test/bac%6b",
    "//app.test/back",
    "javascript:alert(1)//app.test/back",
]


async def test_t9_an_address_that_is_not_registered_letter_by_letter_is_never_sent_to(house: House) -> None:
    browser, _ = await house.signed_in()
    app = await house.app("account:read")

    for redirect_uri in NOT_REGISTERED:
        told = await browser.client.get("/oauth2/authorize", params=app.asking(redirect_uri=redirect_uri))
        assert told.status_code == 400, redirect_uri
        assert "location" not in told.headers, redirect_uri


async def test_an_unknown_a_revoked_and_an_expired_program_are_not_sent_back(house: House) -> None:
    browser, _ = await house.signed_in()
    app, other = await house.app("account:read"), await house.app("account:read")
    await house.front.delete(f"/v1/clients/{other.id}", headers=bearer(OPERATOR))

    answers = [
        await browser.client.get("/oauth2/authorize", params=app.asking(client_id=told), headers=accepted)
        for told in (str(uuid7()), "x", None, other.id)
        for accepted in ({"Accept": "text/html"}, {"Accept": "application/json"})
    ]

    assert {answer.status_code for answer in answers} == {400}
    assert {answer.headers["content-type"].partition(";")[0] for answer in answers} == {
        "text/html",
        "application/problem+json",
    }


async def test_a_parameter_sent_twice_is_refused(house: House) -> None:
    app = await house.app("account:read")
    browser = house.browser()

    asked: list[tuple[str, Any]] = [
        *app.asking().items(),
        ("scope", "account:read"),
        ("scope", "account:read"),
    ]
    scope = told_back(await browser.client.get("/oauth2/authorize", params=asked))
    twice: list[tuple[str, Any]] = [*app.asking().items(), ("redirect_uri", "https://evil.test/")]
    redirect = await browser.client.get("/oauth2/authorize", params=twice)

    assert scope["error"] == "invalid_request"
    assert redirect.status_code == 400


async def test_of_many_who_bring_one_code_one_gets_tokens_and_they_end_with_the_second(house: House) -> None:
    browser, _ = await house.signed_in()
    app = await house.app("account:read")
    code = await app.code(browser)

    answers = await asyncio.gather(*(app.by_code(code) for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400, 400]
    (told,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert {answer.json()["error"] for answer in answers if answer.status_code == 400} == {"invalid_grant"}
    await until(lambda: shut(house.front, told["access_token"]), seconds=5)
    assert (await app.token("refresh_token", refresh_token=told["refresh_token"])).status_code == 400


async def test_a_code_is_for_its_program_its_address_its_verifier_and_a_minute(house: House) -> None:
    browser, _ = await house.signed_in()
    app = await house.app("account:read", redirect_uris=[BACK, "https://app.test/other"])
    other = await house.app("account:read")
    other.verifier = app.verifier
    began = datetime.now(UTC)

    async def refused(**fields: str) -> Any:
        code = await app.code(browser)
        wrong = await app.by_code(code, **fields)
        return wrong.json()["error"], (await app.by_code(code)).status_code

    told = [
        await refused(code_verifier="a" * 43),
        await refused(code_verifier="short"),
        await refused(redirect_uri="https://app.test/other"),
    ]
    stolen = await app.code(browser)
    by_another = await other.by_code(stolen)
    late = await app.code(browser)
    house.front.at(began + timedelta(seconds=70))
    after_a_minute = await app.by_code(late)

    assert told == [("invalid_grant", 400)] * 3  # and the attempt has spent it
    assert [answer.json()["error"] for answer in (by_another, after_a_minute)] == ["invalid_grant"] * 2


async def test_who_says_no_is_believed_and_asked_again(house: House) -> None:
    browser, _ = await house.signed_in()
    app = await house.app("account:read")
    page = await browser.client.get("/oauth2/authorize", params=app.asking())

    back = told_back(await browser.decide(page, "deny"))
    again = await browser.client.get("/oauth2/authorize", params=app.asking())
    silent = told_back(await browser.client.get("/oauth2/authorize", params=app.asking(prompt="none")))

    assert (back["error"], "code" in back) == ("access_denied", False)
    assert "Allow" in again.text
    assert silent["error"] == "consent_required"


async def test_what_was_allowed_is_not_asked_again_and_more_is(house: House) -> None:
    browser, _ = await house.signed_in()
    app = await house.app("account:read", "account:hold")
    await app.tokens(browser, scope="account:read")

    same = await browser.client.get("/oauth2/authorize", params=app.asking(scope="account:read"))
    more = await browser.client.get("/oauth2/authorize", params=app.asking(scope="account:hold"))
    asked = await browser.client.get(
        "/oauth2/authorize", params=app.asking(scope="account:read", prompt="consent")
    )

    assert "code" in told_back(same)
    assert "place, change and cancel holds" in more.text
    assert "Allow" in asked.text


async def test_the_librarys_own_pages_ask_nobody_and_a_stranger_is_told_to_sign_in(house: House) -> None:
    app = await house.app("account:own", in_house=True, public=True)
    browser, person = await house.signed_in()

    silent = told_back(
        await house.browser().client.get("/oauth2/authorize", params=app.asking(prompt="none"))
    )
    told = await app.tokens(browser, prompt="none")
    who = (await house.front.whoami(told["access_token"])).json()

    assert silent["error"] == "login_required"
    assert (who["patron_id"], who["scopes"]) == (str(person.patron_id), ["account:own"])


async def test_t12_a_consent_comes_from_the_page_that_this_session_was_shown(house: House) -> None:
    browser, _ = await house.signed_in()
    other, _ = await house.signed_in()
    app = await house.app("account:read")
    page = await browser.client.get("/oauth2/authorize", params=app.asking())
    theirs = await other.client.get("/oauth2/authorize", params=app.asking())

    async def posted(**more: str) -> int:
        form = {**hidden(page.text), "decision": "allow", **more}
        return (await browser.client.post("/oauth2/authorize", data=form)).status_code

    refused = [
        await posted(proof=""),
        await posted(proof="0" * 64),
        await posted(proof=hidden(theirs.text)["proof"]),
        await posted(redirect_uri="https://evil.test/"),
    ]

    assert (refused, await posted()) == ([400] * 4, 303)


async def test_t12_nobody_is_signed_in_by_a_form_of_another_site(house: House) -> None:
    browser, person = house.browser(), await house.person()
    elsewhere = house.browser()
    page = await elsewhere.client.get("/sign-in/local")
    form = {"username": person.username, "password": "correct horse battery"}

    without = await browser.client.post("/sign-in/local", data=form)
    others = await browser.client.post("/sign-in/local", data={**hidden(page.text), **form})

    assert {without.status_code, others.status_code} == {200}
    assert "__Host-sid" not in browser.client.cookies
    assert "password" in others.text


async def test_signing_in_leads_nowhere_else_and_a_wrong_password_says_little(house: House) -> None:
    browser, person = house.browser(), await house.person()
    wrong = await browser.sign_in(person, word="not the password")
    nobody = await browser.sign_in(type(person)("nobody", person.id, None))
    where = [
        (await browser.sign_in(person, target)).headers["location"]
        for target in ("https://evil.test", "//evil.test", "/\\evil.test", "/docs?x=1")
    ]

    assert (wrong.status_code, nobody.status_code) == (401, 401)
    blank = re.sub(r'value="[^"]*"', "", wrong.text)
    assert blank == re.sub(r'value="[^"]*"', "", nobody.text)
    assert where == ["/sign-in"] * 3 + ["/docs?x=1"]


async def test_a_pushed_request_cannot_be_changed_on_its_way(house: House) -> None:
    browser, _ = await house.signed_in()
    app, other = await house.app("account:read"), await house.app("account:read")

    pushed = await app.post("/oauth2/par", **app.asking())
    uri = pushed.json()["request_uri"]
    asked = {"client_id": app.id, "request_uri": uri, "redirect_uri": "https://evil.test/"}
    page = await browser.client.get("/oauth2/authorize", params=asked)
    told = await app.by_code(told_back(await browser.decide(page))["code"])
    by_another = await browser.client.get(
        "/oauth2/authorize", params={"client_id": other.id, "request_uri": uri}
    )
    wrong = [
        await app.post("/oauth2/par", **app.asking(redirect_uri="https://evil.test/")),
        await app.post("/oauth2/par", **app.asking(code_challenge="x")),
        await house.front.client.post("/oauth2/par", data=app.asking()),
    ]

    assert (pushed.status_code, told.status_code, by_another.status_code) == (201, 200, 400)
    assert [answer.status_code for answer in wrong] == [400, 400, 401]


async def test_staff_grant_what_they_have_and_it_ends_with_their_session(house: House) -> None:
    browser, clerk = await house.signed_in("desk")
    app = await house.app("loans:create", "accounts:write", in_house=True)
    told = await app.tokens(browser)
    who = (await house.front.whoami(told["access_token"])).json()
    session = (await browser.client.get("/v1/session")).json()

    await browser.client.delete("/v1/session", headers={"CSRF-Token": session["csrf_token"]})
    after = await app.token("refresh_token", refresh_token=told["refresh_token"])

    assert (who["kind"], who["ref"], who["scopes"]) == ("staff", str(clerk.id), ["loans:create"])
    assert (after.status_code, after.json()["error"]) == (400, "invalid_grant")


HARMFUL: list[tuple[dict[str, Any], str]] = [
    ({"redirect_uris": ["http://app.test/back"]}, "redirect-unusable"),
    ({"redirect_uris": ["https://*.app.test/back"]}, "redirect-unusable"),
    ({"redirect_uris": ["https://app.test/back#x"]}, "redirect-unusable"),
    ({"redirect_uris": ["javascript:alert(1)"]}, "redirect-unusable"),
    ({"redirect_uris": ["org.app:/back", "https://app.test\\@evil.test"]}, "redirect-unusable"),
    ({"origins": ["https://app.test/"]}, "origin-unusable"),
    ({"origins": ["null"]}, "origin-unusable"),
    ({"scopes": ["account:own"], "redirect_uris": [BACK]}, "scope-in-house"),
    ({"public": True}, "public-proves-nothing"),
    ({"grants": ["authorization_code"]}, "redirect-missing"),
    ({"grants": ["refresh_token"]}, "grant-missing"),
    ({"grants": []}, "grants-missing"),
]


async def test_a_program_that_could_do_harm_is_not_registered(house: House) -> None:
    for body, code in HARMFUL:
        told = {"kind": "oauth2", "name": "x", "scopes": ["account:read"], **body}
        answer = await house.front.post("/v1/clients", json=told, headers=bearer(OPERATOR))
        assert answer.status_code == 422, body
        assert code in {reason["code"] for reason in answer.json()["reasons"]}, body


async def test_a_programs_addresses_are_changed_and_hold_at_once(house: House) -> None:
    browser, _ = await house.signed_in()
    app = await house.app("account:read")
    place = f"/v1/clients/{app.id}"
    new = {"redirect_uris": ["https://app.test/new"], "name": "New name"}
    tag = (await house.front.get(place, headers=bearer(OPERATOR))).headers["etag"]

    async def changed(body: dict[str, Any], **headers: str) -> int:
        answer = await house.front.patch(place, json=body, headers={**bearer(OPERATOR), **headers})
        return answer.status_code

    told = [
        await changed(new),
        await changed({"redirect_uris": []}, **{"If-Match": tag}),
        await changed(new, **{"If-Match": tag}),
        await changed(new, **{"If-Match": tag}),
    ]
    old = await browser.client.get("/oauth2/authorize", params=app.asking())
    page = await browser.client.get(
        "/oauth2/authorize", params=app.asking(redirect_uri="https://app.test/new")
    )

    assert told == [428, 422, 200, 412]
    assert (old.status_code, "New name" in page.text) == (400, True)
