"""Only tokens that the gateway gave out for use outside, and that still hold, open anything."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OKPKey

from chassis.principal import Principal
from chassis.problems import Unauthenticated
from chassis.tokens import ISSUER
from gateway.tokens.keys import public_set
from gateway.tokens.minting import Mint
from support.front import OPERATOR, Front, bearer

GOOD = {"iss": ISSUER, "aud": "carrel", "sub": "staff:somebody", "scope": "*"}


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    told = {**GOOD, "iat": now, "exp": now + 600, **changed}
    return {name: value for name, value in told.items() if value is not None}


async def own_key(gateway: Front) -> Any:
    mint: Mint = gateway.app.state.mint
    return (await mint.keys())[-1]


async def signed(gateway: Front, **changed: Any) -> str:
    key = await own_key(gateway)
    return jwt.encode({"alg": "Ed25519", "kid": key.kid}, claims(**changed), key.key, algorithms=["Ed25519"])


def part(told: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()


async def test_a_token_signed_with_our_key_for_outside_is_good(gateway: Front) -> None:
    answer = await gateway.whoami(await signed(gateway))

    assert (answer.status_code, answer.json()["ref"]) == (200, "somebody")


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": int(time.time()) - 60},
        {"exp": None},
        {"aud": "circulation"},
        {"aud": None},
        {"iss": "somebody-else"},
        {"iss": None},
        {"sub": None},
    ],
    ids=["expired", "for ever", "for a service", "for nobody", "of another", "of nobody", "of no one's"],
)
async def test_a_token_that_is_expired_or_not_for_us_is_refused(
    gateway: Front, changed: dict[str, Any]
) -> None:
    answer = await gateway.whoami(await signed(gateway, **changed))

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_token_without_a_signature_is_refused(gateway: Front) -> None:
    kid = (await own_key(gateway)).kid

    for alg in ("none", "None", "NONE", ""):
        for signature in ("", "x", "AAAA"):
            forged = f"{part({'alg': alg, 'kid': kid})}.{part(claims())}.{signature}"
            assert (await gateway.whoami(forged)).status_code == 401, forged


async def test_the_public_key_is_no_secret_to_sign_with(gateway: Front) -> None:
    key = await own_key(gateway)
    public = key.key.as_dict(private=False)

    for secret in (key.key.as_pem(private=False), public["x"].encode(), json.dumps(public).encode()):
        told = f"{part({'alg': 'HS256', 'kid': key.kid})}.{part(claims())}"
        made = hmac.new(secret, told.encode(), hashlib.sha256).digest()
        forged = f"{told}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"
        assert (await gateway.whoami(forged)).status_code == 401


async def test_somebody_elses_key_under_our_keys_name_is_refused(gateway: Front) -> None:
    kid = (await own_key(gateway)).kid
    theirs = OKPKey.generate_key("Ed25519", {"kid": kid})
    header = {"alg": "Ed25519", "kid": kid, "jwk": theirs.as_dict(private=False)}

    forged = jwt.encode(header, claims(), theirs, algorithms=["Ed25519"])

    assert (await gateway.whoami(forged)).status_code == 401


async def test_changed_claims_are_refused(gateway: Front) -> None:
    head, _, signature = (await signed(gateway, scope="titles:read")).split(".")

    assert (await gateway.whoami(f"{head}.{part(claims(scope='*'))}.{signature}")).status_code == 401


async def test_a_token_of_the_hop_inside_opens_nothing_outside(gateway: Front) -> None:
    mint: Mint = gateway.app.state.mint
    inner = await mint.inner_token(
        Principal("staff", "x", frozenset({"*"})), "circulation", now=gateway.resources.clock()
    )

    assert (await gateway.whoami(inner)).status_code == 401


async def test_the_operators_key_may_do_all_and_a_near_miss_nothing(gateway: Front) -> None:
    assert (await gateway.whoami(OPERATOR)).json()["scopes"] == ["*"]
    for wrong in (OPERATOR[:-1], OPERATOR.upper(), "x" * 40):
        assert (await gateway.whoami(wrong)).status_code == 401


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Digest x", "Basic bmFtZTpzZWNyZXQ=", "x"])
async def test_another_way_to_say_who_asks_is_not_taken(gateway: Front, header: str) -> None:
    answer = await gateway.get("/v1/whoami", headers={"Authorization": header})

    assert answer.status_code == 401


async def test_who_says_nothing_is_anonymous(gateway: Front) -> None:
    assert (await gateway.get("/v1/whoami")).json()["kind"] == "anonymous"


@pytest.mark.parametrize(
    "query",
    [
        "access_token=x",
        "q=a&API_KEY=x",
        "client%5Fsecret=x",
        "apikey",
        "a=1&&password=x",
        "token=x",
    ],
)
@pytest.mark.parametrize("path", ["/v1/whoami", "/v1/loans", "/oauth2/token"])
async def test_a_secret_in_the_address_is_refused(gateway: Front, path: str, query: str) -> None:
    answer = await gateway.get(f"{path}?{query}", headers=bearer(OPERATOR))

    assert answer.status_code == 400
    assert [reason["code"] for reason in answer.json()["reasons"]] == ["secret-in-address"]


async def test_a_search_for_a_secret_word_is_no_secret(gateway: Front) -> None:
    answer = await gateway.get(
        "/v1/loans?q=password%3D1&resumptionToken=x&of=password=", headers=bearer(OPERATOR)
    )

    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/v1/whoami", "/v1/loans", "/oauth2/token"])
async def test_an_authorization_header_sent_twice_is_refused(gateway: Front, path: str) -> None:
    twice = [("Authorization", f"Bearer {OPERATOR}"), ("Authorization", f"Bearer {OPERATOR}")]

    answer = await gateway.client.request("POST", path, headers=twice)

    assert answer.status_code == 400
    assert [reason["code"] for reason in answer.json()["reasons"]] == ["header-repeated"]


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
HEADERS: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {},
    optional={
        "alg": st.sampled_from(["Ed25519", "EdDSA", "none", "HS256", 7, None, []]),
        "kid": st.text(max_size=8) | st.none() | st.integers() | st.lists(st.text(max_size=2), max_size=1),
        "crit": JSON,
        "b64": st.booleans(),
        "zip": st.just("DEF"),
    },
)
NO_CLAIMS: list[Any] = [[], None, "x", 1]
TOKENS = st.one_of(
    st.text(alphabet=st.characters(codec="latin-1"), max_size=40).map(lambda told: f"{told}.x"),
    st.builds(
        lambda head, body, end: f"{part(head)}.{part(body)}.{end}",
        HEADERS | JSON,
        JSON,
        st.sampled_from(["", "AAAA", "!"]),
    ),
    st.lists(HEADERS.map(part) | st.just("e30"), min_size=2, max_size=6).map(".".join),
)


async def test_whatever_else_is_sent_as_a_token_is_refused_and_nothing_breaks(gateway: Front) -> None:
    mint: Mint = gateway.app.state.mint
    kid = (await own_key(gateway)).kid
    accepted: list[str] = []
    broke: list[tuple[str, Exception]] = []
    tried: list[str] = []

    @settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(TOKENS)
    def collect(token: str) -> None:
        tried.append(token)

    collect()
    tried += [f"{part({'alg': 'Ed25519', 'kid': kid})}.{part(told)}.AAAA" for told in NO_CLAIMS]
    for token in tried:
        try:
            await mint.verified(token)
            accepted.append(token)
        except Unauthenticated:
            continue
        except Exception as error:  # every other kind is the fault looked for
            broke.append((token, error))

    assert len(tried) > 100
    assert not accepted
    assert not broke


async def test_published_keys_hold_no_private_part(gateway: Front) -> None:
    answer = await gateway.get("/.well-known/jwks.json")

    keys = answer.json()["keys"]
    assert [(key["kty"], key["crv"], key["use"], key["alg"]) for key in keys] == [
        ("OKP", "Ed25519", "sig", "Ed25519")
    ]
    assert all("d" not in key for key in keys)
    mint: Mint = gateway.app.state.mint
    assert public_set(await mint.keys()) == answer.json()
