"""Distributed, a service is reached over HTTP: streamed both ways, told who asks by a token of its own."""

import asyncio
import gzip
import socket
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from chassis.problems import Unauthenticated
from chassis.tokens import Verifier
from gateway.routing.upstream import Upstream
from support.front import OPERATOR, Echo, Front, bearer, fronting, listening

MEGABYTE = 1024 * 1024
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@pytest.fixture
async def url(circulation: Echo) -> AsyncIterator[str]:
    async with listening(circulation) as address:
        yield address


@pytest.fixture
async def proxy(gateway_dsn: str, url: str) -> AsyncIterator[Front]:
    """The gateway before a service on another port."""
    async with fronting(gateway_dsn, circulation_url=url, body_limit=4096) as front:
        yield front


def answering(status: int, *headers: tuple[bytes, bytes], body: bytes = b"") -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        await send({"type": "http.response.body", "body": body})

    return app


async def test_a_request_goes_on_as_it_came(proxy: Front) -> None:
    answer = await proxy.client.put(
        "/v1/loans/a%2Fb%20c/../d?q=%41&q=a+b&empty=",
        content=b"x" * 100,
        headers={"If-Match": '"1"', "Idempotency-Key": "k", "Content-Type": "text/x", **bearer(OPERATOR)},
    )

    told = answer.json()
    assert answer.status_code == 200
    assert (told["method"], told["query"], told["size"]) == ("PUT", "q=%41&q=a+b&empty=", 100)
    headers = dict(told["headers"])
    assert headers["if-match"] == '"1"'
    assert headers["idempotency-key"] == "k"
    assert headers["content-type"] == "text/x"
    assert headers["content-length"] == "100"
    assert headers["traceparent"] == answer.headers["traceparent"]
    assert answer.headers["x-kept"] == "yes"


async def test_headers_of_the_hop_and_claims_stay_behind(proxy: Front) -> None:
    answer = await proxy.get(
        "/v1/loans",
        headers={
            "Connection": "close, X-Of-This-Hop",
            "X-Of-This-Hop": "1",
            "TE": "trailers",
            "Proxy-Authorization": "Basic x",
            "Upgrade": "h2c",
            "Remote-User": "root",
            "X-Forwarded-User": "root",
            "X-Carrel-Principal": "staff:root",
            "Cookie": "a=b",
        },
    )

    names = {name for name, _ in answer.json()["headers"]}
    assert not names & {"x-of-this-hop", "te", "proxy-authorization", "upgrade", "cookie"}
    assert not names & {"remote-user", "x-forwarded-user", "x-carrel-principal"}
    assert "authorization" not in names
    assert answer.headers.get("server") != "echo"


async def test_the_service_gets_a_token_for_itself_alone(gateway_dsn: str, url: str) -> None:
    async with (
        fronting(gateway_dsn, circulation_url=url) as gateway,
        listening(gateway.app) as outside,
        httpx.AsyncClient(base_url=outside) as client,
    ):
        access = await gateway.token("loans:read")
        told = (await client.get("/v1/loans", headers=bearer(access))).json()
        inner = dict(told["headers"])["authorization"].removeprefix("Bearer ")
        keys = f"{outside}/.well-known/jwks.json"

        principal = await Verifier("circulation", keys).verify(inner)

        assert principal.kind == "client"
        assert principal.scopes == frozenset({"loans:read"})
        assert inner != access
        with pytest.raises(Unauthenticated):
            await Verifier("catalog", keys).verify(inner)
        with pytest.raises(Unauthenticated):
            await Verifier("circulation", keys).verify(access)
        again = (await client.get("/v1/loans", headers=bearer(access))).json()
        assert dict(again["headers"])["authorization"] == f"Bearer {inner}"


