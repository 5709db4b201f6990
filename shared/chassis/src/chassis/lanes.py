"""The straight way for the few requests that come all day: past the framework's stack, router and dependencies.

The framework takes longer over such a request than the whole decision. Only what is plain and valid is answered
here; all else goes on the framework's way as if it had never been looked at, so every refusal reads the same.
"""

from collections.abc import Iterable

from fastapi import APIRouter, Request
from starlette.types import Message, Receive, Scope, Send

from chassis import problems
from chassis.edge import EdgeRoute
from chassis.principal import SCOPE_KEY, Principal


class Lanes:
    """The `busy` routes of an app, by method and path: none of them has a parameter in its path."""

    def __init__(self, routers: Iterable[APIRouter]) -> None:
        self._routes = {
            (method, route.path): route
            for router in routers
            for route in router.routes
            if isinstance(route, EdgeRoute) and route.arguments is not None
            for method in route.methods or ()
        }

    async def take(self, scope: Scope, receive: Receive, send: Send) -> Receive | None:
        """Answer the request, if it is one for here; else what the framework is to receive it by.

        Who is somebody's patron, too, is not for here: a service may have a say in which.
        """
        asker: Principal = scope[SCOPE_KEY]
        route = self._routes.get((scope["method"], scope["path"])) if asker.patron_id is None else None
        if route is None:
            return receive
        scope["route"], scope["endpoint"], scope["path_params"] = route, route.endpoint, {}
        request = Request(scope, receive)
        try:
            answer = await route.straight(request)
        except problems.DATA_ERRORS as error:
            answer = await problems.on_data_error(request, error)
        if answer is None:
            return _again(request._body, receive) if hasattr(request, "_body") else receive
        await answer(scope, receive, send)
        return None


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
