"""Titles and items that are changed at a steady rate over the API, what that does to whoever searches, and whether the
index and the database say the same when it is over.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import asyncpg
from installed import Installed
from searching import Asking, background, quantiles
from watching import Watch

from catalog.marc.iso2709 import dumps
from catalog.marc.record import Field, Record
from catalog.marc.storage import unpack
from catalog.search.engine import Reader, SearchRequest
from catalog.search.loading import as_title, documents
from chassis import etags, garbage
from support.box import until

TARGETS: Final = 30_000
"""Titles that are changed, again and again; each with one of its items."""
SEARCHES: Final = 5.0
"""A second, beside the updates."""
LOOK_SECONDS: Final = 2.0
CONNECTIONS: Final = 64
COMPARED: Final = 5_000
"""Titles that were not changed and are compared, too; all that were changed are."""
_PIECE: Final = 500
_SOME = """
SELECT t.id, t.version, t.record, i.id AS item_id, i.version AS item_version
FROM title t CROSS JOIN LATERAL (SELECT id, version FROM item WHERE title_id = t.id ORDER BY id LIMIT 1) i
WHERE t.hrid = ANY ($1::bigint[]) AND t.deleted_at IS NULL
"""
_NUMBERS = "SELECT hrid FROM title WHERE deleted_at IS NULL ORDER BY hrid"
_WAITING = "SELECT count(*) FROM title_change WHERE xact > $1"


@dataclass(slots=True)
class Target:
    """A title and an item of it, as far as we know them; changed by one hand at a time."""

    title_id: Any
    item_id: Any
    record: Record
    title_tag: str
    item_tag: str
    title_mark: str = ""
    item_mark: str = ""
    hand: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class Minute:
    """What happened in one."""

    updates: list[float] = field(default_factory=list)
    searches: list[float] = field(default_factory=list)
    failed: int = 0
    lag: float = 0.0
    waiting: int = 0
    segments: list[int] = field(default_factory=list)
    dropped: int = 0
    most_under_way: int = 0

    def told(self) -> dict[str, Any]:
        """As figures."""
        return {
            "updates": len(self.updates),
            "update p50 ms": quantiles(self.updates)["p50"],
            "update p95 ms": quantiles(self.updates)["p95"],
            "searches": len(self.searches),
            "search p50 ms": quantiles(self.searches)["p50"],
            "search p95 ms": quantiles(self.searches)["p95"],
            "failed": self.failed,
            "index lag s, at most": self.lag,
            "changes waiting, at most": self.waiting,
            "updates under way, at most": self.most_under_way,
            "segments": f"{min(self.segments, default=0)} to {max(self.segments, default=0)}",
            "dropped documents": self.dropped,
        }


class Updating:
    """Changes targets in turn."""

    def __init__(self, box: Installed, targets: list[Target]) -> None:
        self.box, self.targets = box, targets
        self.minute = Minute()
        self.under_way: set[asyncio.Task[None]] = set()
        self.refusals: list[str] = []
        self.name = f"{int(time.time()):x}"
        """Of this run: what an earlier one has written is other words."""

    async def one(self, http: aiohttp.ClientSession, number: int) -> None:
        """An item twice out of four, a record once, what stands beside a record once."""
        target = self.targets[number % len(self.targets)]
        # each round over the targets begins one kind further on, so that each of them is changed in every way
        kind = (number + number // len(self.targets)) % 4
        async with target.hand:
            began = time.perf_counter()
            try:
                await self._change(http, target, kind, number)
                self.minute.updates.append(time.perf_counter() - began)
            except (aiohttp.ClientError, TimeoutError) as error:
                self.minute.failed += 1
                self.refusals.append(str(error)[:200])

    async def _change(self, http: aiohttp.ClientSession, target: Target, kind: int, number: int) -> None:
        if kind in (0, 2):
            mark = f"U{self.name}{number} .X"
            path, body = f"/v1/items/{target.item_id}", {"call_number": mark}
            answer = http.patch(path, json=body, headers={"If-Match": target.item_tag})
        elif kind == 1:
            mark = f"changed{self.name}n{number}"
            path, record = f"/v1/titles/{target.title_id}", _marked(target.record, mark)
            headers = {"If-Match": target.title_tag, "Content-Type": "application/marc"}
            answer = http.put(path, data=dumps(record, "utf-8"), headers=headers)
        else:
            mark, path = "", f"/v1/titles/{target.title_id}"
            answer = http.patch(
                path, json={"tags": [f"turn-{number % 100}"]}, headers={"If-Match": target.title_tag}
            )
        async with answer as got:
            said = await got.read()
            if got.status != 200:
                raise aiohttp.ClientError(f"{path}: {got.status} {said[:150]!r}")
            if kind in (0, 2):
                target.item_tag, target.item_mark = got.headers["ETag"], mark
            else:
                target.title_tag, target.title_mark = got.headers["ETag"], mark or target.title_mark

    async def run(self, rate: float, seconds: float) -> None:
        """At this rate, whatever the answers take."""
        connector = aiohttp.TCPConnector(limit=CONNECTIONS)
        headers = {"Authorization": f"Bearer {self.box.key}"}
        async with aiohttp.ClientSession(self.box.url, connector=connector, headers=headers) as http:
            began = time.perf_counter()
            for number in itertools.count():
                due = began + number / rate
                if due - began >= seconds:
                    break
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                task = asyncio.create_task(self.one(http, number))
                self.under_way.add(task)
                task.add_done_callback(self.under_way.discard)
                self.minute.most_under_way = max(self.minute.most_under_way, len(self.under_way))
            await asyncio.gather(*self.under_way)


def _marked(record: Record, mark: str) -> Record:
    """With a word of its own in the title proper's remainder."""
    title = record.first("245")
    assert title is not None
    told = [(code, f"studies, {mark} /" if code == "b" else value) for code, value in title.subfields]
    return record.without("245").having(Field.data("245", title.indicators, *told))


