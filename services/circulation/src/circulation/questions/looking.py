"""Ask a question: a page behind an id. Where an index leads to few answers they are found by it, else slice by slice of
the primary key, so that no statement looks at more than a slice, whatever is asked."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis.conditions import Node
from chassis.database import Connection
from chassis.problems import Refused
from circulation.questions import statements as sql
from circulation.questions.statements import Statement
from circulation.questions.vocabulary import Kind, found_by_index

START: Final = UUID(int=0)
FEW: Final = 20_000
"""As many answers are put in order at once."""
RANGE: Final = 20_000
"""Rows that a slice looks at."""
PATIENCE_SECONDS: Final = 5.0
"""What somebody waits for; a page that has looked for longer ends where it has come to."""


class QuestionTooSlow(Refused):
    """A slice could not be looked through in the time that an answer has."""

    code, title = "question-too-slow", "This takes longer than an answer may: ask for less at a time."


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, when, and whose patrons the asker may see (None: everybody's)."""

    kind: Kind
    node: Node | None
    now: datetime
    libraries: Collection[str] | None = None

    def statement(self, *parameters: Any) -> tuple[Statement, str]:
        """A statement with these parameters, and its condition."""
        made = Statement(self.kind, list(parameters), self.now, self.libraries)
        return made, made.where(self.node)


@dataclass(frozen=True, slots=True)
class Answers:
    """Ids in order, and behind which one to go on; None: there are no more."""

    ids: list[UUID]
    behind: UUID | None


async def page(connection: Connection, question: Question, *, after: UUID, limit: int) -> Answers:
    """Up to so many answers behind an id; fewer, with a place to go on, where looking took too long."""
    began = time.monotonic()
    try:
        async with connection.transaction(readonly=True):
            await connection.execute(f"SET LOCAL statement_timeout = {int(PATIENCE_SECONDS * 1000)}")
            if found_by_index(question.node):
                made, where = question.statement(after, FEW + 1)
                rows = await connection.fetch(sql.rare(made, where), *made.parameters)
                if len(rows) <= FEW:
                    ids = [row["id"] for row in rows[:limit]]
                    return Answers(ids, ids[-1] if len(rows) > limit else None)
            return await _slices(connection, question, after, limit, began)
    except asyncpg.QueryCanceledError as error:
        raise QuestionTooSlow from error


async def _slices(
    connection: Connection, question: Question, after: UUID, limit: int, began: float
) -> Answers:
    ids: list[UUID] = []
    while True:
        last = await connection.fetchval(sql.slice_end(question.kind), after, RANGE)
        made, where = question.statement(after, limit - len(ids) + 1)
        upto = made.put(last) if last is not None else None
        rows = await connection.fetch(sql.within(made, where, upto), *made.parameters)
        ids += [row["id"] for row in rows]
        if len(ids) > limit:
            return Answers(ids[:limit], ids[limit - 1])
        if last is None:
            return Answers(ids, None)
        if time.monotonic() - began > PATIENCE_SECONDS:
            return Answers(ids, last)
        after = last


async def told(
    connection: Connection, question: Question, columns: Sequence[str], ids: Sequence[UUID]
) -> list[dict[str, Any]]:
    """What the columns say of each of these, in the order of their ids."""
    if not ids:
        return []
    made = Statement(question.kind, [list(ids)], question.now, question.libraries)
    rows = await connection.fetch(sql.facts(made, columns), *made.parameters)
    return [dict(row) for row in rows]
