"""Titles that come together find the works that they would have found one after the other."""

import random
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import asyncpg
import pytest

from catalog.works.grouping import Connection, place, regroup
from catalog.works.together import Keyed, place_all
from chassis.ids import uuid7
from support.harness import Harness

TITLES = 24
_TITLE = """
INSERT INTO title (id, match_key, title, format, record, created_at, updated_at)
VALUES ($1::uuid, $1::uuid::text, 'A title', 'book', '\\x00', now(), now())
"""


def drawn(chance: random.Random) -> list[tuple[list[str], bool]]:
    """Keys of every title, most of which a few others have, and whether it is gone."""
    return [
        ([f"name:{each}" for each in chance.sample(range(30), chance.choice((0, 1, 1, 1, 2, 3)))], gone)
        for gone in (chance.random() < 0.1 for _ in range(TITLES))
    ]


async def one_by_one(connection: Connection, keyed: Sequence[Keyed]) -> set[UUID]:
    now = await connection.fetchval("SELECT now()")
    loosened: set[UUID] = set()
    for title_id, keys, gone in keyed:
        loosened |= await place(connection, title_id, keys, gone=gone, again=False, now=now)
    return loosened


async def together(connection: Connection, keyed: Sequence[Keyed]) -> set[UUID]:
    now = await connection.fetchval("SELECT now()")
    return (await place_all(connection, keyed, [], now=now)).loosened


async def groups(connection: Connection, order: Sequence[UUID]) -> tuple[list[list[int]], list[list[str]]]:
    """Which titles share a work, and which keys lead to one."""
    works: defaultdict[UUID, list[int]] = defaultdict(list)
    for row in await connection.fetch("SELECT title_id, work_id FROM work_title"):
        works[row["work_id"]].append(order.index(row["title_id"]))
    keys: defaultdict[UUID, list[str]] = defaultdict(list)
    for row in await connection.fetch("SELECT key, work_id FROM work_key"):
        keys[row["work_id"]].append(row["key"])
    return sorted(sorted(each) for each in works.values()), sorted(sorted(each) for each in keys.values())


@pytest.mark.parametrize("seed", range(6))
async def test_the_works_are_the_same_in_whatever_company_titles_come(catalog: Harness, seed: int) -> None:
    chance = random.Random(seed)
    rounds = [drawn(chance) for _ in range(3)]
    order = [uuid7() for _ in range(TITLES)]
    pool: asyncpg.Pool = catalog.resources.pool
    await pool.executemany(_TITLE, [(each,) for each in order])
    found = []
    for way in (one_by_one, together):
        seen = []
        async with pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            for told in rounds:
                keyed = [(order[n], *each) for n, each in enumerate(told)]
                for work_id in sorted(await way(connection, keyed)):
                    await regroup(connection, work_id, now=await connection.fetchval("SELECT now()"))
                seen.append(await groups(connection, order))
            await transaction.rollback()
        found.append(seen)
    assert found[0] == found[1]
    assert any(len(each) > 1 for each in found[0][0][0])


async def test_a_work_that_others_join_has_a_new_version(catalog: Harness) -> None:
    pool: asyncpg.Pool = catalog.resources.pool
    first, second, third = (uuid7() for _ in range(3))
    await pool.executemany(_TITLE, [(each,) for each in (first, second, third)])
    async with pool.acquire() as connection, connection.transaction():
        await together(connection, [(first, ["name:a"], False)])
        await together(connection, [(second, ["name:a"], False), (third, [], False)])

    rows = await pool.fetch("SELECT t.title_id, w.version FROM work_title t JOIN work w ON w.id = t.work_id")
    versions = {row["title_id"]: row["version"] for row in rows}
    assert versions[first] == versions[second] > versions[third]
