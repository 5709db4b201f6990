"""Answers and tokens that are not to be believed: each is refused for its own reason; no session begins (T9, T14)."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from gateway.oidc.rules import Expected, id_token_refusals, logout_token_refusals
from gateway.signon.rules import Why, attributes_of, foreign_scopes
from support.front import OPERATOR, Front, bearer
from support.provider import MFA, Asked, Provider, encoded, key, signed

from .conftest import Browser, configure, document

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
AT = int(NOW.timestamp())
CLAIMS: dict[str, Any] = {
    "iss": "https://op.test",
    "aud": "library",
    "sub": "marie",
    "iat": AT,
    "exp": AT + 300,
    "nonce": "once",
}
EXPECTED = Expected("https://op.test", "library", timedelta(seconds=60), "once")
WITH_MFA = Expected("https://op.test", "library", timedelta(seconds=60), "once", (MFA,), NOW)


@pytest.mark.parametrize(
    ("told", "against"),
    [
        ({}, []),
        ({"aud": ["library"]}, []),
        ({"aud": ["other", "library"], "azp": "library"}, []),
        ({"exp": AT - 59}, []),
        ({"exp": AT - 60}, [Why.EXPIRED]),
        ({"exp": str(AT + 300)}, [Why.EXPIRED]),
        ({"exp": True}, [Why.EXPIRED]),
        ({"exp": 10**400}, [Why.EXPIRED]),
        ({"exp": None}, [Why.EXPIRED]),
        ({"iat": AT - 661}, [Why.STALE]),
        ({"iat": None}, [Why.STALE]),
        ({"iat": AT + 61}, [Why.AHEAD]),
        ({"nbf": AT + 61}, [Why.AHEAD]),
        ({"iss": "https://op.test/"}, [Why.OTHER_ISSUER]),
        ({"aud": "other"}, [Why.AUDIENCE]),
        ({"aud": ["library", "other"]}, [Why.PARTY]),
        ({"aud": {"library": 1}}, [Why.AUDIENCE]),
        ({"azp": "other"}, [Why.PARTY]),
        ({"nonce": "twice"}, [Why.NONCE]),
        ({"nonce": None}, [Why.NONCE]),
        ({"nonce": ["once"]}, [Why.NONCE]),
        ({"nonce": "\ud800"}, [Why.NONCE]),
        ({"sub": ""}, [Why.SUBJECT]),
        ({"sub": "x" * 256}, [Why.SUBJECT]),
        ({"sub": 7}, [Why.SUBJECT]),
        ({"sub": "a\nb"}, [Why.SUBJECT]),
        ({"events": {}}, [Why.KIND]),
        ({"iss": None, "aud": None, "exp": 0}, [Why.OTHER_ISSUER, Why.AUDIENCE, Why.EXPIRED]),
    ],
)
def test_an_id_token_says_all_that_it_must(told: dict[str, Any], against: list[Why]) -> None:
    claims = {name: value for name, value in {**CLAIMS, **told}.items() if value is not None}

    assert id_token_refusals(claims, EXPECTED, now=NOW) == against


@pytest.mark.parametrize(
    ("told", "against"),
    [
        ({"acr": MFA, "auth_time": AT}, []),
        ({"acr": MFA, "auth_time": AT - 61}, [Why.NOT_ANEW]),
        ({"acr": MFA}, [Why.NOT_ANEW]),
        ({"acr": "1", "auth_time": AT}, [Why.CONTEXT]),
        ({"acr": [MFA], "auth_time": AT}, [Why.CONTEXT]),
    ],
)
def test_two_factors_and_a_new_sign_in_are_what_was_asked_for(
    told: dict[str, Any], against: list[Why]
) -> None:
    assert id_token_refusals({**CLAIMS, **told}, WITH_MFA, now=NOW) == against


EVENT: dict[str, Any] = {
    "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    "jti": "1",
    "nonce": None,
}


@pytest.mark.parametrize(
    ("told", "against"),
    [
        ({}, []),
        ({"sid": "s"}, []),
        ({"sub": None, "sid": "s"}, []),
        ({"sub": None}, [Why.SUBJECT]),
        ({"events": {"other": {}}}, [Why.EVENT]),
        ({"events": "x"}, [Why.EVENT]),
        ({"nonce": "once"}, [Why.KIND]),
        ({"jti": None}, [Why.REPLAYED]),
        ({"exp": None}, [Why.EXPIRED]),
        ({"iat": AT - 661}, [Why.STALE]),
        ({"aud": "other"}, [Why.AUDIENCE]),
    ],
)
def test_a_logout_token_says_all_that_it_must(told: dict[str, Any], against: list[Why]) -> None:
    claims = {name: value for name, value in {**CLAIMS, **EVENT, **told}.items() if value is not None}

    assert logout_token_refusals(claims, EXPECTED, now=NOW) == against


@pytest.mark.parametrize(
    ("told", "foreign"),
    [
        ({"affiliation": ["student@campus.test"]}, False),
        ({"affiliation": ["student"]}, False),
        ({"affiliation": ["student@CAMPUS.test"], "eppn": ["m@campus.test"]}, False),
        ({"affiliation": ["student@campus.test", "staff@other.test"]}, True),
        ({"affiliation": ["staff@a@campus.test"]}, True),
        ({"affiliation": ["@campus.test"]}, True),
        ({"eppn": ["marie"]}, True),
        ({"pairwise-id": ["x@other.test"]}, True),
        ({"mail": ["x@other.test"]}, False),
    ],
)
def test_a_provider_speaks_for_its_own_scopes_alone(told: dict[str, list[str]], foreign: bool) -> None:
    assert foreign_scopes(told, ["campus.test"]) is foreign


def test_claims_become_attributes_and_odd_ones_nothing() -> None:
    told = {"a": "x", "b": ["y", 7, "", "z" * 1001, "\x00", "y"], "c": {"x": 1}, "d": None, "e": ["w"]}
    names = {"a": "mail", "b": "affiliation", "c": "entitlement", "d": "assurance", "e": "affiliation"}

    assert attributes_of(told, names) == {"mail": ("x",), "affiliation": ("y", "w")}


def by_hand(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    return f"{encoded(header)}.{encoded(claims)}.{encoded(signature) if signature else ''}"


def with_secret(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    covered = f"{encoded(header)}.{encoded(claims)}"
    return f"{covered}.{encoded(hmac.new(secret, covered.encode(), hashlib.sha256).digest())}"


def without_signature(token: str) -> str:
    return token.rpartition(".")[0] + "."


def changed(token: str) -> str:
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    return f"{head}.{encoded({**claims, 'sub': 'admin'})}.{signature}"


Forger = Callable[[Provider, Asked], str]
OURS = key("first")
PEM = OURS.as_pem(private=False)
FORGED: dict[str, tuple[Forger, str]] = {
    "alg none": (lambda p, a: by_hand({"alg": "none"}, p.claims(a)), "algorithm-refused"),
    "alg nOnE": (lambda p, a: by_hand({"alg": "nOnE"}, p.claims(a)), "algorithm-refused"),
    "HS256 with the public key": (
        lambda p, a: with_secret({"alg": "HS256", "kid": "first"}, p.claims(a), PEM),
        "algorithm-refused",
    ),
    "without its signature": (lambda p, a: without_signature(signed(p.claims(a), OURS)), "signature-wrong"),
    "changed afterwards": (lambda p, a: changed(signed(p.claims(a), OURS)), "signature-wrong"),
    "another key of the same name": (
        lambda p, a: signed(p.claims(a), key("stranger"), kid="first"),
        "signature-wrong",
    ),
    "a key that it brings along": (
        lambda p, a: signed(
            p.claims(a), key("stranger"), kid=None, jwk=key("stranger").as_dict(private=False)
        ),
        "signature-wrong",
    ),
    "something critical that nobody knows": (
        lambda p, a: by_hand({"alg": "ES256", "kid": "first", "crit": ["x"], "x": 1}, p.claims(a), b"x" * 64),
        "signature-wrong",
    ),
    "a short RSA key": (lambda p, a: signed(p.claims(a), p.keys[1], alg="RS256"), "signature-wrong"),
    "an access token": (lambda p, a: signed(p.claims(a), OURS, typ="at+jwt"), "wrong-token"),
    "a logout token": (lambda p, a: signed(p.claims(a), OURS, typ="logout+jwt"), "wrong-token"),
    "no token at all": (lambda p, a: "x", "unreadable"),
    "no claims": (lambda p, a: by_hand({"alg": "ES256"}, {}, b"x" * 64), "signature-wrong"),
    "a megabyte": (lambda p, a: signed(p.claims(a, much="x" * 40_000), OURS), "unreadable"),
    "another's nonce": (lambda p, a: signed(p.claims(a, nonce="x" * 43), OURS), "nonce-other"),
    "for another client": (lambda p, a: signed(p.claims(a, aud="other"), OURS), "audience-other"),
    "of another issuer": (lambda p, a: signed(p.claims(a, iss="https://evil.test"), OURS), "wrong-issuer"),
    "expired": (lambda p, a: signed(p.claims(a, exp=int(time.time()) - 61), OURS), "expired"),
    "of another access token": (lambda p, a: signed(p.claims(a, at_hash="x" * 22), OURS), "token-hash-other"),
    "another campus's staff": (
        lambda p, a: signed(p.claims(a, eduperson_scoped_affiliation=["staff@other.test"]), OURS),
        "scope-foreign",
    ),
}


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
async def test_no_forged_token_begins_a_session(library: Front, provider: Provider, browser: Browser) -> None:
    provider.keys = [OURS, RSAKey.generate_key(1024, {"kid": "short"})]
    told = {}
    for story, (forge, _) in FORGED.items():
        asked = await browser.begin(provider)
        answer = await browser.client.get(provider.back(asked, provider.code(asked, forge(provider, asked))))
        reasons = answer.json().get("reasons", []) if answer.status_code == 403 else []
        told[story] = [each["code"] for each in reasons]
    noted = (await library.get("/v1/sign-ins", headers=bearer(OPERATOR))).json()["items"]

    assert told == {story: [code] for story, (_, code) in FORGED.items()}
    assert {each["outcome"] for each in noted} == {"refused"}
    assert len(noted) == len(FORGED)
    assert (await browser.session()).status_code == 404


async def test_the_userinfo_speaks_of_the_same_person(
    library: Front, provider: Provider, browser: Browser
) -> None:
    provider.userinfo = {"sub": "admin", "eduperson_entitlement": ["urn:campus:desk"]}
    answer = await browser.sign_in(provider)

    assert answer.json()["reasons"][0]["code"] == "subject-other"


async def test_no_answer_but_our_own_begins_a_session(
    library: Front, provider: Provider, browsers: Callable[[], Browser]
) -> None:
    evil = Provider(issuer="https://evil.test", name="evil-op")
    await configure(library, document(provider, evil))
    browser, victim = browsers(), browsers()
    await victim.begin(provider)

    async def tried(who: Browser, **more: str | None) -> tuple[int, str]:
        asked = await browser.begin(provider)
        path = more.pop("path", None)
        where = provider.back(asked, **{"code": provider.code(asked), **more})
        answer = await who.client.get(where.replace("campus-op", path) if path else where)
        reasons = answer.json().get("reasons") or [{"code": ""}]
        return answer.status_code, reasons[0]["code"]

    used = await browser.begin(provider)
    again = provider.back(used, provider.code(used))
    await browser.client.get(again)

    assert {
        "no state": await tried(browser, state=None),
        "a state that nobody gave": await tried(browser, state="x" * 43),
        "another browser (login CSRF)": await tried(victim),
        "a browser without cookies": await tried(browsers()),
        "another issuer says so (mix-up)": await tried(browser, iss="https://evil.test"),
        "no issuer, though it is promised": await tried(browser, iss=None),
        "at another provider's address": await tried(browser, path="evil-op"),
        "at nobody's address": await tried(browser, path="no-op"),
        "denied": await tried(browser, code=None, error="access_denied"),
        "neither code nor error": await tried(browser, code=None),
        "a code of somebody else": await tried(browser, code="stolen"),
    } == {
        "no state": (403, "no-request"),
        "a state that nobody gave": (403, "no-request"),
        "another browser (login CSRF)": (403, "other-browser"),
        "a browser without cookies": (403, "other-browser"),
        "another issuer says so (mix-up)": (403, "wrong-issuer"),
        "no issuer, though it is promised": (403, "wrong-issuer"),
        "at another provider's address": (403, "no-request"),
        "at nobody's address": (404, ""),
        "denied": (403, "not-signed-in-there"),
        "neither code nor error": (403, "unreadable"),
        "a code of somebody else": (403, "code-refused"),
    }
    assert (await browser.client.get(again)).json()["reasons"][0]["code"] == "request-used"
    assert (await victim.session()).status_code == 404


async def test_odd_answers_are_the_askers_fault(library: Front, provider: Provider, browser: Browser) -> None:
    asked = await browser.begin(provider)
    state = asked.query["state"]
    odd = [
        f"?state={state}&state={state}&code=x",
        f"?state={state}&code={'x' * 4001}",
        f"?state={state}&code=%00",
        "?state=%ED%A0%80&code=x",
        "",
    ]
    answers = [(await browser.client.get(f"/oidc/callback/campus-op{each}")).status_code for each in odd]

    assert answers == [400, 400, 400, 403, 403]


async def test_a_request_is_good_for_ten_minutes(
    library: Front, provider: Provider, browser: Browser
) -> None:
    asked = await browser.begin(provider)
    await library.resources.pool.execute("UPDATE door_request SET made_at = made_at - interval '10 minutes'")
    answer = await browser.client.get(provider.back(asked, provider.code(asked)))

    assert answer.json()["reasons"][0]["code"] == "request-expired"


async def test_targets_stay_at_home(library: Front, provider: Provider, browser: Browser) -> None:
    """T4: wherever the link wanted to lead."""
    told = []
    for target in ("https://evil.test", "//evil.test", "/\\evil.test", "/" + "x" * 3000):
        asked = await browser.begin(provider, target=target)
        answer = await browser.client.get(provider.back(asked, provider.code(asked)))
        told.append(answer.headers["location"])

    assert told == ["/sign-in"] * 4
