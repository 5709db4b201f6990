"""What the gateway puts together from all services: one that is away is missed, and the others are still told."""

import asyncio
from typing import Any

import orjson
import pytest
from starlette.types import Receive, Scope, Send

from support.front import OPERATOR, bearer, fronting, listening


class Telling:
    """A service with a feed and dead letters."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked: list[str] = []
        self.arrived = asyncio.Event()
        self.answers = asyncio.Event()
        self.answers.set()

    def openapi(self) -> dict[str, Any]:
        """What it offers."""
        return {"paths": {}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell its part."""
        self.asked.append(f"{scope['path']}?{scope['query_string'].decode()}")
        self.arrived.set()
        await self.answers.wait()
        status = 200
        told: Any = {"events": [{"id": f"{self.name} {n}"} for n in range(2)], "position": 7}
        if scope["path"] == "/v1/dead-letters":
            told = {"waiting": 3, "dead": 1, "items": []}
        elif scope["path"] == "/openapi.json":
            path = {"catalog": "/v1/titles", "circulation": "/v1/loans"}[self.name]
            told = {"paths": {path: {"get": {"operationId": f"{self.name}-x", "responses": {}}}}}
        elif scope["path"] != "/v1/changes":
            status, told = 404, {"code": "not-found", "detail": "no such letter", "reasons": []}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": orjson.dumps(told)})


NOBODY = "http://127.0.0.1:9"


async def test_the_feed_tells_what_the_others_have_and_names_who_is_away(gateway_dsn: str) -> None:
    catalog = Telling("catalog")
    async with (
        listening(catalog) as there,
        fronting(gateway_dsn, catalog_url=there, circulation_url=NOBODY) as gateway,
    ):
        first = await gateway.get("/v1/changes?limit=4", headers=bearer(OPERATOR))
        cursor = first.json()["next_cursor"]
        second = await gateway.get(f"/v1/changes?after={cursor}&limit=4", headers=bearer(OPERATOR))

    told = first.json()
    assert [event["id"] for event in told["events"]] == ["catalog 0", "catalog 1"]
    assert (told["away"], told["more"]) == (["circulation"], True)
    assert second.status_code == 200
    assert catalog.asked == ["/v1/changes?after=0&limit=2", "/v1/changes?after=7&limit=2"]


async def test_whoever_was_away_goes_on_where_it_was(gateway_dsn: str) -> None:
    catalog, circulation = Telling("catalog"), Telling("circulation")
    async with listening(catalog) as there, listening(circulation) as back:
        async with fronting(gateway_dsn, catalog_url=there, circulation_url=NOBODY) as gateway:
            cursor = (await gateway.get("/v1/changes", headers=bearer(OPERATOR))).json()["next_cursor"]
        async with fronting(gateway_dsn, catalog_url=there, circulation_url=back) as gateway:
            told = (await gateway.get(f"/v1/changes?after={cursor}", headers=bearer(OPERATOR))).json()

    assert told["away"] == []
    assert catalog.asked[-1].startswith("/v1/changes?after=7&")
    assert circulation.asked[-1].startswith("/v1/changes?after=0&")


async def test_dead_letters_of_the_others_are_shown_while_one_is_away(gateway_dsn: str) -> None:
    catalog = Telling("catalog")
    async with (
        listening(catalog) as there,
        fronting(gateway_dsn, catalog_url=there, circulation_url=NOBODY) as gateway,
    ):
        told = (await gateway.get("/v1/dead-letters", headers=bearer(OPERATOR))).json()
        alone = await gateway.get("/v1/dead-letters?service=circulation", headers=bearer(OPERATOR))
        unknown = await gateway.get("/v1/dead-letters?service=weather", headers=bearer(OPERATOR))

    assert told == {"waiting": {"catalog": 3}, "dead": {"catalog": 1}, "items": [], "away": ["circulation"]}
    assert (alone.status_code, alone.json()["code"]) == (503, "service-fault")
    assert unknown.status_code == 404


async def test_when_nobody_answers_that_is_said(gateway_dsn: str) -> None:
    async with fronting(gateway_dsn, catalog_url=NOBODY, circulation_url=NOBODY) as gateway:
        answer = await gateway.get("/v1/changes", headers=bearer(OPERATOR))

    assert (answer.status_code, answer.json()["code"]) == (503, "service-fault")
    assert answer.headers["Retry-After"]


async def test_all_services_are_asked_at_once(gateway_dsn: str) -> None:
    services = [Telling("catalog"), Telling("circulation")]
    for service in services:
        service.answers.clear()
    async with fronting(gateway_dsn, apps={service.name: service for service in services}) as gateway:
        asking = asyncio.create_task(gateway.get("/v1/changes", headers=bearer(OPERATOR)))
        async with asyncio.timeout(5):
            await asyncio.gather(*(service.arrived.wait() for service in services))
        for service in services:
            service.answers.set()

        told = (await asking).json()

    assert len(told["events"]) == 4


@pytest.mark.parametrize(
    "cursor",
    ["x", "W10", "eyJhIjotMX0", "eyJhIjoxLjV9", "eyJhIjp0cnVlfQ", "eyJhIjo5OTk5OTk5OTk5OTk5OTk5OTk5OX0"],
)
async def test_a_cursor_that_is_none_is_refused(gateway_dsn: str, cursor: str) -> None:
    async with fronting(gateway_dsn, apps={"catalog": Telling("catalog")}) as gateway:
        answer = await gateway.get(f"/v1/changes?after={cursor}", headers=bearer(OPERATOR))

    assert answer.status_code == 422


async def test_the_document_tells_what_the_others_offer_and_heals(gateway_dsn: str) -> None:
    catalog, circulation = Telling("catalog"), Telling("circulation")
    async with (
        listening(catalog) as there,
        listening(circulation) as back,
        fronting(gateway_dsn, catalog_url=there, circulation_url=NOBODY) as gateway,
    ):
        without = (await gateway.get("/openapi.json")).json()
        upstream = gateway.app.state.upstreams["circulation"]
        upstream._client.base_url = back
        healed = (await gateway.get("/openapi.json")).json()
        kept = (await gateway.get("/openapi.json")).json()

    assert without["x-carrel-away"] == ["circulation"]
    assert "/v1/titles" in without["paths"]
    assert "/v1/loans" not in without["paths"]
    assert "x-carrel-away" not in healed
    assert {"/v1/titles", "/v1/loans"} <= healed["paths"].keys()
    assert kept == healed
    assert len(circulation.asked) == 1