async def chosen(box: Installed, titles: int) -> list[Target]:
    """Titles from all over the catalogue."""
    wanted = random.Random(7).sample(range(1, titles + 1), min(TARGETS, titles))
    connection = await asyncpg.connect(box.database("catalog"))
    rows = []
    for start in range(0, len(wanted), _PIECE):
        rows += await connection.fetch(_SOME, wanted[start : start + _PIECE])
    await connection.close()
    assert rows, "there is nothing to change"
    return [
        Target(
            row["id"],
            row["item_id"],
            unpack(row["record"]),
            etags.etag(row["version"]),
            etags.etag(row["item_version"]),
        )
        for row in rows
    ]


async def update(box: Installed, *, titles: int, minutes: float, rate: float) -> dict[str, Any]:
    """So many minutes of it."""
    targets = await chosen(box, titles)
    updating = Updating(box, targets)
    garbage.seldom()  # this client's own looking for it is nobody's wait
    library = box.library()
    told: dict[str, Any] = {}
    async with Asking(box.url, box.key, titles) as asking:
        before = await background(asking, SEARCHES, asyncio.create_task(asyncio.sleep(15)))
        with Watch(box.family) as watch:
            running = asyncio.create_task(updating.run(rate, minutes * 60))

            def searched(took: float, answered: bool) -> None:
                updating.minute.searches.append(took)
                updating.minute.failed += not answered

            searching = asyncio.create_task(background(asking, SEARCHES, running, searched))
            began = time.perf_counter()
            for number in itertools.count(1):
                ended = await _looked(library, updating, running, began + number * 60)
                done, updating.minute = updating.minute, Minute()
                held = watch.turn()
                told[f"minute {number}"] = done.told() | {
                    "all together MB": held.together,
                    "own MB, largest": dict(
                        sorted(
                            ((kind, round(size)) for kind, size in held.own.items()),
                            key=lambda each: -each[1],
                        )[:4]
                    ),
                }
                print(
                    f"   minute {number}: "
                    + ", ".join(
                        f"{name} {value:.1f}" if isinstance(value, float) else f"{name} {value}"
                        for name, value in told[f"minute {number}"].items()
                    ),
                    flush=True,
                )
                if ended:
                    break
            await running
            await searching
    ended_at = time.perf_counter()

    async def caught_up() -> bool:
        return bool((await library.get("/v1/search-index"))["waiting"] == 0)

    await until(caught_up, seconds=600, again=0.05)
    drained = time.perf_counter() - ended_at
    await library.close()
    changed = [each for each in targets if each.title_mark or each.item_mark]
    return {
        "updates a second, asked for": rate,
        "searches before": quantiles(before.took),
        "refusals": updating.refusals[:5],
        "index had all after s": drained,
        "segments at the end": box.segments(),
        "index MB": box.size("files", "index"),
        "minutes": told,
        "afterwards": await agreed(box, changed),
    }