async def test_somebody_else_gets_another_token(proxy: Front) -> None:
    async def inner(credential: str) -> str:
        told = (await proxy.get("/v1/loans", headers=bearer(credential))).json()
        return str(dict(told["headers"])["authorization"])

    assert await inner(await proxy.token("loans:read")) != await inner(await proxy.token("loans:read"))


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
async def test_a_body_past_the_limit_stops_at_the_gateway(
    proxy: Front, circulation: Echo, declared: bool
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(16):
            yield b"x" * 1024

    answer = await proxy.client.post("/v1/loans", content=b"x" * 16_384 if declared else pieces())

    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    if declared:
        assert circulation.calls == 0


async def test_an_import_of_64_megabytes_is_never_held_whole(gateway_dsn: str, circulation: Echo) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        piece = b"x" * (64 * 1024)
        for _ in range(1024):
            yield piece

    async with (
        listening(circulation) as service,
        fronting(gateway_dsn, catalog_url=service) as gateway,
        listening(gateway.app) as outside,
        httpx.AsyncClient(base_url=outside, timeout=60) as client,
    ):
        tracemalloc.start()
        try:
            answer = await client.post("/v1/imports", content=pieces())
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert answer.json()["size"] == 64 * MEGABYTE
    assert peak < 16 * MEGABYTE


async def test_an_export_of_64_megabytes_is_never_held_whole(gateway_dsn: str) -> None:
    async def export(scope: Scope, receive: Receive, send: Send) -> None:
        piece = b"x" * (64 * 1024)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1024):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async with (
        listening(export) as service,
        fronting(gateway_dsn, catalog_url=service) as gateway,
        listening(gateway.app) as outside,
        httpx.AsyncClient(base_url=outside, timeout=60) as client,
    ):
        tracemalloc.start()
        try:
            size = 0
            async with client.stream("GET", "/v1/titles:export") as answer:
                async for piece in answer.aiter_raw():
                    size += len(piece)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert size == 64 * MEGABYTE
    assert peak < 16 * MEGABYTE


async def test_a_slow_service_holds_up_no_other(gateway_dsn: str, url: str) -> None:
    go_on, arrived = asyncio.Event(), asyncio.Semaphore(0)

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        arrived.release()
        await go_on.wait()
        await answering(204)(scope, receive, send)

    async with (
        listening(slow) as catalog,
        fronting(gateway_dsn, catalog_url=catalog, circulation_url=url, upstream_concurrency=2) as gateway,
    ):
        waiting = [asyncio.create_task(gateway.get("/v1/titles")) for _ in range(2)]
        for _ in waiting:
            await arrived.acquire()

        other = await gateway.get("/v1/loans")
        third = await gateway.get("/v1/titles")
        go_on.set()
        answers = await asyncio.gather(*waiting)
        later = await gateway.get("/v1/titles")

    assert other.status_code == 200
    assert (third.status_code, third.json()["code"]) == (503, "service-busy")
    assert third.headers["Retry-After"] == "1"
    assert [answer.status_code for answer in (*answers, later)] == [204, 204, 204]


async def test_a_service_that_is_away_is_told_as_such(gateway_dsn: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        async with fronting(gateway_dsn, circulation_url=address) as gateway:
            answer = await gateway.get("/v1/loans")
            documents = await gateway.get("/openapi.json")

    assert (answer.status_code, answer.json()["code"]) == (503, "service-away")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"] == "2"
    assert documents.json()["x-carrel-away"] == ["circulation"]
    assert "/v1/roles" in documents.json()["paths"]
    assert documents.headers["Cache-Control"] == "no-store"


async def test_a_service_that_does_not_begin_its_answer_is_given_up(gateway_dsn: str) -> None:
    never = asyncio.Event()

    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        await never.wait()

    async with (
        listening(silent) as service,
        fronting(
            gateway_dsn, circulation_url=service, upstream_timeout=0.05, upstream_concurrency=1
        ) as gateway,
    ):
        answers = [await gateway.get("/v1/loans") for _ in range(2)]
        never.set()

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(504, "service-slow")] * 2


