"""The straight way for the few requests that come all day: past the framework's stack, router and dependencies.

The framework takes longer over such a request than the whole decision. Only what is plain and valid is answered
here; all else goes on the framework's way as if it had never been looked at, so every refusal reads the same.
"""

import re
from collections.abc import Iterable
from typing import Final

from fastapi import APIRouter, Request
from starlette.types import Message, Receive, Scope, Send

from chassis import problems
from chassis.edge import EdgeRoute
from chassis.principal import SCOPE_KEY, Principal

_PARAMETER: Final = re.compile(r"\{(\w+)\}")


class Lanes:
    """The `busy` routes of an app, by method and path. A path may have one parameter, a whole segment."""

    def __init__(self, routers: Iterable[APIRouter]) -> None:
        self._routes: dict[tuple[str, str], EdgeRoute] = {}
        self._parameters: dict[tuple[int, int], dict[tuple[str, str], tuple[EdgeRoute, str]]] = {}
        """Of routes with a parameter: by the number of segments and which of them it is."""
        for router in routers:
            for route in router.routes:
                if isinstance(route, EdgeRoute) and route.arguments is not None:
                    for method in route.methods or ():
                        self._add(method, route)

    def _add(self, method: str, route: EdgeRoute) -> None:
        segments = route.path.split("/")
        named = {
            place: found[1] for place, told in enumerate(segments) if (found := _PARAMETER.fullmatch(told))
        }
        if "{" not in route.path:
            self._routes[method, route.path] = route
            return
        if len(named) != 1 or route.path.count("{") != 1:
            raise ValueError(f"{route.path} has more than one parameter, or one that is no whole segment")
        ((place, name),) = named.items()
        alike = self._parameters.setdefault((len(segments), place), {})
        alike[method, _without(segments, place)] = route, name

    def _find(self, method: str, path: str) -> tuple[EdgeRoute, dict[str, str]] | None:
        if (route := self._routes.get((method, path))) is not None:
            return route, {}
        segments = path.split("/")
        for (count, place), alike in self._parameters.items():
            if count == len(segments) and segments[place]:
                found = alike.get((method, _without(segments, place)))
                if found is not None:
                    return found[0], {found[1]: segments[place]}
        return None

    async def take(self, scope: Scope, receive: Receive, send: Send) -> Receive | None:
        """Answer the request, if it is one for here; else what the framework is to receive it by.

        Who is somebody's patron, too, is not for here: a service may have a say in which.
        """
        asker: Principal = scope[SCOPE_KEY]
        found = self._find(scope["method"], scope["path"]) if asker.patron_id is None else None
        if found is None:
            return receive
        route, told = found
        scope["route"], scope["endpoint"], scope["path_params"] = route, route.endpoint, told
        request = Request(scope, receive)
        try:
            answer = await route.straight(request)
        except problems.DATA_ERRORS as error:
            answer = await problems.on_data_error(request, error)
        if answer is None:
            return _again(request._body, receive) if hasattr(request, "_body") else receive
        await answer(scope, receive, send)
        return None


def _without(segments: list[str], place: int) -> str:
    return "/".join((*segments[:place], "", *segments[place + 1 :]))


def _again(body: bytes, receive: Receive) -> Receive:
    """Receive a body that was read already."""
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
