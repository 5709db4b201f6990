"""A machine proves itself with a key of its own (RFC 7523): signed by that key, for us, of just now, and once."""

import asyncio
import json
import time
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from chassis.ids import uuid7
from gateway.clients.assertions import TYPE
from support.front import OPERATOR, Front, bearer, fronting

Keys = OKPKey | ECKey | RSAKey
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
OTHER = OKPKey.generate_key("Ed25519", {"kid": "ed"})
KEYS: list[tuple[Keys, str]] = [(ED, "Ed25519"), (EC, "ES256"), (RSA, "PS256"), (RSA, "RS256")]


def public(*keys: Keys) -> dict[str, Any]:
    """Keys as they are registered."""
    return {"keys": [key.as_dict(private=False) for key in keys]}


async def machine(gateway: Front, *keys: Keys) -> dict[str, Any]:
    return await gateway.machine("titles:read", "items:read", jwks=public(*keys))


def claims(client: dict[str, Any], **more: Any) -> dict[str, Any]:
    now = int(time.time())
    told = {
        "iss": client["id"],
        "sub": client["id"],
        "aud": "carrel-gateway",
        "iat": now,
        "exp": now + 60,
        "jti": str(uuid7()),
        **more,
    }
    return {name: value for name, value in told.items() if value is not None}


def signed(told: dict[str, Any], key: Any = ED, alg: str = "Ed25519", **header: Any) -> str:
    named = {"alg": alg, "kid": key.kid, **header}
    head = {name: value for name, value in named.items() if value is not None}
    return str(jwt.encode(head, told, key, algorithms=[alg]))


def raw(told: dict[str, Any], old: bytes, new: bytes) -> str:
    """Signed as no library would write it."""
    body = json.dumps(told).encode().replace(old, new)
    return jws.serialize_compact({"alg": "Ed25519", "kid": "ed"}, body, ED, algorithms=["Ed25519"])


async def asked(gateway: Front, assertion: str, **more: str) -> Any:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": TYPE,
        "client_assertion": assertion,
        **more,
    }
    return await gateway.client.post("/oauth2/token", data={k: v for k, v in form.items() if v})


async def test_every_kind_of_key_that_is_registered_opens(gateway: Front) -> None:
    client = await machine(gateway, ED, EC, RSA)
    assert (client["client_secret"], client["api_key"]) == (None, None)

    for key, alg in KEYS:
        answer = await asked(gateway, signed(claims(client), key, alg), scope="titles:read")
        assert answer.status_code == 200, answer.text
        who = (await gateway.whoami(answer.json()["access_token"])).json()
        assert (who["ref"], who["scopes"]) == (client["id"], ["titles:read"])


async def test_the_token_endpoint_may_be_named_where_the_gateway_knows_its_address(gateway_dsn: str) -> None:
    async with fronting(gateway_dsn, public_url="https://library.example/") as gateway:
        client = await machine(gateway, ED)
        for audience, status in (
            ("https://library.example/oauth2/token", 200),
            (["x", "https://library.example/oauth2/token"], 200),
            ("http://carrel.test/oauth2/token", 401),  # what a Host header says is nobody's word
            ("https://library.example/", 401),
        ):
            answer = await asked(gateway, signed(claims(client, aud=audience)))
            assert answer.status_code == status, audience


async def test_whatever_proves_nothing_is_refused_alike(gateway: Front) -> None:
    client, other = await machine(gateway, ED), await machine(gateway, EC)
    plain = await gateway.machine("titles:read")
    now = int(time.time())
    good = signed(claims(client))
    head, body, _ = good.split(".")
    octet = OctKey.import_key(str(ED.as_dict(private=False)["x"]), {"kid": "ed"})
    wrong = {
        "another's key": signed(claims(client), OTHER),
        "another machine's key": signed(claims(client), EC, "ES256"),
        "no key named": signed(claims(client), kid=None),
        "hmac with the public key": signed(claims(client), octet, "HS256"),
        "no signature": f"{head}.{body}.",
        "another's name": signed(claims(client, sub=other["id"])),
        "another's iss": signed(claims(client, iss=other["id"])),
        "nobody": signed(claims({"id": str(uuid7())})),
        "no id": signed(claims({"id": "x"})),
        "a machine without keys": signed(claims(plain)),
        "another server": signed(claims(client, aud="https://elsewhere.example/token")),
        "no server": signed(claims(client, aud=None)),
        "odd server": signed(claims(client, aud=[{"a": 1}])),
        "over": signed(claims(client, exp=now - 60)),
        "too long": signed(claims(client, exp=now + 3600)),
        "no end": signed(claims(client, exp=None)),
        "endless": signed(claims(client, exp=10**40)),
        "not yet": signed(claims(client, nbf=now + 300)),
        "from the future": signed(claims(client, iat=now + 300)),
        "no jti": signed(claims(client, jti=None)),
        "odd jti": signed(claims(client, jti=7)),
        "nul jti": signed(claims(client, jti="a\0b")),
        "long jti": signed(claims(client, jti="x" * 201)),
        "half a character": raw(claims(client, jti="HALF"), b"HALF", b"\\ud800"),
        "nonsense": "a.b.c",
        "one part": "x",
        "empty": "",
    }

    told = {name: await asked(gateway, assertion) for name, assertion in wrong.items()}

    assert {name: each.status_code for name, each in told.items() if each.status_code != 401} == {}
    assert len({each.text for each in told.values()}) == 1
    assert (await asked(gateway, good)).status_code == 200


