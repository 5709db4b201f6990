"""Whatever is written to the gateway's socket: one request stays one, and nobody waits for a slow client."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from gateway.routing.upstream import Upstream
from support.front import OPERATOR, Echo, bearer, fronting, listening


@pytest.fixture
async def outside(gateway_dsn: str, circulation: Echo) -> AsyncIterator[str]:
    """The address of a gateway before a service on another port."""
    async with (
        listening(circulation) as service,
        fronting(gateway_dsn, circulation_url=service, client_patience=0.3) as gateway,
        listening(gateway.app) as address,
    ):
        yield address


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    told = urlsplit(address)
    reader, writer = await asyncio.open_connection(told.hostname, told.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def said(address: str, *pieces: bytes) -> bytes:
    """All that comes back for these bytes, until the gateway hangs up."""
    async with connected(address) as (reader, writer), asyncio.timeout(20):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await reader.read(-1)


def answer_in(told: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(told[told.index(b"{") : told.rindex(b"}") + 1])
    return found


def statuses(told: bytes) -> list[int]:
    return [int(part[:3]) for part in told.split(b"HTTP/1.1 ")[1:]]


async def test_a_body_framed_in_two_ways_reaches_no_service(outside: str, circulation: Echo) -> None:
    hidden = b"0\r\n\r\nGET /v1/loans/hidden HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    both = (
        b"POST /v1/loans HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n%b" % (len(hidden), hidden)
    )

    told = await said(outside, both)

    assert statuses(told) == [400]
    assert circulation.calls == 0


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: 5\r\nContent-Length: 5",
        b"Content-Length: 5, 5",
        b"Content-Length: +5",
        b"Content-Length: 5 5",
        b"Transfer-Encoding: identity",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding:\x0bchunked",
        b"X: y\nTransfer-Encoding: chunked",
        b"X: \x00",
        b" Folded: x",
    ],
    ids=repr,
)
async def test_an_ambiguous_head_is_refused_and_what_follows_is_no_second_request(
    outside: str, circulation: Echo, framing: bytes
) -> None:
    told = await said(
        outside,
        b"POST /v1/loans HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%b\r\n\r\nhello" % framing,
        b"GET /v1/loans/second HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )

    assert statuses(told)[0] == 400
    assert b"/v1/loans/second" not in told
    assert circulation.calls == 0


async def test_requests_sent_at_once_are_answered_in_their_order(outside: str) -> None:
    asked = [b"GET /v1/loans/%d HTTP/1.1\r\nHost: x\r\n" % number for number in range(3)]

    told = await said(outside, b"\r\n".join(asked) + b"Connection: close\r\n\r\n")

    assert statuses(told) == [200, 200, 200]
    assert [told.index(b'"/v1/loans/%d"' % number) for number in range(3)] == sorted(
        told.index(b'"/v1/loans/%d"' % number) for number in range(3)
    )


async def test_chunks_and_their_trailers_end_at_the_gateway(outside: str) -> None:
    told = await said(
        outside,
        b"POST /v1/loans HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Transfer-Encoding: chunked\r\nTrailer: Remote-User\r\n\r\n",
        b"3;ext=1\r\nabc\r\n0\r\nRemote-User: root\r\n\r\n",
    )

    assert statuses(told) == [200]
    answer = answer_in(told)
    names = [name for name, _ in answer["headers"]]
    assert answer["size"] == 3
    assert not {"remote-user", "trailer", "transfer-encoding"} & set(names)
    assert dict(answer["headers"])["content-length"] == "3"


async def test_a_client_that_waits_for_100_continue_is_told_to_go_on(outside: str) -> None:
    async with connected(outside) as (reader, writer):
        writer.write(
            b"POST /v1/loans HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Content-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        )
        async with asyncio.timeout(5):
            first = await reader.readuntil(b"\r\n\r\n")
            writer.write(b"body")
            second = await reader.readuntil(b"}")

    assert first.startswith(b"HTTP/1.1 100")
    assert second.startswith(b"HTTP/1.1 200")
    assert b'"size":4' in second


async def test_the_old_protocol_is_answered_and_hung_up(outside: str) -> None:
    told = await said(outside, b"GET /v1/loans HTTP/1.0\r\n\r\n")

    assert told.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in told.lower()
    assert b"transfer-encoding" not in told.lower()
    assert told.endswith(b"}")


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c"])
async def test_no_other_protocol_is_switched_to(outside: str, upgrade: bytes) -> None:
    told = await said(
        outside,
        b"GET /v1/loans HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: %b\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % upgrade,
    )

    assert told
    assert 101 not in statuses(told)


@pytest.mark.parametrize("method", [b"TRACE", b"PROPFIND", b"OPTIONS", b"HEAD"])
async def test_every_method_is_the_services_to_judge(outside: str, method: bytes) -> None:
    told = await said(outside, b"%b /v1/loans HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % method)

    assert statuses(told) == [200]
    assert told.endswith(b"\r\n\r\n") if method == b"HEAD" else b'"%b"' % method in told


@pytest.mark.parametrize("line", [b"CONNECT evil:80", b"GEET /v1/loans", b"GET evil@host", b"GET *"])
async def test_a_request_line_that_names_no_path_leads_nowhere(
    outside: str, circulation: Echo, line: bytes
) -> None:
    told = await said(outside, b"%b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % line)

    assert all(400 <= status < 500 for status in statuses(told))
    assert circulation.calls == 0


async def test_a_whole_address_in_the_request_line_leads_to_the_service_all_the_same(outside: str) -> None:
    told = await said(
        outside,
        b"GET http://elsewhere.example/v1/loans?q=1 HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n",
    )

    answer = answer_in(told)
    assert (answer["path"], answer["query"]) == ("/v1/loans", "q=1")
    assert dict(answer["headers"])["host"] != "elsewhere.example"


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        (b"/v1/loans/%2e%2e/%2e%2e/metrics", "/v1/loans/../../metrics"),
        (b"/v1/loans/../../metrics", "/v1/loans/../../metrics"),
        (b"/v1/loans/..;/metrics", "/v1/loans/..;/metrics"),
        (b"/v1/loans%2F..%2Fmetrics", "/v1/loans/../metrics"),
        (b"//v1/loans", "//v1/loans"),
        (b"/v1/loans//x", "/v1/loans//x"),
        (b"/v1/loans/%C3%BC%252F", "/v1/loans/\u00fc%2F"),
        (b"/v1/loans/a?x=/../#y", "/v1/loans/a"),
        (b"/v1/loans/@evil:1", "/v1/loans/@evil:1"),
    ],
)
async def test_a_path_reaches_the_service_as_it_was_judged(outside: str, path: bytes, seen: str) -> None:
    told = await said(outside, b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path)

    assert statuses(told) == [200]
    assert answer_in(told)["path"] == seen


@pytest.mark.parametrize("path", [b"/V1/loans", b"/v1/Loans", b"/v1;x/loans", b"/v1%00/loans", b"/v1\\loans"])
async def test_a_path_in_disguise_reaches_no_service(outside: str, circulation: Echo, path: bytes) -> None:
    told = await said(outside, b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path)

    assert statuses(told)[0] in (400, 404)
    assert circulation.calls == 0


async def test_bytes_that_no_address_may_hold_are_escaped_or_refused(outside: str) -> None:
    told = await said(
        outside, "GET /v1/loans/\u00fc HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    )

    assert statuses(told)[0] == 400 or answer_in(told)["path"] == "/v1/loans/\u00fc"


@pytest.mark.parametrize(
    ("value", "seen"), [("K\u00e4the".encode(), "K\u00e4the"), (b"K\xe4the \xff", "K\u00e4the \u00ff")]
)
async def test_a_header_in_any_coding_goes_on_as_utf_8(outside: str, value: bytes, seen: str) -> None:
    told = await said(
        outside, b"GET /v1/loans HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Name: %b\r\n\r\n" % value
    )

    assert dict(answer_in(told)["headers"])["x-name"].encode("latin-1").decode() == seen


async def test_headers_without_end_are_refused(outside: str, circulation: Echo) -> None:
    told = await said(
        outside,
        b"GET /v1/loans HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%b\r\n"
        % (b"X: %b\r\n" % (b"y" * 8000) * 10),
    )

    assert statuses(told) == [431]
    assert circulation.calls == 0


@pytest.mark.parametrize("path", [b"/v1/loans", b"/v1/sessions"])
async def test_a_body_that_stops_coming_is_given_up(outside: str, circulation: Echo, path: bytes) -> None:
    told = await said(
        outside,
        b"POST %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{" % path,
    )

    assert statuses(told) == [408]
    assert b'"too-slow"' in told
    assert b"connection: close" in told.lower()
    assert circulation.calls == 0


async def test_slow_senders_hold_up_nobody(gateway_dsn: str, circulation: Echo) -> None:
    head = b"POST /v1/loans HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n"
    async with (
        listening(circulation) as service,
        fronting(gateway_dsn, circulation_url=service, upstream_concurrency=1) as gateway,
        listening(gateway.app) as address,
        httpx.AsyncClient(base_url=address) as client,
        connected(address) as (_, short),
        connected(address) as (_, long),
    ):
        short.write(head + b"x")
        long.write(head + b"x" * 150_000)
        await long.drain()
        upstream: Upstream = gateway.app.state.upstreams["circulation"]
        async with asyncio.timeout(5):
            while circulation.calls < 1:  # noqa: ASYNC110 - a count without an event of its own
                await asyncio.sleep(0.01)

        answer = await client.get("/v1/loans")

        assert answer.status_code == 200
        assert upstream._free == 1


async def test_slow_readers_hold_up_nobody_and_are_given_up(gateway_dsn: str) -> None:
    ended = asyncio.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/v1/titles:export":
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        left = asyncio.ensure_future(receive())
        while not left.done() or left.result()["type"] != "http.disconnect":
            if left.done():
                left = asyncio.ensure_future(receive())
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
            await asyncio.sleep(0)
        ended.set()

    async with (
        listening(endless) as service,
        fronting(gateway_dsn, catalog_url=service, upstream_concurrency=1, client_patience=0.5) as gateway,
        listening(gateway.app) as address,
        httpx.AsyncClient(base_url=address) as client,
        connected(address) as (_, writer),
    ):
        writer.write(b"GET /v1/titles:export HTTP/1.1\r\nHost: x\r\n\r\n")
        upstream: Upstream = gateway.app.state.upstreams["catalog"]
        async with asyncio.timeout(5):
            while (await client.get("/v1/titles/x")).status_code != 204:  # noqa: ASYNC110 - asked until it fits
                await asyncio.sleep(0.05)
        async with asyncio.timeout(10):
            await ended.wait()
            while upstream._free < 1:  # noqa: ASYNC110 - a count without an event of its own
                await asyncio.sleep(0.01)


class Dropping:
    """A service that closes its connection on some requests instead of answering."""

    def __init__(self, drops: int) -> None:
        self.drops, self.seen = drops, [0, 0]

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            await reader.readexactly(length)
            warm = head.startswith(b"GET")
            self.seen[0 if warm else 1] += 1
            if not warm and self.drops:
                self.drops -= 1
                writer.close()
                return
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


@asynccontextmanager
async def dropping(drops: int) -> AsyncIterator[tuple[str, Dropping]]:
    service = Dropping(drops)
    server = await asyncio.start_server(service, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", service
    finally:
        server.close()


@pytest.mark.parametrize(
    ("headers", "drops", "status", "sent"),
    [
        ({"Idempotency-Key": "k", **bearer(OPERATOR)}, 1, 200, 2),
        ({"Idempotency-Key": "k", **bearer(OPERATOR)}, 2, 503, 2),
        ({"Idempotency-Key": "k"}, 1, 503, 1),
        (bearer(OPERATOR), 1, 503, 1),
    ],
    ids=["keyed", "keyed, lost twice", "keyed by a stranger", "without a key"],
)
async def test_a_lost_request_is_sent_again_only_where_that_is_harmless(
    gateway_dsn: str, headers: dict[str, str], drops: int, status: int, sent: int
) -> None:
    async with dropping(drops) as (url, service), fronting(gateway_dsn, circulation_url=url) as gateway:
        await gateway.get("/v1/loans")

        answer = await gateway.client.post("/v1/loans", json={"a": 1}, headers=headers)

    assert (answer.status_code, service.seen[1]) == (status, sent)


async def test_a_long_body_is_never_sent_twice(gateway_dsn: str) -> None:
    async with dropping(1) as (url, service), fronting(gateway_dsn, circulation_url=url) as gateway:
        await gateway.get("/v1/loans")

        answer = await gateway.client.post(
            "/v1/loans", content=b"x" * 100_000, headers={"Idempotency-Key": "k", **bearer(OPERATOR)}
        )

    assert (answer.status_code, service.seen[1]) == (503, 1)
