"""Machines get tokens for their secret (RFC 6749 §4.4), or carry a key."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from support.box import until
from support.front import OPERATOR, Front, bearer, fronting

FORM = {"grant_type": "client_credentials"}


async def test_name_and_secret_are_taken_by_basic_or_in_the_form(gateway: Front) -> None:
    machine = await gateway.machine("titles:read", "items:read")
    name, secret = machine["id"], machine["client_secret"]

    basic = await gateway.client.post("/oauth2/token", data=FORM, auth=(name, secret))
    form = await gateway.client.post(
        "/oauth2/token", data={**FORM, "client_id": name, "client_secret": secret}
    )

    for answer in (basic, form):
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.json()["scope"] == "items:read titles:read"
        who = (await gateway.whoami(answer.json()["access_token"])).json()
        assert (who["kind"], who["ref"], who["scopes"]) == ("client", name, ["items:read", "titles:read"])


async def test_credentials_sent_twice_are_refused(gateway: Front) -> None:
    machine = await gateway.machine("titles:read")
    name, secret = machine["id"], machine["client_secret"]

    answer = await gateway.client.post(
        "/oauth2/token", data={**FORM, "client_secret": secret}, auth=(name, secret)
    )

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "body",
    [
        b"grant_type=client_credentials&scope=a&scope=b",
        b"grant_type=client_credentials&client_id=%ff&client_id=x",
        b"\xff\xfe",
        b"&".join(b"a%d=1" % number for number in range(30)),
    ],
)
async def test_a_form_that_repeats_or_cannot_be_read_is_invalid(gateway: Front, body: bytes) -> None:
    answer = await gateway.client.post(
        "/oauth2/token", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Basic /////w=="])
async def test_basic_credentials_that_cannot_be_read_are_invalid(gateway: Front, header: str) -> None:
    answer = await gateway.client.post("/oauth2/token", data=FORM, headers={"Authorization": header})

    assert answer.status_code in (400, 401)
    assert answer.json()["error"] in ("invalid_request", "invalid_client")


async def test_another_grant_is_not_spoken(gateway: Front) -> None:
    answer = await gateway.client.post("/oauth2/token", data={"grant_type": "password"})

    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


async def test_a_wrong_secret_a_stranger_and_a_key_holder_look_the_same(gateway: Front) -> None:
    machine = await gateway.machine("titles:read")
    holder = await gateway.machine("titles:read", kind="api-key")
    secret_of_key = holder["api_key"].split("_", 2)[2]

    answers = [
        await gateway.client.post("/oauth2/token", data=FORM, auth=credentials)
        for credentials in (
            (machine["id"], "wrong"),
            ("01890000-0000-7000-8000-000000000000", machine["client_secret"]),
            ("no-uuid", "x"),
            (holder["id"], secret_of_key),
        )
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert all(answer.headers["WWW-Authenticate"].startswith("Basic") for answer in answers)


async def test_a_revoked_machine_gets_no_token(gateway: Front) -> None:
    machine = await gateway.machine("titles:read")

    revoked = await gateway.delete(f"/v1/clients/{machine['id']}", headers=bearer(OPERATOR))
    answer = await gateway.client.post(
        "/oauth2/token", data=FORM, auth=(machine["id"], machine["client_secret"])
    )

    assert revoked.status_code == 204
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_an_expired_machine_gets_no_token_and_its_key_opens_nothing(gateway: Front) -> None:
    ends = datetime.now(UTC) + timedelta(days=1)
    machine = await gateway.machine("titles:read", expires_at=ends.isoformat())
    holder = await gateway.machine("titles:read", kind="api-key", expires_at=ends.isoformat())
    gateway.at(ends)

    answer = await gateway.client.post(
        "/oauth2/token", data=FORM, auth=(machine["id"], machine["client_secret"])
    )
    who = await gateway.whoami(holder["api_key"])

    assert answer.json()["error"] == "invalid_client"
    assert who.status_code == 401


async def test_a_machine_may_ask_for_less_and_not_for_more(gateway: Front) -> None:
    machine = await gateway.machine("titles:read", "items:read")
    credentials = (machine["id"], machine["client_secret"])

    less = await gateway.client.post("/oauth2/token", data={**FORM, "scope": "items:read"}, auth=credentials)
    more = await gateway.client.post(
        "/oauth2/token", data={**FORM, "scope": "items:read items:write *"}, auth=credentials
    )

    assert less.json()["scope"] == "items:read"
    assert (await gateway.whoami(less.json()["access_token"])).json()["scopes"] == ["items:read"]
    assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")


async def test_a_key_opens_what_it_was_given_and_a_changed_one_nothing(gateway: Front) -> None:
    holder = await gateway.machine("titles:read", kind="api-key")
    key = holder["api_key"]

    assert holder["client_secret"] is None
    assert (await gateway.whoami(key)).json()["ref"] == holder["id"]
    for wrong in (key[:-1] + ("A" if key[-1] != "A" else "B"), "crl_", "crl_xyz_abc", key[:37], key + "x"):
        assert (await gateway.whoami(wrong)).status_code == 401, wrong


async def test_a_revoked_key_that_was_not_seen_before_opens_nothing(gateway: Front) -> None:
    holder = await gateway.machine("titles:read", kind="api-key")
    await gateway.delete(f"/v1/clients/{holder['id']}", headers=bearer(OPERATOR))

    assert (await gateway.whoami(holder["api_key"])).status_code == 401


async def refused(gateway: Front, credential: str) -> bool:
    return (await gateway.whoami(credential)).status_code == 401


async def test_a_revoked_machine_is_shut_out_of_every_process_at_once(
    gateway: Front, gateway_dsn: str
) -> None:
    holder = await gateway.machine("titles:read", kind="api-key")
    machine = await gateway.machine("titles:read")
    given = await gateway.client.post(
        "/oauth2/token", data=FORM, auth=(machine["id"], machine["client_secret"])
    )
    key, token = holder["api_key"], given.json()["access_token"]

    async with fronting(gateway_dsn) as other:
        await until(partial(hears, gateway), seconds=5)
        await until(partial(hears, other), seconds=5)
        for front in (gateway, other):
            for credential in (key, token):
                assert (await front.whoami(credential)).status_code == 200

        for revoked in (holder, machine):
            await gateway.delete(f"/v1/clients/{revoked['id']}", headers=bearer(OPERATOR))

        assert await refused(gateway, key)
        assert await refused(gateway, token)
        for credential in (key, token):
            await until(partial(refused, other, credential), seconds=5)

    async with fronting(gateway_dsn) as later:
        await until(lambda: hears(later), seconds=5)
        assert await refused(later, key)
        assert await refused(later, token)


async def hears(front: Front) -> bool:
    return bool(front.app.state.authenticator._hears)


async def test_a_process_that_hears_nothing_looks_every_key_up(gateway: Front) -> None:
    holder = await gateway.machine("titles:read", kind="api-key")
    await until(lambda: hears(gateway), seconds=5)
    await gateway.resources.pool.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND query LIKE '%revoked_at > now()%'"
    )

    async def deaf() -> bool:
        return not await hears(gateway)

    await until(deaf, seconds=5)
    first = await gateway.whoami(holder["api_key"])
    await gateway.resources.pool.execute("UPDATE client SET revoked_at = now()")

    assert first.status_code == 200
    assert await refused(gateway, holder["api_key"])
    await until(lambda: hears(gateway), seconds=10)


async def test_a_key_ends_when_it_expires_and_not_when_it_is_looked_up_again(gateway: Front) -> None:
    ends = datetime.now(UTC) + timedelta(days=1)
    holder = await gateway.machine("titles:read", kind="api-key", expires_at=ends.isoformat())
    await until(lambda: hears(gateway), seconds=5)

    before = await gateway.whoami(holder["api_key"])
    gateway.at(ends)

    assert before.status_code == 200
    assert await refused(gateway, holder["api_key"])


@pytest.mark.parametrize(
    "path", ["/v1/loans?{}", "/v1/loans?key={}", "/v1/loans/{}", "/v1/titles?query=a&x={}"]
)
async def test_a_key_in_an_address_is_refused_whatever_it_is_called_and_written_nowhere(
    gateway: Front, path: str
) -> None:
    key = (await gateway.machine("titles:read", kind="api-key"))["api_key"]

    answer = await gateway.client.post(path.format(key), headers=bearer(OPERATOR))
    await gateway.app.state.journal.flush()

    assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (400, "secret-in-address")
    rows = await gateway.resources.pool.fetch("SELECT audit_entry::text AS told FROM audit_entry")
    assert rows
    assert not [row for row in rows if key[40:] in row["told"] or key in row["told"]]


async def test_secrets_are_kept_nowhere_in_the_clear(gateway: Front) -> None:
    body = {"kind": "api-key", "name": "a machine", "scopes": ["titles:read"]}

    first = await gateway.post("/v1/clients", json=body, key="once", headers=bearer(OPERATOR))
    again = await gateway.post("/v1/clients", json=body, key="once", headers=bearer(OPERATOR))

    secret = first.json()["api_key"].split("_", 2)[2]
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["api_key"] is None
    kept = await gateway.resources.pool.fetch(
        "SELECT convert_from(body, 'UTF8') AS told FROM idempotency "
        "UNION ALL SELECT to_jsonb(client)::text FROM client"
    )
    assert len(kept) == 2
    assert not [row for row in kept if secret in row["told"]]


async def test_a_machine_is_given_no_scope_that_its_maker_lacks(gateway: Front) -> None:
    maker = await gateway.token("clients:write", "titles:read")
    body = {"kind": "oauth2", "name": "greedy", "scopes": ["titles:read", "titles:write"]}

    more = await gateway.post("/v1/clients", json=body, headers=bearer(maker))
    all_of_them = await gateway.post("/v1/clients", json={**body, "scopes": ["*"]}, headers=bearer(maker))
    same = await gateway.post("/v1/clients", json={**body, "scopes": ["titles:read"]}, headers=bearer(maker))

    assert more.status_code == 403
    assert [reason["text"] for reason in more.json()["reasons"]] == ["You do not have titles:write yourself."]
    assert (all_of_them.status_code, all_of_them.json()["reasons"][0]["code"]) == (422, "scope-unknown")
    assert same.status_code == 201


async def test_a_machine_is_given_no_library_that_its_maker_lacks(gateway: Front) -> None:
    maker = (await gateway.machine("clients:write", "titles:read", kind="api-key", libraries=["LAW"]))[
        "api_key"
    ]
    body = {"kind": "oauth2", "name": "wide", "scopes": ["titles:read"]}

    answers = [
        await gateway.post("/v1/clients", json={**body, "libraries": libraries}, headers=bearer(maker))
        for libraries in (None, ["LAW", "MAIN"], ["LAW"])
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 201]


async def test_machines_are_listed_page_by_page(gateway: Front) -> None:
    made = [(await gateway.machine("titles:read"))["id"] for _ in range(5)]

    seen, path = [], "/v1/clients?limit=2"
    while path:
        answer = await gateway.get(path, headers=bearer(OPERATOR))
        seen += [client["id"] for client in answer.json()["items"]]
        assert "secret" not in answer.text
        path = answer.links.get("next", {}).get("url", "")

    assert seen == made
