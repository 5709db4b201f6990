"""A ranked common term with four facets: our engine against PostgreSQL full text, over the same made titles.

    .venv/bin/python bench/search.py [--titles 1000000]

Engine with engine: ours through `Reader.search`, as a request calls it; PostgreSQL with a weighted tsvector
under a GIN index, the facets in the same statement, the better of two ways to write it, with and without
parallel workers. What counts is the ratio of the p95s.
"""

import argparse
import asyncio
import random
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from carrel.postgres import Cluster
from catalog.marc.generate import FAMILY, GIVEN, LANGUAGES, LIBRARIES, NOUNS, PLACES, SUBJECTS, TIMES
from catalog.search.documents import SCHEMA_VERSION, TitleDocument
from catalog.search.engine import Reader, SearchRequest
from catalog.search.folders import switch
from catalog.search.folding import joined
from catalog.search.writing import Writer

FACETS = ("format", "language", "library", "decade")
FORMATS = ("book",) * 17 + ("journal", "map", "score")
NAME = f"v{SCHEMA_VERSION}-bench"
PIECE = 20_000
ENGINE_ROUNDS, SERVER_ROUNDS = 10, 2
TERMS = [noun for noun in NOUNS if noun.isascii()] + [place.lower() for place in PLACES if place.isascii()]
"""Each in five titles of a hundred or more."""


def made(count: int) -> Iterator[TitleDocument]:
    """So many titles, the same each time."""
    chance = random.Random(11)
    for number in range(count):
        noun, place, when = chance.choice(NOUNS), chance.choice(PLACES), chance.choice(TIMES)
        yield TitleDocument(
            title_id=UUID(int=number),
            title=f"The {noun} of {place} in {when}",
            subtitle=f"studies, number {number}",
            author=f"{chance.choice(FAMILY)}, {chance.choice(GIVEN)}",
            subjects=(f"{noun.capitalize()} -- {place} -- {chance.choice(SUBJECTS)}",),
            publisher=f"{chance.choice(FAMILY)} Press",
            year=chance.randint(1890, 2026),
            languages=(chance.choice(LANGUAGES),),
            format=chance.choice(FORMATS),
            libraries=(chance.choice(LIBRARIES),),
            text=(f"What is known of the {noun} of {chance.choice(PLACES)}, told for readers of {when}.",),
            stored=b'{"title":"A title in a list of hits"}',
        )


def build(folder: Path, count: int) -> float:
    """Our index; seconds."""
    began = time.perf_counter()
    writer = Writer(folder, NAME)
    writer.add_new(made(count))
    writer.apply([], [], 1)
    writer.close()
    switch(folder, NAME)
    return time.perf_counter() - began


