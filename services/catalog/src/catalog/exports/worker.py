"""The worker that makes exports.

First the titles are fixed, each in its version, in one snapshot: for a query, the hits are gathered slice by slice
before. Then their records are written as they were in these versions, slice by slice in the order of the catalogue's
numbers. So the file is of one moment, however long it takes, and whoever takes over writes the same bytes to the same
place.
"""

import asyncio
import hashlib
import logging
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from catalog.exports import statements as sql
from catalog.exports.formats import FORMS
from catalog.exports.rules import FOUND, KEPT, SLICE, TURN, Format, State
from catalog.exports.writing import Slice, written
from catalog.holdings.embedding import embedded
from catalog.search.engine import Reader, SearchRequest
from catalog.search.folders import serving
from catalog.search.grammar import QueryProblem
from catalog.turns import held, in_turns
from chassis.resources import Resources

log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 0.5
Held = asyncpg.pool.PoolConnectionProxy


class ListGone(Exception):
    """The list that an export is made of is dropped, or its asker may see it no more."""


def place(data_dir: Path, export_id: UUID) -> Path:
    """Where an export's file lies."""
    return data_dir / "exports" / str(export_id)


async def make_exports(resources: Resources, stop: asyncio.Event) -> None:
    """The worker: exports in turn until told to stop."""
    await in_turns(lambda: work_once(resources, stop), stop, of="exports", idle_seconds=IDLE_SECONDS)


async def work_once(resources: Resources, stop: asyncio.Event) -> bool:
    """Take the export that has waited longest and write a turn's slices of it; whether there was one.

    A query waits until the index has come as far as the changes were when the export was asked for.
    """
    async with resources.pool.acquire() as connection:
        for row in await connection.fetch(sql.WAITING):
            if row["asks_index"] and not _index_is_ready(resources, row["index_wanted"]):
                continue
            async with held(connection, "export", row["id"]) as mine:
                if mine:
                    await _carry(resources, connection, row["id"], stop)
                    return True
    return False


def _index_is_ready(resources: Resources, wanted: int) -> bool:
    reader: Reader = resources.own["reader"]
    there = serving(resources.settings.data_dir / "index") is not None
    return there and reader.position() >= wanted


async def _carry(resources: Resources, connection: Held, export_id: UUID, stop: asyncio.Event) -> None:
    """A turn of one export. What cannot be exported at all fails, and holds up no other."""
    try:
        for _ in range(TURN):
            if stop.is_set() or not await _step(resources, connection, export_id):
                return
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        raise
    except QueryProblem as problem:
        await connection.execute(sql.FAIL, export_id, problem.message, resources.clock())
    except ListGone:
        words = "The list that it is made of is not there any more, or is not shared any more."
        await connection.execute(sql.FAIL, export_id, words, resources.clock())
    except Exception:
        log.exception("an export has failed", extra={"export": str(export_id)})
        words = "It could not be written; the log of the worker says why."
        await connection.execute(sql.FAIL, export_id, words, resources.clock())


async def _step(resources: Resources, connection: Held, export_id: UUID) -> bool:
    """A slice; whether there is more to do."""
    row = await connection.fetchrow(sql.BEGIN, export_id, resources.clock())
    if row is None:
        return False
    if row["state"] == State.SELECTING:
        if row["asks_index"] and not await _find(resources, connection, row):
            return True
        await _fix(resources, connection, row)
        return True
    path = place(resources.settings.data_dir, export_id)
    rows = await connection.fetch(sql.NEXT, export_id, row["last_number"], SLICE)
    if not rows:
        await _finish(resources, connection, row, path)
        return False
    held_ = None
    if row["with_holdings"]:
        ids = [each["title_id"] for each in rows if not each["gone"]]
        held_ = await embedded(connection, ids, hidden_too=row["with_suppressed"])
    told = await asyncio.to_thread(
        written,
        rows,
        Format(row["format"]),
        agency=resources.settings.repository_id if row["with_ids"] else None,
        first=row["given"] + row["gone"] == 0,
        begins=row["size"] == 0,
        held=held_,
    )
    await asyncio.to_thread(_put, path, told.content, row["size"])
    if not await _keep(resources, connection, row, told):  # cancelled meanwhile
        await asyncio.to_thread(path.unlink, missing_ok=True)
        return False
    return True


