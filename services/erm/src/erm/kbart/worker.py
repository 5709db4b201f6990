"""Loads are taken up slice by slice; whoever comes next goes on behind the last committed one."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
import orjson

from chassis import outbox
from chassis.database import Connection
from chassis.resources import Resources
from contracts.events import Actor
from erm.configuration.queries import in_force
from erm.kbart import statements
from erm.kbart.applying import apply
from erm.kbart.gathering import NO_MARKS, marks
from erm.kbart.rules import Flaw, Row, State, header, row, too_many_go
from erm.packages.announcing import items_changed, package_changed
from erm.packages.commands import package as read_package

log = logging.getLogger(__name__)

SLICE: Final = 2000
"""Rows whose titles are taken in one transaction."""
REMOVED: Final = 2000
"""Titles that are removed in one transaction."""
IDLE_SECONDS: Final = 0.5
KEPT: Final = timedelta(days=90)
"""How long the rows of a load, and what became of each, are kept; the load itself stays."""
FORGOTTEN: Final = 20_000
"""Rows that are forgotten in one transaction."""


async def take_up_lists(resources: Resources, stop: asyncio.Event) -> None:
    """The worker: slice after slice until told to stop."""
    while not stop.is_set():
        try:
            worked = await work_once(resources)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:  # or somebody was faster
            log.warning("a load of a title list waits", extra={"error": type(error).__name__})
            worked = False
        if not worked:
            await asyncio.sleep(IDLE_SECONDS)


async def work_once(resources: Resources) -> bool:
    """One slice of the oldest load, unless somebody else is at it; whether there was one."""
    load_id = await resources.pool.fetchval(statements.NEXT)
    if load_id is None:
        return False
    async with resources.pool.acquire() as connection, connection.transaction():
        if not await connection.fetchval(statements.TAKE, load_id):
            return False
        load = await connection.fetchrow(
            statements.LOAD, load_id
        )  # under the lock: what it was before is past
        if load is None:
            return True
        kind, _, ref = load["requested_by"].partition(":")
        token = outbox.origin.set(resources.origin(Actor(kind, ref)))
        try:
            await _go_on(connection, load, now=resources.clock())
        finally:
            outbox.origin.reset(token)
    return True


async def _go_on(connection: Connection, load: asyncpg.Record, *, now: datetime) -> None:
    if load["cancelling"]:
        await connection.execute(statements.PART_DONE, load["id"], 2**31 - 1)
        await connection.execute(statements.END, load["id"], State.CANCELLED, load["findings"], now, 0)
    elif load["state"] != State.APPLYING:
        await _read(connection, load, now=now)
    else:
        await _apply(connection, load, now=now)


async def _read(connection: Connection, load: asyncpg.Record, *, now: datetime) -> None:
    """One part of the file becomes rows; behind the last one it is seen what the list leaves out."""
    part = await connection.fetchrow(statements.PART, load["id"], load["part"] + 1)
    if part is None:
        await _weigh(connection, load)
        return
    columns, _ = header(load["columns"])
    rows, seen = await asyncio.to_thread(_rows, bytes(part["content"]), part["first_line"], columns)
    if rows:
        await connection.execute(
            statements.ROWS,
            load["id"],
            [line for line, _ in rows],
            [each.key for _, each in rows],
            [each.cells[0][:300] if each.cells else None for _, each in rows],
            ["\t".join(each.cells) if each.sound else None for _, each in rows],
            [None if each.sound else "rejected" for _, each in rows],
            [_told(each.flaws) for _, each in rows],
            *map(list, zip(*seen, strict=True)),
        )
    rejected = sum(1 for _, each in rows if not each.sound)
    warned = sum(1 for _, each in rows if each.sound and each.flaws)
    await connection.execute(statements.PART_DONE, load["id"], load["part"] + 1)
    await connection.execute(statements.READ, load["id"], now, len(rows), rejected, warned)


def _rows(
    content: bytes, first_line: int, columns: Sequence[str | None]
) -> tuple[list[tuple[int, Row]], list[Sequence[Any]]]:
    """The rows of a part by line, and the marks of each."""
    rows: list[tuple[int, Row]] = []
    seen: list[Sequence[Any]] = []
    for line, told in enumerate(content.split(b"\n")[:-1], first_line):
        if (each := row(told, columns)) is not None:
            rows.append((line, each))
            seen.append(marks(each.cells) if each.sound else NO_MARKS)
    return rows, seen


def _told(flaws: Sequence[Flaw]) -> str | None:
    return orjson.dumps([flaw.as_json() for flaw in flaws]).decode() if flaws else None


async def _weigh(connection: Connection, load: asyncpg.Record) -> None:
    """Before anything is changed: a list that leaves out too much waits for somebody's word."""
    await connection.execute(statements.KNOW)
    await connection.execute(statements.BY_HASH)
    await connection.execute(statements.TELL_APART, load["id"])
    counts = await connection.fetchrow(statements.COUNT_MISSING, load["id"], load["package_id"])
    package = await read_package(connection, load["package_id"])
    assert counts is not None
    missing, known, percent = counts["missing"], counts["known"], package["removal_percent"]
    doubts = []
    if too_many_go(missing=missing, known=known, percent=percent):
        text = f"It leaves out {missing} of {known} titles, more than the {percent} percent that the package allows."
        doubts.append(Flaw("too-many-removed", text, weight="warning"))
    if missing and counts["unreadable"]:
        text = f"{missing} titles may be left out, or be in rows that cannot be read."
        doubts.append(Flaw("rows-unreadable", text, weight="warning"))
    findings = [*load["findings"], *(each.as_json() for each in doubts)]
    if doubts and not load["dry_run"]:
        await connection.execute(statements.WAIT, load["id"], findings)
        return
    await connection.execute(
        "UPDATE kbart_load SET findings = $2 WHERE id = $1 AND findings <> $2", load["id"], findings
    )
    await connection.execute(statements.GO_ON, load["id"])


