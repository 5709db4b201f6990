"""The import worker: three lanes, so that a record never waits for a file, nor a small file for a huge one.

A job is held by an advisory lock, which dies with its holder: whoever comes next goes on behind the last
committed slice. While a slice is written, the next one is read: a small file's in a thread, a large one's in a
process of its own.
"""

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from catalog.imports import queries, uploading
from catalog.imports.apart import ReaderApart
from catalog.imports.matched import Overtaken
from catalog.imports.places import Places, make_known
from catalog.imports.reading import SLICE_RECORDS, FileReader, Prepared, Slice
from catalog.imports.rules import JobState, Outcome, final_state, reason, rest
from catalog.imports.writing import LostJob, Rehearsal, write_slice
from catalog.matching.keying import key_titles_on
from catalog.profiles.rules import Plan, plan_told
from catalog.search.ready import Ready
from catalog.turns import in_turns
from chassis import outbox, precedence
from chassis.resources import Resources
from contracts.catalog import ImportFinished
from contracts.events import Actor

log = logging.getLogger(__name__)

A_FEW: Final = 64 * 1024
"""Bytes of a file that the quick lane takes: what somebody sits before and waits for."""
SMALL: Final = 4 * 1024 * 1024
"""Bytes of a file that the short lane takes."""
ANY: Final = 2**62
IDLE_SECONDS: Final = 0.1
"""Between two looks for what somebody sits before."""
LARGER_IDLE_SECONDS: Final = 0.5
"""Between two looks for larger files, which take longer than that."""
TRIES: Final = 6
AGAIN: Final = (
    asyncpg.UniqueViolationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    Overtaken,
)
"""Somebody else was faster: nothing was written, look again."""

Held = asyncpg.pool.PoolConnectionProxy

_START = """
UPDATE import_job SET state = 'running', started_at = coalesce(started_at, $2), version = version + 1
WHERE id = $1 AND state IN ('queued', 'running') RETURNING *
"""
_FINISH = """
UPDATE import_job SET state = $2, error = $3, finished_at = $4, version = version + 1
WHERE id = $1 AND state IN ('queued', 'running') RETURNING *
"""
_BEGIN_ANEW = """
UPDATE import_job SET version = version + 1, position = 0, records_read = 0, created = 0, updated = 0, unchanged = 0,
    duplicate = 0, discarded = 0, matched_many = 0, rejected = 0, failed = 0, items_created = 0, items_updated = 0,
    items_unchanged = 0, item_problems = 0
WHERE id = $1 RETURNING *
"""


async def import_files(resources: Resources, stop: asyncio.Event) -> None:
    """The worker: every lane until told to stop."""
    async with asyncio.TaskGroup() as group:
        group.create_task(lane(resources, stop, largest=A_FEW))
        group.create_task(lane(resources, stop, largest=SMALL))
        group.create_task(lane(resources, stop, largest=ANY))


async def lane(resources: Resources, stop: asyncio.Event, *, largest: int) -> None:
    """One job after another."""
    turn = functools.partial(work_once, resources, stop, largest=largest)
    idle = IDLE_SECONDS if largest <= A_FEW else LARGER_IDLE_SECONDS
    await in_turns(turn, stop, of="imports", idle_seconds=idle)


async def work_once(resources: Resources, stop: asyncio.Event, *, largest: int = ANY) -> bool:
    """Take a job and carry it as far as it goes; whether there was one."""
    async with resources.pool.acquire() as connection:
        job = await queries.take(connection, largest=largest)
        if job is None:
            return False
        token = outbox.origin.set(resources.origin(_actor(job["requested_by"])))
        try:
            await Import(resources, connection, job["id"]).run(stop)
        finally:
            outbox.origin.reset(token)
            if not connection.is_closed():
                await queries.give_back(connection, job["id"])
            if job["size"] > SMALL:  # its process has stepped back for good: let the pool open another
                await connection.close()
    return True


def _actor(told: str) -> Actor:
    kind, _, ref = told.partition(":")
    return Actor(kind, ref)


