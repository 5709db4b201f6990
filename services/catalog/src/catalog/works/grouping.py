"""Titles find their works.

What comes of it depends on the titles' keys and on what staff have said, never on the order in which titles came:
whoever loses a key leaves those whom nothing else holds together.

The index is told of a title whose work is known by another number since (`tell`), in the same transaction.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from catalog.works.rules import components
from chassis.ids import uuid7

LOCK: Final = 7_402_118
"""Held by whoever moves titles between works: one at a time, staff too."""
Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
_HELD = "SELECT work_id, keys, pinned FROM work_title WHERE title_id = $1"
_SHARED = "SELECT EXISTS (SELECT FROM work_title WHERE work_id = $1 AND title_id <> $2)"
_FOUND = """
SELECT w.id FROM work w WHERE w.id IN (SELECT work_id FROM work_key WHERE key = ANY ($1::text[]))
ORDER BY w.created_at, w.id
"""
_MAKE = "INSERT INTO work (id, created_at, updated_at) VALUES ($1, $2, $2)"
_PUT = """
INSERT INTO work_title (title_id, work_id, keys) VALUES ($1, $2, $3)
ON CONFLICT (title_id) DO UPDATE SET work_id = excluded.work_id, keys = excluded.keys
"""
_KEYS = "INSERT INTO work_key (key, work_id) SELECT unnest($1::text[]), $2 ON CONFLICT (key) DO NOTHING"
_TOUCH = "UPDATE work SET version = version + 1, updated_at = $2 WHERE id = ANY ($1::uuid[])"
_MOVE_TITLES = "UPDATE work_title SET work_id = $2 WHERE work_id = ANY ($1::uuid[])"
_MOVE_KEYS = "UPDATE work_key SET work_id = $2 WHERE work_id = ANY ($1::uuid[])"
_END = """
UPDATE work SET merged_into = $2, version = version + 1, updated_at = $3
WHERE id = ANY ($1::uuid[]) OR merged_into = ANY ($1::uuid[])
"""
_MEMBERS = "SELECT title_id, keys FROM work_title WHERE work_id = $1 AND NOT pinned"
_TOGETHER = "SELECT key FROM work_key WHERE work_id = $1 AND by_staff"
_FORGET = "DELETE FROM work_key WHERE work_id = $1 AND NOT by_staff AND NOT key = ANY ($2::text[])"


_TELL = """
WITH now_is AS (
    SELECT w.title_id, w.eldest AS was,
        CASE WHEN count(*) OVER work > 1 THEN first_value(t.hrid) OVER (work ORDER BY w.title_id) END AS eldest
    FROM work_title w JOIN title t ON t.id = w.title_id
    WHERE w.work_id IN (SELECT work_id FROM work_title WHERE title_id = ANY ($1::uuid[])
        UNION ALL SELECT unnest($2::uuid[]))
    WINDOW work AS (PARTITION BY w.work_id)
), changed AS (
    UPDATE work_title w SET eldest = n.eldest FROM now_is n
    WHERE w.title_id = n.title_id AND n.was IS DISTINCT FROM n.eldest
    RETURNING w.title_id
), told AS (
    INSERT INTO title_change (title_id) SELECT title_id FROM changed RETURNING title_id
)
SELECT pg_notify('title_change', '') FROM told HAVING count(*) > 0
"""


async def place(
    connection: Connection, title_id: UUID, keys: Sequence[str], *, gone: bool, again: bool, now: datetime
) -> set[UUID]:
    """Let a title be of the work that its keys lead to; works that it has keys of become one.

    `again` looks at a title whose keys are as they were, too. What comes back are works that may hold together no
    longer: they are to be regrouped.
    """
    held = await connection.fetchrow(_HELD, title_id)
    if gone:
        if held is None:
            return set()
        await connection.execute("DELETE FROM work_title WHERE title_id = $1", title_id)
        return {held["work_id"]}
    if held is not None and held["keys"] == list(keys) and not again:
        return set()
    if held is not None and held["pinned"]:
        await connection.execute(_PUT, title_id, held["work_id"], list(keys))
        return set()
    found = [row["id"] for row in await connection.fetch(_FOUND, list(keys))]
    if held is not None and held["work_id"] not in found:
        alone = not await connection.fetchval(_SHARED, held["work_id"], title_id)
        if alone:
            found.append(held["work_id"])  # it goes where its only title goes, or stays that title's own
    if not found:
        found = [uuid7()]
        await connection.execute(_MAKE, found[0], now)
    work_id, *others = found
    if others:
        await unite(connection, work_id, others, now=now)
    await connection.execute(_PUT, title_id, work_id, list(keys))
    await connection.execute(_KEYS, list(keys), work_id)
    if held is None or held["work_id"] != work_id or held["keys"] != list(keys):
        await connection.execute(_TOUCH, [work_id], now)
    if held is None:
        return {work_id} if others else set()
    return {work_id, held["work_id"]}


async def unite(connection: Connection, work_id: UUID, others: Sequence[UUID], *, now: datetime) -> None:
    """Other works become this one, with all their titles and keys."""
    await connection.execute(_MOVE_TITLES, list(others), work_id)
    await connection.execute(_MOVE_KEYS, list(others), work_id)
    await connection.execute(_END, list(others), work_id, now)


async def regroup(connection: Connection, work_id: UUID, *, now: datetime) -> list[UUID]:
    """Titles that nothing holds together any more are works of their own, which come back; the eldest's group keeps
    the id."""
    members = {row["title_id"]: row["keys"] for row in await connection.fetch(_MEMBERS, work_id)}
    if not members:
        return []  # its keys are kept: what comes again is the same work
    together = {row["key"] for row in await connection.fetch(_TOGETHER, work_id)}
    groups = components(members, together)
    kept = next((each for each in groups if any(together & set(members[one]) for one in each)), groups[0])
    made = []
    for group in groups:
        if group is kept:
            continue
        apart = uuid7()
        made.append(apart)
        await connection.execute(_MAKE, apart, now)
        await connection.execute(
            "UPDATE work_title SET work_id = $2 WHERE title_id = ANY ($1::uuid[])", list(group), apart
        )
        keys = [key for one in group for key in members[one]]
        await connection.execute("UPDATE work_key SET work_id = $2 WHERE key = ANY ($1::text[])", keys, apart)
    if len(groups) > 1:
        await connection.execute(_TOUCH, [work_id], now)
    await connection.execute(_FORGET, work_id, [key for one in kept for key in members[one]])
    return made


async def tell(connection: Connection, titles: Collection[UUID], works: Collection[UUID]) -> None:
    """Let the index have each title of these works, and of the works of these titles, under its work's number, where it
    has it under another: once all moves of the transaction are made."""
    if titles or works:
        await connection.execute(_TELL, list(titles), list(works))
