"""Check-out through the gateway against pgbench doing the same work statement by statement.

    .venv/bin/python bench/desk.py [--patrons 100000 --items 500000 --loans 200000 --seconds 10]

Both on one embedded PostgreSQL with fsync, in one run, on this machine; what counts is the ratio.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import asyncpg
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import load

from carrel.installation import PYTHON, SERVICES, Installation, connections_allowed, process_environment
from carrel.postgres import Cluster
from chassis import migrations, outbox
from chassis.ids import uuid7
from chassis.transport.postgres import PostgresTransport
from circulation.registration import naming
from support.box import free_port
from support.university import CIRCULATION

HERE = Path(__file__).resolve().parent


def _any(kind: str, number: int) -> UUID:
    return uuid7()


async def fill(
    dsn: str, patrons: int, items: int, loans: int, *, id_of: Callable[[str, int], UUID] = _any
) -> tuple[list[UUID], list[UUID], UUID]:
    """A library of this size, by COPY; patrons, items that are on the shelf, and the desk.

    Patron n has the loans n, n + patrons …; loan n is of item n.
    """
    connection = await asyncpg.connect(dsn)
    now = datetime.now(UTC)
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
    await outbox.keep_partitions(connection, today=now.date())
    desk = uuid7()
    await connection.execute("INSERT INTO service_point (id, code) VALUES ($1, 'main-desk')", desk)
    await connection.execute(
        "INSERT INTO configuration_version VALUES (1, $1, $2, 'bench')", CIRCULATION, now
    )
    await connection.execute("UPDATE reference SET version = 1")
    location = uuid7()
    await connection.execute(
        "INSERT INTO location VALUES ($1, 'STACKS', 'Stacks', 'MAIN', 'Main', 'CITY', 'UNI', 1, 1)", location
    )
    patron_ids = [id_of("patron", n) for n in range(patrons)]
    item_ids = [id_of("item", n) for n in range(items)]
    loan_ids = [id_of("loan", n) for n in range(loans)]
    held = [0] * patrons
    for number in range(loans):
        held[number % patrons] += 1
    await connection.copy_records_to_table(
        "patron",
        columns=("id", "barcode", "group_code", "family_name", "open_loans", "created_at", "expires_at"),
        records=(
            (pid, f"P{n:08}", "student", f"Family {n}", held[n], now, now + timedelta(days=2000))
            for n, pid in enumerate(patron_ids)
        ),
    )
    await connection.copy_records_to_table(
        "item",
        columns=(
            "id",
            "barcode",
            "holdings_id",
            "title_ids",
            "location_id",
            "location",
            "library",
            "campus",
            "institution",
            "material_type",
            "loan_type",
            "base",
            "short_title",
            "state",
            "loan_id",
            "due_at",
        ),
        records=(
            (
                iid,
                f"I{n:08}",
                iid,
                [iid],
                location,
                "STACKS",
                "MAIN",
                "CITY",
                "UNI",
                "book",
                "standard",
                "active",
                f"Title {n}",
                "on-loan" if n < loans else "available",
                loan_ids[n] if n < loans else None,
                now + timedelta(days=20) if n < loans else None,
            )
            for n, iid in enumerate(item_ids)
        ),
    )
    await connection.copy_records_to_table(
        "loan",
        columns=(
            "id",
            "item_id",
            "title_id",
            "patron_id",
            "patron_group",
            "service_point_id",
            "lent_at",
            "due_at",
            "due_zone",
            "policy",
            "fine_policy",
            "rules_version",
        ),
        records=(
            (
                lid,
                item_ids[n],
                item_ids[n],
                patron_ids[n % patrons],
                "student",
                desk,
                now,
                now + timedelta(days=20),
                "Europe/Berlin",
                "four-weeks",
                "daily",
                1,
            )
            for n, lid in enumerate(loan_ids)
        ),
    )
    # As whoever registers them does; else a timer goes over all of them meanwhile.
    while await naming.name_some(connection):
        continue
    await connection.execute("VACUUM (ANALYZE) patron, item, loan")
    await connection.close()
    return patron_ids, item_ids[loans:], desk


PGBENCH = r"""
\set p random(1, :patrons)
\set i random(1, :items)
\set pn :p - 1
\set inn :i + :loans - 1
BEGIN;
SELECT version FROM reference;
SELECT status FROM idempotency WHERE principal = 'pgbench' AND key = 'k' || (:inn::int)::text;
SELECT * FROM patron WHERE barcode = 'P' || lpad((:pn::int)::text, 8, '0') FOR NO KEY UPDATE;
SELECT * FROM item WHERE barcode = 'I' || lpad((:inn::int)::text, 8, '0') FOR NO KEY UPDATE;
SELECT count(*) FROM patron_block b JOIN patron p ON p.id = b.patron_id WHERE p.barcode = 'P' || lpad((:pn::int)::text, 8, '0');
SELECT policy, count(*) FROM loan l JOIN patron p ON p.id = l.patron_id WHERE p.barcode = 'P' || lpad((:pn::int)::text, 8, '0') AND l.returned_at IS NULL GROUP BY policy;
SELECT count(*) FROM hold h JOIN item i ON h.title_id = ANY (i.title_ids) WHERE i.barcode = 'I' || lpad((:inn::int)::text, 8, '0') AND h.state IN ('waiting', 'in-transit', 'ready');
INSERT INTO loan (id, item_id, title_id, patron_id, patron_group, service_point_id, lent_at, due_at, due_zone, policy, fine_policy, rules_version) SELECT gen_random_uuid(), i.id, i.id, p.id, 'student', i.location_id, now(), now() + interval '28 days', 'Europe/Berlin', 'four-weeks', 'daily', 1 FROM patron p, item i WHERE p.barcode = 'P' || lpad((:pn::int)::text, 8, '0') AND i.barcode = 'I' || lpad((:inn::int)::text, 8, '0') ON CONFLICT DO NOTHING;
UPDATE patron SET open_loans = open_loans + 1, guard = guard + 1 WHERE barcode = 'P' || lpad((:pn::int)::text, 8, '0');
UPDATE item SET guard = guard + 1, state = 'on-loan', due_at = now() + interval '28 days', last_seen_at = now() WHERE barcode = 'I' || lpad((:inn::int)::text, 8, '0');
INSERT INTO outbox (id, type, key, envelope) VALUES (gen_random_uuid(), 'circulation.loan-created.v1', 'k', repeat('x', 1400));
INSERT INTO idempotency (principal, key, fingerprint, status, headers, body) VALUES ('pgbench', gen_random_uuid()::text, '\x00', 201, '{}', convert_to(repeat('y', 450), 'UTF8'));
COMMIT;
"""


def pgbench(
    dsn: str, clients: int, seconds: int, transaction: str = PGBENCH, **variables: int
) -> tuple[float, float]:
    """Transactions a second and p95 in seconds (from a log of all of them)."""
    parts = urlsplit(dsn)
    socket = parse_qs(parts.query)["host"][0]
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "desk.sql"
        script.write_text(transaction)
        told = subprocess.run(
            [
                "pgbench",
                "-n",
                "-M",
                "prepared",
                "-f",
                str(script),
                "-c",
                str(clients),
                "-j",
                "2",
                "-T",
                str(seconds),
                *(f"-D{name}={value}" for name, value in variables.items()),
                "-l",
                "-h",
                socket,
                "-p",
                "5432",
                "-U",
                str(parts.username),
                parts.path[1:],
            ],
            env={**os.environ, "PGPASSWORD": str(parts.password)},
            capture_output=True,
            text=True,
            cwd=folder,
        )
        if told.returncode:
            raise SystemExit(told.stderr[-1000:])
        rate = float(re.search(r"tps = ([\d.]+)", told.stdout)[1])  # type: ignore[index]
        waits = sorted(
            int(line.split()[2]) for log in Path(folder).glob("pgbench_log.*") for line in log.open()
        )
    return rate, waits[int(len(waits) * 0.95)] / 1e6


def begun(port: int, environment: dict[str, str]) -> list[subprocess.Popen[bytes]]:
    """One box as it runs on two cores: two processes that answer, one for what works behind."""
    serving = [PYTHON, "-m", "carrel.serving", "--port", str(port), "--shared"]
    children = [
        subprocess.Popen(line, env=environment, stdout=subprocess.PIPE)
        for line in (serving, serving, [PYTHON, "-m", "carrel.background"])
    ]
    for child in children:
        assert child.stdout is not None
        child.stdout.readline()
    return children


async def main(asked: argparse.Namespace) -> dict[str, Any]:
    """One run of everything."""
    folder = Path(tempfile.mkdtemp(prefix="carrel-bench-"))
    folder.chmod(0o755)
    installation = Installation(folder)
    installation.prepare()
    cluster = await Cluster.start(installation.cluster, max_connections=max(150, connections_allowed(2)))
    children: list[subprocess.Popen[bytes]] = []
    try:
        dsns = {name: await cluster.ensure_service(name) for name in SERVICES}
        bus = await cluster.ensure_service("bus")
        transport = PostgresTransport(bus)
        await transport.open()
        for name, dsn in dsns.items():
            spec = __import__(name)
            await migrations.migrate(migrations.migrations_beside(spec.__file__), dsn)
        print("filling …", flush=True)
        patrons, shelf, desk = await fill(dsns["circulation"], asked.patrons, asked.items, asked.loans)
        port = free_port()
        children += begun(port, {**os.environ, **process_environment(installation, dsns, bus)})
        key = installation.secret("admin")
        random.seed(3)
        random.shuffle(shelf)
        bodies = (
            f'{{"patron_id":"{random.choice(patrons)}","item_id":"{item}","service_point_id":"{desk}"}}'.encode()
            for item in shelf
        )

        async def burst(clients: int, seconds: int) -> dict[str, float]:
            """So many check-outs; more bodies are laid ready than can be sent."""
            ready = list(itertools.islice(bodies, seconds * 4000))
            return await load.check_outs(port, clients, seconds, ready, key)

        results: dict[str, Any] = {}
        await burst(16, 3)
        # One desk alone, as pgbench is alone: what the warm-up told is heard, and its pages are written.
        await drained(dsns["circulation"], bus, time.perf_counter())
        await settled(cluster.dsn("postgres"))
        alone = await burst(1, 3)
        results |= {f"one client {name} ms": alone[name] for name in ("p50", "p95")}
        for clients in (16, 64):
            await settled(cluster.dsn("postgres"))
            before = await _cpu(cluster.dsn("postgres"))
            told = await burst(clients, asked.seconds)
            began = time.perf_counter()
            spent = await _cpu(cluster.dsn("postgres"))
            for who, seconds in (spent - before).most_common(9):
                results[f"{clients} clients, CPU ms a check-out: {who}"] = (
                    seconds * 1000 / (told["rate"] * asked.seconds)
                )
            results |= {f"{clients} clients {name}": value for name, value in told.items()}
            results[f"{clients} clients drained after s"] = await drained(dsns["circulation"], bus, began)
        results |= await _sustained(burst, dsns["circulation"], bus)
        for child in children:
            child.terminate()
        for child in children:
            child.wait()
        children.clear()
        if shutil.which("pgbench"):
            sizes = {"patrons": asked.patrons, "items": asked.items - asked.loans, "loans": asked.loans}
            await settled(cluster.dsn("postgres"))
            results["pgbench p95 at one client ms"] = pgbench(dsns["circulation"], 1, 3, **sizes)[1] * 1000
            rates = {}
            for clients in (16, 64):
                await settled(cluster.dsn("postgres"))
                rates[clients] = pgbench(dsns["circulation"], clients, asked.seconds, **sizes)[0]
            results["pgbench /s"] = rates
            best = max(rates.values())
            results["sustained ratio"] = results["sustained, check-outs/s"] / best
            results["ratio at 64"] = results["64 clients rate"] / best
            results["p95 ratio at one"] = (
                results["one client p95 ms"] / results["pgbench p95 at one client ms"]
            )
        return results
    finally:
        for child in children:
            child.kill()
        await cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def settled(dsn: str) -> None:
    """Everybody begins alike: nothing left to write of what was before, each page yet to be logged whole."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    await asyncio.to_thread(os.sync)


