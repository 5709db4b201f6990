"""A launch from a learning management system: begun there, believed once, and framed by it alone."""

import asyncio
import hmac
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx

from support.campus import LIBRARY
from support.front import OPERATOR, Front, bearer
from support.lms import CLAIM, Browser, Lms, forms, other_key, signed
from support.provider import encoded, key

ONE = "01890000-0000-7000-8000-0000000000a1"


def by_secret(claims: dict[str, Any], secret: bytes) -> str:
    """Signed with what everybody knows, the public key, as if it were a secret of two (RFC 8725 §2.1)."""
    said = encoded({"alg": "HS256", "kid": "lms", "typ": "JWT"}) + "." + encoded(claims)
    return said + "." + encoded(hmac.digest(secret, said.encode(), "sha256"))


def codes(answer: httpx.Response) -> str:
    """The reasons that a page of refusal gives to whoever asks for help."""
    return answer.text.rpartition('<p class="small">')[2]


async def test_a_launch_opens_the_search_and_is_framed_by_its_platform_alone(
    library: Front, browser: Browser, lms: Lms
) -> None:
    asked, begun = await browser.begin(lms)
    page = await browser.end(lms, asked)

    assert (begun.status_code, urlsplit(begun.headers["location"]).netloc) == (303, "lms.test")
    assert asked.query | {"state": "", "nonce": ""} == {
        "site": "1",
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": "library-tool",
        "redirect_uri": f"{LIBRARY}/lti/launch",
        "login_hint": "hint-1",
        "lti_message_hint": "message-1",
        "state": "",
        "nonce": "",
    }
    cookie = begun.headers["set-cookie"]
    assert all(
        part in cookie for part in ("__Host-lti-", "Secure", "HttpOnly", "SameSite=None", "Partitioned")
    )
    assert page.status_code == 200
    assert "frame-ancestors https://lms.test;" in page.headers["content-security-policy"]
    assert "Max-Age=0" in page.headers["set-cookie"]
    assert "__Host-sid" not in page.headers["set-cookie"]
    assert [where for where, _ in forms(page.text)] == ["/lti/search"]


async def test_every_other_page_is_framed_by_nobody(library: Front, browser: Browser) -> None:
    for path in ("/sign-in", "/sign-in/where", "/sign-in/local"):
        page = await browser.client.get(path)
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"], path


NOT_BELIEVED: list[tuple[str, dict[str, Any]]] = [
    ("wrong-issuer", {"iss": "https://other.test"}),
    ("audience-other", {"aud": "another-tool"}),
    ("authorized-party-other", {"aud": ["library-tool", "another-tool"]}),
    ("authorized-party-other", {"azp": "another-tool"}),
    ("expired", {"exp": int(time.time()) - 600}),
    ("expired", {"exp": "tomorrow"}),
    ("issued-too-long-ago", {"iat": int(time.time()) - 3600}),
    ("issued-in-the-future", {"iat": int(time.time()) + 3600}),
    ("nonce-other", {"nonce": "of another launch"}),
    ("nonce-other", {"nonce": None}),
    ("version-other", {f"{CLAIM}version": "1.1"}),
    ("message-unknown", {f"{CLAIM}message_type": "LtiSubmissionReviewRequest"}),
    ("message-unknown", {f"{CLAIM}resource_link": None}),
    ("message-unknown", {f"{CLAIM}roles": None}),
    ("deployment-unknown", {f"{CLAIM}deployment_id": "dep-9"}),
    ("target-foreign", {f"{CLAIM}target_link_uri": "https://evil.test/lti/launch"}),
    ("target-foreign", {f"{CLAIM}target_link_uri": f"{LIBRARY}.evil.test/lti/launch"}),
    ("target-foreign", {f"{CLAIM}target_link_uri": f"{LIBRARY}/v1/patrons"}),
    ("subject-missing", {"sub": ""}),
]


