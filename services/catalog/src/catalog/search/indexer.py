"""The indexer: follows the change table, and builds the index anew beside the serving one when asked.

Changes are read by transaction, below the oldest one still running, so that none is passed over; the
position is the last transaction applied whole. Each change replaces the title as it now stands, so applying
one twice is harmless. One process writes: whoever has the index's lock; others stand by.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import asyncpg

from catalog.search.documents import SCHEMA_VERSION
from catalog.search.engine import AnotherWriter, Writer, serving, switch
from catalog.search.loading import as_title, documents
from chassis.ids import uuid7
from chassis.resources import Resources

Listening = asyncpg.pool.PoolConnectionProxy

log = logging.getLogger(__name__)

BATCH = 1000
POLL_SECONDS = 0.1
STAND_BY_SECONDS = 1.0
CHANNEL = "title_change"

_HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_CHANGES = """
SELECT xact, title_id FROM title_change WHERE xact > $1 AND xact < $2 ORDER BY xact, seq LIMIT $3
"""
_WHOLE = "SELECT DISTINCT title_id FROM title_change WHERE xact = $1"


@dataclass(slots=True)
class Indexer:
    """Writes one index folder."""

    pool: asyncpg.Pool
    folder: Path
    writer: Writer | None = None
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the changes until told to stop; build the first index when there is none."""
        listener: Listening | None = None
        while not stop.is_set():
            try:
                if listener is None or listener.is_closed():
                    listener = await self._listen()
                if not await self._open():
                    await asyncio.sleep(STAND_BY_SECONDS)
                    continue
                if await self._rebuild_wanted():
                    await self.rebuild()
                self.woken.clear()
                if await self.follow() < BATCH and not stop.is_set():
                    await _either(self.woken, stop, POLL_SECONDS)
            except (
                OSError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
            ) as error:
                log.warning("the indexer waits for the database", extra={"error": str(error)})
                await asyncio.sleep(1)
        if self.writer is not None:
            await asyncio.to_thread(self.writer.close)
        if listener is not None and not listener.is_closed():
            await listener.remove_listener(CHANNEL, self._wake)
            await self.pool.release(listener)

    async def _listen(self) -> "Listening":
        """A connection of the pool, kept to be woken by."""
        connection = await self.pool.acquire()
        await connection.add_listener(CHANNEL, self._wake)
        return connection

    def _wake(self, *_: object) -> None:
        self.woken.set()

    async def _open(self) -> bool:
        """Whether we are the writer; builds the first index."""
        if self.writer is not None:
            return True
        self.folder.mkdir(parents=True, exist_ok=True)
        name = serving(self.folder)
        try:
            if name is None:
                await self.rebuild()
            else:
                self.writer = await asyncio.to_thread(Writer, self.folder, name)
        except AnotherWriter:
            return False
        return True

    async def _rebuild_wanted(self) -> bool:
        return bool(
            await self.pool.fetchval(
                "SELECT last_took IS NULL AND last_run_at IS NOT NULL FROM lease WHERE name = 'index rebuild'"
            )
        )

    async def follow(self) -> int:
        """Apply the next changes; how many rows were read."""
        assert self.writer is not None
        position = self.writer.position()
        horizon = await self.pool.fetchval(_HORIZON)
        rows = await self.pool.fetch(_CHANGES, position, horizon, BATCH)
        if not rows:
            return 0
        last = rows[-1]["xact"]
        if len(rows) == BATCH:
            if rows[0]["xact"] == last:
                titles = [row["title_id"] for row in await self.pool.fetch(_WHOLE, last)]
            else:
                titles = [row["title_id"] for row in rows if row["xact"] != last]
                last = max(row["xact"] for row in rows if row["xact"] != last)
        else:
            titles = [row["title_id"] for row in rows]
        await self._apply(self.writer, list(dict.fromkeys(titles)), last)
        return len(rows)

    async def _apply(self, writer: Writer, titles: Sequence[UUID], position: int) -> None:
        rows = await documents(self.pool, titles)
        await asyncio.to_thread(self._write, writer, rows, titles, position)

    @staticmethod
    def _write(writer: Writer, rows: list[asyncpg.Record], titles: Sequence[UUID], position: int) -> None:
        found = [as_title(row) for row in rows]
        there = {title.title_id for title in found}
        writer.apply(found, [title for title in titles if title not in there], position)

    async def rebuild(self) -> int:
        """Build a new index beside the serving one, then let it serve; how many titles it holds."""
        began = await self.pool.fetchval("SELECT clock_timestamp()")
        position = await self.pool.fetchval(_HORIZON) - 1
        name = f"v{SCHEMA_VERSION}-{uuid7().hex}"
        writer = await asyncio.to_thread(Writer, self.folder, name)
        last: UUID | None = None
        told = 0
        while True:
            ids = await self.pool.fetch(
                "SELECT id FROM title WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2", last, BATCH
            )
            if not ids:
                break
            rows = await documents(self.pool, [row["id"] for row in ids])
            await asyncio.to_thread(lambda rows=rows: writer.add_new(map(as_title, rows)))  # type: ignore[misc]
            last, told = ids[-1]["id"], told + len(ids)
        await asyncio.to_thread(writer.apply, [], [], position)
        before = self.writer
        self.writer = writer
        switch(self.folder, name)
        if before is not None:
            await asyncio.to_thread(before.close)
        await self.pool.execute(
            "INSERT INTO lease (name, last_run_at, last_took) VALUES ('index rebuild', $1, clock_timestamp() - $1) "
            "ON CONFLICT (name) DO UPDATE SET last_took = clock_timestamp() - $1",
            began,
        )
        return told


async def _either(first: asyncio.Event, second: asyncio.Event, seconds: float) -> None:
    tasks = [asyncio.create_task(first.wait()), asyncio.create_task(second.wait())]
    await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


async def keep_index(resources: Resources, stop: asyncio.Event) -> None:
    """The worker."""
    await Indexer(resources.pool, resources.settings.data_dir / "index").run(stop)
