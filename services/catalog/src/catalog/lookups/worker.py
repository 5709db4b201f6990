"""Answers what interlibrary loan asks of the catalogue: the worker has the index, the consumer has not.

The answer and the end of the question are one transaction. While there is no index yet, questions wait: that nothing
was found in none would not be true.
"""

import asyncio
import logging
from datetime import datetime
from typing import Any, Final

import asyncpg
import orjson

from catalog.lookups.rules import MOST, Sought, certain, ways
from catalog.search.engine import Reader, SearchRequest
from catalog.search.folders import serving
from catalog.search.grammar import QueryProblem
from chassis import outbox
from chassis.resources import Resources
from contracts.catalog import FoundTitle, TitlesFound
from contracts.events import Actor

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.5
SLICE: Final = 50
_WAITING = "SELECT * FROM lookup ORDER BY asked_at LIMIT $1 FOR UPDATE SKIP LOCKED"
_DONE = "DELETE FROM lookup WHERE request_id = $1"


async def answer_lookups(resources: Resources, stop: asyncio.Event) -> None:
    """The worker."""
    while not stop.is_set():
        try:
            done = await answer_some(resources, resources.clock())
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            log.warning("questions of interlibrary loan wait for the database", extra={"error": str(error)})
            done = 0
        if done < SLICE:
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await stop.wait()
            except TimeoutError:
                continue


async def answer_some(resources: Resources, now: datetime) -> int:
    """Answer a slice; how many."""
    if serving(resources.settings.data_dir / "index") is None:
        return 0
    reader: Reader = resources.own["reader"]
    told = outbox.origin.set(resources.origin(Actor("system", "lookups")))
    try:
        async with resources.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_WAITING, SLICE)
            for row in rows:
                by, tried, titles = await asyncio.to_thread(_found, reader, Sought(**row["sought"]))
                event = TitlesFound(
                    version=row["asked"],
                    occurred_at=now,
                    request_id=row["request_id"],
                    asked=row["asked"],
                    certain=certain(tried, by),
                    titles=tuple(titles),
                )
                await outbox.record(connection, [event])
                await connection.execute(_DONE, row["request_id"])
    finally:
        outbox.origin.reset(told)
    return len(rows)


def _found(reader: Reader, sought: Sought) -> tuple[str | None, list[str], list[FoundTitle]]:
    """By what something was found, what was tried, and what it is."""
    tried = []
    for way in ways(sought):
        try:
            hits = reader.search(SearchRequest(way.query, limit=MOST)).hits
        except QueryProblem:  # words of which nothing is left, when they are folded
            continue
        tried.append(way.by)
        if hits:
            return way.by, tried, [_told(orjson.loads(hit.stored), way.by) for hit in hits]
    return None, tried, []


def _told(shown: dict[str, Any], by: str) -> FoundTitle:
    return FoundTitle(
        title_id=shown["id"], title=shown["title"], author=shown["author"], year=shown["year"], by=by
    )
