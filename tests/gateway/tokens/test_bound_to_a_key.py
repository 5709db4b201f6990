"""A token that is bound to a key opens nothing without it (DPoP, RFC 9449)."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey

from chassis.ids import uuid7
from gateway.tokens.dpop import Proof, ProofRefused, flaw, hash_of, read
from support.front import Front, bearer, fronting

LIBRARY = "https://library.test"
NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
HERE = f"{LIBRARY}/v1/whoami"
RIGHT = {"htm": "GET", "htu": HERE, "iat": NOW.timestamp(), "jti": "one", "ath": hash_of("a.token")}


def key() -> ECKey:
    return ECKey.generate_key("P-256")


def proof(of: ECKey | OKPKey, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A proof as a client makes it."""
    told = {"typ": "dpop+jwt", "alg": "ES256", "jwk": of.as_dict(private=False), **(header or {})}
    told = {name: value for name, value in told.items() if value is not None}
    body = {"jti": str(uuid7()), "iat": int(datetime.now(UTC).timestamp()), **claims}
    return jws.serialize_compact(told, json.dumps(body).encode(), of, algorithms=["ES256", "Ed25519"])


@pytest.mark.parametrize(
    ("claims", "method", "address", "why"),
    [
        ({}, "GET", HERE, None),
        ({"htu": "HTTPS://Library.test:443/v1/whoami?q=x#y"}, "GET", HERE, None),
        ({}, "POST", HERE, "`htm`"),
        ({"htm": "get"}, "GET", HERE, "`htm`"),
        ({}, "GET", f"{LIBRARY}/v1/loans", "`htu`"),
        ({"htu": "https://evil.test/v1/whoami"}, "GET", HERE, "`htu`"),
        ({"htu": "http://library.test/v1/whoami"}, "GET", HERE, "`htu`"),
        ({"htu": None}, "GET", HERE, "`htu`"),
        ({"htu": "https://library.test:none/v1/whoami"}, "GET", HERE, "`htu`"),
        ({"jti": ""}, "GET", HERE, "`jti`"),
        ({"jti": 7}, "GET", HERE, "`jti`"),
        ({"jti": "x" * 201}, "GET", HERE, "`jti`"),
        ({"jti": "\0"}, "GET", HERE, "`jti`"),
        ({"iat": None}, "GET", HERE, "`iat`"),
        ({"iat": True}, "GET", HERE, "`iat`"),
        ({"iat": NOW.timestamp() - 61}, "GET", HERE, "`iat`"),
        ({"iat": NOW.timestamp() + 6}, "GET", HERE, "`iat`"),
        ({"ath": None}, "GET", HERE, "`ath`"),
        ({"ath": hash_of("another")}, "GET", HERE, "`ath`"),
    ],
)
def test_a_proof_is_of_one_request_of_this_minute(
    claims: dict[str, Any], method: str, address: str, why: str | None
) -> None:
    told = flaw(Proof("key", RIGHT | claims), method=method, address=address, token="a.token", now=NOW)

    assert (told is None) if why is None else (told is not None and told.startswith(why))


def odd_proofs() -> dict[str, str]:
    good, other = key(), key()
    told = proof(good, htm="GET")
    head, body, signature = told.split(".")
    secret = {"typ": "dpop+jwt", "alg": "HS256", "jwk": {"kty": "oct", "k": "c2VjcmV0"}}
    return {
        "no type": proof(good, {"typ": "JWT"}),
        "another's key": proof(good, {"jwk": other.as_dict(private=False)}),
        "its private key": proof(good, {"jwk": good.as_dict(private=True)}),
        "no key": proof(good, {"jwk": None}),
        "changed": f"{head}.{body[:-2]}AA.{signature}",
        "no signature": f"{head}.{body}.",
        "a secret": jws.serialize_compact(secret, b"{}", _oct(), algorithms=["HS256"]),
        "no text": "not.a.proof",
        "too long": "x" * 9000,
    }


def _oct() -> Any:
    return OctKey.import_key({"kty": "oct", "k": "c2VjcmV0"})


@pytest.mark.parametrize("what", sorted(odd_proofs()))
def test_what_no_key_has_signed_is_no_proof(what: str) -> None:
    with pytest.raises(ProofRefused):
        read(odd_proofs()[what])