async def test_a_launch_that_is_not_the_truth_is_refused_with_every_reason(
    library: Front, browser: Browser, lms: Lms
) -> None:
    for code, change in NOT_BELIEVED:
        answer = await browser.launch(lms, **change)

        assert (answer.status_code, code in codes(answer)) == (403, True), (code, change, codes(answer))
        assert "frame-ancestors https://lms.test;" in answer.headers["content-security-policy"]
    both = await browser.launch(lms, aud="another-tool", **{f"{CLAIM}deployment_id": "dep-9"})
    assert "audience-other" in codes(both)
    assert "deployment-unknown" in codes(both)
    assert await library.resources.pool.fetchval("SELECT count(*) FROM lti_visit") == 0
    noted = await library.resources.pool.fetchval("SELECT count(*) FROM sign_in WHERE outcome = 'refused'")
    assert noted == len(NOT_BELIEVED) + 1


async def test_a_token_that_the_platform_did_not_sign_by_rs256_is_refused(
    library: Front, browser: Browser, lms: Lms
) -> None:
    own = lms.keys[0]
    forgeries: list[tuple[str, Callable[[dict[str, Any]], str] | None]] = [
        ("signature-wrong", lambda claims: signed(claims, other_key())),
        ("signature-wrong", lambda claims: signed(claims, own, kid="nobody's")),
        ("signature-wrong", lambda claims: signed(claims, own)[:-8] + "AAAAAAAA"),
        ("algorithm-refused", lambda claims: signed(claims, own, alg="PS256")),
        ("algorithm-refused", lambda claims: signed(claims, key("lms-ec"), alg="ES256")),
        ("algorithm-refused", lambda claims: by_secret(claims, own.as_pem(private=False))),
        (
            "algorithm-refused",
            lambda claims: "eyJhbGciOiJub25lIn0." + signed(claims, own).split(".")[1] + ".",
        ),
        ("not-signed-in-there", None),
        ("unreadable", lambda claims: "no token"),
    ]
    for code, forge in forgeries:
        asked, _ = await browser.begin(lms)
        told = {"state": asked.state}
        told |= {"id_token": forge(lms.claims(asked.nonce))} if forge else {"error": "login_required"}
        answer = await browser.client.post("/lti/launch", data=told)

        assert (answer.status_code, code in codes(answer)) == (403, True), (code, codes(answer))


async def test_an_id_token_is_taken_once_however_many_bring_it_at_one_moment(
    library: Front, browser: Browser, lms: Lms
) -> None:
    asked, _ = await browser.begin(lms)
    token = signed(lms.claims(asked.nonce), lms.keys[0])

    answers = await asyncio.gather(*(browser.end(lms, asked, token) for _ in range(6)))
    another, _ = await browser.begin(lms)
    again = await browser.end(lms, another, token)

    assert sorted(each.status_code for each in answers) == [200] + [403] * 5
    assert all("request-used" in codes(each) for each in answers if each.status_code == 403)
    assert "nonce-other" in codes(again)
    assert await library.resources.pool.fetchval("SELECT count(*) FROM lti_visit") == 1


async def test_a_launch_begun_elsewhere_is_none_here(
    library: Front, browsers: Callable[..., Browser], lms: Lms
) -> None:
    attacker, victim = browsers(), browsers()
    asked, _ = await attacker.begin(lms)
    pushed = await victim.client.post(
        "/lti/launch",
        data={
            "state": asked.state,
            "id_token": signed(lms.claims(asked.nonce), lms.keys[0]),
            "browser": "x" * 43,
        },
    )
    invented = await victim.client.post("/lti/launch", data={"state": "x" * 43, "id_token": "x"})
    late, _ = await attacker.begin(lms)
    await library.resources.pool.execute("UPDATE door_request SET made_at = made_at - interval '11 minutes'")
    too_late = await attacker.end(lms, late)

    assert [where for where, _ in forms(pushed.text)] == ["/lti/login"]
    assert await library.resources.pool.fetchval("SELECT count(*) FROM lti_visit") == 0
    assert (invented.status_code, "no-request" in codes(invented)) == (403, True)
    assert "frame-ancestors 'none'" in invented.headers["content-security-policy"]
    assert (too_late.status_code, "request-expired" in codes(too_late)) == (403, True)


async def test_launches_side_by_side_in_one_browser_do_not_disturb_each_other(
    library: Front, browser: Browser, lms: Lms
) -> None:
    asked = [(await browser.begin(lms))[0] for _ in range(3)]
    answers = [await browser.end(lms, each) for each in reversed(asked)]

    assert [each.status_code for each in answers] == [200, 200, 200]


