"""10 000 webhooks to many receivers, a tenth of them slow, against none slow: what the others notice.

    .venv/bin/python bench/webhooks.py [--deliveries 10000 --receivers 50 --slow 0.1 --seconds 3]

One process records and sends, as the gateway's role `work` does, on an embedded PostgreSQL with fsync; the receivers
are one server in a process of its own. What counts: how long the quick receivers' deliveries take, with and without
slow neighbours.
"""

import argparse
import asyncio
import json
import multiprocessing
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from aiohttp import web

from carrel.postgres import Cluster
from gateway.app import SERVICE
from gateway.tokens.keys import Sealer
from gateway.webhooks.recording import Recorder
from gateway.webhooks.sending import Sender
from support.front import OPERATOR, SEALING, bearer, fronting
from support.harness import migrated
from support.library_events import CHECKED_IN, checked_in
from support.receiving import Published


def receive(pipe: Any, slow: int, seconds: float) -> None:
    """Receivers 0, 1, …: the first few take their time."""

    async def answer(request: web.Request) -> web.Response:
        told = json.loads(await request.read())
        if told["type"] == "webhook.verify":
            return web.json_response({"challenge": told["data"]["challenge"]})
        if int(request.path[1:]) < slow:
            await asyncio.sleep(seconds)
        return web.Response(status=204)

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/{tail:.*}", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        pipe.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(serve())


async def once(cluster: Cluster, name: str, asked: argparse.Namespace, slow: int) -> dict[str, float]:
    """One run: seconds until every quick receiver has everything, and what a quick delivery waited."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=receive, args=(there, slow, asked.seconds), daemon=True)
    server.start()
    port = here.recv()
    dsn = await cluster.ensure_service(name)
    await migrated(SERVICE, dsn)
    try:
        async with fronting(dsn, webhook_networks="127.0.0.0/8") as front:
            feed = Published("circulation")
            sender = Sender(front.resources, front.app.state.webhook_guard, Sealer(SEALING))
            recorder = Recorder(front.resources, {"circulation": feed}, sender.wake)
            stop = asyncio.Event()
            await recorder.read("circulation")
            for number in range(asked.receivers):
                url = f"http://127.0.0.1:{port}/{number}"
                body = {"url": url, "types": [CHECKED_IN]}
                made = await front.post("/v1/webhooks", json=body, headers=bearer(OPERATOR))
                assert made.status_code == 201, made.text
            running = [asyncio.create_task(each.run(stop)) for each in (sender, recorder)]
            await _until(front, "SELECT count(*) = 0 FROM webhook_place")
            feed.tell(*(checked_in() for _ in range(asked.deliveries // asked.receivers)))
            began = time.perf_counter()
            slow_urls = [f"http://127.0.0.1:{port}/{number}" for number in range(slow)]
            quick = (
                "SELECT count(*) = $1 FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id "
                "WHERE d.kind = 'event' AND d.state = 'delivered' AND NOT w.url = ANY ($2::text[])"
            )
            wanted = asked.deliveries // asked.receivers * (asked.receivers - slow)
            await _until(front, quick, wanted, slow_urls)
            took = time.perf_counter() - began
            waited = await front.resources.pool.fetchrow(
                "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ended_at - d.created_at) AS p50, "
                "percentile_cont(0.95) WITHIN GROUP (ORDER BY ended_at - d.created_at) AS p95 "
                "FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id "
                "WHERE d.kind = 'event' AND d.state = 'delivered' AND NOT w.url = ANY ($1::text[])",
                slow_urls,
            )
            done = await front.resources.pool.fetchval(
                "SELECT count(*) FROM webhook_delivery WHERE kind = 'event' AND state = 'delivered'"
            )
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            return {
                "seconds": took,
                "per_second": wanted / took,
                "p50": waited["p50"].total_seconds(),
                "p95": waited["p95"].total_seconds(),
                "slow_done": done - wanted,
            }
    finally:
        server.kill()


async def _until(front: Any, question: str, *given: Any) -> None:
    while not await front.resources.pool.fetchval(question, *given):
        await asyncio.sleep(0.05)


async def main(asked: argparse.Namespace) -> None:
    """Both runs."""
    folder = Path(tempfile.mkdtemp(prefix="carrel-bench-", dir="/tmp"))
    folder.chmod(0o711)
    cluster = await Cluster.start(folder / "pg", max_connections=60)
    try:
        slow = int(asked.receivers * asked.slow)
        none = await once(cluster, "gateway", asked, 0)
        some = await once(cluster, "gatewaytwo", asked, slow)
    finally:
        await cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
    for words, told in (("none slow", none), (f"{slow} of {asked.receivers} slow", some)):
        print(f"{words}: " + ", ".join(f"{name} {value:.2f}" for name, value in told.items()))
    print(
        f"deliveries a second to quick receivers, with slow ones / without: {some['per_second'] / none['per_second']:.2f}"
    )
    print(f"p95 of a quick delivery, with slow ones / without: {some['p95'] / none['p95']:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deliveries", type=int, default=10_000)
    parser.add_argument("--receivers", type=int, default=50)
    parser.add_argument("--slow", type=float, default=0.1)
    parser.add_argument("--seconds", type=float, default=3.0)
    asyncio.run(main(parser.parse_args()))
