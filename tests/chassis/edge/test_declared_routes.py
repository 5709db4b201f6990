"""Routes are declared by the hundred when a process starts, and looked at when somebody asks."""

from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Path
from fastapi.routing import APIRoute

from chassis.application import new_router
from chassis.edge import EdgeRoute
from chassis.principal import may


async def things(number: Annotated[int, Path(ge=1)]) -> dict[str, int]:
    """A thing, by its number."""
    return {"number": number}


async def desk(who: Annotated[Any, Depends(may("things:read", "things:write"))]) -> None:
    """For some."""


@pytest.fixture
def route() -> EdgeRoute:
    """One that was only declared."""
    router = new_router("/v1", tag="things")
    router.get("/things/{number}")(things)
    (declared,) = router.routes
    assert isinstance(declared, EdgeRoute)
    return declared


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Routes that the framework looked at."""
    seen: list[object] = []
    of_old = APIRoute.__init__

    def counting(self: APIRoute, *told: Any, **more: Any) -> None:
        seen.append(self)
        of_old(self, *told, **more)

    monkeypatch.setattr(APIRoute, "__init__", counting)
    return seen


def test_what_a_route_is_called_for_is_known_without_a_look(route: EdgeRoute, looked: list[object]) -> None:
    assert (route.path, route.methods, route.name) == ("/v1/things/{number}", {"GET"}, "things")
    assert (route.tags, route.description) == (["things"], "A thing, by its number.")
    assert route.path_regex.match("/v1/things/7")
    assert not hasattr(route, "__deepcopy__")
    assert not looked


def test_a_look_is_taken_once_whoever_asks_at_the_same_time(route: EdgeRoute, looked: list[object]) -> None:
    with ThreadPoolExecutor(8) as threads:
        names = list(threads.map(lambda _: route.dependant.path_params[0].name, range(64)))

    assert set(names) == {"number"}
    assert looked == [route]
    with pytest.raises(AttributeError):
        _ = route.unheard_of


def test_it_is_the_route_that_the_framework_would_have_made(route: EdgeRoute) -> None:
    made = APIRoute("/v1/things/{number}", things, tags=["things"], responses={}, callbacks=[])
    told = {name: getattr(route, name) for name in vars(made) if name not in _OTHERWISE}

    assert told == {name: value for name, value in vars(made).items() if name not in _OTHERWISE}
    assert [one.name for one in route.dependant.path_params] == ["number"]


_OTHERWISE = {
    "app",
    "dependant",
    "generate_unique_id_function",
    "response_class",
    "response_field",
    "response_model",
}
"""Equal only to themselves, or the app's to say."""


def test_scopes_are_read_from_the_signature() -> None:
    assert EdgeRoute("/desk", desk).openapi_extra == {
        "security": [{"bearer": ["things:read"]}, {"bearer": ["things:write"]}]
    }


def test_an_app_describes_it() -> None:
    app = FastAPI()
    router = new_router("/v1", tag="things")
    router.get("/things/{number}")(things)
    app.include_router(router)

    told = app.openapi()["paths"]["/v1/things/{number}"]["get"]

    assert told["parameters"][0]["schema"]["minimum"] == 1
    assert told["tags"] == ["things"]
