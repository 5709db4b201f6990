"""The gateway's own CPU for one proxied GET, distributed: a process of its own, an access token, kept connections.

.venv/bin/python bench/proxying.py [--requests 20000]

The service behind it is the least there can be, so that it is never what is waited for; what is counted is the
processor time of the gateway's process alone, from before the first to after the last answer. Beside the token that
is known, in the same run: one that was never seen before with each request, of one program and of another one each.
"""

import argparse
import asyncio
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import load
import psutil

import gateway.app
from carrel.installation import Installation
from carrel.postgres import Cluster
from chassis import migrations
from chassis.ids import uuid7
from chassis.principal import Principal
from gateway.tokens.keys import Sealer
from gateway.tokens.minting import Mint

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.box import free_port

SERVICE = """
import sys, uvicorn
BODY = b'{"items":[' + b",".join([b'{"id":"01890000-0000-7000-8000-0000000000aa","state":"on-loan"}'] * 12) + b"]}"
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
uvicorn.run(app, port=int(sys.argv[1]), lifespan="off", log_config=None, access_log=False)
"""


def answered(url: str) -> None:
    """Wait until somebody answers there."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            httpx.get(url, timeout=2)
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise SystemExit(f"nobody answers at {url}")


BUDGETS_HEARD = 6.0
"""Seconds until every process goes by another document."""


def unbounded(url: str, key: str) -> str:
    """A program's token whose requests are not counted: what is measured is the way through, not the budget."""
    headers = {"Authorization": f"Bearer {key}"}
    told = httpx.put(f"{url}/v1/configuration/budgets", headers=headers, json={"machine": 0, "stranger": 0})
    told.raise_for_status()
    time.sleep(BUDGETS_HEARD)
    return access_token(url, key)


def access_token(url: str, key: str) -> str:
    """What a machine sends with each request."""
    machine = httpx.post(
        f"{url}/v1/clients",
        json={"kind": "oauth2", "name": "bench", "scopes": ["loans:read"]},
        headers={"Authorization": f"Bearer {key}"},
    ).json()
    told = httpx.post(
        f"{url}/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(machine["id"], machine["client_secret"]),
    )
    return str(told.json()["access_token"])


async def fresh_tokens(dsn: str, sealing: str, n: int, *, one_program: bool) -> list[str]:
    """Tokens that the gateway has not seen, signed with its own key here: what it costs to give them out is no part."""
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=1)
    try:
        mint, now = Mint(pool, Sealer(sealing)), datetime.now(UTC)
        scopes = frozenset({"loans:read"})
        programs = [str(uuid7())] * n if one_program else [str(uuid7()) for _ in range(n)]
        return [
            (await mint.access_token(Principal("client", program, scopes), now=now))[0]
            for program in programs
        ]
    finally:
        await pool.close()


async def measured(
    port: int,
    process: psutil.Process,
    headers: dict[str, str],
    clients: int,
    n: int,
    tokens: list[str] | None = None,
) -> Any:
    """Milliseconds of processor time for one request, and the load's own account."""
    bearers = [f"Bearer {token}" for token in tokens or ()] or [headers["Authorization"]]
    asked = [
        load.request("GET", "/v1/loans?limit=12", b"", {**headers, "Authorization": each}) for each in bearers
    ]
    left = n

    def make() -> bytes | None:
        nonlocal left
        left -= 1
        return asked[left % len(asked)] if left >= 0 else None

    before = process.cpu_times()
    told = await load.run(port, clients, 600, make)
    after = process.cpu_times()
    if told.statuses != {200: n}:
        raise SystemExit(f"not every request was answered: {told.statuses}")
    spent = after.user + after.system - before.user - before.system
    return spent / n * 1000, told


async def main(asked: argparse.Namespace) -> dict[str, Any]:
    """One run."""
    folder = Path(tempfile.mkdtemp(prefix="carrel-bench-"))
    folder.chmod(0o755)
    installation = Installation(folder)
    installation.prepare()
    cluster = await Cluster.start(installation.cluster, max_connections=50)
    children: list[subprocess.Popen[bytes]] = []
    try:
        dsn = await cluster.ensure_service("gateway")
        await migrations.migrate(migrations.migrations_beside(gateway.app.__file__), dsn)
        port, behind = free_port(), free_port()
        key, sealing = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        environment = {
            **os.environ,
            "GATEWAY_DATABASE_URL": dsn,
            "GATEWAY_TRANSPORT_URL": "postgresql://nowhere/bus",
            "GATEWAY_PORT": str(port),
            "GATEWAY_SEALING_KEY": sealing,
            "GATEWAY_ADMIN_KEY": key,
            "GATEWAY_CIRCULATION_URL": f"http://127.0.0.1:{behind}",
        }
        children.append(subprocess.Popen([sys.executable, "-c", SERVICE, str(behind)]))
        children.append(subprocess.Popen([sys.executable, "-m", "gateway", "serve"], env=environment))
        url = f"http://127.0.0.1:{port}"
        answered(f"http://127.0.0.1:{behind}")
        answered(f"{url}/health/live")
        headers = {
            "Authorization": f"Bearer {unbounded(url, key)}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": "a discovery layer",
            "X-Forwarded-For": "192.0.2.1",
        }
        process = psutil.Process(children[-1].pid)
        await measured(port, process, headers, 16, 2000)
        results: dict[str, Any] = {}
        for clients in (1, 16, 64):
            cost, told = await measured(port, process, headers, clients, asked.requests)
            results[f"{clients} clients, CPU ms of the gateway"] = cost
            results[f"{clients} clients /s"] = told.rate
            results[f"{clients} clients p95 ms"] = told.quantile(0.95) * 1000
        n = min(asked.requests, 4000)
        for what, one_program in (("token", True), ("token and program", False)):
            tokens = await fresh_tokens(dsn, sealing, n, one_program=one_program)
            cost, told = await measured(port, process, headers, 16, n, tokens)
            results[f"16 clients, a new {what} each, CPU ms"] = cost
            results[f"16 clients, a new {what} each /s"] = told.rate
        results["resident MB"] = process.memory_info().rss / 2**20
        return results
    finally:
        for child in children:
            child.terminate()
            child.wait()
        await cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    for name, value in asyncio.run(main(parser.parse_args())).items():
        print(f"{name:52} {value:.3f}" if isinstance(value, float) else f"{name:52} {value}")
