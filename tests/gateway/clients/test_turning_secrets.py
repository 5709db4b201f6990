"""Machines change their secrets without a gap, come from where they may, and show when they were used or leaked."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.ids import uuid7
from gateway.clients.rules import comes_from
from support.box import until
from support.front import OPERATOR, Front, bearer, fronting

FORM = {"grant_type": "client_credentials"}


async def turned(gateway: Front, client: dict[str, Any], credential: str = OPERATOR, **body: Any) -> Any:
    place = f"/v1/clients/{client['id']}/secrets"
    return await gateway.post(place, json=body, headers=bearer(credential))


async def token_status(gateway: Front, client: dict[str, Any], secret: str) -> int:
    answer = await gateway.client.post("/oauth2/token", data=FORM, auth=(client["id"], secret))
    return answer.status_code


async def test_both_keys_open_until_the_older_one_runs_out(gateway_dsn: str) -> None:
    now = datetime.now(UTC)
    moment = [now]
    async with fronting(gateway_dsn, clock=lambda: moment[0]) as gateway:
        client = await gateway.machine("titles:read", kind="api-key")
        old = client["api_key"]
        told = await turned(gateway, client, overlap_hours=2)
        new = told.json()["api_key"]
        during = [(await gateway.whoami(key)).status_code for key in (old, new)]
        third = await turned(gateway, client)
        moment[0] = now + timedelta(hours=3)
        after = [(await gateway.whoami(key)).status_code for key in (old, new)]
        again = await turned(gateway, client)

    assert (told.status_code, told.headers["Cache-Control"]) == (201, "no-store")
    assert (during, after) == ([200, 200], [401, 200])
    assert (third.status_code, third.json()["code"]) == (409, "two-secrets-live")
    assert again.status_code == 201


async def test_the_older_secret_can_be_ended_at_once_in_every_process(
    gateway: Front, gateway_dsn: str
) -> None:
    async with fronting(gateway_dsn) as elsewhere:
        key = await gateway.machine("titles:read", kind="api-key")
        oauth = await gateway.machine("titles:read")
        secret, token = oauth["client_secret"], await gateway.token("titles:read")
        new = {each["id"]: (await turned(gateway, each)).json() for each in (key, oauth)}
        assert (await elsewhere.whoami(key["api_key"])).status_code == 200
        assert await token_status(elsewhere, oauth, secret) == 200

        for each in (key, oauth):
            place = f"/v1/clients/{each['id']}/previous-secret"
            assert (await gateway.delete(place, headers=bearer(OPERATOR))).status_code == 204

        async def ended() -> bool:
            return (await elsewhere.whoami(key["api_key"])).status_code == 401

        await until(ended, seconds=5)
        assert await token_status(elsewhere, oauth, secret) == 401
        assert await token_status(elsewhere, oauth, new[oauth["id"]]["client_secret"]) == 200
        for front in (gateway, elsewhere):
            assert (await front.whoami(new[key["id"]]["api_key"])).status_code == 200
            assert (await front.whoami(token)).status_code == 200  # it is the same machine


async def test_a_machine_turns_its_own_secret_and_nobody_elses(gateway: Front) -> None:
    mine = await gateway.machine("titles:read", "items:read", kind="api-key")
    other = await gateway.machine("titles:read", kind="api-key")
    oauth = await gateway.machine("titles:read", "items:read")
    lesser = await gateway.client.post(
        "/oauth2/token", data={**FORM, "scope": "titles:read"}, auth=(oauth["id"], oauth["client_secret"])
    )

    own = await turned(gateway, mine, mine["api_key"])
    others = await turned(gateway, other, mine["api_key"])
    unknown = await turned(gateway, {"id": str(uuid7())}, mine["api_key"])
    by_a_lesser_token = await turned(gateway, oauth, lesser.json()["access_token"])

    assert own.status_code == 201
    assert (await gateway.whoami(own.json()["api_key"])).json()["ref"] == mine["id"]
    assert [each.status_code for each in (others, unknown, by_a_lesser_token)] == [403, 403, 403]


async def test_nobody_gets_the_secret_of_a_machine_that_may_more_than_they(gateway: Front) -> None:
    strong = await gateway.machine("titles:read", "accounts:write", kind="api-key")
    weak = await gateway.machine("clients:write", "titles:read", kind="api-key")

    told = await turned(gateway, strong, weak["api_key"])
    ended = await gateway.delete(
        f"/v1/clients/{strong['id']}/previous-secret", headers=bearer(weak["api_key"])
    )

    assert [told.status_code, ended.status_code] == [403, 403]
    assert (await gateway.whoami(strong["api_key"])).status_code == 200


async def test_a_revoked_machine_gets_no_new_secret(gateway: Front) -> None:
    client = await gateway.machine("titles:read")
    await gateway.delete(f"/v1/clients/{client['id']}", headers=bearer(OPERATOR))

    told = await turned(gateway, client)

    assert (told.status_code, told.json()["code"]) == (409, "client-revoked")
    assert (await turned(gateway, {"id": str(uuid7())})).status_code == 404


async def test_of_two_who_turn_at_once_one_does(gateway: Front) -> None:
    client = await gateway.machine("titles:read", kind="api-key")

    told = await asyncio.gather(*(turned(gateway, client) for _ in range(4)))

    assert sorted(each.status_code for each in told) == [201, 409, 409, 409]
    (new,) = (each.json()["api_key"] for each in told if each.status_code == 201)
    for key in (client["api_key"], new):
        assert (await gateway.whoami(key)).status_code == 200


async def test_a_repetition_names_the_machine_without_its_secret(gateway: Front) -> None:
    client = await gateway.machine("titles:read")
    place = f"/v1/clients/{client['id']}/secrets"
    first = await gateway.post(place, key="k", json={}, headers=bearer(OPERATOR))
    again = await gateway.post(place, key="k", json={}, headers=bearer(OPERATOR))

    assert first.json()["client_secret"]
    assert (again.status_code, again.json()["client_secret"]) == (201, None)
    assert await token_status(gateway, client, first.json()["client_secret"]) == 200


@pytest.mark.parametrize("hours", [-1, 169, "x", 10**40, None], ids=["past", "long", "word", "huge", "null"])
async def test_an_odd_overlap_is_told(gateway: Front, hours: Any) -> None:
    told = await turned(gateway, {"id": str(uuid7())}, overlap_hours=hours)

    assert told.status_code == 422


@pytest.mark.parametrize(
    ("address", "networks", "taken"),
    [
        ("10.1.2.3", None, True),
        ("10.1.2.3", ["10.0.0.0/8"], True),
        ("::ffff:10.1.2.3", ["10.0.0.0/8"], True),
        ("11.1.2.3", ["10.0.0.0/8", "192.168.0.0/16"], False),
        ("2001:db8::1", ["10.0.0.0/8", "2001:db8::/32"], True),
        (None, ["10.0.0.0/8"], False),
        ("testclient", ["10.0.0.0/8"], False),
    ],
    ids=["anywhere", "inside", "mapped", "outside", "ipv6", "unknown", "no-address"],
)
def test_a_machine_comes_from_its_networks(
    address: str | None, networks: list[str] | None, taken: bool
) -> None:
    assert comes_from(address, networks) is taken


async def test_a_machine_that_is_bound_to_networks_is_not_taken_from_elsewhere(gateway: Front) -> None:
    here: dict[str, Any] = {"networks": ["127.0.0.1"]}
    elsewhere: dict[str, Any] = {"networks": ["10.0.0.0/8", "2001:db8::/32"]}
    key, far = [await gateway.machine("titles:read", kind="api-key", **each) for each in (here, elsewhere)]
    oauth = await gateway.machine("titles:read", **elsewhere)
    wrong = await gateway.post(
        "/v1/clients",
        json={"kind": "api-key", "name": "x", "scopes": ["titles:read"], "networks": ["10.0.0.0/99"]},
        headers=bearer(OPERATOR),
    )

    assert key["networks"] == ["127.0.0.1/32"]
    assert (await gateway.whoami(key["api_key"])).status_code == 200
    refused = await gateway.whoami(far["api_key"])
    assert (refused.status_code, refused.json()["code"]) == (403, "network-refused")
    assert await token_status(gateway, oauth, oauth["client_secret"]) == 401
    assert wrong.status_code == 422


async def test_the_day_of_the_last_use_is_shown(gateway: Front) -> None:
    used = await gateway.machine("titles:read", kind="api-key")
    oauth = await gateway.machine("titles:read")
    idle = await gateway.machine("titles:read", kind="api-key")
    await gateway.whoami(used["api_key"])
    await token_status(gateway, oauth, oauth["client_secret"])

    told = (await gateway.get("/v1/clients", headers=bearer(OPERATOR))).json()["items"]

    days = {each["id"]: each["last_used_on"] for each in told}
    today = datetime.now(UTC).date().isoformat()
    assert [days[each["id"]] for each in (used, oauth, idle)] == [today, today, None]


async def test_a_key_in_an_address_is_marked_as_leaked_and_a_made_up_one_is_not(gateway: Front) -> None:
    real, other = [await gateway.machine("titles:read", kind="api-key") for _ in range(2)]
    made_up = other["api_key"][:-3] + "xyz"
    for place in (f"/v1/titles?key={real['api_key']}", f"/v1/{made_up}", f"/v1/titles?x={made_up}&y=crl_1"):
        answer = await gateway.get(place)
        assert answer.status_code == 400, place

    told = {
        each["id"]: each["leaked_at"]
        for each in (await gateway.get("/v1/clients", headers=bearer(OPERATOR))).json()["items"]
    }
    assert told[real["id"]] is not None
    assert told[other["id"]] is None
    new = (await turned(gateway, real, overlap_hours=0)).json()
    assert new["leaked_at"] is None
    assert (await gateway.whoami(real["api_key"])).status_code == 401
