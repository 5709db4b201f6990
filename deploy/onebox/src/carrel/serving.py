"""One serving process of the one box: every service's app in one event loop, behind the gateway.

The gateway hands a request to a service's ASGI app directly, with the principal in the scope; no token
travels. Several such processes share the port (SO_REUSEPORT).
"""

import argparse
import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator

import uvicorn
from fastapi import FastAPI

import catalog.app
import circulation.app
import erm.app
import gateway.app
import ill.app
from carrel.fastloop import run_on_fast_loop
from carrel.processes import told_settings
from chassis import garbage, logs, tracing
from chassis.resources import Service
from chassis.settings import ServiceSettings, load
from gateway.settings import Settings as GatewaySettings

BEHIND: tuple[Service, ...] = (
    catalog.app.SERVICE,
    circulation.app.SERVICE,
    ill.app.SERVICE,
    erm.app.SERVICE,
)
"""The services behind the gateway."""
DRAIN_SECONDS = 30


@contextlib.asynccontextmanager
async def all_apps() -> AsyncIterator[FastAPI]:
    """The gateway's app with every service open behind it."""
    async with contextlib.AsyncExitStack() as stack:
        apps: dict[str, FastAPI] = {}
        for service in BEHIND:
            settings: ServiceSettings = load(service.settings)
            app = service.create_app(settings)
            await stack.enter_async_context(app.router.lifespan_context(app))
            apps[service.name] = app
        front = gateway.app.create_app(load(GatewaySettings), apps=apps)
        await stack.enter_async_context(front.router.lifespan_context(front))
        yield front


async def serve(host: str, port: int, *, shared: bool) -> None:
    """Serve until told to stop; requests under way are finished first."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    async with all_apps() as front:
        config = uvicorn.Config(
            front,
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            server_header=False,
        )
        server = uvicorn.Server(config)
        garbage.seldom()
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        print("ready", flush=True)
        await serving


def main() -> None:
    """`python -m carrel.serving --host … --port …`."""
    parser = argparse.ArgumentParser(prog="carrel.serving")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--shared", action="store_true", help="several processes share the port")
    parser.add_argument("--told", action="store_true", help="settings come on standard input")
    asked = parser.parse_args()
    if asked.told:
        told_settings()
    logs.configure("serve", os.environ.get("CARREL_LOG_LEVEL", "INFO"))
    tracing.configure("onebox", os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"))
    try:
        with contextlib.suppress(KeyboardInterrupt):
            run_on_fast_loop(serve(asked.host, asked.port, shared=asked.shared))
    finally:
        tracing.stop()


if __name__ == "__main__":
    main()
