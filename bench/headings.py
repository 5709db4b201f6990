"""Browsing whole headings: a window around any place, and what headings add to the writing of the index.

    .venv/bin/python bench/headings.py [--titles 1000000] [--folder DIR]

In one process and by processor time, so that a busy machine says something, too. Titles are made; each has one title of
its own, names and subjects that several have, and a fifth of them a long beginning that thousands share.
"""

import argparse
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

from catalog.marc.generate import FAMILY, GIVEN, NOUNS, PLACES, SUBJECTS, TIMES
from catalog.search import documents
from catalog.search.documents import SCHEMA_VERSION, TitleDocument, as_document
from catalog.search.engine import Reader
from catalog.search.folders import serving, switch
from catalog.search.headings import KINDS, Kind
from catalog.search.writing import Writer

NAME = f"v{SCHEMA_VERSION}-bench"
ASKED = 400
PIECE = 20_000


def made(count: int) -> Iterator[TitleDocument]:
    """So many titles, the same each time."""
    chance = random.Random(11)
    for number in range(count):
        noun, place, when = chance.choice(NOUNS), chance.choice(PLACES), chance.choice(TIMES)
        title = f"The {noun} of {place} in {when} {number}"
        if number % 5 == 0:
            title = f"Proceedings of the international conference on {noun} {number}"
        people = [
            f"{chance.choice(FAMILY)}, {chance.choice(GIVEN)}, {chance.randrange(1400, 2000)}-"
            for _ in range(2)
        ]
        subjects = [
            f"{noun.capitalize()} -- {place} -- {chance.choice(SUBJECTS)}",
            f"{place} -- {when}",
            f"{chance.choice(SUBJECTS)} {chance.randrange(count // 3 + 1)}",
        ]
        yield TitleDocument(
            title_id=UUID(int=number),
            title=title,
            sort_title=title.removeprefix("The "),
            author=people[0],
            contributors=(people[1],),
            subjects=tuple(subjects),
            genres=("Handbooks",),
            headings=(("series", f"{place} studies {chance.randrange(2000)}", 0),),
            year=chance.randint(1890, 2026),
            text=(f"What is known of the {noun} of {chance.choice(PLACES)}, told for readers of {when}.",),
            stored=b"{}",
        )


def spent(work: Callable[[], Any]) -> float:
    """Processor time of this process, the engine's threads among it."""
    began = time.process_time()
    work()
    return time.process_time() - began


def written(folder: Path, titles: list[TitleDocument]) -> float:
    """Seconds to make documents and index them, merging included."""

    def work() -> None:
        writer = Writer(folder, NAME)
        for title in titles:
            writer.add(as_document(title, writer.filing))
        writer.apply([], [], 1)
        writer.close()

    return spent(work)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--titles", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="kept, and used again")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="headings-"))
    try:
        some = list(made(PIECE))
        with_them, without = [], []
        for number in range(3):
            with_them.append(written(folder / f"with-{number}", some))
            with mock.patch.object(documents, "_terms", _none):
                without.append(written(folder / f"without-{number}", some))
        for name, times in (("with", with_them), ("without", without)):
            print(f"written {name} headings: {min(times) / PIECE * 1e6:.1f} µs a title")
        if serving(folder) is None:
            writer = Writer(folder, NAME)
            took = spent(lambda: (writer.add_new(made(asked.titles)), writer.apply([], [], 1)))
            writer.close()
            switch(folder, NAME)
            print(f"{asked.titles} titles written: {took / asked.titles * 1e6:.1f} µs each")
        size = sum(each.stat().st_size for each in (folder / NAME).iterdir())
        print(f"on disk: {size / 1e6:.0f} MB")
        measure(Reader(folder), asked.titles)
    finally:
        if asked.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


def _none(headings: Any, filing: Any) -> list[str]:
    return []


def measure(reader: Reader, count: int) -> None:
    """Windows around headings that are there, and around beginnings of them."""
    for kind in KINDS:
        chance = random.Random(3)
        places = [_heading(title, kind) for title in made(min(count, 4000))]
        first = spent(lambda kind=kind: reader.browse(kind, "m", before=5, after=20))  # type: ignore[misc]  # mypy does not infer a default
        times = []
        for _ in range(ASKED):
            near = chance.choice(places)
            near = near[: chance.randint(1, len(near))]
            times.append(1000 * spent(lambda: reader.browse(kind, near, before=5, after=20)))  # noqa: B023 - called at once
        cuts = statistics.quantiles(times, n=20)
        print(
            f"{kind}: landmarks {first * 1000:.0f} ms, then p50 {cuts[9]:.1f}, p95 {cuts[18]:.1f}, most {max(times):.1f} ms"
        )


def _heading(title: TitleDocument, kind: Kind) -> str:
    told = {
        "title": title.title,
        "author": title.author or "",
        "subject": title.subjects[-1],
        "series": title.headings[0][1],
        "genre": title.genres[0],
    }
    return told[kind]


if __name__ == "__main__":
    main()
