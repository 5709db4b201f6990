"""The indexer: follows the change table, and builds the index anew beside the serving one when asked.

Changes are read by transaction, below the oldest one still running, so that none is passed over; the
position is the last transaction applied whole. Each change replaces the title as it now stands, so applying
one twice is harmless. One process writes (`apart`): whoever has the index's lock; others stand by.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import shutil
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import asyncpg

from catalog.apart import Gone
from catalog.search.apart import WriterApart
from catalog.search.documents import SCHEMA_VERSION
from catalog.search.folders import filed_by, making, serving, switch
from catalog.search.loading import documents
from catalog.search.pacing import AWAITED, AWAITED_SECONDS
from catalog.search.ready import Entry, Ready
from catalog.search.writing import WRITER_BYTES, AnotherWriter
from chassis.ids import uuid7
from chassis.resources import Resources

Listening = asyncpg.pool.PoolConnectionProxy

log = logging.getLogger(__name__)

BATCH = 4000
POLL_SECONDS = 0.1
STAND_BY_SECONDS = 1.0
IMPORT_SECONDS = 1.0
"""From one look to the next while an import brings new titles."""
NEAR_ROUNDS = 20
"""So often a new index is brought up to what is written meanwhile, once it is less than a batch behind; an import that
goes on writes something at every moment, and the new index would never serve."""
CHANNEL = "title_change"

_HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_CHANGES = """
SELECT xact, title_id FROM title_change WHERE xact > $1 AND xact < $2 ORDER BY xact, seq LIMIT $3
"""
_WHOLE = "SELECT DISTINCT title_id FROM title_change WHERE xact = $1"
_LAST = "SELECT id FROM title ORDER BY id DESC LIMIT 1"
_SOME = "SELECT id FROM title WHERE ($1::uuid IS NULL OR id > $1) AND id <= $2 ORDER BY id LIMIT $3"
_REBUILT = """
INSERT INTO lease (name, last_run_at, last_took) VALUES ('index rebuild', $1, clock_timestamp() - $1)
ON CONFLICT (name) DO UPDATE SET last_took = clock_timestamp() - $1
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """Titles as they stand, which replace what the index has of them."""

    rows: list[asyncpg.Record]
    new: list[Entry]
    """Titles that are in no index yet, ready to be written."""
    gone: list[UUID]
    position: int
    read: int
    """Rows of the change table behind it; a full batch has more behind it."""


