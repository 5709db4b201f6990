"""The busiest routes are answered past the framework; what is not plain goes its way, with all that was sent."""

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from fastapi import Request
from pydantic import BaseModel, TypeAdapter
from starlette.responses import Response
from starlette.types import Message, Receive

from chassis.application import new_router
from chassis.edge import busy, plain
from chassis.lanes import Lanes
from chassis.outbox import Origin
from chassis.principal import SCOPE_KEY, Principal
from chassis.problems import Refused

STAFF = Principal("staff", "x", frozenset({"*"}))
router = new_router(tag="gates")


class Gate(BaseModel):
    """What is sent."""

    number: int


async def _arguments(request: Request) -> dict[str, Any] | None:
    told = await plain(request, TypeAdapter(Gate))
    return None if told is None else {"body": told[0]}


@router.post("/v1/gates")
@busy(_arguments)
async def open_gate(body: Gate) -> Response:
    """A gate whose number decides what becomes of it."""
    if body.number == 2:
        raise Refused
    if body.number == 3:
        raise asyncpg.DataError("out of range")
    return Response(f"gate {body.number}")


async def _numbered(request: Request) -> dict[str, Any] | None:
    number = request.path_params["number"]
    return {"number": number} if number.isdigit() else None


@router.post("/v1/gates/{number}/keys")
@busy(_numbered)
async def key_of(number: str) -> Response:
    """A route with a parameter in its path."""
    return Response(f"key of {number}")


@router.post("/v1/others")
async def open_other(body: Gate) -> Response:
    """Not a busy one."""
    return Response()


async def taken(
    body: bytes, *, path: str = "/v1/gates", query: bytes = b"", who: Principal = STAFF
) -> tuple[Receive | None, list[Message], bool]:
    """What is left to receive by, what was sent, and whether the body was read."""
    sent: list[Message] = []
    read = False

    async def receive() -> Message:
        nonlocal read
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    resources = SimpleNamespace(origin=lambda actor, _: Origin("gates", 1, actor))
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": query,
        "headers": [(b"content-type", b"application/json"), (b"idempotency-key", b"k")],
        "app": SimpleNamespace(state=SimpleNamespace(resources=resources)),
        SCOPE_KEY: who,
    }
    onwards = await Lanes([router]).take(scope, receive, send)
    return onwards, sent, read


async def test_a_plain_request_is_answered() -> None:
    onwards, sent, _ = await taken(b'{"number": 1}')

    assert onwards is None
    assert (sent[0]["status"], sent[1]["body"]) == (200, b"gate 1")


@pytest.mark.parametrize("body", [b'{"number": "x"}', b"{", b'{"number": 1, "text": "\\u0000"}'])
async def test_what_is_not_valid_is_left_to_the_framework_with_its_body(body: bytes) -> None:
    onwards, sent, _ = await taken(body)

    assert not sent
    assert onwards is not None
    assert (await onwards())["body"] == body


@pytest.mark.parametrize(
    "other",
    [
        {"path": "/v1/others"},
        {"query": b"dry_run=true"},
        {"who": Principal("patron", "p", patron_id=uuid4())},
    ],
    ids=["another route", "a query", "a patron"],
)
async def test_what_is_for_somebody_else_is_not_even_read(other: dict[str, Any]) -> None:
    onwards, sent, read = await taken(b'{"number": 1}', **other)

    assert onwards is not None
    assert not sent
    assert not read


async def test_a_refusal_goes_to_the_frame_and_a_value_that_cannot_be_stored_is_told() -> None:
    with pytest.raises(Refused):
        await taken(b'{"number": 2}')
    _, sent, _ = await taken(b'{"number": 3}')

    assert sent[0]["status"] == 422


async def test_a_parameter_in_the_path_is_read() -> None:
    onwards, sent, _ = await taken(b"", path="/v1/gates/17/keys")

    assert onwards is None
    assert sent[1]["body"] == b"key of 17"


@pytest.mark.parametrize(
    "path", ["/v1/gates//keys", "/v1/gates/17/keys/", "/v1/gates/17/1/keys", "/v1/gates/x/keys"]
)
async def test_a_path_that_only_looks_like_it_is_left_to_the_framework(path: str) -> None:
    onwards, sent, _ = await taken(b"", path=path)

    assert onwards is not None
    assert not sent


@pytest.mark.parametrize("path", ["/v1/{a}/{b}", "/v1/x-{a}"])
def test_a_path_that_no_lane_reads_is_noticed_when_the_app_is_made(path: str) -> None:
    other = new_router(tag="others")
    other.post(path)(key_of)

    with pytest.raises(ValueError, match="whole segment"):
        Lanes([other])