async def test_where_a_frame_keeps_no_cookies_the_platform_keeps_what_the_browser_proves_itself_by(
    library: Front, browsers: Callable[..., Browser], lms: Lms
) -> None:
    browser = browsers(keeps_cookies=False)
    asked, stores = await browser.begin(lms, lti_storage_target="keeper")
    token = signed(lms.claims(asked.nonce), lms.keys[0])
    asks = await browser.client.post("/lti/launch", data={"state": asked.state, "id_token": token})
    (where, fields), again = forms(asks.text)

    def said(page: str, name: str) -> str:
        return page.partition(f'data-{name}="')[2].partition('"')[0]

    kept = said(stores.text, "value")
    ours = {"Origin": LIBRARY}
    guess = await browser.client.post(where, data={**fields, "browser": "x" * 43}, headers=ours)
    for origin in ({"Origin": "https://evil.test"}, {"Origin": "null"}, {}):
        forged = await browser.client.post(where, data={**fields, "browser": kept}, headers=origin)
        assert (forged.status_code, [each for each, _ in forms(forged.text)]) == (200, ["/lti/login"])
    opened = await browser.client.post(where, data={**fields, "browser": kept}, headers=ours)

    assert stores.status_code == asks.status_code == 200
    for page in (stores, asks):
        assert (said(page.text, "target"), said(page.text, "origin")) == ("keeper", "https://lms.test")
        assert "script-src 'sha256-" in page.headers["content-security-policy"]
        assert "frame-ancestors https://lms.test;" in page.headers["content-security-policy"]
    assert said(stores.text, "key") == said(asks.text, "key")
    assert kept not in asks.text
    assert (where, again[0]) == ("/lti/launch", "/lti/login")
    assert "other-browser" in codes(guess)
    assert opened.status_code == 200
    assert [each for each, _ in forms(opened.text)] == ["/lti/search"]


async def test_without_cookies_and_without_a_keeper_the_library_opens_in_a_window_of_its_own(
    library: Front, browsers: Callable[..., Browser], lms: Lms
) -> None:
    browser, window = browsers(keeps_cookies=False), browsers()
    asked, _ = await browser.begin(lms)
    offered = await browser.end(lms, asked)
    ((where, fields),) = forms(offered.text)
    assert (offered.status_code, where) == (200, "/lti/login")
    assert (fields["iss"], fields["login_hint"]) == (lms.issuer, "hint-1")

    anew, _ = await window.begin(lms, **fields)
    assert (await window.end(lms, anew)).status_code == 200

    shut = browsers(keeps_cookies=False)
    last, _ = await shut.begin(lms, **fields)
    refused = await shut.end(lms, last)
    assert (refused.status_code, "other-browser" in codes(refused)) == (403, True)


async def test_a_launch_begins_only_at_a_platform_that_is_known_and_for_an_address_of_ours(
    library: Front, browser: Browser, lms: Lms
) -> None:
    for change, status, code in (
        ({"iss": "https://other.test"}, 403, "wrong-issuer"),
        ({"client_id": "another"}, 403, "wrong-issuer"),
        ({"target_link_uri": "https://evil.test/"}, 403, "target-foreign"),
        ({"target_link_uri": f"{LIBRARY}/lti/titles/none"}, 403, "target-foreign"),
        ({"login_hint": None}, 400, "login_hint is missing"),
        ({"lti_message_hint": "x" * 4001}, 400, "lti_message_hint has more"),
    ):
        _, answer = await browser.begin(lms, **change)
        assert (answer.status_code, code in answer.text) == (status, True), (change, answer.text)
    twice = await browser.client.get("/lti/login?iss=a&iss=b")
    assert twice.status_code == 400
    assert await library.resources.pool.fetchval("SELECT count(*) FROM door_request") == 0


