"""A change of the rules, tried on everything that was lent: how long a library waits for the answer.

    .venv/bin/python bench/simulating.py [--loans 1000000 --items 200000]

On one embedded PostgreSQL. Wished: under a minute for a million past loans.
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

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import asyncpg

from carrel.postgres import Cluster
from circulation.app import SERVICE
from circulation.configuration.simulating import simulate_once
from support.harness import migrated, running
from support.university import CIRCULATION, LIBRARIES, LOCATIONS

PLACES = """
INSERT INTO location (id, code, name, library, library_name, campus, institution, epoch, version)
SELECT gen_random_uuid(), l.code, l.code, b.code, b.code, 'CITY', 'UNI', 1, 1
FROM unnest($1::text[]) AS b (code) CROSS JOIN unnest($2::text[]) AS l (code)
"""
ITEMS = """
INSERT INTO item (id, barcode, holdings_id, title_ids, location_id, location, library, campus, institution,
    material_type, loan_type, base, short_title, state)
SELECT gen_random_uuid(), 'I' || n, gen_random_uuid(), ARRAY[gen_random_uuid()], gen_random_uuid(),
    ($2::text[])[1 + n % 3], ($1::text[])[1 + n / 3 % 3], 'CITY', 'UNI',
    (ARRAY['book', 'book', 'book', 'video', 'score'])[1 + n % 5], (ARRAY['standard', 'short'])[1 + n % 7 / 6],
    'active', 'Title ' || n, 'available'
FROM generate_series(1, $3::int) AS n
"""
PAST = """
INSERT INTO loan (id, item_id, title_id, patron_id, patron_group, service_point_id, lent_at, due_at, due_zone, policy,
    fine_policy, returned_at, renewals)
SELECT gen_random_uuid(), i.id, i.id, gen_random_uuid(), (ARRAY['student', 'student', 'staff', 'guest'])[1 + g.n % 4],
    p.id, $2::timestamptz - g.n % 1000 * interval '1 day' + g.n % 36000 * interval '1 second',
    $2::timestamptz - g.n % 1000 * interval '1 day' + interval '28 days', 'Europe/Berlin', 'four-weeks', 'daily',
    $2::timestamptz - g.n % 1000 * interval '1 day' + (5 + g.n % 41) * interval '1 day', g.n % 9 / 7
FROM generate_series(1, $1::int) AS g (n)
JOIN (SELECT id, row_number() OVER () AS n FROM item) i ON i.n = 1 + g.n::bigint * 7919 % $3::int
JOIN (SELECT id, row_number() OVER () AS n FROM service_point) p ON p.n = 1 + g.n % $4::int
"""
NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
CHANGED: dict[str, Any] = CIRCULATION | {
    "patron_groups": [
        *CIRCULATION["patron_groups"],
        {"code": "staff", "name": "S"},
        {"code": "guest", "name": "G"},
    ],
    "loan_policies": [
        CIRCULATION["loan_policies"][0] | {"period": {"amount": 21, "unit": "day"}},
        {"code": "week", "name": "A week", "period": {"amount": 7, "unit": "day"}},
    ],
    "rules": [
        *CIRCULATION["rules"],
        {"when": {"material_type": ["video"]}, "loan": "week", "fine": "daily", "hold": "usual"},
    ],
}


async def main(asked: argparse.Namespace) -> dict[str, Any]:
    """One run of everything."""
    folder = Path(tempfile.mkdtemp(prefix="carrel-bench-", dir="/tmp"))
    folder.chmod(0o711)
    cluster = await Cluster.start(folder / "pg", max_connections=60)
    try:
        dsn = await cluster.ensure_service("circulation")
        await migrated(SERVICE, dsn)
        async with running(SERVICE, dsn, clock=lambda: NOW) as circulation:
            answer = await circulation.put("/v1/configuration/circulation", json=CIRCULATION)
            if answer.status_code != 200:
                raise SystemExit(answer.text)
            print("filling …", flush=True)
            connection = await asyncpg.connect(dsn)
            await connection.execute(PLACES, list(LIBRARIES), list(LOCATIONS))
            await connection.execute(ITEMS, list(LIBRARIES), list(LOCATIONS), asked.items)
            await connection.execute(PAST, asked.loans, NOW, asked.items, len(LIBRARIES))
            await connection.execute("VACUUM (ANALYZE)")
            await connection.close()
            span = {"from": (NOW - timedelta(days=2000)).isoformat(), "until": NOW.isoformat()}
            job = await circulation.post(
                "/v1/configuration/circulation/simulations", json=span | {"document": CHANGED}
            )
            if job.status_code != 202:
                raise SystemExit(job.text)
            began, own = time.perf_counter(), time.process_time()
            await simulate_once(circulation.resources, asyncio.Event())
            took, own = time.perf_counter() - began, time.process_time() - own
            told = (await circulation.get(job.headers["location"])).json()
            if told["state"] != "finished":
                raise SystemExit(str(told))
            measured = {"loans": told["done"], "seconds": took, "loans a second": told["done"] / took}
            return (
                measured
                | {"of them of our own CPU": own}
                | {f"  {name}": count for name, count in told["counts"].items() if count}
            )
    finally:
        await cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--loans", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=200_000)
    told = asyncio.run(main(parser.parse_args()))
    for name, value in told.items():
        print(f"{name:32} {value:.1f}" if isinstance(value, float) else f"{name:32} {value}")