async def test_an_answer_cut_short_is_not_taken_for_whole(gateway_dsn: str) -> None:
    async def cut(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
        await send({"type": "http.response.body", "body": b"x" * 10, "more_body": True})
        raise ConnectionError

    async with (
        listening(cut) as service,
        fronting(gateway_dsn, circulation_url=service, upstream_concurrency=1) as gateway,
        listening(gateway.app) as outside,
        httpx.AsyncClient(base_url=outside) as client,
    ):
        for _ in range(2):
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get("/v1/loans")


async def test_whoever_leaves_gives_their_place_back(gateway_dsn: str) -> None:
    came, never = asyncio.Event(), asyncio.Event()

    async def patient(scope: Scope, receive: Receive, send: Send) -> None:
        came.set()
        while (await receive())["type"] != "http.disconnect":
            continue
        never.set()

    async with (
        listening(patient) as service,
        fronting(gateway_dsn, catalog_url=service, upstream_concurrency=1) as gateway,
        listening(gateway.app) as outside,
        httpx.AsyncClient(base_url=outside) as client,
    ):

        async def endless() -> AsyncIterator[bytes]:
            yield b"x" * 128 * 1024
            await came.wait()
            raise InterruptedError

        with pytest.raises(InterruptedError):
            await client.post("/v1/imports", content=endless())
        async with asyncio.timeout(10):
            await never.wait()
            upstream: Upstream = gateway.app.state.upstreams["catalog"]
            while upstream._free < 1:  # noqa: ASYNC110 - a count without an event of its own
                await asyncio.sleep(0)


async def test_an_export_ends_when_nobody_listens_any_more(gateway_dsn: str) -> None:
    ended = asyncio.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        async def gone() -> None:
            while (await receive())["type"] != "http.disconnect":
                continue

        left = asyncio.create_task(gone())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not left.done():
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
            await asyncio.sleep(0)
        ended.set()

    async with (
        listening(endless) as service,
        fronting(gateway_dsn, catalog_url=service) as gateway,
        listening(gateway.app) as outside,
        httpx.AsyncClient(base_url=outside) as client,
    ):
        async with client.stream("GET", "/v1/titles:export") as answer:
            await anext(answer.aiter_raw())

        async with asyncio.timeout(10):
            await ended.wait()


async def test_redirects_and_encodings_are_passed_on_untouched(gateway_dsn: str) -> None:
    packed = gzip.compress(b"a text")
    app = answering(
        302,
        (b"location", b"/v1/loans/other"),
        (b"content-encoding", b"gzip"),
        (b"link", b'<a>; rel="next"'),
        (b"link", b'<b>; rel="prev"'),
        (b"set-cookie", b"a=b"),
        body=packed,
    )
    async with (
        listening(app) as service,
        fronting(gateway_dsn, circulation_url=service) as gateway,
        gateway.client.stream("GET", "/v1/loans") as answer,
    ):
        raw = b"".join([piece async for piece in answer.aiter_raw()])

    assert (answer.status_code, answer.headers["Location"], raw) == (302, "/v1/loans/other", packed)
    assert answer.headers.get_list("link") == ['<a>; rel="next"', '<b>; rel="prev"']
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_without_a_body_stay_so(gateway_dsn: str, status: int) -> None:
    async with (
        listening(answering(status)) as service,
        fronting(gateway_dsn, circulation_url=service) as gateway,
        listening(gateway.app) as outside,
        httpx.AsyncClient(base_url=outside) as client,
    ):
        answers = [await client.request(method, "/v1/loans") for method in ("GET", "HEAD", "DELETE")]

    assert [(answer.status_code, answer.content) for answer in answers] == [(status, b"")] * 3


def documented(path: str) -> dict[str, Any]:
    operation = {"operationId": f"circulation-{path}", "responses": {"200": {"description": "x"}}}
    return {"paths": {path: {"get": operation}}}


async def test_documents_of_services_elsewhere_are_fetched(gateway_dsn: str) -> None:
    async def service(scope: Scope, receive: Receive, send: Send) -> None:
        told = httpx.Response(200, json=documented("/v1/loans")).content
        await answering(200, (b"content-type", b"application/json"), body=told)(scope, receive, send)

    async with listening(service) as address, fronting(gateway_dsn, circulation_url=address) as gateway:
        document = (await gateway.get("/openapi.json")).json()

    assert document["paths"]["/v1/loans"]["get"]["operationId"] == "circulation-/v1/loans"
