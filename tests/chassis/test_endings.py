"""A route that ends says so in every answer, in the document, and long enough before."""

from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from chassis.application import build, new_router
from chassis.clock import Now
from chassis.endings import Ending, ending
from chassis.problems import NotFound, problems
from chassis.resources import Resources, Service
from chassis.settings import ServiceSettings

SPRING, AUTUMN = date(2027, 3, 1), date(2027, 10, 1)


@pytest.mark.parametrize(
    ("told", "headers"),
    [
        (
            Ending(SPRING, AUTUMN, "/v1/loans"),
            [
                (b"deprecation", b"@1803859200"),
                (b"sunset", b"Fri, 01 Oct 2027 00:00:00 GMT"),
                (b"link", b'</developers/changes>; rel="deprecation"; type="text/html"'),
                (b"link", b'</v1/loans>; rel="successor-version"'),
            ],
        ),
        (
            Ending(SPRING, None, None),
            [
                (b"deprecation", b"@1803859200"),
                (b"link", b'</developers/changes>; rel="deprecation"; type="text/html"'),
            ],
        ),
    ],
)
def test_what_ends_is_told_as_the_standards_have_it(told: Ending, headers: list[tuple[bytes, bytes]]) -> None:
    assert told.headers() == headers


def test_nothing_goes_sooner_than_programs_can_follow() -> None:
    with pytest.raises(ValueError, match="180 days"):
        Ending(SPRING, date(2027, 8, 1), None)


router = new_router("/v1/lendings", tag="loans")


@router.get("/{number}", responses=problems(NotFound))
@ending(SPRING, goes=AUTUMN, successor="/v1/loans")
async def read_lending(number: int, now: Now) -> dict[str, Any]:
    """As it was called before."""
    if number > 1:
        raise NotFound
    return {"number": number}


@router.get("")
async def list_lendings() -> list[str]:
    """This one goes on."""
    return []


def service() -> Service:
    def create(settings: ServiceSettings, resources: Resources | None = None) -> Any:
        return build(told, settings, routers=[router], resources=resources)

    told = Service(name="lending", settings=ServiceSettings, create_app=create, migrations=Path("none"))
    return told


@pytest.fixture
def app() -> FastAPI:
    """An app with two routes, of which one ends; it needs no database to say so."""
    here = service()
    app = here.create_app(ServiceSettings(database_url="postgresql://-/-", transport_url="postgresql://-/-"))
    app.state.resources = SimpleNamespace(
        clock=lambda: datetime(2027, 3, 1, tzinfo=UTC), origin=lambda actor, trace: None
    )
    return app


@pytest.mark.parametrize("place", ["/v1/lendings/1", "/v1/lendings/2", "/v1/lendings/none"])
async def test_every_answer_of_a_route_that_ends_says_so_refusals_too(app: FastAPI, place: str) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://carrel.test") as client:
        answer = await client.get(place)
        other = await client.get("/v1/lendings")

    assert answer.headers["deprecation"] == "@1803859200"
    assert answer.headers["sunset"] == "Fri, 01 Oct 2027 00:00:00 GMT"
    assert answer.links["successor-version"]["url"] == "/v1/loans"
    assert answer.status_code in (200, 404, 422)
    assert "deprecation" not in other.headers


def test_the_document_says_so_too(app: FastAPI) -> None:
    paths = app.openapi()["paths"]

    told = paths["/v1/lendings/{number}"]["get"]
    assert told["deprecated"] is True
    assert (told["x-deprecated-since"], told["x-sunset"]) == ("2027-03-01", "2027-10-01")
    assert told["x-successor"] == "/v1/loans"
    assert "deprecated" not in paths["/v1/lendings"]["get"]
