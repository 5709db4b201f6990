"""Works found by what finds their titles, beside the same search by titles.

    .venv/bin/python bench/works.py [--titles 100000] [--folder DIR]

In one process and by processor time, so that a busy machine says something, too; by works and by titles in turn. Titles
are those of bench/search.py; three in ten of them share their work with one to five others.
"""

import argparse
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import search as titles

from catalog.search.byworks import find
from catalog.search.documents import TitleDocument
from catalog.search.engine import Reader, SearchRequest
from catalog.search.folders import serving, switch
from catalog.search.writing import Writer

ROUNDS = 30


def made(count: int) -> Iterator[TitleDocument]:
    """So many titles, the same each time."""
    chance = random.Random(17)
    open_works: list[tuple[int, int]] = []
    for number, title in enumerate(titles.made(count), 1):
        title.number = number
        if chance.random() < 0.3:
            eldest, left = open_works.pop(0) if chance.random() < 0.6 and open_works else (number, 0)
            left = left - 1 if left else chance.choice((1, 1, 1, 2, 5))
            if left:
                open_works.append((eldest, left))
            title.eldest = eldest
        yield title


def spent(work: Callable[[], Any]) -> float:
    """Processor time of this process in milliseconds, the engine's threads among it."""
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--titles", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="kept, and used again")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="works-"))
    try:
        if serving(folder) is None:
            writer = Writer(folder, titles.NAME)
            writer.add_new(made(asked.titles))
            writer.apply([], [], 1)
            writer.close()
            switch(folder, titles.NAME)
        measure(Reader(folder))
    finally:
        if asked.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


def measure(reader: Reader) -> None:
    """First pages and further ones."""
    for name, query in (
        ("everything", ""),
        ("common term", titles.TERMS[0]),
        ("two terms", f"{titles.TERMS[0]} {titles.TERMS[-1]}"),
        ("rare term", "title:4711"),
    ):
        for facets in ((), titles.FACETS):
            times: dict[str, list[float]] = {"works": [], "titles": [], "next works": []}
            asked = SearchRequest(query, facets=facets, paged=True)
            for _ in range(ROUNDS):
                shutil.rmtree(reader.lists.folder, ignore_errors=True)
                times["works"].append(spent(lambda asked=asked: find(reader, asked)))  # type: ignore[misc]  # mypy does not infer a default
                found = find(reader, asked)
                if found.list_name is not None:
                    more = replace(asked, offset=20, list_name=found.list_name)
                    times["next works"].append(spent(lambda more=more: find(reader, more)))  # type: ignore[misc]  # the same
                shutil.rmtree(reader.lists.folder, ignore_errors=True)
                times["titles"].append(spent(lambda asked=asked: reader.search(asked)))  # type: ignore[misc]  # the same
            told = ", ".join(
                f"{which} p50 {statistics.median(each):.1f}, p95 {statistics.quantiles(each, n=20)[18]:.1f}"
                for which, each in times.items()
                if each
            )
            with_facets = " with four facets" if facets else ""
            print(f"{name}{with_facets}: {found.total} works of {found.titles_total} titles; ms: {told}")


if __name__ == "__main__":
    main()
