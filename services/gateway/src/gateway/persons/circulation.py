"""The desk of circulation, asked by the gateway in its own name or a patron's: who is registered, and registering."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx

from chassis.principal import SCOPE_KEY, Principal
from gateway.fan_out import ServiceFault

OURSELVES = Principal("system", "sign-on", frozenset({"patrons:read", "patrons:write"}))
SERVICE = "circulation"


class Circulation:
    """Circulation in this process or behind HTTP."""

    def __init__(self, state: Any, traceparent: str) -> None:
        self._state = state
        self._traceparent = traceparent

    async def ask(
        self,
        method: str,
        path: str,
        *,
        now: datetime,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        by: Principal = OURSELVES,
    ) -> httpx.Response:
        """Its answer, whatever it is; `ServiceFault` when there is none, or when it cannot answer just now."""
        told = {"traceparent": self._traceparent, **(headers or {})}
        app, upstream = self._state.apps.get(SERVICE), self._state.upstreams.get(SERVICE)
        try:
            if app is not None:

                async def as_ourselves(scope: Any, receive: Any, send: Any) -> None:
                    await app({**scope, SCOPE_KEY: by}, receive, send)

                transport = httpx.ASGITransport(app=as_ourselves)
                async with httpx.AsyncClient(transport=transport, base_url="http://inside") as client:
                    answer = await client.request(method, path, params=params, json=json, headers=told)
            elif upstream is not None:
                token = await self._state.mint.inner_token(by, SERVICE, now=now)
                told["Authorization"] = f"Bearer {token}"
                answer = await upstream.ask(method, path, headers=told, params=params or {}, json=json)
            else:
                raise ServiceFault(f"There is no service {SERVICE} here.")
        except httpx.HTTPError as error:
            raise ServiceFault(f"{SERVICE} does not answer.") from error
        if answer.status_code >= 500:
            raise ServiceFault(f"{SERVICE} answered {answer.status_code}.", headers={"Retry-After": "2"})
        return answer
