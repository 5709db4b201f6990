"""Overdue loans and their ageing to lost: in slices of whole sets, against the same work one by one.

    .venv/bin/python bench/overdue.py [--loans 200000 --singly 1000]

On one embedded PostgreSQL with fsync. The timer's own code runs both times, with slices of 500 and of one; what
counts is the ratio of the time that a loan takes.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import desk

from carrel.postgres import Cluster
from chassis import outbox
from circulation.app import SERVICE
from circulation.lost import timers
from contracts.events import Actor
from support.harness import Harness, migrated, running
from support.university import CIRCULATION

LOST: dict[str, Any] = CIRCULATION | {
    "lost_policies": [{"code": "six-weeks", "name": "Six weeks", "age_after": {"amount": 42, "unit": "day"}}],
    "rules": [rule | {"lost": "six-weeks"} for rule in CIRCULATION["rules"]],
}


async def main(asked: argparse.Namespace) -> dict[str, Any]:
    """One run of everything."""
    folder = Path(tempfile.mkdtemp(prefix="carrel-bench-", dir="/tmp"))
    folder.chmod(0o711)
    cluster = await Cluster.start(folder / "pg", max_connections=60)
    try:
        dsn = await cluster.ensure_service("circulation")
        await migrated(SERVICE, dsn)
        print("filling …", flush=True)
        await desk.fill(dsn, asked.loans // 10, asked.loans, asked.loans)
        async with running(SERVICE, dsn) as circulation:
            outbox.origin.set(circulation.resources.origin(Actor("system", "bench")))
            pool = circulation.resources.pool
            await pool.execute("UPDATE configuration_version SET document = $1", LOST)
            now = datetime.now(UTC)
            results = {}
            for words, days in (("overdue", 21), ("ageing", 80)):
                single = await _looked_at(
                    circulation, now + timedelta(days=days), slice_of=1, at_most=asked.singly
                )
                whole = await _looked_at(circulation, now + timedelta(days=days), slice_of=500, at_most=None)
                results |= {
                    f"{words}, one by one, ms a loan": single * 1000,
                    f"{words}, in slices, ms a loan": whole * 1000,
                    f"{words}, ratio": single / whole,
                }
            lost = await pool.fetchval("SELECT count(*) FROM loan WHERE lost_at IS NOT NULL")
            if lost != asked.loans:
                raise SystemExit(f"{lost} loans are lost of {asked.loans}")
        return results
    finally:
        await cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def _looked_at(circulation: Harness, now: datetime, *, slice_of: int, at_most: int | None) -> float:
    """Seconds for a loan."""
    resources = circulation.resources
    library = await resources.own["shelf"].fresh()
    timers.SLICE = slice_of  # type: ignore[misc]
    done, began = 0, time.perf_counter()
    while at_most is None or done < at_most:
        async with resources.pool.acquire() as connection, connection.transaction():
            looked = await timers.age(connection, library, now=now)
        done += looked
        if looked < slice_of:
            break
    return (time.perf_counter() - began) / max(done, 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--loans", type=int, default=200_000)
    parser.add_argument("--singly", type=int, default=1_000, help="loans looked at one by one")
    told = asyncio.run(main(parser.parse_args()))
    for name, value in told.items():
        print(f"{name:36} {value:.3f}")
