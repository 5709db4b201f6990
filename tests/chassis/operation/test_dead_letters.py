"""What could not be handled is listed, sent again or given up, by somebody with a reason."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from uuid import UUID

import pytest

from chassis.consuming import Consumer
from chassis.ids import uuid7
from chassis.principal import Principal
from chassis.relay import Relay
from chassis.transport import DeadLetter, EventTransport, Message, TransportDown, transport_for
from chassis.transport.memory import MemoryTransport
from support import tiny as smallest
from support.harness import Harness, running
from support.telling import TYPES, heard, messages, moved, write


@pytest.fixture(
    params=[
        "postgres",
        pytest.param("rabbitmq", marks=[pytest.mark.rabbitmq, pytest.mark.xdist_group("rabbitmq")]),
    ]
)
async def wired(
    request: pytest.FixtureRequest,
    database: Callable[..., Awaitable[str]],
    tiny_dsn: str,
    tiny_events: None,
) -> AsyncIterator[Harness]:
    """The service on each transport in turn."""
    url = await database() if request.param == "postgres" else request.getfixturevalue("broker").url()
    transport = transport_for(url)
    await transport.open()
    await transport.declare("tiny", TYPES)
    async with running(smallest.SERVICE, tiny_dsn, transport=transport) as harness:
        yield harness
    await transport.close()


async def bury(harness: Harness, *places: str, reason: str = "too odd") -> list[Message]:
    """Set events aside, as a consumer does."""
    sent = messages(harness, [moved(uuid7(), place) for place in places])
    await harness.resources.transport.publish(sent)
    async with harness.resources.transport.subscribe("tiny") as subscription:
        taken = 0
        while taken < len(sent):
            for delivery in await subscription.receive(100, wait=5):
                await subscription.dead_letter(delivery, reason)
                taken += 1
    return sent


async def verdicts(harness: Harness) -> list[tuple[UUID, str, str, str]]:
    rows = await harness.resources.pool.fetch(
        "SELECT event_id, verdict, reason, actor FROM dead_letter_verdict ORDER BY event_id"
    )
    return [tuple(row) for row in rows]


async def judge(harness: Harness, verdict: str, *ids: UUID, reason: str = "mended") -> tuple[int, object]:
    answer = await harness.post(
        f"/v1/dead-letters:{verdict}", json={"ids": [str(letter) for letter in ids], "reason": reason}
    )
    return answer.status_code, answer.json()


async def test_dead_letters_are_listed_with_reason_attempts_and_event(wired: Harness) -> None:
    sent = await bury(wired, "a", "b")

    told = (await wired.get("/v1/dead-letters")).json()

    assert (told["queue"], told["dead"]) == ("tiny", 2)
    assert [letter["id"] for letter in told["items"]] == [str(message.id) for message in sent]
    (first, _) = told["items"]
    assert (first["reason"], first["attempts"], first["event"]["data"]["place"]) == ("too odd", 1, "a")
    assert len((await wired.get("/v1/dead-letters?limit=1")).json()["items"]) == 1


async def test_a_letter_that_is_no_json_is_shown_as_it_is(wired: Harness) -> None:
    good = messages(wired, [moved(uuid7(), "x")])[0]
    await wired.resources.transport.publish([Message(good.id, good.type, good.key, b"{broken \xff")])
    async with wired.resources.transport.subscribe("tiny") as subscription:
        consumer = Consumer(wired.resources, wired.service.subscriptions)
        await consumer.deliver(subscription, await subscription.receive(10, wait=5))

    (letter,) = (await wired.get("/v1/dead-letters")).json()["items"]

    assert letter["event"] == "{broken �"
    assert letter["reason"].startswith("broken body")


async def test_a_replayed_letter_is_handled_and_who_sent_it_is_kept(wired: Harness) -> None:
    first, second = await bury(wired, "first", "second")

    answer = await judge(wired, "replay", first.id)

    assert answer == (200, {"found": 1, "missing": []})
    async with wired.resources.transport.subscribe("tiny") as subscription:
        consumer = Consumer(wired.resources, wired.service.subscriptions)
        await consumer.deliver(subscription, await subscription.receive(10, wait=5))
    assert await heard(wired) == ["first"]
    left = (await wired.get("/v1/dead-letters")).json()["items"]
    assert [letter["id"] for letter in left] == [str(second.id)]
    assert await verdicts(wired) == [(first.id, "replayed", "mended", "staff:test-desk")]


async def test_a_discarded_letter_is_gone_and_the_reason_stays(wired: Harness) -> None:
    (letter,) = await bury(wired, "nowhere")

    answer = await judge(wired, "discard", letter.id, reason="  a test of ours  ")

    assert answer == (200, {"found": 1, "missing": []})
    assert (await wired.get("/v1/dead-letters")).json()["items"] == []
    assert await verdicts(wired) == [(letter.id, "discarded", "a test of ours", "staff:test-desk")]


async def test_a_second_verdict_finds_nothing_and_is_not_written_down(wired: Harness) -> None:
    (letter,) = await bury(wired, "a")
    await judge(wired, "replay", letter.id)

    again, other = await judge(wired, "replay", letter.id), await judge(wired, "discard", letter.id)

    assert (again[0], other[0]) == (404, 404)
    assert [verdict for _, verdict, _, _ in await verdicts(wired)] == ["replayed"]


async def test_those_that_are_not_there_are_named_and_the_others_dealt_with(wired: Harness) -> None:
    (letter,) = await bury(wired, "a")
    unknown = uuid7()

    answer = await judge(wired, "discard", letter.id, unknown, letter.id)

    assert answer == (200, {"found": 1, "missing": [str(unknown)]})
    assert [event for event, _, _, _ in await verdicts(wired)] == [letter.id]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"ids": [], "reason": "x"}, "/ids"),
        ({"ids": ["no uuid"], "reason": "x"}, "/ids/0"),
        ({"ids": [str(uuid7())] * 1001, "reason": "x"}, "/ids"),
        ({"ids": [str(uuid7())]}, "/reason"),
        ({"ids": [str(uuid7())], "reason": " \t"}, "/reason"),
        ({"ids": [str(uuid7())], "reason": "x" * 1001}, "/reason"),
        ({"ids": [str(uuid7())], "reason": "x", "all": True}, "/all"),
    ],
)
@pytest.mark.parametrize("verdict", ["replay", "discard"])
async def test_a_verdict_wants_letters_and_a_reason(
    tiny: Harness, verdict: str, body: dict[str, object], pointer: str
) -> None:
    answer = await tiny.post(f"/v1/dead-letters:{verdict}", json=body)

    assert answer.status_code == 422
    assert [reason["pointer"] for reason in answer.json()["reasons"]] == [pointer]


@pytest.mark.parametrize(
    ("asker", "status"),
    [(Principal("staff", "desk", frozenset({"changes:read"})), 403), (None, 401)],
    ids=["without the scope", "a stranger"],
)
async def test_dead_letters_are_the_operators_alone(
    tiny: Harness, asker: Principal | None, status: int
) -> None:
    body = {"ids": [str(uuid7())], "reason": "x"}
    with tiny.asking(asker):
        answers = [
            await tiny.get("/v1/dead-letters"),
            await tiny.post("/v1/dead-letters:replay", json=body),
            await tiny.post("/v1/dead-letters:discard", json=body),
            await tiny.post("/v1/events:replay", json={"queue": "tiny"}),
        ]

    assert [answer.status_code for answer in answers] == [status] * 4


class Gone(MemoryTransport):
    """Nobody answers."""

    async def open(self) -> None:
        raise TransportDown("nobody answers")

    async def dead_letters(self, queue: str, *, limit: int = 100) -> list[DeadLetter]:
        raise TransportDown("nobody answers")

    async def discard_dead(self, queue: str, ids: Collection[UUID]) -> frozenset[UUID]:
        raise TransportDown("nobody answers")


async def test_without_a_broker_nothing_is_judged(tiny_dsn: str, tiny_events: None) -> None:
    async with running(smallest.SERVICE, tiny_dsn, transport=Gone()) as tiny:
        answers = [
            (await tiny.get("/v1/dead-letters")).status_code,
            (await judge(tiny, "discard", uuid7()))[0],
            (await tiny.post("/v1/events:replay", json={"queue": "tiny"})).status_code,
        ]

        assert answers == [503, 503, 503]
        assert await verdicts(tiny) == []


async def published(harness: Harness, *places: str) -> None:
    """Into the outbox and out of it, so that the rows are kept."""
    await write(harness, *(moved(uuid7(), place) for place in places))
    await Relay(harness.resources.pool, harness.resources.transport, "tiny").carry()


async def taken(transport: EventTransport, queue: str, count: int) -> list[Message]:
    """So many messages, or what comes within a second when there are fewer."""
    got: list[Message] = []
    async with transport.subscribe(queue) as subscription:
        while len(got) < max(count, 1) and (batch := await subscription.receive(100, wait=5 if count else 1)):
            await subscription.ack(batch)
            got += [delivery.message for delivery in batch]
    return got


async def test_kept_events_go_again_to_one_consumer_which_takes_them_though_it_knew_them(
    wired: Harness,
) -> None:
    transport = wired.resources.transport
    await transport.declare("other", TYPES)
    await published(wired, "a", "b", "c")
    await wired.deliver_messages(*await taken(transport, "tiny", 3))
    await taken(transport, "other", 3)

    answer = await wired.post("/v1/events:replay", json={"queue": "tiny", "after": 1, "types": TYPES})

    assert answer.json() == {"sent": 2, "position": 3}
    assert await taken(transport, "other", 0) == []
    again = await taken(transport, "tiny", 2)
    assert [message.replay for message in again] == [True, True]
    await wired.deliver_messages(*again)
    assert await heard(wired) == ["a", "b", "c", "b", "c"]


async def test_a_replay_goes_on_where_the_last_one_ended(tiny: Harness, bus: MemoryTransport) -> None:
    await bus.declare("tiny", TYPES)
    await published(tiny, "a", "b", "c")

    one = await tiny.post("/v1/events:replay", json={"queue": "tiny", "limit": 2})
    two = await tiny.post("/v1/events:replay", json={"queue": "tiny", "after": one.json()["position"]})
    three = await tiny.post("/v1/events:replay", json={"queue": "tiny", "types": ["tiny.unknown.v1"]})

    assert [answer.json() for answer in (one, two, three)] == [
        {"sent": 2, "position": 2},
        {"sent": 1, "position": 3},
        {"sent": 0, "position": 0},
    ]


async def test_a_replay_to_a_queue_that_nobody_declared_is_refused(wired: Harness) -> None:
    await published(wired, "a")

    answer = await wired.post("/v1/events:replay", json={"queue": "nobody"})

    assert (answer.status_code, answer.json()["code"]) == (422, "queue-unknown")
    assert answer.json()["reasons"][0]["pointer"] == "/queue"
