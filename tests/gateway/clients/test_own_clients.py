"""People make keys for their own work, which may no more than whoever made them, now and later."""

import asyncio
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from chassis.ids import uuid7
from gateway.accounts import passwords
from gateway.clients.own import EACH_PERSON
from gateway.clients.rules import Owner, own_scope_reasons, within_owner
from gateway.webhooks.ending import end_orphans
from support.box import until
from support.front import OPERATOR, Front, bearer

WORD = "correct horse battery"
KEPT = """
INSERT INTO webhook (id, owner_kind, owner_ref, owner_id, description, url, types, payload, signature, concurrency,
    state, challenge, created_at, announced, warned, version, failures)
VALUES ($1, 'client', $2::text, $2::text::uuid, '', 'https://x.test',
    ARRAY['catalog.import-finished.v1'], 'thin', 'v1', 8,
    'active', '', now(), 0, 0, 1, 0)
"""
MINE = "/v1/accounts/me/clients"
HELD = frozenset({"titles:read", "clients:own"})


@pytest.mark.parametrize(
    ("owner", "left"),
    [
        (Owner(["cataloguer"], None, False), ["items:read", "titles:read"]),
        (Owner(["self-check"], None, False), ["titles:read"]),
        (Owner(["administrator"], None, False), ["items:read", "loans:read", "titles:read"]),
        (Owner(["cataloguer"], None, True), []),
        (Owner([], None, False), []),
        (Owner(["a role that is gone"], None, False), []),
    ],
)
def test_a_key_may_what_its_owner_may_at_the_moment(owner: Owner, left: list[str]) -> None:
    assert within_owner(["titles:read", "loans:read", "items:read"], owner) == left


@pytest.mark.parametrize(
    ("held", "asked", "codes"),
    [
        (HELD, ["titles:read"], []),
        (HELD, ["loans:read", "titles:read", "no:such"], ["scope-unknown", "scope-missing"]),
        (frozenset({"*"}), ["loans:read"], []),
        (frozenset({"*"}), ["account:own", "account:read"], ["scope-of-patrons", "scope-of-patrons"]),
    ],
)
def test_every_reason_against_the_scopes_of_ones_own_key(
    held: frozenset[str], asked: list[str], codes: list[str]
) -> None:
    assert [code for code, _ in own_scope_reasons(held, asked)] == codes


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed in no time: these stories are not about them."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", cheap)


async def somebody(gateway: Front, *roles: str, name: str = "ada") -> tuple[dict[str, Any], dict[str, str]]:
    """Their account, and the header that says it is they."""
    account = await gateway.account(name, WORD, *roles)
    answer = await gateway.client.post("/v1/sessions", json={"username": name, "password": WORD})
    return account, bearer(answer.json()["access_token"])


async def made(gateway: Front, who: dict[str, str], **more: Any) -> httpx.Response:
    body = {"kind": "api-key", "name": "my script", "scopes": ["titles:read", "items:read"], **more}
    return await gateway.post(MINE, json=body, headers=who)