@dataclass
class Import:
    """One job under way."""

    resources: Resources
    connection: Held
    job_id: UUID
    places: Places = field(init=False)
    ready: Ready = field(init=False)
    plan: Plan = field(default_factory=Plan)
    rehearsal: Rehearsal | None = None
    mostly_new: bool = True
    """Whether most records of the last slice were."""

    def __post_init__(self) -> None:
        self.ready = self.resources.own["ready"]
        self.places = Places(currency=self.resources.settings.currency)

    @property
    def path(self) -> Path:
        """The file."""
        return uploading.place(self.resources.settings.data_dir, self.job_id)

    def now(self) -> datetime:
        """The time."""
        return self.resources.clock()

    async def run(self, stop: asyncio.Event) -> None:
        """Read and write, slice by slice, until the end, a cancellation or the order to stop."""
        job = await self.connection.fetchrow(_START, self.job_id, self.now())
        if job is None:
            return
        if job["cancelling"]:
            await self._finish(JobState.CANCELLED)
            return
        if job["size"] > SMALL:
            precedence.step_back_with(self.connection, self.resources.settings.import_niceness)
        self.plan = plan_told(_told(job))
        if job["dry_run"]:
            job, self.rehearsal = await self._from_its_beginning(job), Rehearsal()
        if not self.plan.plain:
            await key_titles_on(self.connection)
        try:
            reader = await asyncio.to_thread(self._reader, job)
        except FileNotFoundError:
            await self._finish(JobState.FAILED, "The uploaded file is not in the data folder.")
            return
        try:
            with self.ready.importing():
                await self._through(reader, job, stop)
        except LostJob:
            log.warning("an import was carried on elsewhere", extra={"import": str(self.job_id)})
        finally:
            await asyncio.to_thread(reader.close)

    async def _from_its_beginning(self, job: asyncpg.Record) -> asyncpg.Record:
        """What a dry run would have made is in nobody's memory but the worker's: another begins anew."""
        if not job["records_read"]:
            return job
        async with self.connection.transaction():
            await self.connection.execute("DELETE FROM import_outcome WHERE import_id = $1", self.job_id)
            return await self.connection.fetchrow(_BEGIN_ANEW, self.job_id) or job

    def _reader(self, job: asyncpg.Record) -> FileReader | ReaderApart:
        settings = self.resources.settings
        place = {"position": job["position"], "ordinal": job["records_read"], "limit": settings.record_limit}
        if job["size"] <= SMALL:
            return FileReader(self.path, job["media_type"], self.plan, **place)
        told = orjson.dumps(_told(job)).decode()
        return ReaderApart(self.path, job["media_type"], told, **place, niceness=settings.import_niceness)

    async def _through(
        self, reader: FileReader | ReaderApart, job: asyncpg.Record, stop: asyncio.Event
    ) -> None:
        read = job["records_read"]
        ahead = self._ahead(reader)
        try:
            while True:
                began = time.monotonic()
                told = await ahead
                if not told.last:
                    ahead = self._ahead(reader)
                if job["create_locations"]:
                    await self._make_known(told.records)
                cancelling = False
                if told.records:
                    cancelling = await self._write(job, told.records, read_before=read, end=told.end)
                    read += len(told.records)
                if cancelling:
                    await self._finish(JobState.CANCELLED)
                    return
                if told.last:
                    await self._finish(None)
                    return
                if not stop.is_set() and job["size"] > SMALL:
                    await self._rest(time.monotonic() - began, stop)
                if stop.is_set():
                    return
        finally:
            if not ahead.done():
                await asyncio.wait([ahead])

    def _ahead(self, reader: FileReader | ReaderApart) -> asyncio.Task[Slice]:
        """Begin to read the next slice, with entries for the index if it is at work here and most records are new."""
        entries = self.ready.wanted and self.mostly_new and self.rehearsal is None
        return asyncio.create_task(asyncio.to_thread(reader.next_slice, SLICE_RECORDS, entries=entries))

    async def _rest(self, worked: float, stop: asyncio.Event) -> None:
        """Let others have the machine for a while, as the operator wishes."""
        if seconds := rest(worked, share=self.resources.settings.import_share):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), seconds)

    async def _make_known(self, records: Sequence[Prepared]) -> None:
        items = [item for each in records for item in each.items]
        items += [held.standing() for each in records for held in each.held]
        async with self.connection.transaction():
            await self.places.refresh(self.connection)
        if self.places.unknown(items):
            await make_known(self.resources.sessions, items, now=self.now())

    async def _write(
        self, job: asyncpg.Record, records: Sequence[Prepared], *, read_before: int, end: int
    ) -> bool:
        """Commit a slice; one record that cannot be stored is found by halving, and fails alone."""
        try:
            return await self._write_whole(job, records, read_before=read_before, end=end)
        except asyncpg.DataError as error:
            if len(records) == 1:
                _fail(records[0], error)
                return await self._write_whole(job, records, read_before=read_before, end=end)
        half = len(records) // 2
        middle = records[half].position
        await self._write(job, records[:half], read_before=read_before, end=middle)
        return await self._write(job, records[half:], read_before=read_before + half, end=end)

    async def _write_whole(
        self, job: asyncpg.Record, records: Sequence[Prepared], *, read_before: int, end: int
    ) -> bool:
        reasons = [list(each.reasons) for each in records]
        for attempt in range(1, TRIES + 1):
            try:
                with self.ready.offering() as offered:
                    async with self.connection.transaction():
                        written = await write_slice(
                            self.connection,
                            job,
                            self.plan,
                            self.places,
                            records,
                            read_before=read_before,
                            end=end,
                            by=job["requested_by"],
                            now=self.now(),
                            offered=offered,
                            rehearsal=self.rehearsal,
                        )
                        self.ready.put(offered)
            except AGAIN:
                if attempt == TRIES:
                    raise
                await asyncio.sleep(0.02 * attempt)
            except asyncpg.DataError:
                _restore(records, reasons)
                raise
            else:
                self.mostly_new = written.counts[Outcome.CREATED] * 2 >= len(records)
                return written.cancelling
            _restore(records, reasons)
        raise AssertionError("unreachable")

    async def _finish(self, state: JobState | None, error: str | None = None) -> None:
        """End the job and tell of it; its file is needed no more."""
        now = self.now()
        async with self.connection.transaction():
            if state is None:
                row = await self.connection.fetchrow(
                    "SELECT * FROM import_job WHERE id = $1 FOR UPDATE", self.job_id
                )
                assert row is not None
                counts = {outcome.value: row[outcome.column] for outcome in Outcome}
                state = final_state(counts, item_problems=row["item_problems"])
            row = await self.connection.fetchrow(_FINISH, self.job_id, state.value, error, now)
            if row is None:
                return
            if not row["dry_run"]:
                await self._tell(row, state, now)
        await asyncio.to_thread(self.path.unlink, missing_ok=True)

    async def _tell(self, row: asyncpg.Record, state: JobState, now: datetime) -> None:
        await outbox.record(
            self.connection,
            [
                ImportFinished(
                    version=row["version"],
                    occurred_at=now,
                    import_id=self.job_id,
                    state=state.value,
                    counts={outcome.column: row[outcome.column] for outcome in Outcome},
                    started_at=row["started_at"],
                )
            ],
        )


def _told(job: asyncpg.Record) -> dict[str, Any]:
    """What the job goes by; a job of an earlier release has only its profile's name."""
    return job["plan"] if job["plan"] is not None else {"code": job["profile"]}


def _restore(records: Sequence[Prepared], reasons: Sequence[list[dict[str, str]]]) -> None:
    """Forget what an attempt that was rolled back had added."""
    for each, kept in zip(records, reasons, strict=True):
        each.reasons[:] = kept


def _fail(record: Prepared, error: Exception) -> None:
    record.columns, record.items, record.outcome = None, [], Outcome.FAILED
    record.reasons.append(reason("not-storable", str(error)))


async def sweep_uploads(resources: Resources, now: datetime) -> None:
    """A timer: files of jobs that have ended, and of uploads that broke off, an hour ago."""
    rows = await resources.pool.fetch("SELECT id FROM import_job WHERE state IN ('queued', 'running')")
    await uploading.sweep(
        resources.settings.data_dir, {str(row["id"]) for row in rows}, older_than=now.timestamp() - 3600
    )
