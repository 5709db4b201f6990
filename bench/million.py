"""A library of a million titles: filled, searched, harvested, indexed anew and changed, in one folder that is kept.

    .venv/bin/python bench/million.py --folder FOLDER [--titles 1000000] [STAGE …]

    records   made records are written to files (about 1.2 GB for a million)
    ingest    all of them are imported, with items, events and index, until the last one is searchable and lendable
    search    p50 and p95 of each kind of search, through the gateway
    harvest   everything by OAI-PMH, by a client that is none of ours (bench/harvesting.py)
    rebuild   the index is built anew while searches go on
    updates   --updates-minutes of titles and items changed, --updates-rate a second, with searches beside

Without a stage all of them run, the last one when minutes are given. Each can be run again by itself, and goes on in
what is there: a file of records that was imported is not imported again. What was measured stands in
`FOLDER/figures.json`, stage by stage, and is printed. The folder can hold one size only, and needs some 12 GB for a
million. Beside rates and waits each stage tells the processor's time and the memory of every kind of process.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import asyncpg
from installed import Installed
from metering import Meter
from searching import KINDS, Asking, background, quantiles
from updating import update
from watching import Watch

from catalog.marc.generate import generate
from support.box import until
from support.university import CATALOG, CIRCULATION

PIECE: Final = 50_000
"""Records of one file, which is one import."""
SEED: Final = 3
LOOK_SECONDS: Final = 1.0
TEN_MILLION: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Bench:
    """One folder, and what is asked of it."""

    folder: Path
    titles: int
    minutes: float
    rate: float
    gzip: bool
    workers: int

    @property
    def file(self) -> Path:
        """What was measured."""
        return self.folder / "figures.json"

    def told(self) -> dict[str, Any]:
        """What was measured so far."""
        return json.loads(self.file.read_text()) if self.file.exists() else {}

    def tell(self, stage: str, figures: dict[str, Any]) -> None:
        """Keep a stage's figures."""
        told = self.told() | {stage: figures}
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(told, indent=1))
        new.replace(self.file)

    def pieces(self) -> list[tuple[Path, int, int]]:
        """The files, with the first number of each and how many records it has."""
        return [
            (self.folder / "records" / f"{first:08}.mrc", first, min(PIECE, self.titles + 1 - first))
            for first in range(1, self.titles + 1, PIECE)
        ]


def write_records(bench: Bench) -> dict[str, Any]:
    """The files that are not there yet, and how many items stand in all of them."""
    began, new = time.process_time(), 0
    items: dict[str, int] = bench.told().get("records", {}).get("items of each file", {})
    for file, first, count in bench.pieces():
        if file.exists():
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        half = file.with_suffix(".new")
        items[file.name] = 0
        with half.open("wb") as out:
            for one in generate(count, seed=SEED, first=first):
                out.write(one.raw)
                items[file.name] += len(one.barcodes)
        half.replace(file)
        new += count
    told = {
        "records": bench.titles,
        "items": sum(items.values()),
        "bytes a record": sum(file.stat().st_size for file, _, _ in bench.pieces()) / bench.titles,
        "items of each file": items,
    }
    return told | ({"µs of processor a record": (time.process_time() - began) / new * 1e6} if new else {})


@contextmanager
def watched(box: Installed) -> Iterator[dict[str, Any]]:
    """What everything below took of the processor and of memory, in the figures when it has ended."""
    meter, told = Meter(box.family, LOOK_SECONDS), {}
    meter.begin()
    with Watch(box.family) as watch:
        yield told
        told["processor s"] = {name: took for name, took in meter.end().items() if took >= 0.1}
        told["memory"] = watch.turn().told()


