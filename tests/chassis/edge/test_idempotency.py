"""A repetition with the same key changes nothing and answers the same."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from chassis import database
from chassis.principal import ANONYMOUS, Principal
from chassis.transport.memory import MemoryTransport
from support import tiny as smallest
from support.harness import Harness, running
from support.tiny import Gate, ThingMoved

LOCKED = (
    "SELECT EXISTS (SELECT FROM pg_stat_activity "
    "WHERE wait_event_type = 'Lock' AND datname = current_database())"
)
OTHER = Principal("client", "another", frozenset({"*"}))


async def things(tiny: Harness) -> int:
    return int(await tiny.resources.pool.fetchval("SELECT count(*) FROM thing"))


async def keys(tiny: Harness) -> int:
    return int(await tiny.resources.pool.fetchval("SELECT count(*) FROM idempotency"))


async def test_the_same_request_with_the_same_key_is_answered_from_memory(tiny: Harness) -> None:
    first = await tiny.post("/v1/things", json={"name": "a"}, key="one")
    again = await tiny.post("/v1/things", json={"name": "a"}, key="one")

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    for name in ("Location", "ETag", "Content-Type"):
        assert again.headers[name] == first.headers[name]
    assert await things(tiny) == 1
    assert len(await tiny.announced(ThingMoved)) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/things", {"name": "b"}), ("/v1/things?x=1", {"name": "a"})],
    ids=["another body", "another address"],
)
async def test_a_key_belongs_to_one_request(tiny: Harness, path: str, body: dict[str, str]) -> None:
    await tiny.post("/v1/things", json={"name": "a"}, key="one")

    answer = await tiny.post(path, json=body, key="one")

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    assert await things(tiny) == 1


async def test_two_people_may_use_the_same_key(tiny: Harness) -> None:
    first = await tiny.post("/v1/things", json={"name": "a"}, key="one")
    with tiny.asking(OTHER):
        second = await tiny.post("/v1/things", json={"name": "a"}, key="one")

    assert first.json()["id"] != second.json()["id"]


async def test_strangers_do_not_meet_in_a_key(tiny: Harness) -> None:
    with tiny.asking(ANONYMOUS):
        answers = [await tiny.post("/v1/things", json={"name": name}, key="one") for name in "ab"]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert await keys(tiny) == 0


async def test_a_refused_request_keeps_neither_effect_nor_key(tiny: Harness) -> None:
    refused = await tiny.post("/v1/things", json={"name": "a", "refuse": True}, key="one")
    better = await tiny.post("/v1/things", json={"name": "a"}, key="one")

    assert (refused.status_code, refused.json()["code"]) == (409, "unwanted")
    assert better.status_code == 201
    assert await things(tiny) == 1
    assert len(await tiny.announced(ThingMoved)) == 1


async def test_a_malformed_request_keeps_no_key(tiny: Harness) -> None:
    malformed = await tiny.post("/v1/things", json={"nom": "a"}, key="one")

    assert malformed.status_code == 422
    assert await keys(tiny) == 0


async def test_a_duplicate_in_flight_waits_for_the_first_answer(tiny: Harness) -> None:
    gate = tiny.resources.own["gate"] = Gate()
    first = asyncio.create_task(tiny.post("/v1/things", json={"name": "a"}, key="one"))
    await gate.came.wait()
    second = asyncio.create_task(tiny.post("/v1/things", json={"name": "a"}, key="one"))
    await waiting(tiny)

    assert not second.done()
    gate.open.set()
    answers = await asyncio.gather(first, second)

    assert answers[0].content == answers[1].content
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert await things(tiny) == 1


async def test_a_duplicate_takes_over_when_the_first_fails(tiny: Harness) -> None:
    gate = tiny.resources.own["gate"] = Gate()
    body = {"name": "a", "refuse": True}
    first = asyncio.create_task(tiny.post("/v1/things", json=body, key="one"))
    await gate.came.wait()
    second = asyncio.create_task(tiny.post("/v1/things", json=body, key="one"))
    await waiting(tiny)
    gate.open.set()

    answers = await asyncio.gather(first, second)

    assert [answer.json()["code"] for answer in answers] == ["unwanted", "unwanted"]
    assert await keys(tiny) == 0


async def waiting(tiny: Harness) -> None:
    """Until somebody waits for another's lock."""
    async with asyncio.timeout(10):
        while not await tiny.resources.pool.fetchval(LOCKED):  # noqa: ASYNC110 - the database's own state
            await asyncio.sleep(0.01)


@pytest.fixture
async def impatient(
    tiny_dsn: str, bus: MemoryTransport, tiny_events: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Harness]:
    """The same service, waiting for locks a tenth of a second."""
    monkeypatch.setattr(database, "LOCK_TIMEOUT_MS", 100)
    async with running(smallest.SERVICE, tiny_dsn, transport=bus) as harness:
        yield harness


async def test_a_duplicate_that_waited_long_enough_is_told_to_come_again(impatient: Harness) -> None:
    gate = impatient.resources.own["gate"] = Gate()
    first = asyncio.create_task(impatient.post("/v1/things", json={"name": "a"}, key="one"))
    await gate.came.wait()

    second = await impatient.post("/v1/things", json={"name": "a"}, key="one")
    gate.open.set()

    assert (second.status_code, second.json()["code"]) == (409, "in-flight")
    assert (await first).status_code == 201


async def test_a_call_that_wants_a_key_is_not_taken_without(tiny: Harness) -> None:
    answers = [
        await tiny.client.post("/v1/things/sure"),
        await tiny.client.post("/v1/things/sure", headers={"Idempotency-Key": "  "}),
        await tiny.client.post("/v1/things/sure", headers={"Idempotency-Key": "k"}),
        await tiny.client.post("/v1/things/sure", headers={"Idempotency-Key": "k" * 201}),
    ]

    assert [answer.status_code for answer in answers] == [400, 400, 201, 422]
    assert answers[0].json()["code"] == "idempotency-key-required"


async def test_an_empty_key_is_no_key(tiny: Harness) -> None:
    made = [
        await tiny.client.post("/v1/things", json={"name": name}, headers={"Idempotency-Key": ""})
        for name in "ab"
    ]

    assert [answer.status_code for answer in made] == [201, 201]


async def test_reading_claims_no_key(tiny: Harness) -> None:
    await tiny.get("/v1/things", headers={"Idempotency-Key": "one"})

    assert await keys(tiny) == 0
