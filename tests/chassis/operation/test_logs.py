"""A line of the log helps to find what happened, and never tells who was there."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import pytest
from pydantic import BaseModel

from chassis import faults, logs
from chassis.consuming import Consumer
from chassis.ids import uuid7
from chassis.transport.memory import MemoryTransport
from support.harness import Harness
from support.telling import TYPES, messages, moved

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
NAME, CARD, KEY, QUERY = "Araminta Quill", "P0099887766", "sk-carrel-5ecret", "araminta.quill@example.edu"
CANARIES = (NAME, CARD, KEY, QUERY, "Araminta", "5ecret")


class Lines:
    """What was written so far."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def __call__(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Everything any logger says, as an operator's file would have it."""
    levels = {chatty: logging.getLogger(chatty).level for chatty in logs.CHATTY}
    for chatty in levels:
        logging.getLogger(chatty).setLevel("WARNING")
    written = Lines()
    handler = logging.StreamHandler(written.stream)
    handler.setFormatter(logs.JsonLines("tiny serve"))
    root, before = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel("INFO")
    yield written
    root.removeHandler(handler)
    root.setLevel(before)
    for chatty, level in levels.items():
        logging.getLogger(chatty).setLevel(level)


async def test_a_line_names_the_request_and_its_trace(tiny: Harness, lines: Lines) -> None:
    for _ in range(2):
        await tiny.get("/v1/things/broken", headers={"traceparent": TRACEPARENT})

    one, other = (line for line in lines() if line["text"] == "a request failed")
    assert one["trace"] == other["trace"] == TRACE
    assert one["request"] != other["request"]
    assert (one["level"], one["process"], one["route"]) == ("error", "tiny serve", "/v1/things/broken")
    assert "ZeroDivisionError" in one["exception"]
    assert "in broken" in one["exception"]


@pytest.mark.parametrize(
    "odd", ["", "nonsense", TRACEPARENT.upper(), TRACEPARENT + "\n", TRACEPARENT.replace(TRACE, "0" * 32)]
)
async def test_an_odd_traceparent_is_replaced(tiny: Harness, lines: Lines, odd: str) -> None:
    await tiny.get("/v1/things/broken", headers={b"traceparent": odd.encode()})

    (line,) = (line for line in lines() if line["text"] == "a request failed")
    assert len(line["trace"]) == 32
    assert line["trace"] not in (TRACE, "0" * 32)


async def test_a_line_of_the_consumer_names_the_event_and_the_trace_of_its_cause(
    tiny: Harness, bus: MemoryTransport, lines: Lines
) -> None:
    await bus.declare("tiny", TYPES)
    await tiny.post("/v1/things", json={"name": "a"}, headers={"traceparent": TRACEPARENT})
    (envelope,) = await tiny.envelopes()
    poisonous = json.dumps(
        json.loads(envelope.model_dump_json()) | {"data": {**envelope.data, "place": "poison"}}
    )
    (message,) = messages(tiny, [moved(uuid7(), "poison")])
    await bus.publish([type(message)(envelope.id, message.type, "k", poisonous.encode())])

    async with bus.subscribe("tiny") as subscription:
        consumer = Consumer(tiny.resources, tiny.service.subscriptions)
        await consumer.deliver(subscription, await subscription.receive(10, wait=0))

    (line,) = (line for line in lines() if line["text"] == "an event could not be handled")
    assert (line["event"], line["trace"], line["attempt"]) == (str(envelope.id), TRACE, 1)