async def test_an_assertion_is_good_once_however_many_come_at_a_time(gateway: Front) -> None:
    client = await machine(gateway, ED)
    assertion = signed(claims(client))

    told = await asyncio.gather(*(asked(gateway, assertion) for _ in range(4)))

    assert sorted(each.status_code for each in told) == [200, 401, 401, 401]
    assert (await asked(gateway, assertion)).status_code == 401
    await gateway.tick("forget-assertions")
    assert (await asked(gateway, assertion)).status_code == 401


async def test_credentials_of_two_kinds_or_of_an_unknown_one_are_refused(gateway: Front) -> None:
    client = await machine(gateway, ED)

    two = await asked(gateway, signed(claims(client)), client_secret="x")
    kind = await asked(gateway, signed(claims(client)), client_assertion_type="urn:x")
    other = await asked(gateway, signed(claims(client)), client_id=str(uuid7()))
    none = await asked(gateway, "", client_assertion_type=TYPE)

    assert [each.status_code for each in (two, kind, other, none)] == [400, 401, 401, 401]


async def test_keys_are_replaced_without_a_gap_and_a_secret_ends_with_them(gateway: Front) -> None:
    client = await gateway.machine("titles:read")
    place = f"/v1/clients/{client['id']}/jwks"

    put = await gateway.put(place, json=public(ED), headers=bearer(OPERATOR))
    by_secret = await gateway.client.post(
        "/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(client["id"], client["client_secret"]),
    )
    token = (await asked(gateway, signed(claims(client)))).json()["access_token"]
    both = await gateway.put(place, json=public(ED, EC), headers=bearer(token))
    during = [(await asked(gateway, signed(claims(client), *each))).status_code for each in KEYS[:2]]
    await gateway.put(place, json=public(EC), headers=bearer(token))
    after = [(await asked(gateway, signed(claims(client), *each))).status_code for each in KEYS[:2]]
    turned = await gateway.post(f"/v1/clients/{client['id']}/secrets", json={}, headers=bearer(OPERATOR))

    assert [put.status_code, by_secret.status_code, both.status_code] == [200, 401, 200]
    assert put.json()["jwks"] == public(ED)
    assert (during, after) == ([200, 200], [401, 200])
    assert (turned.status_code, turned.json()["code"]) == (409, "client-has-keys")


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ([ED.as_dict(private=True)], "key-private"),
        ([{"kty": "oct", "k": "c2VjcmV0", "kid": "x"}], "key-private"),
        ([{**ED.as_dict(private=False), "kid": None}], "key-unnamed"),
        ([ED.as_dict(private=False), {**EC.as_dict(private=False), "kid": "ed"}], "key-named-twice"),
        ([{"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA", "kid": "x"}], "key-refused"),
        ([{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "x"}], "key-refused"),
        ([{"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "x"}], "key-refused"),
        ([{"kty": "OKP", "crv": "X25519", "x": "AA", "kid": "x"}], "key-refused"),
        ([{"kty": 7, "kid": "x"}], "key-refused"),
        ([{"kty": ["OKP"], "kid": "x"}], "key-refused"),
        ([{"kty": "EC", "crv": ["P-256"], "kid": "x"}], "key-refused"),
        ([{**ED.as_dict(private=False), "more": "x" * 5000}], "key-refused"),
    ],
    ids=[
        "private",
        "octets",
        "unnamed",
        "twice",
        "curve",
        "no-point",
        "short",
        "exchange",
        "number",
        "list",
        "list-curve",
        "large",
    ],
)
async def test_keys_that_are_none_are_refused(gateway: Front, keys: list[Any], code: str) -> None:
    body = {"kind": "oauth2", "name": "x", "scopes": ["titles:read"], "jwks": {"keys": keys}}

    answer = await gateway.post("/v1/clients", json=body, headers=bearer(OPERATOR))

    assert answer.status_code == 422
    assert code in [reason["code"] for reason in answer.json()["reasons"]]


async def test_an_api_key_takes_no_keys(gateway: Front) -> None:
    body = {"kind": "api-key", "name": "x", "scopes": ["titles:read"], "jwks": public(ED)}
    key = await gateway.machine("titles:read", kind="api-key")

    made = await gateway.post("/v1/clients", json=body, headers=bearer(OPERATOR))
    put = await gateway.put(f"/v1/clients/{key['id']}/jwks", json=public(ED), headers=bearer(OPERATOR))

    for answer in (made, put):
        assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (422, "keys-for-oauth2")