async def build_there(dsn: str, count: int) -> float:
    """The same in PostgreSQL, words folded as ours are; seconds, without the time to make the titles."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "CREATE UNLOGGED TABLE told (id uuid, format text, language text, library text, decade text, "
        "  title text, author text, subject text, rest text)"
    )
    spent = 0.0
    rows: list[tuple[Any, ...]] = []

    async def send() -> None:
        nonlocal spent
        began = time.perf_counter()
        await connection.copy_records_to_table("told", records=rows)
        spent += time.perf_counter() - began
        rows.clear()

    for title in made(count):
        rows.append(_row(title))
        if len(rows) >= PIECE:
            await send()
    await send()
    began = time.perf_counter()
    await connection.execute("SET max_parallel_maintenance_workers = 2; SET maintenance_work_mem = '512MB'")
    await connection.execute(
        "CREATE TABLE title AS SELECT id, format, language, library, decade, "
        "  setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('simple', author), 'B') || "
        "  setweight(to_tsvector('simple', subject), 'C') || setweight(to_tsvector('simple', rest), 'D') AS words "
        "FROM told"
    )
    await connection.execute("CREATE INDEX title_words ON title USING gin (words)")
    spent += time.perf_counter() - began
    await connection.execute("DROP TABLE told")
    await connection.execute("VACUUM (ANALYZE) title")
    await connection.close()
    return spent


def _row(title: TitleDocument) -> tuple[Any, ...]:
    assert title.year is not None
    texts = (
        f"{title.title} {title.subtitle}",
        title.author,
        title.subjects[0],
        f"{title.publisher} {title.text[0]}",
    )
    decade = f"{title.year // 10 * 10}s"
    return (
        title.title_id,
        title.format,
        title.languages[0],
        title.libraries[0],
        decade,
        *map(joined, texts),
    )


_HITS = """
WITH hits AS MATERIALIZED (
    SELECT id, format, language, library, decade, ts_rank(words, asked) AS score
    FROM title, to_tsquery('simple', $1) AS asked WHERE words @@ asked
)
"""
_TOP = "SELECT 'hit', id::text, NULL::bigint FROM (SELECT id FROM hits ORDER BY score DESC LIMIT 20) top UNION ALL "
WAYS = {
    "a grouping for each facet": _HITS
    + _TOP
    + " UNION ALL ".join(f"SELECT '{name}', {name}, count(*) FROM hits GROUP BY {name}" for name in FACETS),
    "grouping sets": _HITS
    + _TOP
    + f"SELECT 'facet', concat_ws('|', {', '.join(FACETS)}), count(*) FROM hits "
    + f"GROUP BY GROUPING SETS ({', '.join(f'({name})' for name in FACETS)})",
}


def ours(folder: Path) -> tuple[list[float], dict[str, int]]:
    """Seconds of each search, and how many titles each term finds."""
    reader, waits, totals = Reader(folder), [], {}
    for turn in range(ENGINE_ROUNDS + 1):
        for term in TERMS:
            began = time.perf_counter()
            found = reader.search(SearchRequest(query=term, facets=FACETS))
            if turn:  # the first time round warms up
                waits.append(time.perf_counter() - began)
            totals[term] = found.total
            assert sum(count for _, count in found.facets["format"]) == found.total
    return sorted(waits), totals


async def theirs(dsn: str, totals: dict[str, int]) -> tuple[str, list[float]]:
    """The best way's name, and seconds of each of its searches."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("SET work_mem = '256MB'; SET jit = off")
    best: tuple[str, list[float]] | None = None
    for workers in (0, 2):
        await connection.execute(f"SET max_parallel_workers_per_gather = {workers}")
        for name, statement in WAYS.items():
            asked = await connection.prepare(statement)
            waits = []
            for turn in range(SERVER_ROUNDS + 1):
                for term in TERMS:
                    began = time.perf_counter()
                    rows = await asked.fetch(term)
                    if turn:
                        waits.append(time.perf_counter() - began)
                    counted = sum(row[2] for row in rows if row[0] != "hit")
                    assert counted in (totals[term] * len(FACETS),), (term, counted, totals[term])
            waits.sort()
            if best is None or quantile(waits, 0.95) < quantile(best[1], 0.95):
                best = (f"{name}, {workers} workers", waits)
    await connection.close()
    assert best is not None
    return best


def quantile(waits: list[float], share: float) -> float:
    """Of sorted values."""
    return waits[min(int(len(waits) * share), len(waits) - 1)]


async def main(asked: argparse.Namespace) -> dict[str, Any]:
    """One run of both."""
    folder = Path(tempfile.mkdtemp(prefix="carrel-bench-"))
    folder.chmod(0o755)
    cluster = await Cluster.start(folder / "pg", max_connections=20)
    try:
        dsn = await cluster.ensure_service("catalog")
        index = folder / "index"
        index.mkdir()
        built = await asyncio.to_thread(build, index, asked.titles)
        waits, totals = await asyncio.to_thread(ours, index)
        size = sum(file.stat().st_size for file in index.rglob("*") if file.is_file())
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        built_there = await build_there(dsn, asked.titles)
        way, waits_there = await theirs(dsn, totals)
    finally:
        await cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
    told: dict[str, Any] = {
        "titles": asked.titles,
        "titles that a term finds": f"{min(totals.values())} to {max(totals.values())}",
        "engine built, titles/s": asked.titles / built,
        "engine, bytes a title": size / asked.titles,
        "engine, most memory MB": memory,
        "PostgreSQL built, titles/s": asked.titles / built_there,
        "PostgreSQL's best way": way,
    }
    ms: Callable[[list[float], float], float] = lambda waits, share: quantile(waits, share) * 1000  # noqa: E731
    for name, each in (("engine", waits), ("PostgreSQL", waits_there)):
        told[f"{name} p50 ms"], told[f"{name} p95 ms"] = ms(each, 0.5), ms(each, 0.95)
    told["ratio of p95"] = told["engine p95 ms"] / told["PostgreSQL p95 ms"]
    return told


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--titles", type=int, default=1_000_000)
    for name, value in asyncio.run(main(parser.parse_args())).items():
        print(f"{name:32} {value:.3f}" if isinstance(value, float) else f"{name:32} {value}")
