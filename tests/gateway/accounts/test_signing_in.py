"""People sign in with a local account."""

import asyncio
import os
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from gateway.accounts import passwords
from gateway.accounts.door import FROM_ONE_ADDRESS
from gateway.accounts.rules import FREE_FAILURES
from support.front import OPERATOR, Front, bearer

WORD = "correct horse battery"


async def sign_in(gateway: Front, username: str, password: str, **headers: str) -> httpx.Response:
    return await gateway.client.post(
        "/v1/sessions", json={"username": username, "password": password}, headers=headers
    )


async def test_an_account_signs_in_and_is_known_by_its_token(gateway: Front) -> None:
    account = await gateway.account("Marie", WORD, "desk", libraries=["MAIN"])

    answer = await sign_in(gateway, " MARIE ", WORD)

    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    who = (await gateway.whoami(answer.json()["access_token"])).json()
    assert (who["kind"], who["ref"], who["libraries"]) == ("staff", account["id"], ["MAIN"])
    assert "loans:create" in who["scopes"]


async def test_a_patron_is_known_as_one(gateway: Front) -> None:
    patron_id = "01890000-0000-7000-8000-0000000000aa"
    await gateway.account("reader", WORD, "patron", patron_id=patron_id)

    answer = await sign_in(gateway, "reader", WORD)

    who = (await gateway.whoami(answer.json()["access_token"])).json()
    assert (who["kind"], who["patron_id"], who["scopes"]) == ("patron", patron_id, ["account:own"])