async def _find(resources: Resources, connection: Held, row: asyncpg.Record) -> bool:
    """The next hits of the query; whether these were the last ones."""
    reader: Reader = resources.own["reader"]
    asked = SearchRequest(row["query"], filters=row["filters"], with_suppressed=row["with_suppressed"])
    walked = await asyncio.to_thread(reader.walk, asked, after=row["last_number"], most=FOUND)
    async with connection.transaction():
        await connection.execute(sql.FOUND, row["id"], [UUID(each) for each in walked.ids])
        await connection.execute(sql.FOUND_TO, row["id"], walked.last, walked.position)
    return len(walked.ids) < FOUND


async def _fix(resources: Resources, connection: Held, row: asyncpg.Record) -> None:
    """Titles and versions of one snapshot."""
    kind = {"found": row["asks_index"], "listed": row["list_id"] is not None}
    since = row["schedule"] if row["since"] is not None else None
    of = (row["id"], row["with_suppressed"], since, *([row["list_id"]] if kind["listed"] else []))
    async with connection.transaction(isolation="repeatable_read"):
        seen = (row["list_id"], row["requested_by"])
        if kind["listed"] and not await connection.fetchval(sql.LIST_SEEN, *seen):
            raise ListGone
        position = await connection.fetchval(sql.POSITION)
        digests = row["with_holdings"] and row["schedule"] is not None
        await connection.execute(sql.choose(**kind, held=digests), *of)
        if since is not None:
            await connection.execute(sql.leave(**kind), *of)
        await connection.execute(sql.FIXED, row["id"], position, resources.clock())


async def _keep(resources: Resources, connection: Held, row: asyncpg.Record, told: Slice) -> bool:
    async with connection.transaction():
        kept = await connection.fetchval(
            sql.WRITTEN,
            row["id"],
            told.given,
            told.gone,
            len(told.left_out),
            row["size"] + len(told.content),
            told.last,
            resources.clock(),
        )
        if kept is not None and told.left_out:
            await connection.execute(sql.LEFT_OUT, row["id"], [*told.left_out], [*told.left_out.values()])
    return kept is not None


async def _finish(resources: Resources, connection: Held, row: asyncpg.Record, path: Path) -> None:
    """Close the file, and let the schedule know what its readers have now: both, or neither."""
    form = FORMS[Format(row["format"])]
    end = form.closing if row["size"] else form.opening + form.closing
    size = row["size"] + len(end)
    await asyncio.to_thread(_put, path, end, row["size"])
    digest = await asyncio.to_thread(_digest, path)
    now = resources.clock()
    async with connection.transaction():
        if await connection.fetchval(sql.DONE, row["id"], size, digest, now, now + KEPT) is None:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            return
        if row["schedule"] is not None:
            mode = await connection.fetchval(sql.HOLD_SCHEDULE, row["schedule"])
            if mode == "delta":
                if row["since"] is None:
                    await connection.execute(sql.FORGET_GIVEN, row["schedule"])
                await connection.execute(sql.REMEMBER_GIVEN, row["schedule"], row["id"])
                await connection.execute(sql.FORGET_GONE, row["schedule"], row["id"])
            await connection.execute(sql.LAST_DONE, row["schedule"], row["id"])
        await connection.execute(sql.FORGET_TITLES, row["id"])
        await connection.execute(sql.FORGET_FOUND, row["id"])


def _put(path: Path, content: bytes, at: int) -> None:
    """Write at a place, where a process that was killed may have written the same; nothing stands behind it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)
        file.truncate()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def sweep_exports(resources: Resources, now: datetime) -> None:
    """A timer: exports whose time is over, and files that belong to none."""
    folder = place(resources.settings.data_dir, UUID(int=0)).parent
    there = await asyncio.to_thread(lambda: set(folder.iterdir()) if folder.is_dir() else set())
    await resources.pool.execute(sql.SWEEP, now)
    kept = {
        place(resources.settings.data_dir, row["id"]) for row in await resources.pool.fetch(sql.WITH_FILE)
    }
    for path in there - kept:
        await asyncio.to_thread(path.unlink, missing_ok=True)
