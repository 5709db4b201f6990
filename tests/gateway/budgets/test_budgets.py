"""Bots spend their own budgets and fill their own places; the desks notice nothing of it."""

import asyncio
import hashlib
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from starlette.types import Message, Receive, Scope, Send

from gateway.budgets.counting import Budgets
from gateway.budgets.work import BITS
from support.box import until
from support.front import OPERATOR, Echo, Front, bearer, fronting

NOW = datetime(2027, 3, 1, 9, 0, 10, tzinfo=UTC)


async def configured(front: Front, **more: Any) -> None:
    """Put budgets in place; every process goes by them."""
    answer = await front.put("/v1/configuration/budgets", json=more, headers=bearer(OPERATOR))
    assert answer.status_code == 200, answer.text
    await budgets_of(front).read()


def budgets_of(front: Front) -> Budgets:
    budgets: Budgets = front.app.state.entrance.budgets
    return budgets


async def statuses(client: httpx.AsyncClient, times: int, path: str = "/v1/loans", **more: Any) -> list[int]:
    return [(await client.get(path, **more)).status_code for _ in range(times)]


async def test_whoever_has_spent_their_budget_waits_and_nobody_else_does(gateway: Front) -> None:
    await configured(gateway, stranger=3, machine=4)
    gateway.at(NOW)
    async with gateway.from_address("192.0.2.1") as bot, gateway.from_address("192.0.2.2") as reader:
        spent = await statuses(bot, 5)
        told = await bot.get("/v1/loans")
        other = await reader.get("/v1/loans")
        watched = await statuses(bot, 2, "/health/live")
        gateway.at(NOW + timedelta(seconds=50))
        later = await bot.get("/v1/loans")

    assert spent == [200, 200, 200, 429, 429]
    assert (told.json()["code"], told.headers["Retry-After"]) == ("budget-spent", "50")
    assert told.headers["RateLimit-Policy"] == '"stranger";q=3;w=60'
    assert told.headers["RateLimit"] == '"stranger";r=0;t=50'
    assert told.json()["reasons"][0]["limit"] == 3
    assert (other.status_code, other.headers["RateLimit"]) == (200, '"stranger";r=2;t=50')
    assert watched == [200, 200]
    assert later.status_code == 200


async def test_programs_have_their_own_and_staff_and_kiosks_are_not_counted(gateway: Front) -> None:
    await configured(gateway, stranger=1, machine=2, patron=1)
    keys = {
        name: (await gateway.machine(*scopes, kind="api-key", **more))["api_key"]
        for name, scopes, more in (
            ("one", ["titles:read"], {}),
            ("other", ["titles:read"], {}),
            ("large", ["titles:read"], {"per_minute": 4}),
            ("kiosk", ["loans:create"], {}),
        )
    }
    await budgets_of(gateway).read()

    async with gateway.from_address("192.0.2.1") as client:
        told = {
            name: await statuses(client, 5, headers=bearer(key))
            for name, key in {**keys, "staff": OPERATOR}.items()
        }
        kiosk = await client.get("/v1/loans", headers=bearer(keys["kiosk"]))

    assert {name: found.count(200) for name, found in told.items()} == {
        "one": 2,
        "other": 2,
        "large": 4,
        "kiosk": 5,
        "staff": 5,
    }
    assert "RateLimit" not in kiosk.headers


async def test_a_budget_is_one_however_many_processes_share_it(gateway: Front, gateway_dsn: str) -> None:
    await configured(gateway, stranger=10)
    gateway.at(NOW)
    async with fronting(gateway_dsn, clock=lambda: NOW, apps={"circulation": Echo()}) as second:
        fronts = [gateway, second]
        let_in = 0
        for front in [*fronts, *fronts, *fronts]:
            async with front.from_address("192.0.2.1") as bot:
                let_in += (await statuses(bot, 4)).count(200)
            for each in [*fronts, *fronts]:  # what the second tells the first learns a second later
                await budgets_of(each).even_out()

    assert let_in == 10
    kept = await gateway.resources.pool.fetch("SELECT budget_use::text AS told FROM budget_use")
    assert kept
    assert not [row for row in kept if "192.0.2" in row["told"]]