async def test_a_wrong_name_a_wrong_password_and_a_closed_account_look_the_same(gateway: Front) -> None:
    await gateway.account("marie", WORD, "desk")
    closed = await gateway.account("closed", WORD, "desk")
    await gateway.patch(
        f"/v1/accounts/{closed['id']}",
        json={"disabled": True},
        headers={**bearer(OPERATOR), "If-Match": '"1"'},
    )

    answers = [
        await sign_in(gateway, "marie", "wrong"),
        await sign_in(gateway, "nobody", WORD),
        await sign_in(gateway, "closed", WORD),
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert len({tuple(sorted(set(answer.headers) - {"traceparent"})) for answer in answers}) == 1


async def test_too_many_guesses_lock_an_account_for_a_growing_while(gateway: Front) -> None:
    now = datetime.now(UTC)
    gateway.at(now)
    await gateway.account("marie", WORD, "desk")

    for _ in range(FREE_FAILURES):
        await sign_in(gateway, "marie", "wrong")
    while_locked = await sign_in(gateway, "marie", WORD)
    gateway.at(now + timedelta(seconds=2))
    after = await sign_in(gateway, "marie", WORD)

    assert while_locked.status_code == 401
    assert after.status_code == 201
    state = await gateway.resources.pool.fetchrow("SELECT failures, locked_until FROM account")
    assert state is not None
    assert tuple(state) == (0, None)


async def test_guesses_at_once_are_each_counted(gateway: Front) -> None:
    gateway.at(datetime.now(UTC))
    await gateway.account("marie", WORD, "desk")

    answers = await asyncio.gather(*(sign_in(gateway, "marie", f"guess {n}") for n in range(12)))

    assert {answer.status_code for answer in answers} == {401}
    assert await gateway.resources.pool.fetchval("SELECT failures FROM account") == FREE_FAILURES


async def test_one_account_signs_in_at_several_desks_at_once(gateway: Front) -> None:
    await gateway.account("marie", WORD, "desk")

    answers = await asyncio.gather(*(sign_in(gateway, "marie", WORD) for _ in range(8)))

    assert [answer.status_code for answer in answers] == [201] * 8


async def test_a_flood_of_sign_ins_holds_up_nothing_else(
    gateway: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    await gateway.account("marie", WORD, "desk")
    machine = await gateway.machine("titles:read")
    go_on = asyncio.Event()

    async def slowly(*_: object) -> bool:
        await go_on.wait()
        return False

    monkeypatch.setattr(passwords, "matches", slowly)  # as if the hashing threads were busy
    gateway.client._transport.client = ("192.0.2.1", 1)  # type: ignore[attr-defined]  # httpx's ASGITransport
    flood = [asyncio.create_task(sign_in(gateway, f"nobody {n}", "x")) for n in range(FROM_ONE_ADDRESS)]
    while gateway.app.state.door._waiting != FROM_ONE_ADDRESS:  # noqa: ASYNC110 - a count without an event
        await asyncio.sleep(0)

    too_many = await sign_in(gateway, "marie", WORD)
    token = await gateway.client.post(
        "/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(machine["id"], machine["client_secret"]),
    )
    listed = await gateway.get("/v1/accounts", headers=bearer(OPERATOR))
    gateway.client._transport.client = ("192.0.2.2", 1)  # type: ignore[attr-defined]
    elsewhere = asyncio.create_task(sign_in(gateway, "marie", WORD))
    await asyncio.sleep(0)
    go_on.set()
    answers = await asyncio.gather(*flood)

    assert (too_many.status_code, too_many.json()["code"]) == (429, "sign-in-busy")
    assert too_many.headers["Retry-After"] == "2"
    assert (token.status_code, listed.status_code) == (200, 200)
    assert [answer.status_code for answer in (*answers, await elsewhere)] == [401] * (FROM_ONE_ADDRESS + 1)
    assert gateway.app.state.door._waiting == 0
    assert not gateway.app.state.door._from


@pytest.mark.skipif(sys.platform != "linux", reason="a thread has a niceness of its own on Linux alone")
async def test_hashing_steps_back_for_the_desk() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    there = await asyncio.get_running_loop().run_in_executor(passwords._threads, niceness)

    assert there == niceness() + passwords.NICE or there == passwords.NICE


async def test_a_session_is_never_kept_with_an_idempotency_key(gateway: Front) -> None:
    await gateway.account("marie", WORD, "desk")
    machine = await gateway.token("titles:read")
    headers = {**bearer(machine), "Idempotency-Key": "one"}

    refused = [await sign_in(gateway, "marie", "wrong", **headers) for _ in range(2)]
    taken = await sign_in(gateway, "marie", WORD, **headers)

    assert [answer.status_code for answer in refused] == [401, 401]
    assert taken.status_code == 201
    kept = await gateway.resources.pool.fetch("SELECT convert_from(body, 'UTF8') AS told FROM idempotency")
    assert len(kept) == 2  # the account and the machine
    assert not [row for row in kept if "access_token" in (row["told"] or "")]


async def test_passwords_are_long_and_not_the_name(gateway: Front) -> None:
    async def codes(password: str) -> list[str]:
        body = {"username": "marie.curie", "password": password, "roles": ["desk"]}
        answer = await gateway.post("/v1/accounts", json=body, headers=bearer(OPERATOR))
        return [reason["code"] for reason in answer.json().get("reasons", [])]

    assert await codes("short") == ["password-too-short"]
    assert await codes("aaaaaaaaaaaa") == ["password-too-uniform"]
    assert await codes("xMarie.Curie1867") == ["password-holds-username"]
    assert await codes("a") == ["password-too-short", "password-too-uniform"]
    assert await codes(WORD) == []


async def test_a_username_is_there_once_however_it_is_written(gateway: Front) -> None:
    await gateway.account("marie", WORD, "desk")
    body: dict[str, Any] = {"password": WORD, "roles": ["desk"]}

    taken = await gateway.post("/v1/accounts", json={**body, "username": " Marie"}, headers=bearer(OPERATOR))
    blank = await gateway.post("/v1/accounts", json={**body, "username": "  "}, headers=bearer(OPERATOR))

    assert (taken.status_code, taken.json()["code"]) == (409, "username-taken")
    assert (blank.status_code, blank.json()["reasons"][0]["code"]) == (422, "username-blank")


async def test_an_account_changes_only_at_the_version_that_was_read(gateway: Front) -> None:
    account = await gateway.account("marie", WORD, "desk")
    path = f"/v1/accounts/{account['id']}"

    async def change(**headers: str) -> httpx.Response:
        return await gateway.patch(
            path, json={"roles": ["cataloguer"]}, headers={**bearer(OPERATOR), **headers}
        )

    without, changed, stale = (
        await change(),
        await change(**{"If-Match": '"1"'}),
        await change(**{"If-Match": '"1"'}),
    )

    assert [answer.status_code for answer in (without, changed, stale)] == [428, 200, 412]
    assert changed.headers["ETag"] == stale.headers["ETag"] == '"2"'


async def test_nobody_touches_an_account_that_may_more_than_they(gateway: Front) -> None:
    boss = await gateway.account("boss", WORD, "administrator")
    clerk = await gateway.token("accounts:write", "titles:read", "items:read", "changes:read")
    path, headers = f"/v1/accounts/{boss['id']}", {**bearer(clerk), "If-Match": '"1"'}

    changes: list[dict[str, Any]] = [
        {"password": "a word of the clerk's own"},
        {"roles": []},
        {"roles": ["discovery"], "password": "a word of the clerk's own"},
        {"disabled": True},
    ]
    answers = [await gateway.patch(path, json=change, headers=headers) for change in changes]
    promoted = await gateway.post(
        "/v1/accounts",
        json={"username": "friend", "password": WORD, "roles": ["administrator"]},
        headers=bearer(clerk),
    )

    assert [answer.status_code for answer in answers] == [403] * 4
    assert promoted.status_code == 403
    assert (await sign_in(gateway, "boss", WORD)).status_code == 201


async def test_accounts_are_found_by_name_and_never_show_a_password(gateway: Front) -> None:
    await gateway.account("marie", WORD, "desk")
    await gateway.account("pierre", WORD, "desk")

    answer = await gateway.get("/v1/accounts?username=MARIE", headers=bearer(OPERATOR))

    assert [account["username"] for account in answer.json()["items"]] == ["marie"]
    assert "password" not in answer.text
    assert "argon2" not in answer.text