@pytest.fixture
async def front(gateway_dsn: str) -> AsyncIterator[Front]:
    async with fronting(gateway_dsn, public_url=LIBRARY) as opened:
        yield opened


async def token(front: Front, of: ECKey | None, *scopes: str, **header: str) -> httpx.Response:
    client = await front.machine(*(scopes or ("titles:read",)))
    headers = {"DPoP": proof(of, htm="POST", htu=f"{LIBRARY}/oauth2/token")} if of else {}
    return await front.client.post(
        "/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(client["id"], client["client_secret"]),
        headers={**headers, **header},
    )


async def asked(front: Front, credential: str, told: str | None) -> httpx.Response:
    headers = {"Authorization": f"DPoP {credential}", **({"DPoP": told} if told else {})}
    return await front.get("/v1/whoami", headers=headers)


async def test_a_bound_token_opens_with_its_key_and_not_without(front: Front) -> None:
    mine, thiefs = key(), key()
    given = (await token(front, mine)).json()
    bound = given["access_token"]

    def shown(by: ECKey, **claims: Any) -> str:
        return proof(by, **{"htm": "GET", "htu": HERE, "ath": hash_of(bound), **claims})

    assert given["token_type"] == "DPoP"
    good = await asked(front, bound, shown(mine))
    assert (good.status_code, good.json()["scopes"]) == (200, ["titles:read"])
    refused = {
        "as a bearer's": await front.whoami(bound),
        "without a proof": await asked(front, bound, None),
        "by the thief's key": await asked(front, bound, shown(thiefs)),
        "for another token": await asked(front, bound, shown(mine, ath=hash_of("another"))),
        "for another method": await asked(front, bound, shown(mine, htm="POST")),
    }
    for what, answer in refused.items():
        assert answer.status_code == 401, what
        assert answer.json()["code"] == "dpop-proof-wanted", what
        assert answer.headers["WWW-Authenticate"].startswith("DPoP error="), what


async def test_a_proof_is_good_once_however_many_ask_at_once_and_wherever(
    front: Front, gateway_dsn: str
) -> None:
    mine = key()
    bound = (await token(front, mine)).json()["access_token"]
    told = proof(mine, htm="GET", htu=HERE, ath=hash_of(bound))
    async with fronting(gateway_dsn, public_url=LIBRARY) as elsewhere:
        answers = await asyncio.gather(*(asked(each, bound, told) for each in [front, elsewhere] * 3))

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401, 401, 401]


async def test_an_unbound_token_is_no_bound_one(front: Front) -> None:
    plain = (await token(front, None)).json()

    told = proof(key(), htm="GET", htu=HERE, ath=hash_of(plain["access_token"]))
    answer = await asked(front, plain["access_token"], told)

    assert plain["token_type"] == "Bearer"
    assert (answer.status_code, "bound to no key" in answer.text) == (401, True)
    assert (await front.get("/v1/whoami", headers=bearer(plain["access_token"]))).status_code == 200


async def test_the_token_endpoint_takes_no_proof_that_is_for_something_else(front: Front) -> None:
    elsewhere = await token(front, None, DPoP=proof(key(), htm="POST", htu="https://evil.test/oauth2/token"))
    told = proof(key(), htm="POST", htu=f"{LIBRARY}/oauth2/token")
    first, second = await token(front, None, DPoP=told), await token(front, None, DPoP=told)

    assert (elsewhere.status_code, elsewhere.json()["error"]) == (400, "invalid_dpop_proof")
    assert (first.status_code, second.json()["error"]) == (200, "invalid_dpop_proof")


async def test_introspection_tells_the_key_and_the_server_that_it_binds(front: Front, gateway: Front) -> None:
    mine = key()
    bound = (await token(front, mine)).json()["access_token"]
    watcher = await front.machine("tokens:introspect")
    answer = await front.client.post(
        "/oauth2/introspect", data={"token": bound}, auth=(watcher["id"], watcher["client_secret"])
    )

    told = answer.json()
    assert (told["token_type"], told["cnf"]) == ("DPoP", {"jkt": mine.thumbprint()})
    place = "/.well-known/oauth-authorization-server"
    assert "ES256" in (await front.get(place)).json()["dpop_signing_alg_values_supported"]
    assert "dpop_signing_alg_values_supported" not in (await gateway.get(place)).json()
    assert (await token(gateway, mine)).json()["error"] == "invalid_dpop_proof"
