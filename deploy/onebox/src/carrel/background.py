"""The background process of the one box: relays, consumers, timers and workers of every service."""

import argparse
import asyncio
import contextlib
import os
import signal

import catalog.app
import circulation.app
import erm.app
import gateway.app
import ill.app
from carrel.fastloop import run_on_fast_loop
from carrel.processes import told_settings
from chassis import logs, precedence, roles, tracing
from chassis.resources import Resources, Service, open_resources
from chassis.settings import ServiceSettings, load
from gateway.webhooks.feeds import FEEDS, Local

SERVICES: tuple[Service, ...] = (
    catalog.app.SERVICE,
    circulation.app.SERVICE,
    ill.app.SERVICE,
    erm.app.SERVICE,
    gateway.app.SERVICE,
)


async def work() -> None:
    """Run everything until told to stop; what is under way is finished first."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for told in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(told, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        opened: list[tuple[Service, Resources]] = []
        for service in SERVICES:
            settings: ServiceSettings = load(service.settings)
            resources = await stack.enter_async_context(
                open_resources(
                    service,
                    settings,
                    role="background",
                    pool_size=roles.BACKGROUND_POOL["background"],
                    session_pool_size=2,
                    niceness=precedence.BACKGROUND,
                )
            )
            opened.append((service, resources))
        here = {service.name: resources for service, resources in opened}
        here["gateway"].own[FEEDS] = {name: Local(resources.pool) for name, resources in here.items()}
        print("ready", flush=True)
        async with asyncio.TaskGroup() as group:
            for service, resources in opened:
                group.create_task(roles.background(service, resources, stop))


def main() -> None:
    """`python -m carrel.background`."""
    parser = argparse.ArgumentParser(prog="carrel.background")
    parser.add_argument("--told", action="store_true", help="settings come on standard input")
    if parser.parse_args().told:
        told_settings()
    logs.configure("background", os.environ.get("CARREL_LOG_LEVEL", "INFO"))
    tracing.configure("onebox-background", os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"))
    precedence.step_back(precedence.BACKGROUND)
    try:
        run_on_fast_loop(work())
    finally:
        tracing.stop()


if __name__ == "__main__":
    main()