async def test_nothing_of_what_people_sent_is_logged(tiny: Harness, lines: Lines) -> None:
    await tiny.resources.pool.execute(
        "ALTER TABLE thing ADD CONSTRAINT one_name UNIQUE (name), ADD CONSTRAINT few CHECK (count < 1000)"
    )
    headers = {"Authorization": f"Bearer {KEY}", "X-Api-Key": KEY, "Cookie": f"session={KEY}"}
    asked = [
        ("POST", "/v1/things", {"name": NAME}),
        ("POST", "/v1/things", {"name": NAME}),  # the constraint's error names the value
        ("POST", "/v1/things", {"name": CARD, "count": 5000}),  # the constraint's error shows the row
        ("POST", "/v1/things", {"name": CARD, "refuse": True}),
        ("POST", "/v1/things", {"name": CARD, "count": QUERY}),
        ("POST", "/v1/things", {"name": f"{NAME}\0"}),
        ("GET", f"/v1/things?name={NAME}&cursor={CARD}&count={QUERY}", None),
        ("GET", f"/v1/things/{CARD}/{KEY}", None),
        ("GET", f"/v1/things/busy-path?name={CARD}&number=9999999999999999999", None),
        ("GET", f"/v1/things/busy-path?name={CARD}%00", None),
        ("PATCH", f"/v1/things/{CARD}", {"name": NAME}),
        (NAME.split()[0].upper(), f"/v1/{CARD}", None),
    ]

    answers = [
        await tiny.client.request(
            method, path, json=body, headers={**headers, "Idempotency-Key": f"{KEY}-{number}"}
        )
        for number, (method, path, body) in enumerate(asked)
    ]

    assert [answer.status_code for answer in answers[:3]] == [201, 500, 500]
    await tiny.post("/v1/things", json={"name": NAME})
    told = json.dumps(lines())
    assert "one_name" in told
    assert "few" in told
    assert [canary for canary in CANARIES if canary.casefold() in told.casefold()] == []


async def test_what_comes_from_outside_does_not_grow_the_metrics(tiny: Harness) -> None:
    for method in (CARD, "QUILL"):
        await tiny.client.request(method, f"/v1/{CARD}")

    told = (await tiny.get("/metrics")).text
    assert 'method="other",route="-"' in told
    assert [canary for canary in (*CANARIES, "QUILL") if canary in told] == []


def caught(raising: Callable[[], object]) -> BaseException:
    try:
        raising()
    except Exception as error:
        return error
    raise AssertionError


class Card(BaseModel):
    number: int


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
        (caught(lambda: int(CARD)), "ValueError"),
        (caught(lambda: dict[str, int]()[CARD]), "KeyError"),
        (
            caught(lambda: Card.model_validate({"number": CARD})),
            "ValidationError: number: Input should be a valid integer, unable to parse string as an integer",
        ),
        (
            asyncpg.DataError(f"invalid input for query argument $1: '{CARD}' (an integer is required)"),
            "DataError: invalid input for query argument $1 (22000)",
        ),
        (
            ConnectionRefusedError(111, "Connection\nrefused"),
            "ConnectionRefusedError: [Errno 111] Connection refused",
        ),
    ],
)
def test_an_error_is_told_without_the_value_it_quotes(error: BaseException, told: str) -> None:
    assert faults.told(error) == told


def test_causes_and_groups_are_told_with_their_places() -> None:
    def fails() -> None:
        try:
            int(CARD)
        except ValueError as error:
            raise ExceptionGroup("both", [KeyError(NAME), TypeError("not a mapping")]) from error

    told = faults.traced(caught(fails))

    assert [kind in told for kind in ("ValueError", "ExceptionGroup: both", "KeyError", "TypeError: not a")]
    assert told.index("ValueError") < told.index("ExceptionGroup")
    assert "in fails" in told
    assert CARD not in told
    assert NAME not in told


@pytest.mark.parametrize("odd", ["\ud800", 2**70, b"\xff", {1: 2}, {"a": {3, 4}}])
def test_a_line_is_json_whatever_it_tells(lines: Lines, odd: object) -> None:
    logging.getLogger("odd").warning("odd", extra={"odd": odd, "text_": "x"})

    (line,) = lines()
    assert "odd" in line


def test_what_is_told_beside_cannot_pass_for_the_line_itself(lines: Lines) -> None:
    logging.getLogger("odd").warning("true", extra={"text": "false", "level": "debug", "at": "never"})

    (line,) = lines()
    assert (line["text"], line["level"]) == ("true", "warning")


def test_warnings_and_the_end_of_the_process_are_lines_too() -> None:
    script = (
        "import warnings; from chassis import logs; logs.configure('tiny serve'); "
        f"warnings.warn('odd'); int('{CARD}')"
    )

    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    told = [json.loads(line) for line in ended.stderr.splitlines()]
    assert ended.returncode == 1
    assert [(line["level"], line["process"]) for line in told] == [
        ("warning", "tiny serve"),
        ("critical", "tiny serve"),
    ]
    assert CARD not in ended.stderr.replace(f"int('{CARD}')", "")
