"""The worker that fills lists: what a question finds, a slice in a transaction; what other lists come to, in one."""

import asyncio
import logging
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from catalog.conditions.looking import START, Question, ask_index, look_on
from catalog.conditions.vocabulary import Kind
from catalog.lists import statements as sql
from catalog.lists.documents import SourceDoc
from catalog.lists.rules import MOST_MEMBERS, PASSING_KEPT, TURN
from catalog.search.engine import Reader
from catalog.search.folders import serving
from catalog.search.grammar import QueryProblem
from catalog.turns import held, in_turns
from chassis.conditions import leaves
from chassis.database import rows_affected
from chassis.resources import Resources

log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 0.5
Held = asyncpg.pool.PoolConnectionProxy


class CannotFill(Exception):
    """What a list is made of cannot be asked any more."""


async def fill_lists(resources: Resources, stop: asyncio.Event) -> None:
    """The worker: lists in turn until told to stop."""
    await in_turns(lambda: work_once(resources, stop), stop, of="lists", idle_seconds=IDLE_SECONDS)


async def work_once(resources: Resources, stop: asyncio.Event) -> bool:
    """Take the list that has waited longest and fill it for a turn; whether there was one that can go on.

    A question to the index waits until that has come as far as the changes were when it was asked.
    """
    async with resources.pool.acquire() as connection:
        for row in await connection.fetch(sql.WAITING):
            source = SourceDoc.model_validate(row["source"])
            if _asks_index(source) and not _index_is_ready(resources, row["index_wanted"]):
                continue
            async with held(connection, "saved list", row["id"]) as mine:
                if mine and await _carry(resources, connection, row["id"], source, stop):
                    return True
    return False


def _asks_index(source: SourceDoc) -> bool:
    node, _ = source.question(Kind.TITLES if source.query is not None else Kind.ITEMS)
    return node is not None and any(leaf.asks_index for leaf in leaves(node))


def _index_is_ready(resources: Resources, wanted: int) -> bool:
    reader: Reader = resources.own["reader"]
    there = serving(resources.settings.data_dir / "index") is not None
    return there and reader.position() >= wanted


async def _carry(
    resources: Resources, connection: Held, list_id: UUID, source: SourceDoc, stop: asyncio.Event
) -> bool:
    """A turn of one list; whether anything was done. What cannot be filled at all fails, and holds up no other."""
    try:
        row = await connection.fetchrow(sql.BEGIN, list_id, resources.clock())
        if row is None:
            return False
        if row["last_id"] == START:
            await connection.execute(sql.CLEAR, list_id, row["generation"])
        if source.combined is not None:
            return await _combine(resources, connection, row, source)
        node, faults = source.question(Kind(row["kind"]))
        if faults:
            raise CannotFill("; ".join(each.text for each in faults))
        question = await ask_index(resources.own["reader"], Kind(row["kind"]), node)
        for _ in range(TURN):
            if stop.is_set() or not await _step(resources, connection, list_id, question):
                break
    except asyncpg.QueryCanceledError:
        words = "A slice of it takes longer than a statement may; ask for less at a time."
        await connection.execute(sql.FAIL, list_id, words, resources.clock())
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        raise
    except (CannotFill, QueryProblem) as problem:
        await connection.execute(sql.FAIL, list_id, str(problem), resources.clock())
    except Exception:
        log.exception("a list could not be filled", extra={"list": str(list_id)})
        words = "It could not be filled; the log of the worker says why."
        await connection.execute(sql.FAIL, list_id, words, resources.clock())
    return True


async def _step(resources: Resources, connection: Held, list_id: UUID, question: Question) -> bool:
    """A slice; whether there is more to do."""
    row = await connection.fetchrow(sql.BEGIN, list_id, resources.clock())
    if row is None:
        return False
    found, last, ended = await look_on(connection, resources.own["reader"], question, after=row["last_id"])
    async with connection.transaction():
        moved = (list_id, row["last_id"], len(found), last, resources.clock())
        filled = await connection.fetchval(sql.MOVE_ON, *moved)
        if filled is None:  # asked anew, or dropped, meanwhile
            return False
        if filled > MOST_MEMBERS:
            raise CannotFill(f"More than {MOST_MEMBERS} answer; ask for less.")
        await connection.execute(sql.PUT, list_id, row["generation"] + 1, found)
        if ended:
            await _ready(resources, connection, list_id)
    return not ended


async def _ready(resources: Resources, connection: Held, list_id: UUID) -> None:
    generation = await connection.fetchval(sql.READY, list_id, resources.clock())
    await connection.execute(sql.CLEAR, list_id, generation)


async def _combine(resources: Resources, connection: Held, row: Any, source: SourceDoc) -> bool:
    """All at once, in one snapshot of the lists; waits for one that was never filled."""
    assert source.combined is not None
    ids = list(dict.fromkeys(source.combined.lists))
    async with connection.transaction():
        await connection.execute(sql.PATIENCE)
        there = await connection.fetchrow(sql.COMBINABLE, ids, row["owner"], row["kind"])
        assert there is not None
        if there["there"] < len(ids):
            raise CannotFill("One of the lists that it is made of is not there any more.")
        if there["waiting"]:
            return False
        if there["filled"] < len(ids):
            raise CannotFill("One of the lists that it is made of could not be filled itself.")
        told = (row["id"], row["generation"] + 1, ids, MOST_MEMBERS + 1)
        count = rows_affected(await connection.execute(sql.COMBINE[source.combined.how], *told))
        if count > MOST_MEMBERS:
            raise CannotFill(f"It would hold more than {MOST_MEMBERS}.")
        moved = (row["id"], row["last_id"], count, row["last_id"], resources.clock())
        if await connection.fetchval(sql.MOVE_ON, *moved) is not None:
            await _ready(resources, connection, row["id"])
    return True


async def sweep_lists(resources: Resources, now: datetime) -> None:
    """A timer: lists that were made for one bulk edit, long ago."""
    await resources.pool.execute(sql.SWEEP, now - PASSING_KEPT)
