"""One image, different words: `python -m circulation serve | relay | consume | work | migrate`.

SIGTERM and Ctrl-C drain: no new work is taken, what is under way is finished within 30 seconds.
"""

import argparse
import asyncio
import contextlib
import gc
import importlib
import signal
import sys
from collections.abc import Sequence

import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from chassis import declaring, deferring, garbage, logs, metrics, migrations, tracing
from chassis.consuming import Consumer
from chassis.leases import HOUSE_KEEPING, run_timers
from chassis.relay import Relay
from chassis.resources import Resources, Service, open_resources
from chassis.settings import ServiceSettings, load

ROLES = ("serve", "relay", "consume", "work", "migrate")
BARE = ("relay", "migrate")
"""Roles that know their database and the transport, and nothing of what is in them."""
DRAIN_SECONDS = 30
KEEP_ALIVE_SECONDS = 75
"""Longer than the gateway, or a proxy in front of it, keeps an idle connection: who asks is who hangs up."""
BACKGROUND_POOL = {"relay": 2, "consume": 4, "work": 6, "background": 6}
"""Connections each background role opens at most …"""
LISTENER_POOL = 4
"""… and each of a service's own."""


def main(name: str, argv: Sequence[str] | None = None) -> None:
    """Run one role of the service `name` until told to stop; without routes, where it answers no requests."""
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=__doc__)
    parser.add_argument("role", help=f"{', '.join(ROLES)}, or one that the service has of its own")
    parser.add_argument(
        "--health-port", type=int, help="where a background role answers /health/live, /metrics"
    )
    asked = parser.parse_args(argv)
    if asked.role != "serve":
        declaring.nothing()
    deferring.models()
    deferring.terminals()
    gc.disable()  # all that is imported stays; `garbage.seldom` looks again, once the process is ready
    bare = asked.role in BARE
    service = bare_service(name) if bare else importlib.import_module(f"{name}.app").SERVICE
    if asked.role not in (*ROLES, *service.listeners):
        parser.error(f"{asked.role} is no role of {name}: {', '.join((*ROLES, *service.listeners))}")
    run(service, asked.role, health_port=asked.health_port)


def bare_service(name: str) -> Service:
    """All that relaying and migrating need of a service; to import the rest takes as long again, and as much memory."""
    package = importlib.import_module(name)
    importlib.import_module(f"contracts.{name}")  # a relay has to know what the service tells
    assert package.__file__ is not None
    return Service(
        name=name,
        settings=importlib.import_module(f"{name}.settings").Settings,
        create_app=_no_app,
        migrations=migrations.migrations_beside(package.__file__),
    )


def _no_app(settings: ServiceSettings) -> FastAPI:
    raise TypeError("a service without its parts answers nothing")


def run(service: Service, role: str, *, health_port: int | None = None) -> None:
    """Run one role until it is told to stop."""
    settings: ServiceSettings = load(service.settings)
    logs.configure(f"{service.name} {role}", settings.log_level)
    tracing.configure(service.name, settings.otlp_endpoint)
    try:
        if role == "migrate":
            asyncio.run(migrations.migrate(service.migrations, settings.database_url))
        elif role == "serve":
            serve(service, settings)
        else:
            asyncio.run(_until_told(service, settings, role, health_port))
    finally:
        tracing.stop()


def serve(service: Service, settings: ServiceSettings) -> None:
    """Serve HTTP."""
    app = service.create_app(settings)
    garbage.seldom()
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        server_header=False,
    )


async def _until_told(
    service: Service, settings: ServiceSettings, role: str, health_port: int | None
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for told in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(told, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        resources = await stack.enter_async_context(
            open_resources(
                service,
                settings,
                role=role,
                pool_size=BACKGROUND_POOL.get(role, LISTENER_POOL),
                session_pool_size=2,
            )
        )
        if health_port is not None:
            watch = asyncio.create_task(_answer_health(health_port))
            stack.callback(watch.cancel)
        await background(service, resources, stop, roles=(role,))


async def background(
    service: Service,
    resources: Resources,
    stop: asyncio.Event,
    *,
    roles: Sequence[str] = ("relay", "consume", "work"),
) -> None:
    """Run background roles together until told to stop; one that dies takes the process with it."""
    garbage.seldom()
    tasks: list[asyncio.Task[object]] = []
    if "relay" in roles:
        relay = Relay(resources.pool, resources.transport, service.name)
        tasks.append(asyncio.create_task(relay.run(stop), name=f"{service.name} relay"))
    if "consume" in roles and service.subscriptions:
        consumer = Consumer(resources, service.subscriptions)
        tasks.append(asyncio.create_task(consumer.run(stop), name=f"{service.name} consume"))
    if "work" in roles:
        timers = run_timers(resources, [HOUSE_KEEPING, *service.timers], stop)
        tasks.append(asyncio.create_task(timers, name=f"{service.name} timers"))
        tasks += [
            asyncio.create_task(worker(resources, stop), name=f"{service.name} {worker.__name__}")  # type: ignore[arg-type]  # workers are coroutines
            for worker in service.workers
        ]
    tasks += [
        asyncio.create_task(listener(resources, stop), name=f"{service.name} {role}")  # type: ignore[arg-type]  # as workers are
        for role, listener in service.listeners.items()
        if role in roles
    ]
    waiting = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    died = [task for task in done if task is not waiting]
    stop.set()
    waiting.cancel()
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=DRAIN_SECONDS)
        for task in late:
            task.cancel()
    for task in died:
        task.result()


async def _answer_health(port: int) -> None:
    app = Starlette(
        routes=[
            Route("/health/live", lambda _: JSONResponse({"status": "live"})),
            Route("/metrics", lambda _: PlainTextResponse(metrics.exposition())),
        ]
    )
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, lifespan="off", log_config=None, access_log=False)
    )
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # the role handles its own
    with contextlib.suppress(asyncio.CancelledError, SystemExit):
        await server.serve()
    sys.stderr.flush()
