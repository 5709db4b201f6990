"""One page for the whole API, that works where there is no internet."""

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for
from referencing import Registry
from referencing.jsonschema import DRAFT7

import circulation.app
from carrel import documents
from chassis.resources import Service
from gateway.portal.merging import merged
from gateway.routing.table import Table
from support.front import Front, fronting
from support.shared_data import shared_data


@pytest.fixture(scope="module")
def service() -> FastAPI:
    """A real service, never opened: it only tells what it offers."""
    return documents.opened_nowhere(circulation.app.SERVICE)


@pytest.fixture
async def document(gateway_dsn: str, service: FastAPI) -> dict[str, Any]:
    async with fronting(gateway_dsn, apps={"circulation": service}) as gateway:
        answer = await gateway.get("/openapi.json")
    assert answer.status_code == 200
    return dict(answer.json())


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


async def test_the_merged_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    schema = json.loads(shared_data("openapi", "openapi-3.1.schema.json").read_text())

    flaws = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in Draft202012Validator(schema).iter_errors(document)
    ]

    assert document["openapi"].startswith("3.1.")
    assert flaws == []


async def test_every_schema_in_it_is_json_schema(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name)


@pytest.mark.parametrize("service", documents.services(), ids=lambda service: service.name)
def test_what_a_service_has_written_down_is_what_its_routes_say(service: Service) -> None:
    assert service.document is not None
    written = service.document.read_text()

    assert json.loads(written) == documents.opened_nowhere(service).openapi(), "run `make openapi`"


async def test_nobody_who_asks_has_the_routes_looked_at(
    gateway_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = [service for service in documents.services() if service.name != "gateway"]
    apps = {service.name: documents.opened_nowhere(service) for service in behind}

    def looks(self: FastAPI) -> dict[str, Any]:
        raise AssertionError("seconds of processor in every process that is asked")

    monkeypatch.setattr(FastAPI, "openapi", looks)
    async with fronting(gateway_dsn, apps=apps) as gateway:
        answer = await gateway.get("/openapi.json")

    assert answer.json() == json.loads(documents.OPENAPI.read_text())


async def test_one_that_is_not_written_down_is_made_once_and_nobody_else_waits_for_it(
    gateway_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def slowly(self: FastAPI) -> dict[str, Any]:
        made.append(threading.get_ident())
        self.openapi_schema = {"openapi": "3.1.0", "paths": {}}
        return self.openapi_schema

    monkeypatch.setattr(FastAPI, "openapi", slowly)
    async with fronting(gateway_dsn) as gateway:
        monkeypatch.setattr(gateway.app, "written", None)
        answers = await asyncio.gather(*(gateway.get("/openapi.json") for _ in range(3)))

    assert [answer.status_code for answer in answers] == [200] * 3
    assert len(made) == 1
    assert threading.get_ident() not in made, "the desks share this thread"


def references(told: Any) -> Iterator[str]:
    if isinstance(told, dict):
        if isinstance(told.get("$ref"), str):
            yield told["$ref"]
        for value in told.values():
            yield from references(value)
    elif isinstance(told, list):
        for value in told:
            yield from references(value)


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}

    assert set(references(document)) <= known


async def test_every_path_is_there_and_from_the_service_that_answers_it(
    document: dict[str, Any], service: FastAPI
) -> None:
    routed = {path for path in service.openapi()["paths"] if (route := Table().find(path)) is not None}

    assert routed <= set(document["paths"])
    for path, method, operation in operations(document):
        route = Table().find(path)
        owner = route.service if route else "gateway"
        assert operation["operationId"].startswith(f"{owner}-"), (path, method)


async def test_operations_are_named_once_and_described(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]

    assert len(names) == len(set(names))
    assert [path for path, _, told in operations(document) if not told.get("description")] == []


async def test_a_path_stands_there_once_whatever_its_parameters_are_called(document: dict[str, Any]) -> None:
    bare = [re.sub(r"{[^}]*}", "{}", path) for path in document["paths"]]

    assert len(bare) == len(set(bare))


def test_nothing_that_a_service_offers_is_out_of_reach(service: FastAPI) -> None:
    own = {"/v1/changes", "/v1/dead-letters", "/v1/dead-letters:replay", "/v1/dead-letters:discard"}

    beyond = [path for path in service.openapi()["paths"] if Table().find(path) is None]

    assert set(beyond) == own | {"/v1/events:replay"}


async def test_the_change_feed_is_told_as_the_gateway_gives_it(document: dict[str, Any]) -> None:
    operation = document["paths"]["/v1/changes"]["get"]

    after = next(told for told in operation["parameters"] if told["name"] == "after")
    assert {"type": "string", "maxLength": 500} in after["schema"]["anyOf"]


def test_schemas_of_one_name_and_two_shapes_are_told_apart() -> None:
    def part(path: str, kind: str) -> dict[str, Any]:
        answer = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}
        return {
            "paths": {path: {"get": {"operationId": path, "responses": {"200": answer}}}},
            "components": {"schemas": {"Thing": {"type": kind}, "Same": {"type": "null"}}},
        }

    told = merged(
        {"circulation": part("/v1/loans", "object"), "gateway": part("/v1/roles", "array")}, own="gateway"
    )

    def shape(path: str) -> Any:
        answer = told["paths"][path]["get"]["responses"]["200"]
        name = answer["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
        return told["components"]["schemas"][name]["type"]

    assert (shape("/v1/loans"), shape("/v1/roles")) == ("object", "array")
    assert len(told["components"]["schemas"]) == 3


def test_what_says_a_schema_of_another_shape_is_told_apart_too() -> None:
    def part(path: str, shape: str) -> dict[str, Any]:
        pointer = {"$ref": "#/components/schemas/Page"}
        content = {"application/json": {"schema": pointer}}
        return {
            "paths": {path: {"get": {"operationId": path, "responses": {"200": {"content": content}}}}},
            "components": {
                "schemas": {
                    "Thing": {"type": shape},
                    "Page": {"items": {"$ref": "#/components/schemas/Thing"}},
                    "Same": {"type": "null"},
                }
            },
        }

    told = merged(
        {"catalog": part("/v1/items", "string"), "erm": part("/v1/orders", "integer")}, own="gateway"
    )

    schemas = told["components"]["schemas"]
    assert sorted(schemas) == ["ErmPage", "ErmThing", "Page", "Same", "Thing"]
    assert schemas["Page"]["items"] == {"$ref": "#/components/schemas/Thing"}
    assert schemas["ErmPage"]["items"] == {"$ref": "#/components/schemas/ErmThing"}


async def test_the_events_document_is_asyncapi_3_0(gateway: Front) -> None:
    schema = json.loads(shared_data("openapi", "asyncapi-3.0.0.schema.json").read_text())
    document = (await gateway.get("/asyncapi.json")).json()

    kind = validator_for(schema)
    flaws = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in kind(schema, registry=_itself(schema)).iter_errors(document)
    ]

    assert document["asyncapi"] == "3.0.0"
    assert flaws == []


