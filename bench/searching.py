"""Searches such as readers make, over the records that bench/million.py has made, and how long each answer took."""

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from catalog.marc.generate import FAMILY, GIVEN, NOUNS, PLACES

FACETS: Final = "format,language,library,decade"
TIMES: Final = 200
"""Searches of each kind, no two of them the same where there are so many."""
PAGES: Final = 50
PAGE: Final = 200
Params = Mapping[str, str]


@dataclass(slots=True)
class Load:
    """Seconds that answers took, and how many there were that were none."""

    took: list[float] = field(default_factory=list)
    failed: int = 0


class Asking:
    """One connection to the front door."""

    def __init__(self, url: str, key: str, titles: int) -> None:
        self.url, self.key, self.titles = url, key, titles
        self.chance = random.Random(5)

    async def __aenter__(self) -> "Asking":
        self.http = aiohttp.ClientSession(self.url, timeout=aiohttp.ClientTimeout(60))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()

    async def get(self, path: str, params: Params) -> tuple[float, Any]:
        """Seconds until the whole answer was here, and the answer."""
        began = time.perf_counter()
        async with self.http.get(path, params=params) as answer:
            told = await answer.json()
            took = time.perf_counter() - began
            if answer.status != 200:
                raise aiohttp.ClientError(f"{path} {params}: {answer.status} {told}")
        return took, told

    async def timed(self, asked: Sequence[Params], path: str = "/v1/titles") -> dict[str, Any]:
        """Each of these once."""
        took, found = [], []
        for params in asked:
            seconds, told = await self.get(path, params)
            took.append(seconds)
            found.append(told["total"] if "total" in told else len(told["items"]))
        return quantiles(took) | {"found": f"{min(found)} to {max(found)}"}

    def words(self) -> list[str]:
        """Words of many titles."""
        return [*NOUNS, *PLACES, *FAMILY]

    def pairs(self) -> list[tuple[str, str]]:
        """Two words of one title, in no order."""
        return self.chance.sample(list(itertools.product(NOUNS, PLACES)), TIMES)

    def numbers(self) -> list[int]:
        """Numbers of titles."""
        return [self.chance.randint(1, self.titles) for _ in range(TIMES)]


def quantiles(took: Sequence[float]) -> dict[str, float]:
    """Half and nineteen of twenty took no longer, and none took longer than the last; ms."""
    ranked = sorted(took) or [0.0]
    return {
        "p50": ranked[len(ranked) // 2] * 1000,
        "p95": ranked[min(int(len(ranked) * 0.95), len(ranked) - 1)] * 1000,
        "most": ranked[-1] * 1000,
    }


def _query(text: str, **more: str) -> Params:
    return {"query": text, "limit": "10", **more}


async def common(asking: Asking) -> dict[str, Any]:
    """A term of one title in twenty, ranked."""
    return await asking.timed([_query(word) for word in asking.words()])


async def common_again(asking: Asking) -> dict[str, Any]:
    """The same by somebody else: the list of hits is kept by then."""
    return await asking.timed([_query(word) for word in asking.words()])


async def several(asking: Asking) -> dict[str, Any]:
    """Two such terms, ranked."""
    return await asking.timed([_query(f"{noun} {place}") for noun, place in asking.pairs()])


async def rare(asking: Asking) -> dict[str, Any]:
    """A term of one title."""
    return await asking.timed([_query(f"title:{number}") for number in asking.numbers()])


async def phrase(asking: Asking) -> dict[str, Any]:
    """Three words together."""
    return await asking.timed([_query(f'title:"{noun} of {place}"') for noun, place in asking.pairs()])


async def author_title(asking: Asking) -> dict[str, Any]:
    """Somebody's book, as it is remembered."""
    people = asking.chance.sample(list(itertools.product(FAMILY, GIVEN)), TIMES)
    return await asking.timed(
        [
            _query(f'author:"{family}, {given}" title:({noun} {place})')
            for (family, given), (noun, place) in zip(people, asking.pairs(), strict=True)
        ]
    )


async def facets(asking: Asking) -> dict[str, Any]:
    """A common term with four facets."""
    return await asking.timed([_query(word, facets=FACETS) for word in asking.words()])


async def everything(asking: Asking) -> dict[str, Any]:
    """All titles with four facets: the page that a catalogue begins with."""
    return await asking.timed([_query("", facets=FACETS) for _ in range(10)])


async def by_author(asking: Asking) -> dict[str, Any]:
    """A common term, by author and year."""
    return await asking.timed([_query(word, sort="author,-year") for word in asking.words()])


async def deep(asking: Asking) -> dict[str, Any]:
    """On and on to the ten thousandth hit: pages of two hundred behind the first."""
    took = []
    for word in ("history", "rome", "law"):
        params: dict[str, str] = {"query": f"title:{word}", "limit": str(PAGE)}
        _, told = await asking.get("/v1/titles", params)
        for _ in range(PAGES - 1):
            if told["next_cursor"] is None:
                break
            seconds, told = await asking.get("/v1/titles", params | {"cursor": told["next_cursor"]})
            took.append(seconds)
    return quantiles(took) | {"pages": len(took)}


async def shelf(asking: Asking) -> dict[str, Any]:
    """Along the shelf, around a book's call number."""
    return await asking.timed(
        [
            {"near": f"D{number % 900 + 100} .M{number}", "before": "5", "limit": "20"}
            for number in asking.numbers()
        ],
        "/v1/shelf",
    )


KINDS: Final[Mapping[str, Callable[[Asking], Awaitable[dict[str, Any]]]]] = {
    "common term": common,
    "the same again": common_again,
    "two terms": several,
    "rare": rare,
    "phrase": phrase,
    "author and title": author_title,
    "common, four facets": facets,
    "everything, four facets": everything,
    "common, by author and year": by_author,
    "deep pages": deep,
    "shelf": shelf,
}


def mixed(asking: Asking) -> Iterator[Params]:
    """Searches of many kinds without an end."""
    chance = asking.chance
    while True:
        noun, place = chance.choice(NOUNS), chance.choice(PLACES)
        yield _query(f"{noun} {place}", facets=FACETS)
        yield _query(f'title:"{noun} of {place}"')
        yield _query(f"title:{chance.randint(1, asking.titles)}")
        yield _query(f'author:"{chance.choice(FAMILY)}, {chance.choice(GIVEN)}" title:{noun}')
        yield _query(chance.choice((noun, place)))


async def background(
    asking: Asking, rate: float, end: "asyncio.Future[Any]", told: Callable[[float, bool], None] | None = None
) -> Load:
    """Searches at this rate, whatever the answers take, until something has ended."""
    load = Load()

    async def one(params: Params) -> None:
        began = time.perf_counter()
        try:
            took, _ = await asking.get("/v1/titles", params)
            load.took.append(took)
        except (aiohttp.ClientError, TimeoutError):
            load.failed += 1
        if told is not None:
            told(time.perf_counter() - began, True)

    began, running = time.perf_counter(), set()
    for number, params in enumerate(mixed(asking)):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        if end.done():
            break
        task = asyncio.create_task(one(params))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    return load