async def test_of_two_registrations_at_one_platform_the_client_says_which(
    library: Front, browser: Browser, lms: Lms
) -> None:
    assert (await browser.begin(lms, client_id=None))[1].status_code == 303
    second = await lms.register(library, client_id="another-faculty", deployments=[{"id": "law"}])

    unclear = (await browser.begin(lms, client_id=None))[1]
    asked, _ = await browser.begin(lms, client_id="another-faculty")
    mixed_up = await browser.end(lms, asked)
    again, _ = await browser.begin(lms, client_id="another-faculty")
    right = await browser.end(lms, again, aud="another-faculty", **{f"{CLAIM}deployment_id": "law"})

    assert unclear.status_code == 403
    assert "audience-other" in codes(mixed_up)
    assert right.status_code == 200
    entered = await library.resources.pool.fetchval("SELECT platform_id FROM lti_visit")
    assert str(entered) == second["id"]


async def test_keys_are_asked_for_again_when_a_new_one_signs_and_seldom_else(
    library: Front, browser: Browser, lms: Lms
) -> None:
    await browser.launch(lms)
    await browser.launch(lms)
    assert lms.asked_for == ["/jwks"]

    lms.keys.insert(0, key("next", "RSA"))
    at_once = await browser.launch(lms)
    tried = library.app.state.lti.keys._tried
    tried.update({url: at - 31 for url, at in tried.items()})
    later = await browser.launch(lms)
    lms.away = True
    for _ in range(3):
        forged = await browser.begin(lms)
        await browser.end(lms, forged[0], signed(lms.claims(forged[0].nonce), other_key(), kid="a guess"))

    assert "signature-wrong" in codes(at_once)
    assert later.status_code == 200
    assert lms.asked_for == ["/jwks", "/jwks"]


async def test_a_suspended_platform_lets_nobody_in_and_one_that_is_dropped_ends_its_visits(
    library: Front, browser: Browser, lms: Lms
) -> None:
    page = await browser.launch(lms)
    (platform,) = (await library.get("/v1/lti/platforms", headers=bearer(OPERATOR))).json()["items"]
    where = f"/v1/lti/platforms/{platform['id']}"
    asked, _ = await browser.begin(lms)

    changed = await library.put(
        where, json=lms.document(suspended=True), headers={**bearer(OPERATOR), "If-Match": '"1"'}
    )
    under_way = await browser.press(page, "/lti/search")
    assert changed.status_code == 200, changed.text
    assert under_way.status_code == 410
    assert (await browser.end(lms, asked)).status_code == 403
    assert (await browser.begin(lms))[1].status_code == 403

    assert (await library.delete(where, headers=bearer(OPERATOR))).status_code == 204
    assert await library.resources.pool.fetchval("SELECT count(*) FROM lti_visit") == 0


async def test_a_visit_ends_and_its_page_says_so_within_the_frame(
    library: Front, browser: Browser, lms: Lms
) -> None:
    page = await browser.launch(lms, **{f"{CLAIM}launch_presentation": {"locale": "de_DE"}})
    await library.resources.pool.execute("UPDATE lti_visit SET ends_at = now()")

    ended = await browser.press(page, "/lti/search", query="rome")
    assert '<html lang="de">' in page.text
    assert (ended.status_code, "Diese Seite war zu lange offen" in ended.text) == (410, True)
    assert "frame-ancestors https://lms.test;" in ended.headers["content-security-policy"]

    await library.resources.pool.execute("UPDATE lti_visit SET ends_at = now() - interval '25 hours'")
    await library.tick("read-rosters")
    assert await library.resources.pool.fetchval("SELECT count(*) FROM lti_visit") == 0


async def test_a_page_without_its_visit_does_nothing(library: Front, browser: Browser, lms: Lms) -> None:
    await browser.launch(lms)
    for path in ("/lti/search", "/lti/title", "/lti/holds", "/lti/choice"):
        assert (await browser.client.post(path, data={"title": ONE})).status_code == 400, path
        guessed = await browser.client.post(path, data={"visit": "x" * 43, "title": ONE})
        assert (guessed.status_code, "frame-ancestors 'none'" in str(guessed.headers)) == (410, True), path
        assert (await browser.client.get(path)).status_code == 405, path


async def test_a_link_of_a_course_opened_elsewhere_leads_to_the_catalogue(
    library: Front, browser: Browser
) -> None:
    answer = await browser.client.get(f"/lti/titles/{ONE},{ONE}")

    assert (answer.status_code, answer.headers["location"]) == (303, f"/titles/{ONE}")
    assert (await browser.client.get("/lti/titles/none")).status_code == 400
