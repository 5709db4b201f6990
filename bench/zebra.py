"""Our SRU against Zebra's, over the same records: the same questions, how many each finds, and how long each takes.

    .venv/bin/python bench/zebra.py --folder FOLDER [--questions 150]

FOLDER is one that `bench/million.py` has filled (`records` and `ingest`). Zebra (Debian: idzebra-2.0 and yaz) indexes
the files of records there, once, into FOLDER/zebra: words by ICU without case and diacritics, title, author and anywhere
over the fields that ours searches, ranked by rank-1, registers without shadow, no stored keys. Its answers come by SRU
from zebrasrv, ours from the catalogue service itself and through the gateway of the one box; each question is put to all
three, one after the other, over a connection that is kept, and the first ten records are given as MARCXML.

What counts is the ratio of the p95s. To reach: 0.5 for ranked terms and for phrases, 1.5 for rare terms and for author
with title, where an engine in C is done at once and the rest is the request.
"""

import argparse
import asyncio
import http.client
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import psutil
from installed import Installed
from searching import quantiles
from zebra_files import write_configuration

from catalog.marc.generate import FAMILY, GIVEN, NOUNS, PLACES
from support.box import free_port, until

NEEDED: Final = {"zebraidx": "idzebra-2.0", "zebrasrv": "idzebra-2.0"}
START_SECONDS: Final = 60.0
INDEX_SECONDS: Final = 1800.0
_NUMBER: Final = re.compile(rb"numberOfRecords>(\d+)<")
_RECORDS: Final = re.compile(rb"<(?:\w+:)?recordData\b")
AIMS: Final = {
    "two terms, ranked": 0.5,
    "common term, ranked": 0.5,
    "phrase": 0.5,
    "phrase, ranked": 0.5,
    "rare term": 1.5,
    "author and title": 1.5,
}


