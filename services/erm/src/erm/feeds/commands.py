"""A page of changes becomes packages, and says which of their lists are to be fetched."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg

from chassis.addresses import Network, refusals
from chassis.database import Connection
from chassis.ids import uuid7
from erm.feeds.rules import FINDINGS, Flaw, Page, Record
from erm.packages.announcing import package_changed
from erm.rows import change, insert

_TURNED: Final = """
UPDATE kb_feed SET cursor = $3, pages = pages + 1, changed = changed + $4, asked_at = $5, next_at = $6,
    findings = $7 WHERE id = $1 AND version = $2
"""
EVERY_HOURS: Final = 24 * 7
"""How often a list is asked for of which the feed does not speak."""


async def take(
    connection: Connection,
    feed: Any,
    page: Page,
    *,
    networks: Sequence[Network],
    lease: datetime,
    now: datetime,
) -> bool:
    """Take a page and keep which comes next, at once or not at all; whether the feed is still as it was.

    The same page again changes nothing. A package whose `sync` is off stays as it is.
    """
    findings, changed = list(feed["findings"]), 0
    findings += [flaw.as_json() for flaw in page.flaws]
    for record in page.records:
        changed += await _follow(connection, feed, record, now=now)
        if flaw := await _source(connection, feed, record, networks=networks, now=now):
            findings.append(flaw.as_json())
    told = (page.next, changed, now, lease, findings[:FINDINGS])
    done = await connection.execute(_TURNED, feed["id"], feed["version"], *told)
    return bool(done == "UPDATE 1")


async def _follow(connection: Connection, feed: Any, record: Record, *, now: datetime) -> bool:
    """Enter, rename or retire a package; whether anything changed."""
    found = await _package(connection, feed, record)
    if found is None:
        if record.withdrawn:
            return False
        await insert(
            connection,
            "package",
            id=uuid7(),
            source=feed["source"],
            reference=record.reference,
            name=record.name,
            platform_id=feed["platform_id"],
            scope="global",
            region="Global",
            state="current",
            sync=feed["follow_new"],
            created_at=now,
        )
        await package_changed(connection, await _package(connection, feed, record), "entered", now)
        return True
    state = "retired" if record.withdrawn else "current"
    if not found["sync"] or (found["name"], found["state"]) == (record.name, state):
        return False
    await change(connection, "package", found["id"], name=record.name, state=state)
    await package_changed(connection, await _package(connection, feed, record), "changed", now)
    return True


async def _package(connection: Connection, feed: Any, record: Record) -> asyncpg.Record | None:
    return await connection.fetchrow(
        "SELECT * FROM package WHERE source = $1 AND reference = $2 FOR UPDATE",
        feed["source"],
        record.reference,
    )


async def _source(
    connection: Connection, feed: Any, record: Record, *, networks: Sequence[Network], now: datetime
) -> Flaw | None:
    """Have a package's list fetched soon, or no more; why its address is not asked.

    A source that has a key is the library's own: its address stays.
    """
    package = await _package(connection, feed, record)
    if package is None or not package["sync"]:
        return None
    found = await connection.fetchrow(
        "SELECT * FROM list_source WHERE package_id = $1 FOR UPDATE", package["id"]
    )
    if record.withdrawn:
        if found is not None and found["active"]:
            await change(connection, "list_source", found["id"], active=False, next_at=None)
        return None
    if record.list_url is None:
        return None
    if against := refusals(record.list_url, networks):
        return Flaw(record.reference, against[0].code, f"Its list is not fetched: {against[0].text}")
    if found is None:
        told = {"url": record.list_url, "key_in": "query", "every_hours": EVERY_HOURS, "next_at": now}
        await insert(connection, "list_source", id=uuid7(), package_id=package["id"], created_at=now, **told)
    elif found["sealed"] is None and found["url"] != record.list_url:
        again = {"etag": None, "modified": None, "digest": None, "failures": 0}
        await change(
            connection, "list_source", found["id"], url=record.list_url, active=True, next_at=now, **again
        )
    elif found["next_at"] is None or found["next_at"] > now:
        await change(connection, "list_source", found["id"], active=True, next_at=now)
    return None