async def ingest(bench: Bench, box: Installed) -> dict[str, Any]:
    """What was not imported yet, file by file; a file that was cut off is imported again, which changes nothing twice."""
    library = box.library()
    told = bench.told().get("ingest", {})
    rates: dict[str, float] = told.get("records/s of each file", {})
    await library.put("/v1/configuration/catalog", CATALOG)
    await library.put("/v1/configuration/circulation", CIRCULATION)
    left = [(file, count) for file, _, count in bench.pieces() if file.name not in rates]
    with watched(box) as watch:
        began = time.perf_counter()
        for file, count in left:
            while not file.exists():  # `records` is still at it, in a run beside this one
                await asyncio.sleep(LOOK_SECONDS)
            since = time.perf_counter()
            job = await library.imported(
                file.read_bytes(), look=LOOK_SECONDS, seconds=3600, profile="standard"
            )
            counts = job["counts"]
            assert counts.get("created", 0) + counts.get("unchanged", 0) == count, counts
            rates[file.name] = count / (time.perf_counter() - since)
            bench.tell("ingest", told | {"records/s of each file": rates})
            print(f"   {file.name}: {rates[file.name]:.0f} records/s", flush=True)
        imported = time.perf_counter() - began
        *_, last = generate(1, seed=SEED, first=bench.titles)

        async def searchable() -> bool:
            return bool((await library.get("/v1/search-index"))["count"] == bench.titles)

        async def lendable() -> bool:
            item = (await library.get("/v1/items", barcode=last.barcodes[-1]))["items"][0]
            answer = await library.anonymous.get(f"/v1/titles/{item['title_id']}/availability")
            return answer.status_code == 200

        await until(searchable, seconds=1800, again=LOOK_SECONDS)
        indexed = time.perf_counter() - began
        await until(lendable, seconds=1800, again=LOOK_SECONDS)
        known = time.perf_counter() - began
    await library.close()
    if left:
        records = sum(count for _, count in left)
        told = {
            "records": records,
            "imported, records/s": records / imported,
            "searchable and lendable, records/s": records / max(indexed, known),
            "searchable behind the last import s": indexed - imported,
            "lendable behind the last import s": known - imported,
            "µs of processor a record": sum(watch["processor s"].values()) / records * 1e6,
        } | watch
    return told | {"records/s of each file": rates, "on disk": await sizes(box)}


async def sizes(box: Installed) -> dict[str, Any]:
    """Megabytes on disk, the largest tables, and those that were read without an index more often than they should."""
    told: dict[str, Any] = {"index MB": box.size("files", "index"), "log of changes MB": 0.0}
    told["log of changes MB"] = box.size("postgres", "cluster", "data", "pg_wal")
    told["all MB"] = box.size()
    for name in ("catalog", "circulation", "bus"):
        connection = await asyncpg.connect(box.database(name))
        told[f"database {name} MB"] = await connection.fetchval(
            "SELECT (pg_database_size(current_database()) / 1e6)::float8"
        )
        for row in await connection.fetch(
            "SELECT relname, (pg_total_relation_size(c.oid) / 1e6)::float8 AS size, (pg_indexes_size(c.oid) / 1e6)::float8 AS indexes "
            "FROM pg_class c WHERE relkind = 'r' AND pg_total_relation_size(c.oid) > 20e6 "
            "ORDER BY pg_total_relation_size(c.oid) DESC LIMIT 12"
        ):
            told[f"  {row['relname']}"] = f"{row['size']:.0f} MB, of them indexes {row['indexes']:.0f}"
        for row in await connection.fetch(
            "SELECT relname, seq_scan, seq_tup_read FROM pg_stat_user_tables WHERE seq_tup_read > 10e6 "
            "ORDER BY seq_tup_read DESC LIMIT 6"
        ):
            told[f"  {row['relname']}, read whole"] = (
                f"{row['seq_scan']} times, {row['seq_tup_read'] / 1e6:.0f} million rows"
            )
        await connection.close()
    return told


async def search(bench: Bench, box: Installed) -> dict[str, Any]:
    """Each kind of search, one after another, from one connection."""
    told: dict[str, Any] = {}
    with watched(box) as watch:
        async with Asking(box.url, box.key, bench.titles) as asking:
            for name, kind in KINDS.items():
                told[name] = await kind(asking)
                print(f"   {name}: {_in_words(told[name])}", flush=True)
    return {"p50 and p95 ms": told} | watch


