"""PAIA auth before the real circulation: patrons sign in with card and PIN, out, and change the PIN."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

import circulation.app
from circulation.pins import hashing
from gateway.paia.rules import DEFAULT, granted, inside
from support.front import OPERATOR, Front, bearer, fronting
from support.harness import migrated, running
from support.shared_data import shared_data
from support.university import CIRCULATION

CARD, PIN, NEW = "20000001", "2580", "1470"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (None, DEFAULT),
        ("", DEFAULT),
        ("read_items read_patron", ("read_patron", "read_items")),
        ("read_items *", ("read_items",)),
        ("admin", ()),
        ("change_password", ("change_password",)),
    ],
)
def test_scopes_are_granted_as_far_as_they_are_known(asked: str | None, told: tuple[str, ...]) -> None:
    assert granted(asked) == told


def test_only_a_token_for_the_whole_account_is_the_patrons_own() -> None:
    assert "account:own" in inside(DEFAULT)
    assert "account:own" not in inside(["read_patron", "read_items", "read_fees"])


class Program:
    """A program that speaks PAIA."""

    def __init__(self, front: Front, patron_id: str) -> None:
        self.front = front
        self.patron_id = patron_id

    async def says(self, method: str, token: str | None = None, **form: str) -> httpx.Response:
        headers = {} if token is None else bearer(token)
        return await self.front.client.post(f"/paia/auth/{method}", data=form, headers=headers)

    async def login(self, **form: str) -> httpx.Response:
        told = {"grant_type": "password", "username": CARD, "password": PIN, **form}
        return await self.says("login", **told)

    async def token(self, **form: str) -> str:
        return str((await self.login(**form)).json()["access_token"])

    async def reads(self, token: str) -> int:
        return (await self.front.client.get("/v1/patrons/me", headers=bearer(token))).status_code


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """PINs are hashed in no time: these stories are not about that."""
    monkeypatch.setattr(hashing, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    hashing._nobodys.cache_clear()
    yield
    hashing._nobodys.cache_clear()


@pytest.fixture
async def program(
    database: Callable[..., Awaitable[str]], gateway_dsn: str, cheap: None
) -> AsyncIterator[Program]:
    """Before a library with one patron, who has a card and a PIN."""
    async with AsyncExitStack() as stack:
        dsn = await database("circulation", lambda dsn: migrated(circulation.app.SERVICE, dsn))
        behind = await stack.enter_async_context(running(circulation.app.SERVICE, dsn))
        front = await stack.enter_async_context(fronting(gateway_dsn, apps={"circulation": behind.app}))
        asked = bearer(OPERATOR)
        answer = await front.put("/v1/configuration/circulation", json=CIRCULATION, headers=asked)
        assert answer.status_code == 200, answer.text
        body = {"barcode": CARD, "family_name": "Curie", "group": CIRCULATION["patron_groups"][0]["code"]}
        made = await front.post("/v1/patrons", json=body, headers={**asked, "Idempotency-Key": "marie"})
        assert made.status_code == 201, made.text
        patron_id = made.json()["id"]
        answer = await front.put(f"/v1/patrons/{patron_id}/card-pin", json={"pin": PIN}, headers=asked)
        assert answer.status_code == 204, answer.text
        yield Program(front, patron_id)


async def test_a_patron_signs_in_reads_the_account_and_signs_out(program: Program) -> None:
    answer = await program.login()
    told = answer.json()

    assert answer.status_code == 200, answer.text
    assert (told["patron"], told["token_type"], told["scope"]) == (
        program.patron_id,
        "Bearer",
        " ".join(DEFAULT),
    )
    assert answer.headers["x-paia-version"] == "1.4.0"
    assert answer.headers["x-oauth-scopes"] == told["scope"]
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    assert await program.reads(told["access_token"]) == 200
    assert await program.reads(await program.token(scope="read_fees")) == 403

    out = await program.says("logout", told["access_token"], patron=program.patron_id)
    assert (out.status_code, out.json()) == (200, {"patron": program.patron_id})
    assert await program.reads(told["access_token"]) == 401
    assert (await program.says("logout", told["access_token"])).json()["error"] == "invalid_grant"


async def test_the_answer_has_the_shape_of_the_published_example(program: Program) -> None:
    examples = json.loads(shared_data("paia-daia", "paia-examples.json").read_text())
    (example,) = (each for each in examples if each["request"] == "POST /paia/auth/login")
    form = dict(pair.split("=") for pair in example["send_form"].split("&"))
    answer = await program.login(**{**form, "password": PIN, "scope": example["body"]["scope"]})
    told: dict[str, Any] = answer.json()

    assert answer.status_code == example["status"]
    assert {name: type(value) for name, value in told.items()} == {
        name: type(value) for name, value in example["body"].items()
    }
    assert told["scope"] == example["body"]["scope"]
    assert told["expires_in"] == example["body"]["expires_in"]


async def test_what_is_wrong_is_told_as_paia_tells_it(program: Program) -> None:
    token = await program.token()
    stories = {
        "wrong PIN": await program.login(password="9999"),
        "nobody's card": await program.login(username="nobody"),
        "somebody else's id": await program.login(patron="20000002"),
        "no name": await program.login(username=""),
        "no scope that is known": await program.login(scope="admin"),
        "a machine for somebody": await program.says("login", grant_type="client_credentials", patron=CARD),
        "too long": await program.login(password="x" * 1001),
        "a PIN that no card has": await program.login(password="x" * 900),
        "JSON": await program.front.client.post("/paia/auth/login", json={"username": CARD}),
        "another way": await program.front.client.get("/paia/auth/login"),
        "another method": await program.says("register"),
        "reset": await program.says("reset", patron=CARD),
        "without a token": await program.says("change"),
        "a token for less": await program.says("change", token, patron=program.patron_id),
        "another's token": await program.says("logout", token, patron=CARD),
        "a token of another kind": await program.says("logout", OPERATOR),
    }

    assert {story: (each.status_code, each.json()["error"]) for story, each in stories.items()} == {
        "wrong PIN": (403, "access_denied"),
        "nobody's card": (403, "access_denied"),
        "somebody else's id": (403, "access_denied"),
        "no name": (422, "invalid_request"),
        "no scope that is known": (422, "invalid_request"),
        "a machine for somebody": (403, "access_denied"),
        "too long": (400, "invalid_request"),
        "a PIN that no card has": (403, "access_denied"),
        "JSON": (400, "invalid_request"),
        "another way": (405, "invalid_request"),
        "another method": (404, "not_found"),
        "reset": (501, "not_implemented"),
        "without a token": (401, "invalid_grant"),
        "a token for less": (403, "insufficient_scope"),
        "another's token": (403, "access_denied"),
        "a token of another kind": (401, "invalid_grant"),
    }
    assert stories["wrong PIN"].content == stories["nobody's card"].content
    assert all(each.headers["www-authenticate"].startswith("Bearer") for each in stories.values())
    assert stories["another way"].headers["allow"] == "POST, OPTIONS"
    less = stories["a token for less"].headers
    assert less["x-accepted-oauth-scopes"] == "change_password"
    assert less["x-oauth-scopes"] == " ".join(DEFAULT)  # what the token is for
    assert 'error="insufficient_scope", scope="change_password"' in less["www-authenticate"]
    assert "x-oauth-scopes" not in stories["without a token"].headers


async def test_browsers_that_ask_first_are_answered(program: Program) -> None:
    answer = await program.front.client.options("/paia/auth/login", headers={"Origin": "https://app.test"})

    assert answer.headers["access-control-allow-origin"] == "*"
    assert {"Content-Type", "Authorization", "Accept-Language"} == set(
        answer.headers["access-control-allow-headers"].split(", ")
    )


async def test_another_pin_ends_the_other_tokens(program: Program) -> None:
    other = await program.token()
    token = await program.token(scope="change_password read_patron read_fees read_items write_items")
    form = {"patron": program.patron_id, "username": CARD, "old_password": PIN}
    asked = bearer(OPERATOR)
    body = {
        "barcode": "20000002",
        "family_name": "Sklodowska",
        "group": CIRCULATION["patron_groups"][0]["code"],
    }
    made = await program.front.post("/v1/patrons", json=body, headers={**asked, "Idempotency-Key": "other"})
    pin = await program.front.put(
        f"/v1/patrons/{made.json()['id']}/card-pin", json={"pin": PIN}, headers=asked
    )
    assert pin.status_code == 204, made.text
    anothers = await program.says("change", token, **{**form, "username": "20000002"}, new_password=NEW)
    wrong = await program.says("change", token, **{**form, "old_password": "9999"}, new_password=NEW)
    simple = await program.says("change", token, **form, new_password="1234")
    done = await program.says("change", token, **form, new_password=NEW)

    assert [each.status_code for each in (anothers, wrong, simple, done)] == [403, 403, 422, 200]
    assert (await program.login(username="20000002")).status_code == 200  # it is still theirs
    assert "neighbouring" in simple.json()["error_description"]
    assert done.json() == {"patron": program.patron_id}
    assert (await program.reads(token), await program.reads(other)) == (200, 401)
    assert (await program.login()).status_code == 403
    assert (await program.login(password=NEW)).status_code == 200


async def test_guesses_at_every_door_are_one_count(program: Program) -> None:
    """T30: five in a row, here and at a kiosk together, and the card is locked."""
    await asyncio.gather(*(program.login(password="9999") for _ in range(3)))
    for _ in range(2):
        body = {"barcode": CARD, "pin": "9999"}
        await program.front.post("/v1/card-pins/verifications", json=body, headers=bearer(OPERATOR))

    assert (await program.login()).status_code == 403


async def test_tokens_are_kept_as_hashes_and_not_without_end(program: Program) -> None:
    pool = program.front.resources.pool
    made = [await program.token() for _ in range(3)]
    await pool.execute(
        "INSERT INTO patron_token SELECT sha256(n::text::bytea), $1::uuid, '{}', now() + interval '2 hours' "
        "FROM generate_series(1, 30) AS n",
        program.patron_id,
    )
    kept = str(await pool.fetch("SELECT * FROM patron_token"))
    await program.token()

    assert not any(token in kept for token in made)
    assert await pool.fetchval("SELECT count(*) FROM patron_token") == 20
    await pool.execute("UPDATE patron_token SET ends_at = now()")
    assert await program.reads(made[0]) == 401