@dataclass(slots=True)
class Indexer:
    """Writes one index folder."""

    pool: asyncpg.Pool
    folder: Path
    memory: int = WRITER_BYTES
    filing: str = ""
    """The library's order (catalog.search.filing); an index of another one is built anew, while it serves."""
    ready: Ready = field(default_factory=Ready)
    writer: WriterApart | None = None
    importing: bool = False
    """Whether the last changes were new titles of an import."""
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    awaited: bool = False
    """Whether somebody waits to find what is written."""
    _lock: int | None = None
    _ahead: Batch | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the changes until told to stop; build the first index when there is none."""
        listener: Listening | None = None
        try:
            while not stop.is_set():
                try:
                    if listener is None or listener.is_closed():
                        listener = await self._listen()
                    if not await self.open():
                        await _either(self.woken, stop, STAND_BY_SECONDS)
                        continue
                    if await self._rebuild_wanted():
                        await self.rebuild()
                    self.woken.clear()
                    began, read = time.monotonic(), await self.follow(holding=True)
                    while self._more_to_come(began) and not stop.is_set():
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(stop.wait(), POLL_SECONDS)
                    if not self.importing and read < BATCH and not stop.is_set():
                        await _either(self.woken, stop, POLL_SECONDS)
                except Gone as error:
                    log.error("the index's writer has ended; another is started", extra={"error": str(error)})
                    await self.close()
                except (
                    OSError,
                    asyncpg.PostgresError,
                    asyncpg.InterfaceError,
                    asyncpg.InternalClientError,
                ) as error:
                    log.warning("the indexer waits for the database", extra={"error": str(error)})
                    await asyncio.sleep(1)
        finally:
            await self.close()
            if listener is not None and not listener.is_closed():
                await listener.remove_listener(CHANNEL, self._wake)
                await self.pool.release(listener)

    async def _listen(self) -> "Listening":
        """A connection of the pool, kept to be woken by."""
        connection = await self.pool.acquire()
        await connection.add_listener(CHANNEL, self._wake)
        return connection

    def _more_to_come(self, began: float) -> bool:
        """Whether to let an import bring more before the next look."""
        patience = AWAITED_SECONDS if self.awaited else IMPORT_SECONDS
        return self.importing and self.ready.goes_on and time.monotonic() < began + patience

    def _wake(self, _connection: object, _pid: int, _channel: str, told: object) -> None:
        self.awaited |= told == AWAITED
        self.woken.set()

    async def open(self) -> bool:
        """Whether we are the one who writes this folder; builds the first index."""
        if self.writer is not None:
            return True
        if not self._locked():
            return False
        name = serving(self.folder)
        try:
            if name is None:
                if await self.pool.fetchval(_LAST) is not None:
                    making(self.folder)
                await self.rebuild()
            else:
                self.writer = await WriterApart.open(
                    self.folder, name, memory=self.memory, filing=self.filing
                )
        except AnotherWriter:  # of an indexer that was killed a moment ago: it ends with its last commit
            return False
        self.ready.forget(wanted=True)
        return True

    async def close(self) -> None:
        """Let the writer end, and let others have the folder."""
        self._ahead = None
        self.ready.forget(wanted=False)
        writer, self.writer = self.writer, None
        if writer is not None:
            if writer.is_due():
                with contextlib.suppress(Gone):
                    await writer.apply([], [], writer.reached)
            await writer.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _locked(self) -> bool:
        """The whole folder is one indexer's, its rebuilds included."""
        if self._lock is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.folder / "LOCK", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                return False
            self._lock = lock
        return True

    async def _rebuild_wanted(self) -> bool:
        name = serving(self.folder)
        if name is not None and filed_by(self.folder / name) != self.filing:
            return True
        return bool(
            await self.pool.fetchval(
                "SELECT last_took IS NULL AND last_run_at IS NOT NULL FROM lease WHERE name = 'index rebuild'"
            )
        )

    async def follow(self, *, holding: bool = False) -> int:
        """Apply the next changes; how many rows were read.

        `holding`: new titles of an import that goes on may wait for their commit (`catalog.search.pacing`).
        """
        assert self.writer is not None
        batch, self._ahead = self._ahead or await self._next(self.writer.reached, self.ready), None
        self.importing = batch is not None and bool(batch.new)
        goes_on = holding and self.ready.goes_on
        if batch is None:
            if self.writer.is_due(goes_on=goes_on, awaited=self.awaited):
                self.awaited = False
                await self.writer.apply([], [], self.writer.reached)
            return 0
        due = self.writer.is_due(
            more=len(batch.rows) + len(batch.gone) + len(batch.new),
            others=bool(batch.rows or batch.gone),
            goes_on=goes_on,
            awaited=self.awaited,
        )
        self.awaited &= not due
        applying = asyncio.create_task(
            self.writer.apply(batch.rows, batch.gone, batch.position, new=batch.new, commit=due)
        )
        try:
            if batch.read >= BATCH:  # while the index is written, the database is read
                self._ahead = await self._next(batch.position, self.ready)
        finally:
            await applying
        return batch.read

    async def _next(self, after: int, ready: Ready | None = None) -> Batch | None:
        """What has changed behind a position, whole transactions in order; what is ready is not read again.

        A title that is told of twice is read: what was handed over tells of its first change alone.
        """
        horizon = await self.pool.fetchval(_HORIZON)
        rows = await self.pool.fetch(_CHANGES, after, horizon, BATCH)
        if not rows:
            return None
        last = rows[-1]["xact"]
        if len(rows) == BATCH:
            if rows[0]["xact"] == last:
                changed = [row["title_id"] for row in await self.pool.fetch(_WHOLE, last)]
            else:
                changed = [row["title_id"] for row in rows if row["xact"] != last]
                last = max(row["xact"] for row in rows if row["xact"] != last)
        else:
            changed = [row["title_id"] for row in rows]
        times = Counter(changed)
        new: list[Entry] = []
        titles: list[UUID] = []
        for title, told in times.items():
            entry = ready.take(title) if ready is not None else None
            if entry is not None and told == 1:
                new.append(entry)
            else:
                titles.append(title)
        found = await documents(self.pool, titles) if titles else []
        there = {row["id"] for row in found}
        return Batch(found, new, [title for title in titles if title not in there], last, len(rows))

    async def rebuild(self) -> int:
        """Build a new index beside the serving one, which goes on following, then let it serve; its titles."""
        began = await self.pool.fetchval("SELECT clock_timestamp()")
        position = await self.pool.fetchval(_HORIZON) - 1
        name = f"v{SCHEMA_VERSION}-{uuid7().hex}"
        writer = await WriterApart.open(self.folder, name, memory=self.memory, filing=self.filing)
        try:
            told = await self._fill(writer)
            await writer.apply([], [], position)
            near = 0
            while near < NEAR_ROUNDS and (batch := await self._next(writer.position())) is not None:
                await writer.apply(batch.rows, batch.gone, batch.position)
                near += batch.read < BATCH
        except BaseException:
            with contextlib.suppress(Gone):
                await writer.close()
            await asyncio.to_thread(shutil.rmtree, self.folder / name, ignore_errors=True)
            raise
        before, self.writer, self._ahead = self.writer, writer, None
        if before is not None:
            await before.close()
        self.ready.forget(wanted=True)
        switch(self.folder, name)
        await self.pool.execute(_REBUILT, began)
        return told

    async def _fill(self, writer: WriterApart) -> int:
        """Every title, by id; how many. While some are written, the next ones are read."""
        end = await self.pool.fetchval(
            _LAST
        )  # what comes later is among the changes: an import is not run after
        rows, last = await self._slice(None, end)
        told = 0
        while last is not None:
            adding = asyncio.create_task(writer.add_new(rows))
            told += len(rows)
            try:
                rows, last = await self._slice(last, end)
                if self.writer is not None:
                    await self.follow()
            finally:
                await adding
        return told

    async def _slice(self, after: UUID | None, end: UUID | None) -> tuple[list[asyncpg.Record], UUID | None]:
        """The next titles behind one, and the last of them; None when there are no more."""
        ids = [row["id"] for row in await self.pool.fetch(_SOME, after, end, BATCH)]
        return (await documents(self.pool, ids), ids[-1]) if ids else ([], None)


async def _either(first: asyncio.Event, second: asyncio.Event, seconds: float) -> None:
    tasks = [asyncio.create_task(first.wait()), asyncio.create_task(second.wait())]
    await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


async def keep_index(resources: Resources, stop: asyncio.Event) -> None:
    """The worker."""
    settings = resources.settings
    folder = settings.data_dir / "index"
    indexer = Indexer(
        resources.pool,
        folder,
        memory=settings.index_memory,
        filing=settings.filing,
        ready=resources.own["ready"],
    )
    await indexer.run(stop)
