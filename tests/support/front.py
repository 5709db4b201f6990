"""The gateway under test: in process over a database of its own, before services that tell what they got."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis.clock import Clock, system_clock
from chassis.principal import SCOPE_KEY
from chassis.resources import open_resources
from chassis.transport.memory import MemoryTransport
from gateway.app import SERVICE, create_app
from gateway.settings import Settings
from support.harness import Harness

OPERATOR = "an operator's own key, kept in a safe"
SEALING = "what the keys are sealed with"


class Echo:
    """A service that answers with what reached it."""

    def __init__(self) -> None:
        self.calls = 0

    def openapi(self) -> dict[str, Any]:
        """What it offers: nothing that anybody needs to know."""
        return {"paths": {}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body wholly, then tell."""
        if scope["type"] != "http":
            await _alive(scope, receive, send)
            return
        self.calls += 1
        size = 0
        while True:
            message = await receive()
            size += len(message.get("body", b""))
            if not message.get("more_body"):
                break
        told = {
            "path": scope["path"],
            "query": scope["query_string"].decode("latin-1"),
            "method": scope["method"],
            "headers": [
                [name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]
            ],
            "principal": str(scope[SCOPE_KEY].actor) if SCOPE_KEY in scope else None,
            "size": size,
        }
        headers = [(b"content-type", b"application/json"), (b"server", b"echo"), (b"x-kept", b"yes")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": orjson.dumps(told)})


async def _alive(scope: Scope, receive: Receive, send: Send) -> None:
    while scope["type"] == "lifespan":
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


@dataclass
class Front(Harness):
    """The gateway's doors; whoever asks says so in a header."""

    async def token(self, *scopes: str) -> str:
        """An access token of a new machine that has these scopes."""
        client = await self.machine(*scopes)
        answer = await self.client.post(
            "/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=(client["id"], client["client_secret"]),
        )
        return str(answer.json()["access_token"])

    async def machine(self, *scopes: str, kind: str = "oauth2", **more: Any) -> dict[str, Any]:
        """A new machine."""
        body = {"kind": kind, "name": "a machine", "scopes": list(scopes), **more}
        answer = await self.post("/v1/clients", json=body, headers=bearer(OPERATOR))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def account(self, username: str, password: str, *roles: str, **more: Any) -> dict[str, Any]:
        """A new account."""
        body = {"username": username, "password": password, "roles": list(roles), **more}
        answer = await self.post("/v1/accounts", json=body, headers=bearer(OPERATOR))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def from_address(self, address: str) -> httpx.AsyncClient:
        """A client that asks from there; whoever opens it closes it."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False, client=(address, 1))
        return httpx.AsyncClient(transport=transport, base_url="http://carrel.test")

    async def whoami(self, credential: str) -> httpx.Response:
        """Who the gateway takes the holder of this for."""
        return await self.get("/v1/whoami", headers=bearer(credential))


def bearer(credential: str) -> dict[str, str]:
    """The header."""
    return {"Authorization": f"Bearer {credential}"}


@asynccontextmanager
async def fronting(
    dsn: str,
    *,
    apps: Mapping[str, Any] | None = None,
    clock: Clock = system_clock,
    **settings: Any,
) -> AsyncIterator[Front]:
    """Open the gateway over a migrated database."""
    chosen = Settings(
        database_url=dsn,
        transport_url="postgresql://nowhere/bus",
        _env_file=None,
        **{"sealing_key": SEALING, "admin_key": OPERATOR, **settings},
    )
    async with open_resources(
        SERVICE, chosen, role="serve", clock=clock, transport=MemoryTransport()
    ) as resources:
        app = create_app(chosen, apps=apps, resources=resources)
        async with app.router.lifespan_context(app):
            front = Front(SERVICE, dsn, app, resources, principal=None)
            try:
                yield front
            finally:
                await front.client.aclose()


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncIterator[str]:
    """Serve an app by uvicorn on a free port; its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, ws="none")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[free]))
        while not server.started:
            if serving.done():
                serving.result()
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{free.getsockname()[1]}"
        finally:
            server.should_exit = server.force_exit = True
            await serving
