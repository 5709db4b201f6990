"""A title list of 100 000 rows into an empty knowledge base, the same again, and two that say something else.

    .venv/bin/python bench/title_lists.py [--rows 100000]

One process sends the file and takes it up, as erm's role `work` does, on an embedded PostgreSQL with fsync. A tenth
of the rows are second parts of a title's coverage, one in a thousand is wrong; titles bear numbers online and in print.
The third list has another publisher in one row of a hundred, the fourth in one of twenty. Processor time is Python's and
PostgreSQL's (Linux alone tells that of other processes).
"""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from stdnum.issn import calc_check_digit

from carrel.postgres import Cluster
from chassis import garbage
from erm.app import SERVICE
from erm.kbart.worker import work_once
from support.harness import migrated, running
from support.knowing import knowing, listing


def issn_of(number: int) -> str:
    """A sound number."""
    digits = f"{number:07}"
    return f"{digits[:4]}-{digits[4:]}{calc_check_digit(digits)}"


def file_of(rows: int, publisher: str, every: int = 20) -> bytes:
    """A provider's list: serials with numbers online and in print; one row of so many has the publisher."""
    told = []
    for n in range(rows):
        title = n - n % 10 if n % 10 == 1 else n
        told.append(
            {
                "publication_title": f"Annals of Matter {title:06}",
                "title_id": f"t{title}",
                "online_identifier": issn_of(2 * title),
                "print_identifier": issn_of(2 * title + 1),
                "title_url": f"https://p.example/journal/{title}",
                "publisher_name": publisher if n % every == 0 else "Example Press",
                "date_first_issue_online": "not-a-day" if n % 1000 == 999 else str(1950 + 30 * (n % 10)),
                "date_last_issue_online": "1979" if n % 10 == 0 else "",
            }
        )
    return listing(*told)


def spent_by(postmaster: int) -> float:
    """Seconds of processor time of a server, of all its processes that are and were."""
    ticks = 0
    for told in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = told.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if told.parent.name == str(postmaster):
            ticks += sum(map(int, fields[11:15]))
        elif fields[1] == str(postmaster):
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


async def main(asked: argparse.Namespace) -> None:
    """The loads, one after the other."""
    folder = Path(tempfile.mkdtemp(prefix="carrel-bench-", dir="/tmp"))
    folder.chmod(0o711)
    cluster = await Cluster.start(folder / "pg", max_connections=60)
    try:
        dsn = await cluster.ensure_service("erm")
        await migrated(SERVICE, dsn)
        async with running(SERVICE, dsn) as erm:
            garbage.seldom()
            kb = await knowing(erm)
            package = await kb.package()
            for what, publisher, every in (
                ("new", "Example Press", 20),
                ("again", "Example Press", 20),
                ("one of a hundred changed", "Other", 100),
                ("one of twenty changed", "Another", 20),
            ):
                content = file_of(asked.rows, publisher, every)
                began, spent, server = time.perf_counter(), os.times(), spent_by(cluster.pid)
                load = await kb.send(package, content)
                sent = time.perf_counter() - began
                slices = 0
                while await work_once(erm.resources):
                    slices += 1
                took, used = time.perf_counter() - began, os.times()
                told: dict[str, Any] = await kb.get(f"/v1/package-loads/{load.json()['id']}")
                print(
                    f"{what}: {took:.1f} s (sending {sent:.1f}); processor: Python "
                    f"{used.user + used.system - spent.user - spent.system:.1f}, PostgreSQL {spent_by(cluster.pid) - server:.1f}; "
                    f"{slices} steps, {asked.rows / took:.0f} rows/s; {told['state']}, rows {told['rows']}"
                )
    finally:
        await cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    asyncio.run(main(parser.parse_args()))