def _itself(schema: dict[str, Any]) -> Registry[Any]:
    """The schema carries every part it refers to under an address of its own."""
    parts = [DRAFT7.create_resource(part) for part in [schema, *schema["definitions"].values()]]
    return Registry().with_resources((part.id() or "", part) for part in parts)


async def test_every_event_named_has_its_schema_here(gateway: Front) -> None:
    document = (await gateway.get("/asyncapi.json")).json()
    payloads = [message["payload"] for message in document["components"]["messages"].values()]
    assert payloads

    for payload in payloads:
        answer = await gateway.get(payload["properties"]["data"]["$ref"])
        assert answer.status_code == 200
        Draft202012Validator.check_schema(answer.json())
        assert answer.json()["$id"] == payload["properties"]["dataschema"]["const"]


async def test_an_event_nobody_knows_has_no_schema(gateway: Front) -> None:
    for name in ("no.such-event.v1", "..%2f..%2fetc%2fpasswd", "x.json"):
        assert (await gateway.get(f"/schemas/events/{name}.json")).status_code == 404


async def test_the_page_needs_nothing_from_elsewhere(gateway: Front) -> None:
    page = await gateway.get("/docs")
    assert page.status_code == 200
    told = page.text + (await gateway.get("/docs/start.js")).text

    named = re.findall(r'(?:href|src)="([^"]+)"|url: "([^"]+)"', told)
    addresses = [first or second for first, second in named]
    assert len(addresses) == 4
    assert not re.search(r"https?://|//[a-z]", told)
    for address in addresses:
        asset = await gateway.get(address)
        assert asset.status_code == 200, address
        assert len(asset.content) > 100
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


async def test_the_style_sheet_fetches_nothing_from_elsewhere(gateway: Front) -> None:
    sheet = (await gateway.get("/docs/assets/swagger-ui.css")).text

    fetched = re.findall(r"url\(([^)]*)\)", sheet)
    assert [address for address in fetched if not address.strip("\"'").startswith("data:")] == []
    assert "@import" not in sheet


async def test_no_other_file_is_served_as_an_asset(gateway: Front) -> None:
    for name in ("redoc.standalone.js", "..%2f..%2f__init__.py", "%2e%2e/swagger-ui.css", ""):
        assert (await gateway.get(f"/docs/assets/{name}")).status_code == 404, name