async def test_the_fullest_budgets_are_evened_out_when_there_are_too_many(
    gateway: Front, monkeypatch: Any
) -> None:
    await configured(gateway, stranger=10)
    gateway.at(NOW)
    monkeypatch.setattr("gateway.budgets.counting.HOT_AT_MOST", 1)
    for address, times in (("192.0.2.1", 2), ("192.0.2.2", 9), ("192.0.2.3", 3)):
        async with gateway.from_address(address) as bot:
            await statuses(bot, times)

    await gateway.resources.pool.execute("DELETE FROM budget_use")
    for use in budgets_of(gateway)._used.values():
        use.untold = use.here
    await budgets_of(gateway).even_out()

    assert [row["used"] for row in await gateway.resources.pool.fetch("SELECT used FROM budget_use")] == [9]


async def test_counting_goes_on_while_the_database_is_away(gateway: Front) -> None:
    await configured(gateway, stranger=2)
    budgets = budgets_of(gateway)

    async def away(*_: object) -> None:
        raise ConnectionRefusedError

    budgets._pool = type("Away", (), {"fetch": staticmethod(away), "fetchval": staticmethod(away)})()
    async with gateway.from_address("192.0.2.1") as bot:
        assert await statuses(bot, 3) == [200, 200, 429]


async def test_no_request_waits_for_the_database_to_be_counted(gateway: Front) -> None:
    await configured(gateway, stranger=100)
    asked: list[str] = []
    budgets = budgets_of(gateway)
    pool = budgets._pool

    async def noted(statement: str, *arguments: Any) -> Any:
        asked.append(statement)
        return await pool.fetch(statement, *arguments)

    budgets._pool = type("Noted", (), {"fetch": staticmethod(noted), "fetchval": pool.fetchval})()
    async with gateway.from_address("192.0.2.1") as bot:
        await statuses(bot, 50)
    await budgets.even_out()
    await budgets.even_out()

    assert len([statement for statement in asked if "budget_use" in statement]) <= 2


async def test_t55_bots_from_everywhere_fill_their_places_and_the_desk_has_its_own(gateway_dsn: str) -> None:
    waiting = asyncio.Event()
    working = 0

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal working
        if b"bot" in scope["query_string"]:
            working += 1
            await waiting.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async with fronting(gateway_dsn, apps={"circulation": slow}, stranger_places=4) as gateway:
        key = (await gateway.machine("loans:create", kind="api-key"))["api_key"]
        clients = [gateway.from_address(f"192.0.2.{number}") for number in range(40)]
        bots = [asyncio.create_task(client.get("/v1/loans?bot")) for client in clients]

        async def full() -> bool:
            return working == 4 and sum(bot.done() for bot in bots) == 20

        await until(full, seconds=5)
        desk = [(await gateway.get("/v1/loans", headers=bearer(who))).status_code for who in (OPERATOR, key)]
        waiting.set()
        told = [bot.result() for bot in await _ended(bots)]
        after = await clients[0].get("/v1/loans")
        for client in clients:
            await client.aclose()

    assert desk == [204, 204]
    assert sorted(answer.status_code for answer in told) == [204] * 20 + [503] * 20
    refused = next(answer for answer in told if answer.status_code == 503)
    assert (refused.json()["code"], refused.headers["Retry-After"]) == ("busy", "2")
    assert after.status_code == 204  # every place was given back


async def test_whoever_reads_their_answer_slowly_holds_no_place(gateway_dsn: str) -> None:
    reading, read_on = asyncio.Event(), asyncio.Event()

    async def nothing() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def slowly(message: Message) -> None:
        if message["type"] == "http.response.body":
            reading.set()
            await read_on.wait()

    async with fronting(gateway_dsn, apps={"circulation": Echo()}, stranger_places=1) as gateway:
        asked = {"type": "http", "method": "GET", "path": "/v1/loans", "raw_path": b"/v1/loans"}
        more = {"query_string": b"", "headers": [], "client": ("192.0.2.1", 1), "http_version": "1.1"}
        slow = asyncio.create_task(gateway.app({**asked, **more}, nothing, slowly))
        await reading.wait()
        async with gateway.from_address("192.0.2.2") as other, asyncio.timeout(1):
            answer = await other.get("/v1/loans")
        read_on.set()
        await slow

    assert answer.status_code == 200


async def _ended(tasks: list[asyncio.Task[httpx.Response]]) -> list[asyncio.Task[httpx.Response]]:
    await asyncio.gather(*tasks)
    return tasks


async def test_whoever_tries_keys_is_counted_as_the_stranger_they_are(gateway: Front) -> None:
    await configured(gateway, stranger=3)
    async with gateway.from_address("192.0.2.1") as thief:
        told = await statuses(thief, 5, headers=bearer("crl_" + "0" * 32 + "_x"))

    assert told == [401, 401, 401, 429, 429]