async def _cpu(dsn: str) -> Counter[str]:
    """Seconds of CPU spent so far by our processes: Python by what it runs, PostgreSQL by whose connection it is."""
    spent: Counter[str] = Counter()
    connection = await asyncpg.connect(dsn)
    try:
        names = {
            row["pid"]: row["name"]
            for row in await connection.fetch(
                "SELECT pid, coalesce(nullif(application_name, ''), backend_type) AS name FROM pg_stat_activity"
            )
        }
    finally:
        await connection.close()
    for process in psutil.process_iter(["pid", "cmdline", "cpu_times"]):
        line = " ".join(process.info["cmdline"] or ())
        if process.info["pid"] in names:
            who = f"postgres {names[process.info['pid']]}"
        elif "carrel.serving" in line or "carrel.background" in line:
            who = line.split("carrel.")[1].split()[0]
        else:
            who = "others"
        spent[who] += process.info["cpu_times"].user + process.info["cpu_times"].system
    return spent


async def _sustained(
    burst: Callable[[int, int], Awaitable[dict[str, float]]], circulation: str, bus: str
) -> dict[str, Any]:
    """Without an end in sight: what is lent a second once the backlog has stopped growing."""
    await burst(64, 20)
    waiting = [await _waiting(circulation, bus)]
    rates = []
    for _ in range(2):
        rates.append((await burst(64, 12))["rate"])
        waiting.append(await _waiting(circulation, bus))
    return {
        "sustained, check-outs/s": sum(rates) / len(rates),
        "sustained, events waiting after 20, 32, 44 s": waiting,
    }


async def _waiting(circulation: str, bus: str) -> int:
    """Events in the outbox and on the bus."""
    waiting = 0
    for dsn, table in ((circulation, "outbox WHERE published_at IS NULL"), (bus, "message")):
        connection = await asyncpg.connect(dsn)
        try:
            waiting += await connection.fetchval(f"SELECT count(*) FROM {table}")
        finally:
            await connection.close()
    return waiting


async def drained(circulation: str, bus: str, began: float) -> float:
    """Seconds until no event waits anywhere."""
    while await _waiting(circulation, bus) and time.perf_counter() - began < 120:
        await asyncio.sleep(0.2)
    return time.perf_counter() - began


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patrons", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=500_000)
    parser.add_argument("--loans", type=int, default=200_000)
    parser.add_argument("--seconds", type=int, default=10)
    told = asyncio.run(main(parser.parse_args()))
    for name, value in told.items():
        print(f"{name:32} {value:.3f}" if isinstance(value, float) else f"{name:32} {value}")