async def harvest(bench: Bench, box: Installed) -> dict[str, Any]:
    """Everything, once."""
    library = box.library()

    async def ready() -> bool:
        answer = await library.anonymous.get("/oai?verb=Identify")
        if answer.status_code != 200:
            return False
        connection = await asyncpg.connect(box.database("catalog"))
        waits = await connection.fetchval(
            "SELECT filling OR EXISTS (SELECT FROM title_change WHERE xact > position) FROM oai_state"
        )
        await connection.close()
        return not waits

    await until(ready, seconds=1800, again=LOOK_SECONDS)
    with watched(box) as watch:
        client = await asyncio.create_subprocess_exec(
            *(sys.executable, str(Path(__file__).with_name("harvesting.py")), f"{box.url}/oai"),
            *(["--gzip"] if bench.gzip else []),
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await client.communicate()
        assert client.returncode == 0, "the harvest was broken off"
    titles = (await library.get("/v1/titles", limit=1))["total"]
    await library.close()
    told = json.loads(said)
    assert told["records"] == told["different records"] == titles, (titles, told)
    hours = TEN_MILLION / told["records/s"] / 3600
    served = sum(watch["processor s"].values())
    return (
        told
        | {"ten million, extrapolated, hours": hours, "µs of processor a record": served / titles * 1e6}
        | watch
    )


async def rebuild(bench: Bench, box: Installed) -> dict[str, Any]:
    """The index anew; searches before and meanwhile, ten a second."""
    library = box.library()

    async def built() -> Any:
        state = await library.get("/v1/search-index")
        return state["rebuild"]["seconds"]

    titles = (await library.get("/v1/titles", limit=1))["total"]
    async with Asking(box.url, box.key, bench.titles) as asking:
        before = await background(asking, 10, asyncio.create_task(asyncio.sleep(15)))
        with watched(box) as watch:
            await library.post("/v1/search-index/rebuilds", expect=202)
            waiting = asyncio.create_task(until(built, seconds=7200, again=LOOK_SECONDS))
            during = await background(asking, 10, waiting)
        total = (await library.get("/v1/titles", limit=1))["total"]
    await library.close()
    assert total == titles, (titles, total)
    return {
        "seconds": await waiting,
        "titles/s": titles / await waiting,
        "searches before": quantiles(before.took) | {"failed": before.failed},
        "searches meanwhile": quantiles(during.took) | {"asked": len(during.took), "failed": during.failed},
        "index MB": box.size("files", "index"),
        "segments": box.segments(),
    } | watch


async def updates(bench: Bench, box: Installed) -> dict[str, Any]:
    """Titles and items changed at a steady rate, with what it does minute by minute."""
    with watched(box) as watch:
        told = await update(box, titles=bench.titles, minutes=bench.minutes, rate=bench.rate)
    return told | watch


Stage = Callable[[Bench, Installed], Awaitable[dict[str, Any]]]
STAGES: Final[dict[str, Stage]] = {
    "ingest": ingest, "search": search, "harvest": harvest, "rebuild": rebuild, "updates": updates,
}  # fmt: skip


async def main(bench: Bench, stages: list[str]) -> None:
    """Stage by stage; the library runs meanwhile, and is stopped behind the last one."""
    if "records" in stages:
        show("records", figures := write_records(bench))
        bench.tell("records", figures)
    running = [name for name in stages if name != "records"]
    if not running:
        return
    with Installed.started(bench.folder, "--workers", str(bench.workers)) as box:
        for name in running:
            print(f"-- {name}", flush=True)
            began = time.perf_counter()
            figures = await STAGES[name](bench, box)
            figures |= {"stage took s": time.perf_counter() - began, "load": os.getloadavg()[1]}
            bench.tell(name, figures)
            show(name, figures)


def show(stage: str, figures: dict[str, Any], indent: str = "") -> None:
    """As a table."""
    if not indent:
        print(f"== {stage}", flush=True)
    for name, value in figures.items():
        if isinstance(value, dict):
            if len(value) <= 30 and any(isinstance(each, dict) for each in value.values()):
                print(f"{indent}{name}")
                show(stage, value, indent + "  ")
            else:
                print(f"{indent}{name:38} {_in_words(value)}", flush=True)
        else:
            print(f"{indent}{name:38} {_word(value)}", flush=True)


def _in_words(told: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_word(value)}" for name, value in list(told.items())[:24])


def _word(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 100 else f"{value:.0f}"
    if isinstance(value, list):
        return " ".join(map(_word, value))
    return str(value)


if __name__ == "__main__":
    for told in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # started in the background, too, it stops what it has started
        signal.signal(told, signal.default_int_handler)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stages", nargs="*", metavar="STAGE", choices=["records", *STAGES, []])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--titles", type=int, default=1_000_000)
    parser.add_argument("--updates-minutes", type=float, default=0)
    parser.add_argument("--updates-rate", type=float, default=100)
    parser.add_argument("--workers", type=int, default=1, help="serving processes of the box")
    parser.add_argument("--gzip", action="store_true", help="the harvest is asked for compressed")
    given = parser.parse_args()
    wanted = given.stages or [
        name for name in ("records", *STAGES) if name != "updates" or given.updates_minutes
    ]
    asyncio.run(
        main(
            Bench(
                given.folder.resolve(),
                given.titles,
                given.updates_minutes or 2,
                given.updates_rate,
                given.gzip,
                given.workers,
            ),
            wanted,
        )
    )
