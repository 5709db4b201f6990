"""A request finds its route by how its path begins: the same that the framework would have found."""

from collections.abc import Awaitable, Callable
from itertools import product

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.responses import Response

from chassis.ways import Ways

PATHS = (
    ("/v1/gates/{gate}", "/v1/gates:open", "/v1/keys"),
    ("/{version}/doors/{door}", "/{version}/keys/{key}"),
    ("/v1/gates/main", "/v1/gates/{gate}/keys", "/v1/doors/main", "/v1/keys/{key}", "/plain"),
)
"""Of three routers, the second with paths that begin with a parameter: it comes before the third wherever both fit."""
ASKED = (
    *(
        "/v1/gates/7",
        "/v1/gates:open",
        "/v1/keys",
        "/v1/keys/7",
        "/v2/doors/7",
        "/v1/doors/main",
        "/v1/gates/main",
    ),
    *("/v1/gates/7/keys", "/plain", "/plain/", "/v1", "/", "/v1/gates/", "/v1/nothing", "/v1//gates"),
)


def app(*, ways: bool) -> FastAPI:
    """An app whose routes tell which they are."""
    made = FastAPI(redirect_slashes=False)
    included = []
    for number, paths in enumerate(PATHS):
        router = APIRouter()
        for path in paths:
            router.get(path)(_telling(f"{number} {path}"))
        made.include_router(router)
        included.append((router, made.router.routes[-1]))
    if ways:
        made.router.middleware_stack = Ways(made.router.middleware_stack, included)
    return made


def _telling(told: str) -> Callable[[], Awaitable[Response]]:
    async def tell() -> Response:
        return Response(told)

    return tell


@pytest.mark.parametrize(("method", "path"), [*product(("GET", "POST"), ASKED)])
async def test_it_is_the_route_that_the_framework_would_have_found(method: str, path: str) -> None:
    answers = []
    for ways in (True, False):
        transport = httpx.ASGITransport(app(ways=ways), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            answer = await client.request(method, path)
        answers.append((answer.status_code, answer.text))

    assert answers[0] == answers[1]


async def test_the_framework_is_not_asked_for_what_has_a_way() -> None:
    async def framework(*_: object) -> None:
        raise AssertionError

    made = app(ways=True)
    stack = made.router.middleware_stack
    assert isinstance(stack, Ways)
    stack._app = framework
    async with httpx.AsyncClient(transport=httpx.ASGITransport(made), base_url="http://here") as client:
        answer = await client.get("/v1/gates/7")

        with pytest.raises(AssertionError):
            await client.get("/v1/nothing")

    assert answer.text == "0 /v1/gates/{gate}"