async def _looked(library: Any, updating: Updating, running: "asyncio.Task[None]", until_time: float) -> bool:
    """Look at the index again and again until a minute is over; whether everything is."""
    while time.perf_counter() < until_time and not running.done():
        state = await library.get("/v1/search-index")
        minute, index = updating.minute, updating.box.segments()
        minute.lag = max(minute.lag, state["lag_seconds"])
        minute.waiting = max(minute.waiting, state["waiting"])
        minute.segments.append(index["segments"])
        minute.dropped = index["dropped"]
        await asyncio.wait([running], timeout=min(LOOK_SECONDS, max(until_time - time.perf_counter(), 0.01)))
    return running.done()


async def agreed(box: Installed, targets: list[Target]) -> dict[str, Any]:
    """Whether index and database say the same: the same titles, what each list of hits shows of them, and that what was
    written last is what is found. Raises `AssertionError`."""
    connection = await asyncpg.connect(box.database("catalog"))
    numbers = [row["hrid"] for row in await connection.fetch(_NUMBERS)]
    reader = Reader(box.index)
    found = await asyncio.to_thread(reader.numbers, "", most=len(numbers) + 1000)
    assert found is not None, "the index has more titles than the database"
    assert found[0] == numbers, f"index and database differ by {set(found[0]) ^ set(numbers)}"
    some = random.Random(11).sample(numbers, min(COMPARED, len(numbers)))
    ids = [row["id"] for row in await connection.fetch("SELECT id FROM title WHERE hrid = ANY ($1)", some)]
    ids = list(dict.fromkeys([*(each.title_id for each in targets), *ids]))
    compared = 0
    for start in range(0, len(ids), _PIECE):
        rows = await documents(connection, ids[start : start + _PIECE])
        shown = _shown(reader, [row["hrid"] for row in rows])
        for row in rows:
            assert shown[row["hrid"]] == as_title(dict(row)).stored, f"title {row['id']} is shown otherwise"
            compared += 1
    waiting = await connection.fetchval(_WAITING, reader.position())
    await connection.close()
    marks = 0
    for target in targets:
        for query in _questions(target):
            hits = reader.search(SearchRequest(query=query, with_suppressed=True)).hits
            assert [hit.title_id for hit in hits] == [target.title_id], f"{query} finds {len(hits)} titles"
            marks += 1
    return {
        "titles in both": len(numbers),
        "shown alike": compared,
        "found by what was written last": marks,
        "changes not applied": waiting,
    }


def _questions(target: Target) -> Iterator[str]:
    if target.title_mark:
        yield f"title:{target.title_mark}"
    if target.item_mark:
        yield f'call_number:"{target.item_mark}"'


def _shown(reader: Reader, numbers: list[int]) -> dict[int, bytes]:
    return {number: stored for number, (_, stored) in reader._titles(numbers, with_suppressed=True).items()}