def questions(titles: int, count: int) -> Mapping[str, list[str]]:
    """CQL by kind; words that are ASCII, so that nobody's folding decides. Zebra ranks where `relevant` is said."""
    chance = random.Random(13)
    nouns = [each for each in NOUNS if each.isascii()]
    places = [each for each in PLACES if each.isascii()]
    pairs = chance.sample(list(itertools.product(nouns, places)), min(count, len(nouns) * len(places)))
    people = [(family, given) for family in FAMILY for given in GIVEN if (family + given).isascii()]
    anywhere = "cql.serverChoice =/relevant"
    return {
        "common term, ranked": [f"{anywhere} {word}" for word in (*nouns, *places)],
        "two terms, ranked": [f"{anywhere} {noun} and {anywhere} {place}" for noun, place in pairs],
        "phrase": [f'dc.title adj "{noun} of {place}"' for noun, place in pairs],
        "phrase, ranked": [f'dc.title adj/relevant "{place} in antiquity"' for place in places]
        + [f'dc.title adj/relevant "the {noun} of {place}"' for noun, place in pairs[:count // 2]],
        "rare term": [f"dc.title = {chance.randint(1, titles)}" for _ in range(count)],
        "author and title": [
            f"dc.creator = {family} and dc.creator = {given} and dc.title = {noun} and dc.title = {place}"
            for (noun, place), (family, given) in zip(pairs, itertools.cycle(people), strict=False)
        ],
    }  # fmt: skip


class Server:
    """An SRU server, over a connection that is kept."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        self._path = where.path
        self._connection = http.client.HTTPConnection(str(where.hostname), where.port or 80, timeout=120)

    def ask(self, cql: str) -> tuple[float, int, int]:
        """Seconds, how many titles it finds, and how many records it gave."""
        asked = urlencode(
            {"version": "1.1", "operation": "searchRetrieve", "query": cql, "maximumRecords": "10"}
        )
        began = time.perf_counter()
        self._connection.request("GET", f"{self._path}?{asked}")
        answer = self._connection.getresponse()
        content = answer.read()
        took = time.perf_counter() - began
        found = _NUMBER.search(content)
        assert answer.status == 200, (cql, answer.status)
        assert found is not None, (cql, content[:500])
        assert b"diagnostic>" not in content, (cql, content[:1000])
        return took, int(found[1]), len(_RECORDS.findall(content))


def index(folder: Path) -> dict[str, Any]:
    """Zebra's registers, unless they are there; what that took."""
    place = folder / "zebra"
    done = place / "done.json"
    if done.exists():
        return json.loads(done.read_text())
    shutil.rmtree(place, ignore_errors=True)
    write_configuration(place)
    records = sorted((folder / "records").glob("*.mrc"))
    began = time.perf_counter()
    for told in (["init"], ["-n", "update", *map(str, records)]):
        subprocess.run(
            ["zebraidx", "-c", "zebra.cfg", "-v", "none,fatal", "-f", "0", *told], cwd=place, check=True
        )
    took = time.perf_counter() - began
    size = sum(file.stat().st_blocks * 512 for file in place.rglob("*") if file.is_file()) / 1e6
    told_of = {"Zebra indexed in s": took, "Zebra's registers MB": size}
    done.write_text(json.dumps(told_of))
    return told_of


@contextmanager
def listening(
    argv: Sequence[str], port: int, *, cwd: Path, environment: Mapping[str, str]
) -> Iterator[psutil.Process]:
    """A server of ours until the end of the block."""
    said = (cwd / f"said-{port}").open("wb")
    process = subprocess.Popen(
        argv, cwd=cwd, env={**os.environ, **environment}, stdout=said, stderr=said, stdin=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + START_SECONDS
        while True:
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{argv[0]} does not listen: {cwd / f'said-{port}'} says why")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)
        said.close()


def zebra(folder: Path, port: int) -> Any:
    """Zebra, listening."""
    write_configuration(folder / "zebra", port=port)
    argv = ["zebrasrv", "-v", "none,fatal", "-f", "yazserver.xml"]
    return listening(argv, port, cwd=folder / "zebra", environment={})


def catalogue(box: Installed, port: int) -> Any:
    """The catalogue service by itself, over the box's database and index."""
    environment = {
        "CATALOG_DATABASE_URL": box.database("catalog"),
        "CATALOG_TRANSPORT_URL": box.database("bus"),
        "CATALOG_DATA_DIR": str(box.data / "files"),
        "CATALOG_PORT": str(port),
    }
    argv = [sys.executable, "-m", "catalog", "serve"]
    return listening(argv, port, cwd=box.folder, environment=environment)


def compare(
    servers: Mapping[str, Server],
    processes: Mapping[str, psutil.Process],
    lists: Path,
    titles: int,
    count: int,
) -> dict[str, Any]:
    """Each question to each server. Lists of hits that ours keep are forgotten before each, so that neither of the two
    finds what the other has."""
    told: dict[str, Any] = {}
    for kind, asked in questions(titles, count).items():
        worked = {name: _worked(process) for name, process in processes.items()}
        took: dict[str, list[float]] = {name: [] for name in servers}
        found: dict[str, list[int]] = {name: [] for name in servers}
        given: dict[str, list[int]] = {name: [] for name in servers}
        for place, cql in enumerate(asked):
            for name, server in list(servers.items())[:: 1 if place % 2 else -1]:
                for kept in lists.glob("*"):
                    kept.unlink()
                seconds, number, records = server.ask(cql)
                took[name].append(seconds)
                found[name].append(number)
                given[name].append(records)
        first, *ours = servers
        told[kind] = {
            "questions": len(asked),
            "hits": f"{min(found[first])} to {max(found[first])}",
            "questions with other numbers of hits": sum(
                len(set(numbers)) > 1 for numbers in zip(*found.values(), strict=True)
            ),
            "questions with other numbers of records": sum(
                len(set(numbers)) > 1 for numbers in zip(*given.values(), strict=True)
            ),
        }
        for name in servers:
            told[kind] |= {f"{name} {each} ms": value for each, value in quantiles(took[name]).items()}
        for name in ours:
            told[kind][f"p50, {name} to {first}"] = (
                told[kind][f"{name} p50 ms"] / told[kind][f"{first} p50 ms"]
            )
            told[kind][f"p95, {name} to {first}"] = (
                told[kind][f"{name} p95 ms"] / told[kind][f"{first} p95 ms"]
            )
        for name, process in processes.items():
            spent = (_worked(process) - worked[name]) / len(asked)
            told[kind][f"{name}, processor ms a question"] = spent * 1000
        told[kind]["to reach"] = AIMS[kind]
    return told


def _worked(process: psutil.Process) -> float:
    """Seconds of the processor's time, of those that it has started, too."""
    spent = 0.0
    for each in [process, *process.children(recursive=True)]:
        times = each.cpu_times()
        spent += times.user + times.system
    return spent


def main(folder: Path, count: int) -> dict[str, Any]:
    """All of it."""
    missing = sorted({package for program, package in NEEDED.items() if shutil.which(program) is None})
    if missing:
        raise SystemExit(f"Zebra is not installed here: apt-get install {' '.join(missing)} yaz")
    if not (folder / "records").is_dir():
        raise SystemExit(f"There are no records in {folder}: bench/million.py makes and imports them.")
    indexed = index(folder)
    with ExitStack() as stack:
        box = stack.enter_context(Installed.started(folder))
        ports = {"Zebra": free_port(), "catalogue": free_port()}
        processes = {
            "Zebra": stack.enter_context(zebra(folder, ports["Zebra"])),
            "catalogue": stack.enter_context(catalogue(box, ports["catalogue"])),
        }
        library = box.library()

        async def serves() -> bool:
            return (await library.anonymous.get("/v1/titles?limit=1")).status_code == 200

        async def counted() -> int:
            await until(serves, seconds=INDEX_SECONDS)  # an index of another release is made anew first
            total = (await library.get("/v1/titles", limit=1))["total"]
            await library.close()
            return int(total)

        titles = asyncio.run(counted())
        servers = {
            "Zebra": Server(f"http://127.0.0.1:{ports['Zebra']}/Default"),
            "catalogue": Server(f"http://127.0.0.1:{ports['catalogue']}/sru"),
            "gateway": Server(f"{box.url}/sru"),
        }
        more = (processes, box.index / "lists", titles)
        compare(servers, *more, 5)  # files are read, and statements prepared
        return {"titles": titles, **indexed, "questions": compare(servers, *more, count)}


if __name__ == "__main__":
    for told in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # started in the background, too, it stops what it has started
        signal.signal(told, signal.default_int_handler)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--questions", type=int, default=150)
    asked = parser.parse_args()
    figures = main(asked.folder.resolve(), asked.questions)
    (asked.folder / "zebra.json").write_text(json.dumps(figures, indent=1))
    for name, value in figures.items():
        if not isinstance(value, dict):
            print(f"{name:42} {value:.1f}" if isinstance(value, float) else f"{name:42} {value}")
    for kind, told in figures["questions"].items():
        print(f"-- {kind}")
        for name, value in told.items():
            print(f"   {name:42} {value:.2f}" if isinstance(value, float) else f"   {name:42} {value}")
