"""The worker that writes lists of ids, slice by slice in the order of the catalogue's numbers.

A number never changes, so whatever is written meanwhile, no title comes twice and none that answers throughout is
missing. The file is written before its slice is committed: whoever takes over cuts off what was not, and goes on.
"""

import asyncio
import os
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from catalog.idlists.rules import LINE, SLICE, line
from catalog.search.engine import Reader, SearchRequest
from catalog.search.folders import serving
from catalog.turns import held, in_turns
from chassis.resources import Resources

IDLE_SECONDS: Final = 0.3
Held = asyncpg.pool.PoolConnectionProxy
_WAITING = "SELECT id FROM id_list WHERE state <> 'done' ORDER BY id LIMIT 50"
_BEGIN = "UPDATE id_list SET state = 'running' WHERE id = $1 AND state <> 'done' RETURNING *"
_WRITTEN = """
UPDATE id_list SET written = $2, last_number = $3, position = $4, state = $5, finished_at = $6
WHERE id = $1 RETURNING id
"""


def place(data_dir: Path, list_id: UUID) -> Path:
    """Where a list's file lies."""
    return data_dir / "id-lists" / f"{list_id}.ndjson"


async def write_id_lists(resources: Resources, stop: asyncio.Event) -> None:
    """The worker: one list after another until told to stop."""
    await in_turns(lambda: work_once(resources, stop), stop, of="lists of ids", idle_seconds=IDLE_SECONDS)


async def work_once(resources: Resources, stop: asyncio.Event) -> bool:
    """Take a list and write it to its end, or until told to stop; whether there was one.

    While there is no index yet, lists wait: that nothing is in none would not be true.
    """
    if serving(resources.settings.data_dir / "index") is None:
        return False
    async with resources.pool.acquire() as connection:
        for row in await connection.fetch(_WAITING):
            async with held(connection, "id list", row["id"]) as mine:
                if mine:
                    await _write(resources, connection, row["id"], stop)
                    return True
    return False


async def _write(resources: Resources, connection: Held, list_id: UUID, stop: asyncio.Event) -> None:
    row = await connection.fetchrow(_BEGIN, list_id)
    if row is None:
        return
    reader: Reader = resources.own["reader"]
    path = place(resources.settings.data_dir, list_id)
    asked = SearchRequest(row["query"], filters=row["filters"], with_suppressed=row["with_suppressed"])
    written, last = row["written"], row["last_number"]
    await asyncio.to_thread(_cut, path, written * LINE)
    while not stop.is_set():
        walked = await asyncio.to_thread(reader.walk, asked, after=last, most=SLICE)
        await asyncio.to_thread(_append, path, b"".join(map(line, walked.ids)))
        written += len(walked.ids)
        last = walked.last
        ended = len(walked.ids) < SLICE
        told: tuple[Any, ...] = ("done", resources.clock()) if ended else ("running", None)
        kept = await connection.fetchval(_WRITTEN, list_id, written, last, walked.position, *told)
        if kept is None:  # given back meanwhile
            await asyncio.to_thread(path.unlink, missing_ok=True)
        if ended or kept is None:
            return


def _cut(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.truncate(size)


def _append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


async def sweep_id_lists(resources: Resources, now: datetime) -> None:
    """A timer: lists whose day is over, and files that belong to none."""
    await resources.pool.execute("DELETE FROM id_list WHERE expires_at <= $1", now)
    rows = await resources.pool.fetch("SELECT id FROM id_list")
    kept = {place(resources.settings.data_dir, row["id"]) for row in rows}
    await asyncio.to_thread(_remove_others, place(resources.settings.data_dir, UUID(int=0)).parent, kept)


def _remove_others(folder: Path, kept: set[Path]) -> None:
    if folder.is_dir():
        for path in folder.iterdir():
            if path not in kept:
                path.unlink(missing_ok=True)
