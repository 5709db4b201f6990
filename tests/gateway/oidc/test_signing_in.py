"""Somebody signs in by an OpenID Connect provider, the whole way."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError

from gateway.app import look_at_sources
from gateway.oidc import providers
from gateway.signon.documents import of
from support.front import OPERATOR, Front, bearer
from support.provider import MFA, STUDENT, Provider, key, signed

from .conftest import HTML, Browser, configure, document, keep_secret


async def test_a_student_signs_in_and_the_campus_is_not_told_where_from(
    library: Front, provider: Provider, browser: Browser
) -> None:
    asked = await browser.begin(provider, target="/v1/loans")
    answer = await browser.client.get(provider.back(asked, provider.code(asked)))
    session = (await browser.session()).json()

    assert asked.query["redirect_uri"] == "https://library.test/oidc/callback/campus-op"
    assert (asked.query["response_type"], asked.query["code_challenge_method"]) == ("code", "S256")
    assert set(asked.query["scope"].split()) == {"openid", "profile", "email"}
    assert "max_age" not in asked.query
    assert (answer.status_code, answer.headers["location"]) == (303, "/v1/loans")
    assert "__Host-sid=" in answer.headers["set-cookie"]
    assert (session["identity_provider"], session["roles"]) == (provider.issuer, ["patron"])
    kept = await library.resources.pool.fetchrow("SELECT key_kind, key_value FROM person")
    assert tuple(kept or ()) == ("oidc", f"{provider.issuer}#marie")


async def test_one_person_has_one_key_however_often_they_come(
    library: Front, provider: Provider, browsers: Callable[[], Browser]
) -> None:
    first, second = browsers(), browsers()
    await first.sign_in(provider)
    await second.sign_in(provider, by=provider.keys[0])
    told = [(await each.session()).json()["person"] for each in (first, second)]

    assert told[0] == told[1]


async def test_names_come_from_the_userinfo_too_and_a_mail_that_was_not_verified_does_not_count(
    library: Front, provider: Provider, browser: Browser
) -> None:
    provider.userinfo = {"sub": "marie", **STUDENT, "email_verified": False}
    answer = await browser.sign_in(provider, **dict.fromkeys(STUDENT))
    (entry,) = (await library.get("/v1/sign-ins", headers=bearer(OPERATOR))).json()["items"]

    assert answer.status_code == 303
    assert entry["facts"]["affiliations"] == ["member@campus.test", "student@campus.test"]
    assert entry["standing"]["rule"] == "students"


async def test_work_at_the_desk_takes_two_factors(
    library: Front, provider: Provider, browser: Browser
) -> None:
    clerk: dict[str, Any] = {"eduperson_entitlement": ["urn:campus:desk"]}
    await browser.sign_in(provider, **clerk)
    one = (await browser.session()).json()
    page = await browser.client.get("/sign-in")
    asked = await browser.begin(provider, mfa="true", forceAuthn="true")
    await browser.client.get(provider.back(asked, provider.code(asked, acr=MFA, **clerk)))
    two = (await browser.session()).json()

    assert one["roles"] == ["patron"]
    assert "/oidc/login?provider=campus-op&amp;mfa=true&amp;forceAuthn=true" in page.text
    assert (asked.query["acr_values"], asked.query["prompt"], asked.query["max_age"]) == (
        MFA,
        "login",
        "43200",
    )
    assert two["roles"] == ["desk", "patron"]


async def test_who_may_not_come_in_is_told_what_is_missing(
    library: Front, provider: Provider, browser: Browser
) -> None:
    answers = []
    for said in (["alum@campus.test"], []):
        asked = await browser.begin(provider)
        code = provider.code(asked, eduperson_scoped_affiliation=said)
        answers.append(await browser.client.get(provider.back(asked, code), headers=HTML))

    assert [answer.status_code for answer in answers] == [403, 403]
    assert "not open to your group" in answers[0].text
    assert "eduPersonScopedAffiliation" in answers[1].text
    assert (await browser.session()).status_code == 404


async def test_a_code_that_comes_back_many_times_at_once_makes_one_session(
    library: Front, provider: Provider, browser: Browser
) -> None:
    asked = await browser.begin(provider)
    where = provider.back(asked, provider.code(asked))
    answers = await asyncio.gather(*(browser.client.get(where) for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [303, 403, 403, 403, 403]
    assert await library.resources.pool.fetchval("SELECT count(*) FROM browser_session") == 1


async def test_a_key_that_is_new_is_asked_for_once_in_a_while(
    library: Front, provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await browser.sign_in(provider)
    provider.keys = [key("second")]
    lately = await browser.sign_in(provider)
    monkeypatch.setattr(providers, "ASKED_AGAIN_SECONDS", 0.0)
    later = await browser.sign_in(provider)
    provider.away = True
    begun = await browser.begin(provider)

    assert (lately.status_code, later.status_code) == (403, 303)
    assert [path for path in provider.asked_for if path == "/jwks"] == ["/jwks"] * 2
    assert begun.query["client_id"] == provider.client_id  # what it said an hour ago still holds


async def test_other_kinds_of_keys_and_other_ways_to_tell_the_secret_are_as_good(
    library: Front, provider: Provider, browser: Browser
) -> None:
    stories = [("RSA", "PS256", "post"), ("OKP", "Ed25519", "none")]
    for kind, algorithm, how in stories:
        provider.keys = [key("other", kind)]
        provider.secret = provider.secret if how == "post" else None
        library.app.state.oidc.providers = providers.Providers()
        await configure(library, document(provider, oidc=[provider.document(client_authentication=how)]))
        asked = await browser.begin(provider)
        token = signed(provider.claims(asked), provider.keys[0], alg=algorithm, kid=None)
        answer = await browser.client.get(provider.back(asked, provider.code(asked, token)))

        assert answer.status_code == 303, (kind, answer.text)


async def test_a_provider_that_says_nothing_usable_stops_nobody_else(
    library: Front, provider: Provider, browser: Browser
) -> None:
    stories: dict[str, dict[str, Any]] = {
        "away": {"away": True},
        "another issuer": {"metadata": {"issuer": f"{provider.issuer}/"}},
        "keys in the open": {"metadata": {"jwks_uri": "http://op.campus.test/jwks"}},
        "no token endpoint": {"metadata": {"token_endpoint": None}},
    }
    told = {}
    for story, how in stories.items():
        for name, value in {"away": False, "metadata": {}, **how}.items():
            setattr(provider, name, value)
        library.app.state.oidc.providers = providers.Providers()
        answer = await browser.client.get("/oidc/login", params={"provider": provider.name})
        told[story] = answer.status_code, answer.headers.get("location")

    assert told == {
        "away": (503, None),
        "another issuer": (403, None),
        "keys in the open": (503, None),
        "no token endpoint": (503, None),
    }
    assert (await browser.client.get("/sign-in/where")).status_code == 200


async def test_the_page_of_choices_shows_providers_and_finds_them_by_mail_domain(
    library: Front, provider: Provider, browser: Browser
) -> None:
    other = Provider(issuer="https://other.test", name="other-op")
    more = other.document(label="Other College", domains=["other.test"])
    hidden = Provider(issuer="https://third.test", name="third-op").document(label="Third", hidden=True)
    await configure(library, document(oidc=[provider.document(), more, hidden]))

    pages = {
        q: (await browser.client.get("/sign-in/where", params={"q": q, "target": "/here"})).text
        for q in ("", "other", "someone@mail.other.test", "nowhere")
    }

    assert "/oidc/login?provider=campus-op&amp;target=%2Fhere" in pages[""]
    assert [
        sorted(name for name in ("Campus University", "Other College", "Third") if name in text)
        for text in pages.values()
    ] == [["Campus University", "Other College"], ["Other College"], ["Other College"], []]
    going = await browser.client.get("/saml/login")
    assert urlsplit(going.headers["location"]).path == "/sign-in/where"


async def test_sessions_end_when_the_provider_is_trusted_no_longer(
    library: Front, provider: Provider, browser: Browser
) -> None:
    await browser.sign_in(provider)
    await look_at_sources(library.resources, datetime.now(UTC))
    before = (await browser.session()).status_code
    await configure(library, document())
    await look_at_sources(library.resources, datetime.now(UTC))

    assert (before, (await browser.session()).status_code) == (200, 404)


async def test_secrets_are_put_and_never_read(library: Front, provider: Provider) -> None:
    await keep_secret(library, "another", "canary-of-another")
    listed = await library.get("/v1/sign-on/secrets", headers=bearer(OPERATOR))
    exported = await library.get("/v1/configuration/sign-on", headers=bearer(OPERATOR))
    dropped = await library.client.delete("/v1/sign-on/secrets/another", headers=bearer(OPERATOR))
    again = await library.client.delete("/v1/sign-on/secrets/another", headers=bearer(OPERATOR))

    assert [each["name"] for each in listed.json()["items"]] == ["another", provider.name]
    assert "canary" not in listed.text + exported.text
    assert (dropped.status_code, again.status_code) == (204, 404)


async def test_no_code_token_state_or_secret_is_logged(
    library: Front, provider: Provider, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asked = await browser.begin(provider)
    code = provider.code(asked, sub="canary-subject")
    await browser.client.get(provider.back(asked, code))
    await browser.client.get(provider.back(asked, "canary-code"))
    told = " ".join(
        f"{each.getMessage()} {each.__dict__}"
        for each in caplog.records
        if each.name.startswith(("gateway", "chassis"))
    )

    for canary in ("canary", asked.query["state"], asked.query["nonce"], "an-access-token", "a secret"):
        assert canary not in told
    assert "a sign-in was refused" in told


async def test_the_same_door_is_not_begun_without_end_from_one_place(
    library: Front, provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.signon.doors_open.Crowd.A_MINUTE", 2)
    begun = [await browser.client.get("/oidc/login", params={"provider": provider.name}) for _ in range(3)]

    assert [answer.status_code for answer in begun] == [303, 303, 429]
    assert begun[2].headers["retry-after"] == "60"
    assert await library.resources.pool.fetchval("SELECT count(*) FROM door_request") == 2


@pytest.mark.parametrize(
    ("told", "against"),
    [
        ({"oidc": [Provider().document(), Provider().document()]}, ["named-twice", "named-twice"]),
        ({"oidc": [Provider().document(attributes={"x": "no-such"})]}, ["attribute-unknown"]),
        ({"oidc": [Provider().document()], "entity": None}, ["entity-needed"]),
        ({"oidc": [Provider().document(issuer="http://op.campus.test")]}, None),
        ({"oidc": [Provider().document(issuer="https://op.campus.test?x=1")]}, None),
        ({"oidc": [Provider().document(algorithms=["HS256"])]}, None),
        ({"oidc": [Provider().document(client_secret="x")]}, None),
    ],
)
def test_a_document_that_contradicts_itself_is_not_put_in_place(
    told: dict[str, object], against: list[str] | None
) -> None:
    try:
        found = [code for code, _, _ in of({**document(), **told}).wrong()]
    except ValidationError:
        found = None

    assert found == against


async def test_signing_out_goes_on_to_the_provider_and_tells_no_log_who_it_is(
    library: Front, provider: Provider, browser: Browser
) -> None:
    await browser.sign_in(provider)
    page = await browser.client.get("/sign-in")
    proof = page.text.partition('name="proof" value="')[2].partition('"')[0]
    answer = await browser.client.post("/sign-out", data={"proof": proof})

    assert answer.status_code == 303
    assert answer.headers["location"] == (
        "https://op.campus.test/goodbye?client_id=library&post_logout_redirect_uri=https%3A%2F%2Flibrary.test%2Fsign-in"
    )
    assert (await browser.session()).status_code == 404


async def test_somebody_is_forgotten_with_every_session_and_is_new_afterwards(
    library: Front, provider: Provider, browser: Browser
) -> None:
    await browser.sign_in(provider)
    listed = (await library.get("/v1/persons", headers=bearer(OPERATOR))).json()["items"]
    where = f"/v1/persons/{listed[0]['id']}"
    stranger = await library.client.delete(where)
    done = [(await library.client.delete(where, headers=bearer(OPERATOR))).status_code for _ in range(2)]
    after = (await browser.session()).status_code
    (entry,) = (await library.get("/v1/sign-ins", headers=bearer(OPERATOR))).json()["items"]
    await browser.sign_in(provider)
    again = (await library.get("/v1/persons", headers=bearer(OPERATOR))).json()["items"]

    assert [(each["kind"], each["identity_provider"]) for each in listed] == [("oidc", provider.issuer)]
    assert "marie" not in str(listed)
    assert (stranger.status_code, done, after) == (401, [204, 404], 404)
    assert entry["person"] is None
    assert again[0]["id"] != listed[0]["id"]
