"""The process of the one box that other libraries reach by Z39.50: the catalogue's role, behind the desk."""

import argparse
import asyncio
import os
import signal

from carrel.fastloop import run_on_fast_loop
from carrel.processes import told_settings
from catalog.app import SERVICE
from catalog.z3950.listening import listen
from chassis import garbage, logs, precedence, roles, tracing
from chassis.resources import open_resources
from chassis.settings import load


async def answer() -> None:
    """Answer until told to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for told in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(told, stop.set)
    async with open_resources(
        SERVICE,
        load(SERVICE.settings),
        role="z3950",
        pool_size=roles.LISTENER_POOL,
        session_pool_size=1,
        niceness=precedence.BACKGROUND,
    ) as resources:
        garbage.seldom()
        await listen(resources, stop, lambda _: print("ready", flush=True))


def main() -> None:
    """`python -m carrel.z3950`."""
    parser = argparse.ArgumentParser(prog="carrel.z3950")
    parser.add_argument("--told", action="store_true", help="settings come on standard input")
    if parser.parse_args().told:
        told_settings()
    logs.configure("z3950", os.environ.get("CARREL_LOG_LEVEL", "INFO"))
    tracing.configure("onebox-z3950", os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"))
    precedence.step_back(precedence.BACKGROUND)
    try:
        run_on_fast_loop(answer())
    finally:
        tracing.stop()


if __name__ == "__main__":
    main()