async def change(gateway: Front, account: dict[str, Any], **body: Any) -> None:
    version = (await gateway.get(f"/v1/accounts/{account['id']}", headers=bearer(OPERATOR))).headers["etag"]
    headers = {**bearer(OPERATOR), "If-Match": version}
    answer = await gateway.client.patch(f"/v1/accounts/{account['id']}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text


async def scopes(gateway: Front, credential: str) -> list[str] | int:
    answer = await gateway.whoami(credential)
    return list(answer.json()["scopes"]) if answer.status_code == 200 else answer.status_code


async def test_a_key_of_ones_own_loses_what_its_owner_loses_and_ends_with_the_account(gateway: Front) -> None:
    account, ada = await somebody(gateway, "developer", "cataloguer")
    key = (await made(gateway, ada)).json()["api_key"]
    oauth = (await made(gateway, ada, kind="oauth2", scopes=["titles:write", "titles:read"])).json()

    async def token(scope: str) -> httpx.Response:
        form = {"grant_type": "client_credentials", "scope": scope}
        return await gateway.client.post(
            "/oauth2/token", data=form, auth=(oauth["id"], oauth["client_secret"])
        )

    assert await scopes(gateway, key) == ["items:read", "titles:read"]
    assert (await token("titles:write")).status_code == 200

    await change(gateway, account, roles=["self-check"])

    async def looked_up_again() -> bool:
        return await scopes(gateway, key) == ["titles:read"]

    await until(looked_up_again, seconds=5)
    assert (await token("titles:write")).json()["error"] == "invalid_scope"
    assert (await token("")).json()["scope"] == "titles:read"

    await change(gateway, account, disabled=True)

    async def shut() -> bool:
        return await scopes(gateway, key) == 401

    await until(shut, seconds=5)
    assert (await token("")).json()["error"] == "invalid_client"
    kept = await gateway.resources.pool.fetchval("SELECT scopes FROM client WHERE id = $1", oauth["id"])
    assert kept == ["titles:read", "titles:write"]  # what was asked for stays, should they come back


async def test_nobody_makes_a_key_that_may_more_than_they(gateway: Front) -> None:
    _, ada = await somebody(gateway, "developer")

    more = await made(gateway, ada, scopes=["titles:read", "loans:read", "titles:write"])
    unknown = await made(gateway, ada, scopes=["no:such", "account:own"])
    forever = await made(gateway, ada, days=366)
    in_house = await made(gateway, ada, in_house=True)

    assert (more.status_code, len(more.json()["reasons"])) == (403, 2)
    assert (unknown.status_code, len(unknown.json()["reasons"])) == (422, 2)
    assert (forever.status_code, in_house.status_code) == (422, 422)
    assert (await gateway.get(MINE, headers=ada)).json()["items"] == []


async def test_ones_own_keys_are_nobody_elses(gateway: Front) -> None:
    _, ada = await somebody(gateway, "developer")
    _, ben = await somebody(gateway, "developer", name="ben")
    key = (await made(gateway, ada)).json()
    place = f"{MINE}/{key['id']}"

    assert (await gateway.get(MINE, headers=ben)).json()["items"] == []
    assert (await gateway.delete(place, headers=ben)).status_code == 404
    assert (await gateway.post(f"{place}/secrets", json={}, headers=ben)).status_code == 404
    of_ada = f"/v1/audit/mine?client={key['id']}"
    assert [(await gateway.get(of_ada, headers=who)).status_code for who in (ada, ben)] == [200, 404]
    turned = (await gateway.post(f"{place}/secrets", json={}, headers=ada)).json()["api_key"]
    assert await scopes(gateway, turned) == ["items:read", "titles:read"]

    assert (await gateway.delete(place, headers=ada)).status_code == 204

    assert await scopes(gateway, turned) == 401
    assert (await gateway.get(MINE, headers=ada)).json()["items"] == []


async def test_who_asks_for_many_at_once_gets_as_many_as_one_may_have(gateway: Front) -> None:
    _, ada = await somebody(gateway, "developer")
    for _ in range(EACH_PERSON - 1):
        assert (await made(gateway, ada)).status_code == 201

    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    async with gateway.resources.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE client IN SHARE MODE")  # all may count, and none be written yet
        asked = [asyncio.ensure_future(made(gateway, ada)) for _ in range(2)]
        async with asyncio.timeout(30):
            while await connection.fetchval(waiting) < len(asked):  # noqa: ASYNC110 - locks have no event
                await asyncio.sleep(0.01)
    told = await asyncio.gather(*asked)

    assert sorted(answer.status_code for answer in told) == [201, 409]


async def test_machines_and_the_operators_key_make_none(gateway: Front) -> None:
    machine = await gateway.token("clients:own", "titles:read")

    told = [(await made(gateway, bearer(who))).status_code for who in (machine, OPERATOR)]

    assert told == [403, 404]


async def test_one_sees_ones_own_requests_and_those_of_ones_keys(gateway: Front) -> None:
    _, ada = await somebody(gateway, "developer")
    key = (await made(gateway, ada)).json()
    await gateway.get("/v1/clients", headers=bearer(key["api_key"]))
    await gateway.post("/v1/clients", json={}, headers=bearer(OPERATOR))
    await gateway.app.state.journal.flush()

    async def seen(credential: dict[str, str], query: str = "") -> list[tuple[str, str, int]]:
        items = (await gateway.get(f"/v1/audit/mine{query}", headers=credential)).json()["items"]
        return [(each["method"], each["path"], each["status"]) for each in items]

    assert await seen(ada) == [("POST", MINE, 201)]
    assert await seen(ada, f"?client={key['id']}") == [("GET", "/v1/clients", 403)]
    assert await seen(bearer(key["api_key"])) == [("GET", "/v1/clients", 403)]
    assert (await gateway.get("/v1/audit/mine")).status_code == 401


async def test_a_webhook_of_ones_own_key_ends_when_its_owner_may_no_longer_hear(gateway: Front) -> None:
    account, ada = await somebody(gateway, "developer", "cataloguer")
    key = (await made(gateway, ada, scopes=["webhooks:own", "imports:read"])).json()
    pool = gateway.resources.pool
    await pool.execute(KEPT, uuid7(), key["id"])
    await end_orphans(gateway.resources)
    before = await pool.fetchval("SELECT state FROM webhook")

    await change(gateway, account, roles=["self-check"])
    await end_orphans(gateway.resources)

    told = (await pool.fetch("SELECT state, reason FROM webhook"))[0]
    assert (before, tuple(told)) == ("active", ("disabled", "scope-lost"))