async def test_librarians_welcome_some_and_shut_others_out(gateway: Front) -> None:
    networks = [
        {"name": "our harvester", "networks": ["192.0.2.0/28"], "per_minute": 4},
        {"name": "a crawler", "networks": ["198.51.100.0/24"], "per_minute": 0},
    ]
    await configured(gateway, stranger=1, networks=networks)
    told = {}
    for address in ("192.0.2.1", "198.51.100.9", "203.0.113.1"):
        async with gateway.from_address(address) as client:
            told[address] = (await statuses(client, 5)).count(200)
    async with gateway.from_address("198.51.100.9") as crawler:
        known = await crawler.get("/v1/loans", headers=bearer(OPERATOR))
        refused = await crawler.get("/v1/loans")

    assert told == {"192.0.2.1": 4, "198.51.100.9": 0, "203.0.113.1": 1}
    assert (known.status_code, "work" in refused.json()) == (200, False)


def worked_out(challenge: str) -> str:
    """What a browser of good will works out."""
    for number in itertools.count():
        made = hashlib.sha256(f"{challenge}:{number}".encode()).digest()
        if int.from_bytes(made[:8], "big") >> (64 - BITS) == 0:
            return str(number)
    raise AssertionError


async def test_a_reader_works_for_a_second_budget_and_a_bot_cannot_hand_it_on(
    gateway: Front, monkeypatch: Any
) -> None:
    await configured(gateway, stranger=2)
    monkeypatch.setattr("gateway.budgets.work.BITS", 8)
    monkeypatch.setitem(globals(), "BITS", 8)
    gateway.at(NOW)
    async with gateway.from_address("192.0.2.1") as reader, gateway.from_address("192.0.2.9") as other:
        spent = (await statuses(reader, 2), (await reader.get("/v1/loans")).json()["work"])
        challenge = spent[1]["challenge"]
        done = {"challenge": challenge, "answer": worked_out(challenge)}

        async def asked(client: httpx.AsyncClient, **told: str) -> int:
            return (await client.post("/v1/guard-passes", json={**done, **told})).status_code

        wrong = [
            await asked(reader, answer="wrong"),
            await asked(reader, challenge=challenge[:-1] + ("A" if challenge[-1] != "A" else "B")),
            await asked(other),
        ]
        given = await reader.post("/v1/guard-passes", json=done)
        again = await reader.post("/v1/guard-passes", json=done)
        shown = {"Guard-Pass": given.json()["guard_pass"]}
        with_pass = await statuses(reader, 3, headers=shown)
        elsewhere = await statuses(other, 3, headers=shown)
        gateway.at(NOW + timedelta(minutes=6))
        late = await asked(reader)
        gateway.at(NOW + timedelta(hours=2))
        over = await statuses(reader, 3, headers=shown)

    assert wrong == [422, 422, 422]
    assert given.status_code == 201
    assert again.json() == given.json()  # one answer, one pass
    assert with_pass == [200, 200, 429]
    assert elsewhere == [200, 429, 429]  # one request of its two was the attempt to use another's answer
    assert (late, over) == (422, [200, 200, 429])


async def test_budgets_are_read_compared_and_put_in_place(gateway: Front) -> None:
    place, operator = "/v1/configuration/budgets", bearer(OPERATOR)
    clerk = await gateway.token("loans:create")
    usual = (await gateway.get(place, headers=operator)).json()

    dry = await gateway.put(place, params={"dry_run": True}, json={**usual, "patron": 7}, headers=operator)
    unchanged = (await gateway.get(place, headers=operator)).json()
    done = await gateway.put(place, json={**usual, "patron": 7}, headers=operator)
    wrong = [
        await gateway.put(place, json=body, headers=operator)
        for body in (
            {"patron": -1},
            {"patron": 10**30},
            {"bots": 1},
            {"networks": [{"name": "x", "networks": ["10.0.0.0/99"]}]},
        )
    ]

    assert (dry.json()["applied"], unchanged) == (False, usual)
    assert (done.json()["applied"], done.json()["sections"]["settings"]["changed"]) == (True, ["patron"])
    assert [answer.status_code for answer in wrong] == [422] * 4
    assert [
        (await gateway.get(place)).status_code,
        (await gateway.get(place, headers=bearer(clerk))).status_code,
    ] == [401, 403]
