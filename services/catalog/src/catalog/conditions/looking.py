"""Ask what a tree asks: the first answers at once, or all of them slice by slice of the primary key.

What the search index knows is asked of the index first. Where few titles answer (`FEW`), their numbers go into the
statement; where many do, a slice's own titles are held against the index before the slice is asked for good. So no
statement looks at more than a slice, whatever is asked.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import asyncpg

from catalog.conditions import statements as sql
from catalog.conditions.statements import Statement
from catalog.conditions.vocabulary import Kind
from catalog.search.engine import Reader
from chassis.conditions import Fault, Leaf, Node, leaves, selective
from chassis.database import Connection
from chassis.problems import Invalid, Reason, Refused

FEW: Final = 20_000
RANGE: Final = 20_000
"""Rows of the table that a slice looks at."""
MOST_COUNTED: Final = 10_000
SAMPLED: Final = 5
"""Slices of candidates that a preview looks through where the index finds too many titles."""
PATIENCE_MS: Final = 5_000
"""What somebody who sits before a preview waits for."""
Found = Mapping[Leaf, Sequence[int]]
START: Final = UUID(int=0)


class QuestionTooSlow(Refused):
    """The first answers could not be found in the time that a preview has."""

    code, title = "question-too-slow", "This takes longer than a preview may: ask for a list instead."


class IndexMissing(Refused):
    """There is no search index yet to ask."""

    code, title = "index-missing", "The search index is being built; ask again when it is there."


def refuse(faults: Sequence[Fault]) -> None:
    """Raise with everything that is wrong with a tree."""
    if faults:
        raise Invalid(reasons=[Reason(each.code, each.text, each.pointer, each.mend) for each in faults])


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and what the index has said to it by now."""

    kind: Kind
    node: Node | None
    found: Found

    @property
    def open(self) -> list[Leaf]:
        """Leaves to which too many titles answer to be told at once."""
        if self.node is None:
            return []
        return [leaf for leaf in leaves(self.node) if leaf.asks_index and leaf not in self.found]

    @property
    def selective(self) -> bool:
        """Whether it need not be asked slice by slice."""
        return self.node is not None and selective(self.node, list(self.found))

    def statement(self, *parameters: Any) -> tuple[Statement, str]:
        """A statement with these parameters, and its condition."""
        made = Statement(self.kind, list(parameters), self.found)
        return made, made.where(self.node)


async def ask_index(reader: Reader, kind: Kind, node: Node | None) -> Question:
    """The question with what the index knows, where that is not too much."""
    found: dict[Leaf, Sequence[int]] = {}
    asking = [leaf for leaf in leaves(node) if leaf.asks_index] if node is not None else []
    if asking and reader.position() == 0 and reader.now() is None:
        raise IndexMissing
    for leaf in dict.fromkeys(asking):
        told = await asyncio.to_thread(reader.numbers, leaf.search, most=FEW)
        if told is not None:
            found[leaf] = told[0]
    return Question(kind, node, found)


async def closed(reader: Reader, question: Question, numbers: Sequence[int]) -> Question:
    """The question for these titles alone, with nothing left open."""
    found = dict(question.found)
    for leaf in question.open:
        told = await asyncio.to_thread(reader.numbers, leaf.search, among=numbers, most=len(numbers))
        found[leaf] = told[0] if told is not None else []
    return replace(question, found=found)


@dataclass(frozen=True, slots=True)
class Answer:
    """The first answers, and how many there are."""

    rows: list[asyncpg.Record]
    count: int
    exact: bool


async def first(
    connection: Connection, reader: Reader, question: Question, columns: Sequence[str], *, limit: int
) -> Answer:
    """The first answers by id. Raises `QuestionTooSlow`."""
    try:
        async with connection.transaction(readonly=True):
            await connection.execute(f"SET LOCAL statement_timeout = {PATIENCE_MS}")
            return await _first(connection, reader, question, columns, limit=limit)
    except asyncpg.QueryCanceledError as error:
        raise QuestionTooSlow from error


async def _first(
    connection: Connection, reader: Reader, question: Question, columns: Sequence[str], *, limit: int
) -> Answer:
    if not question.open:
        ids = await _ids(connection, question, START, None, MOST_COUNTED + 1)
        exact = len(ids) <= MOST_COUNTED
    else:
        ids, last, ended = [], START, False
        for _ in range(SAMPLED):
            some, last, ended = await look_on(connection, reader, question, after=last)
            ids += some
            if ended or len(ids) > MOST_COUNTED:
                break
        exact = ended and len(ids) <= MOST_COUNTED
        ids = ids[: MOST_COUNTED + 1]
    rows = await shown(connection, question.kind, columns, ids[:limit])
    return Answer(rows, min(len(ids), MOST_COUNTED), exact)


async def _ids(
    connection: Connection, question: Question, after: UUID, upto: UUID | None, most: int
) -> list[UUID]:
    made, where = question.statement(after, most)
    bound = made.put(upto) if upto is not None else None
    rows = await connection.fetch(sql.answers(made, where, upto=bound), *made.parameters)
    return [row["id"] for row in rows]


async def look_on(
    connection: Connection, reader: Reader, question: Question, *, after: UUID
) -> tuple[list[UUID], UUID, bool]:
    """The answers in the next slice, that slice's last id, and whether it was the last one."""
    if question.selective and not question.open:
        found = await _ids(connection, question, after, None, RANGE)
        if len(found) < RANGE:
            return found, after, True
    return await _by_range(connection, reader, question, after)


async def _by_range(
    connection: Connection, reader: Reader, question: Question, after: UUID
) -> tuple[list[UUID], UUID, bool]:
    rows = await connection.fetch(sql.next_rows(question.kind), after, RANGE)
    if not rows:
        return [], after, True
    last, ended = rows[-1]["id"], len(rows) < RANGE
    if question.open:
        made, where = question.statement(after, last)
        told = await connection.fetch(sql.numbers(question.kind, where), *made.parameters)
        question = await closed(reader, question, [row["hrid"] for row in told])
    return await _ids(connection, question, after, last, RANGE), last, ended


async def shown(
    connection: Connection, kind: Kind, columns: Sequence[str], ids: Sequence[UUID]
) -> list[asyncpg.Record]:
    """What the columns say of each of these that is still in the catalogue, in the order of their ids."""
    rows: list[asyncpg.Record] = await connection.fetch(sql.facts(kind, columns), list(ids))
    return rows
