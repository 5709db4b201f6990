"""Accounts with a second factor: an app's codes, recovery codes, passkeys; and one's own password."""

import asyncio
import time
from typing import Any

import httpx
import pyotp
import pytest
from argon2 import PasswordHasher

from gateway.accounts import passwords
from gateway.accounts.rules import FREE_FAILURES, folded_code
from support.authenticator import Device
from support.campus import LIBRARY
from support.front import OPERATOR, Front, bearer

WORD, OTHER = "correct horse battery", "another horse battery"


class Marie:
    """Somebody with an account."""

    def __init__(self, gateway: Front) -> None:
        self.gateway = gateway
        self.token = ""
        self.secret = ""
        self.ahead = -1

    async def signs_in(self, code: str | None = None, password: str = WORD) -> tuple[int, str]:
        body = {"username": "marie", "password": password} | ({"code": code} if code is not None else {})
        answer = await self.gateway.client.post("/v1/sessions", json=body)
        if answer.status_code == 201:
            self.token = answer.json()["access_token"]
        return answer.status_code, answer.json().get("code", "")

    def code(self) -> str:
        """The app's next code that was not shown yet, within the step that a clock may be ahead."""
        self.ahead += 1
        return pyotp.TOTP(self.secret).at(int(time.time()) // 30 * 30 + 30 * (self.ahead - 1))

    async def asks(self, method: str, path: str, **body: Any) -> httpx.Response:
        return await self.gateway.client.request(
            method, f"/v1/accounts/me/{path}", json=body, headers=bearer(self.token)
        )

    async def sets_up_the_app(self) -> list[str]:
        answer = await self.asks("POST", "authenticator-app", password=WORD)
        assert answer.status_code == 201, answer.text
        self.secret = answer.json()["secret"]
        assert answer.json()["uri"].startswith("otpauth://totp/Library:marie?secret=")
        answer = await self.asks("POST", "authenticator-app:confirm", code=self.code())
        assert answer.status_code == 200, answer.text
        return list(answer.json()["recovery_codes"])


@pytest.fixture
async def marie(gateway: Front, monkeypatch: pytest.MonkeyPatch) -> Marie:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", cheap)
    await gateway.account("marie", WORD, "desk")
    found = Marie(gateway)
    assert await found.signs_in() == (201, "")
    return found


async def test_an_app_counts_once_it_has_shown_a_right_code(marie: Marie) -> None:
    first = (await marie.asks("POST", "authenticator-app", password=WORD)).json()["secret"]
    wrong = await marie.asks("POST", "authenticator-app:confirm", code="000000")
    still = await marie.signs_in()
    recovery = await marie.sets_up_the_app()
    again = await marie.asks("POST", "authenticator-app", password=WORD, code=marie.code())

    assert (wrong.status_code, wrong.json()["code"]) == (409, "code-wrong")
    assert still == (201, "")
    assert marie.secret != first
    assert len(set(recovery)) == 10
    assert (again.status_code, again.json()["code"]) == (409, "second-factor-there")


async def test_a_code_is_wanted_taken_once_and_never_backwards(marie: Marie) -> None:
    await marie.sets_up_the_app()
    shown = marie.code()
    later = marie.code()

    assert await marie.signs_in() == (401, "second-factor-wanted")
    assert await marie.signs_in("000000") == (401, "sign-in-refused")
    assert await marie.signs_in(f" {later[:3]} {later[3:]} ") == (201, "")
    assert await marie.signs_in(later) == (401, "sign-in-refused")
    assert await marie.signs_in(shown) == (401, "sign-in-refused")


async def test_one_code_at_many_doors_at_once_opens_one(marie: Marie) -> None:
    recovery = await marie.sets_up_the_app()
    code = marie.code()
    for shown in (code, recovery[0]):
        told = await asyncio.gather(*(marie.signs_in(shown) for _ in range(3)))
        assert sorted(status for status, _ in told) == [201, 401, 401]
        await marie.gateway.resources.pool.execute("UPDATE account SET failures = 0, locked_until = NULL")


async def test_guesses_at_the_code_are_counted_and_asking_for_one_is_not(marie: Marie) -> None:
    recovery = await marie.sets_up_the_app()
    for _ in range(FREE_FAILURES + 2):
        assert await marie.signs_in() == (401, "second-factor-wanted")
    for _ in range(FREE_FAILURES):
        assert await marie.signs_in("000000") == (401, "sign-in-refused")

    assert await marie.signs_in(recovery[0]) == (401, "sign-in-refused")  # locked: not even looked at
    assert await marie.signs_in(password="wrong") == (401, "sign-in-refused")


async def test_recovery_codes_open_once_as_people_type_them(marie: Marie) -> None:
    recovery = await marie.sets_up_the_app()
    typed = recovery[0].upper().replace("-", " ")

    assert await marie.signs_in(typed) == (201, "")
    assert await marie.signs_in(recovery[0]) == (401, "sign-in-refused")
    renewed = await marie.asks("POST", "recovery-codes", password=WORD, code=recovery[1])
    assert await marie.signs_in(recovery[2]) == (401, "sign-in-refused")
    assert await marie.signs_in(renewed.json()["recovery_codes"][0]) == (201, "")
    left = (await marie.asks("GET", "second-factors")).json()
    assert left == {"app": True, "recovery_codes_left": 9, "passkeys": 0}


async def test_doing_without_takes_a_last_code_and_an_administrator_none(marie: Marie) -> None:
    await marie.sets_up_the_app()
    without = await marie.asks("POST", "authenticator-app:remove", password=WORD)
    removed = await marie.asks("POST", "authenticator-app:remove", password=WORD, code=marie.code())
    assert (without.json()["code"], removed.status_code) == ("second-factor-wanted", 204)
    assert await marie.signs_in() == (201, "")

    marie.ahead = -1
    await marie.gateway.resources.pool.execute("DELETE FROM account_totp")
    await marie.sets_up_the_app()
    account = (await marie.gateway.get("/v1/accounts?username=marie", headers=bearer(OPERATOR))).json()
    where = f"/v1/accounts/{account['items'][0]['id']}/second-factors"
    mine = await marie.gateway.client.delete(where, headers=bearer(marie.token))
    theirs = await marie.gateway.client.delete(where, headers=bearer(OPERATOR))
    assert (mine.status_code, theirs.status_code) == (403, 204)
    assert await marie.signs_in() == (201, "")


async def test_another_password_signs_every_browser_out(marie: Marie) -> None:
    transport = httpx.ASGITransport(app=marie.gateway.app)
    async with httpx.AsyncClient(transport=transport, base_url=LIBRARY) as browser:
        page = await browser.get("/sign-in/local")
        proof = page.text.partition('name="proof" value="')[2].partition('"')[0]
        form = {"proof": proof, "username": "marie", "password": WORD}
        assert (await browser.post("/sign-in/local", data=form)).status_code == 303
        before = (await browser.get("/v1/session")).status_code
        wrong = await marie.asks("PUT", "password", password="wrong", new_password=OTHER)
        weak = await marie.asks("PUT", "password", password=WORD, new_password="marie")
        done = await marie.asks("PUT", "password", password=WORD, new_password=OTHER)
        after = (await browser.get("/v1/session")).status_code

    assert (wrong.status_code, weak.status_code, done.status_code) == (401, 422, 204)
    assert (before, after) == (200, 404)
    assert await marie.signs_in() == (401, "sign-in-refused")
    assert await marie.signs_in(password=OTHER) == (201, "")


async def test_a_browser_is_asked_for_the_code_too(marie: Marie) -> None:
    recovery = await marie.sets_up_the_app()
    transport = httpx.ASGITransport(app=marie.gateway.app)
    async with httpx.AsyncClient(transport=transport, base_url=LIBRARY) as browser:
        page = await browser.get("/sign-in/local")
        proof = page.text.partition('name="proof" value="')[2].partition('"')[0]
        form = {"proof": proof, "username": "marie", "password": WORD}
        asked = await browser.post("/sign-in/local", data=form)
        done = await browser.post("/sign-in/local", data={**form, "code": recovery[0]})
        context = await marie.gateway.resources.pool.fetchval("SELECT context FROM browser_session")

    assert (asked.status_code, done.status_code) == (401, 303)
    assert "second factor" in asked.text
    assert context == "https://refeds.org/profile/mfa"


async def passkey(marie: Marie, device: Device, origin: str = LIBRARY, **proof: str) -> httpx.Response:
    begun = (await marie.asks("POST", "passkeys:begin", password=WORD, **proof)).json()
    made = device.make(begun["options"], origin=origin)
    return await marie.asks("POST", "passkeys", ticket=begun["ticket"], credential=made, name="telephone")


async def shown(
    gateway: Front, device: Device, origin: str = LIBRARY, *, ticket: str | None = None, **more: Any
) -> httpx.Response:
    begun = (await gateway.client.post("/v1/passkeys:begin")).json()
    body = {"ticket": ticket or begun["ticket"], "credential": device.show(begun["options"], origin=origin)}
    return await gateway.client.post("/v1/sessions:by-passkey", json={**body, **more})


@pytest.fixture
async def at_home(gateway: Front, marie: Marie) -> Marie:
    """Where the library's own address is known."""
    told = {"entity": {"url": LIBRARY}}
    await gateway.put("/v1/configuration/sign-on", json=told, headers=bearer(OPERATOR))
    return marie


async def test_a_passkey_signs_in_without_name_and_password(at_home: Marie) -> None:
    device = Device()
    kept = await passkey(at_home, device)
    answer = await shown(at_home.gateway, device, browser=True)
    who = (await at_home.gateway.whoami(answer.json()["access_token"])).json()
    listed = (await at_home.asks("GET", "passkeys")).json()["items"]

    assert (kept.status_code, answer.status_code) == (201, 201), (kept.text, answer.text)
    assert "loans:create" in who["scopes"]
    assert "__Host-sid=" in answer.headers["set-cookie"]
    assert [each["name"] for each in listed] == ["telephone"]
    assert listed[0]["used_at"] is not None

    dropped = await at_home.asks("DELETE", f"passkeys/{listed[0]['id']}")
    assert dropped.status_code == 204
    assert (await shown(at_home.gateway, device)).status_code == 401


async def test_what_a_device_shows_is_not_always_believed(at_home: Marie) -> None:
    device = Device()
    assert (await passkey(at_home, device)).status_code == 201
    begun = (await at_home.gateway.client.post("/v1/passkeys:begin")).json()
    body = {"ticket": begun["ticket"], "credential": device.show(begun["options"], origin=LIBRARY)}
    raced = await asyncio.gather(
        *(at_home.gateway.client.post("/v1/sessions:by-passkey", json=body) for _ in range(3))
    )
    copy, careless = Device(), Device(verifies=False)
    copy.id, copy.key, copy.user, copy.count = device.id, device.key, device.user, 0
    careless.id, careless.key, careless.user, careless.count = device.id, device.key, device.user, 50

    assert sorted(each.status_code for each in raced) == [201, 409, 409]
    assert (await shown(at_home.gateway, copy)).status_code == 401  # it counts from anew: a copy
    assert (await shown(at_home.gateway, careless)).status_code == 401  # nobody touched or looked at it
    assert (await shown(at_home.gateway, device, "https://library.evil.test")).status_code == 401
    assert (await shown(at_home.gateway, Device())).status_code == 401
    assert (await shown(at_home.gateway, device, ticket="x" * 80)).status_code == 409
    assert (await shown(at_home.gateway, device)).status_code == 201
    for odd in ({}, {"rawId": "é"}, {"rawId": 7}, {"rawId": body["credential"]["rawId"], "response": 7}):
        begun = (await at_home.gateway.client.post("/v1/passkeys:begin")).json()
        answer = await at_home.gateway.client.post(
            "/v1/sessions:by-passkey", json={"ticket": begun["ticket"], "credential": odd}
        )
        assert answer.status_code == 401, answer.text


async def test_a_passkey_is_made_at_home_by_whoever_has_proved_it_is_them(at_home: Marie) -> None:
    foreign = await passkey(at_home, Device(), "https://evil.test")
    careless = await passkey(at_home, Device(verifies=False))
    device = Device()
    assert (await passkey(at_home, device)).status_code == 201
    twice = await passkey(at_home, device)
    await at_home.sets_up_the_app()
    begun = await at_home.asks("POST", "passkeys:begin", password=WORD)

    assert [each.json()["code"] for each in (foreign, careless, twice)] == ["passkey-refused"] * 3
    assert begun.json()["code"] == "second-factor-wanted"


async def test_where_no_address_is_known_there_are_no_passkeys(marie: Marie) -> None:
    answer = await marie.gateway.client.post("/v1/passkeys:begin")

    assert (answer.status_code, answer.json()["code"]) == (404, "no-passkeys")


async def test_machines_strangers_and_programs_have_nothing_of_their_own_to_change(gateway: Front) -> None:
    token = await gateway.token("titles:read")
    told = []
    for headers in ({}, bearer(token), bearer(OPERATOR)):
        answer = await gateway.client.get("/v1/accounts/me/second-factors", headers=headers)
        told.append(answer.status_code)

    assert told == [401, 403, 404]


def test_codes_are_compared_as_people_type_them() -> None:
    assert folded_code(" 2AbC-D efg\t") == "2abcdefg"