async def _apply(connection: Connection, load: asyncpg.Record, *, now: datetime) -> None:
    upto = await connection.fetchval(statements.SLICE, load["id"], load["applied_to"] or "", SLICE)
    package = await read_package(connection, load["package_id"])
    configuration = await in_force(connection)
    if upto is not None:
        zone, limits = configuration.time_zone, configuration.names.limits
        await apply(connection, load, package, upto=upto, zone=zone, limits=limits, now=now)
        return
    await connection.execute(statements.BY_HASH)
    if load["dry_run"]:
        counts = await connection.fetchrow(statements.COUNT_MISSING, load["id"], load["package_id"])
        assert counts is not None
        await _end(connection, load, now=now, removed=counts["missing"])
        return
    before = configuration.today(now) - timedelta(days=1)
    gone = await connection.fetch(statements.REMOVE, load["id"], load["package_id"], REMOVED, now, before)
    if gone:
        await connection.execute(statements.REMOVED, load["id"], len(gone))
        happened = {row["id"]: "removed" for row in gone}
        await items_changed(connection, load["package_id"], happened, now, load_id=load["id"])
        return
    await _end(connection, load, now=now)


async def _end(connection: Connection, load: asyncpg.Record, *, now: datetime, removed: int = 0) -> None:
    state = State.FINISHED_WITH_ERRORS if load["rejected"] else State.FINISHED
    ended = await connection.fetchrow(statements.END, load["id"], state, load["findings"], now, removed)
    if load["dry_run"]:
        return
    package = await connection.fetchrow(statements.LOADED, load["package_id"], now)
    assert ended is not None
    assert package is not None
    counts = {name: ended[f"items_{name}"] for name in ("added", "changed", "unchanged", "removed")}
    counts["rejected"] = ended["rejected"]
    await package_changed(connection, package, "loaded", now, load_id=load["id"], counts=counts)


_OLD: Final = """
SELECT id FROM kbart_load WHERE rows_kept AND finished_at < $1 ORDER BY finished_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_FORGET: Final = """
DELETE FROM kbart_row WHERE load_id = $1 AND line IN (
    SELECT line FROM kbart_row WHERE load_id = $1 ORDER BY line LIMIT $2)
"""
_BROKEN_OFF: Final = "DELETE FROM kbart_load WHERE state = 'receiving' AND created_at < $1"


async def forget_rows(resources: Resources, now: datetime) -> None:
    """A timer: rows of old loads go, and uploads that broke off."""
    await resources.pool.execute(_BROKEN_OFF, now - timedelta(days=1))
    while True:
        async with resources.pool.acquire() as connection, connection.transaction():
            load_id = await connection.fetchval(_OLD, now - KEPT)
            if load_id is None:
                return
            told = await connection.execute(_FORGET, load_id, FORGOTTEN)
            if int(told.rsplit(" ", 1)[-1]) < FORGOTTEN:
                await connection.execute("UPDATE kbart_load SET rows_kept = false WHERE id = $1", load_id)
