"""What a service asks the database, overheard and read as plans: nothing goes through a whole table."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from asyncpg.connection import LoggedQuery
from sqlalchemy import event

from support.harness import Harness

ASKED = re.compile(r"\s*(SELECT|WITH|UPDATE|DELETE|INSERT|\()")
PLANNING = 15
"""What a plan of its own costs a statement, in PostgreSQL's units: 2.5 for each relation."""


@asynccontextmanager
async def overheard(service: Harness) -> AsyncIterator[dict[str, Any]]:
    """Everything that is asked of the database meanwhile, by statement, with the arguments it had first."""
    asked: dict[str, Any] = {}
    pool = service.resources.pool
    engine = service.resources.sessions.kw["bind"].sync_engine

    def note(query: LoggedQuery) -> None:
        several = bool(query.args) and isinstance(query.args, list)
        asked.setdefault(query.query, query.args[0] if several else query.args)

    def note_too(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.setdefault(statement, parameters)

    connections = [await pool.acquire() for _ in range(pool.get_max_size())]
    for connection in connections:
        connection.add_query_logger(note)
        await pool.release(connection)
    event.listen(engine, "before_cursor_execute", note_too)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note_too)
        for connection in [await pool.acquire() for _ in range(pool.get_max_size())]:
            connection.remove_query_logger(note)
            await pool.release(connection)


def gets(service: Harness) -> Iterator[tuple[str, list[str], list[dict[str, Any]]]]:
    """Every GET of the service: its path, what the path names, and what else may be asked for."""
    for path, calls in service.app.openapi()["paths"].items():
        if path.startswith("/v1/") and "get" in calls:
            parameters = calls["get"].get("parameters", [])
            named = [each["name"] for each in parameters if each["in"] == "path"]
            filters = [each for each in parameters if each["in"] == "query"]
            yield path, named, filters


def wishes(filters: list[dict[str, Any]], samples: dict[str, str]) -> Iterator[tuple[str, str]]:
    """A statement that tells a value for each filter: a sample's, or the first that its schema allows."""
    for each in filters:
        name, schema = each["name"], each["schema"]
        kinds = schema.get("anyOf", [schema])
        if name in samples:
            yield name, samples[name]
        elif any(kind.get("type") == "boolean" for kind in kinds):
            yield name, "SELECT true"
            yield name, "SELECT false"
        else:
            for value in next((kind["enum"] for kind in kinds if "enum" in kind), ()):
                yield name, f"SELECT '{value}'"


@dataclass(frozen=True, slots=True)
class Plans:
    """What is to be found in plans."""

    growing: frozenset[str]
    """Tables with a row for each act, person or thing."""
    few: int
    """Rows that may be put in order for one answer."""
    short: tuple[str, ...] = ()
    """Indexes that hold a few rows of a large table."""

    async def slow(self, pool: asyncpg.Pool, asked: dict[str, Any]) -> str:
        """What is read from end to end, or put in order as a whole, and by which statement."""
        found = []
        for statement, arguments in asked.items():
            if not ASKED.match(statement) or "typeinfo_tree" in statement:
                continue  # what begins and ends a transaction, and what the driver asks for itself
            told = await pool.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *arguments)
            plan = told[0]["Plan"]
            words = set(self.flaws(plan))
            if arguments:
                often = await for_any_value(pool, statement, len(arguments))
                if often["Total Cost"] < plan["Total Cost"] + PLANNING:  # else each value has its own plan
                    words |= {f"for any value, {flaw}" for flaw in self.flaws(often)}
            found += [f"{word}: {' '.join(statement.split())}" for word in sorted(words)]
        return "\n".join(found)

    def flaws(self, plan: dict[str, Any], *, limited: bool = False) -> Iterator[str]:
        """What a plan does with a whole table."""
        kind, table = plan["Node Type"], plan.get("Relation Name")
        limited = limited or kind == "Limit"
        if table in self.growing and kind == "Seq Scan":
            yield f"{table} is read from end to end"
        if (
            table in self.growing
            and kind.startswith("Index")
            and "Index Cond" not in plan
            and not limited
            and plan["Index Name"] not in self.short
        ):
            yield f"{table} is read along the whole of {plan['Index Name']}"
        if kind in ("Sort", "Incremental Sort") and plan["Plans"][0]["Plan Rows"] > self.few:
            yield f"{plan['Plans'][0]['Plan Rows']} rows are put in order by {plan['Sort Key']}"
        for below in plan.get("Plans", ()):
            yield from self.flaws(below, limited=limited)


async def for_any_value(pool: asyncpg.Pool, statement: str, many: int) -> dict[str, Any]:
    """The plan that a statement ends up with when it is asked often: it knows nothing of the arguments."""
    nothing = ", ".join(["NULL"] * many)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE often AS {statement}")
        told = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE often ({nothing})")
        await connection.execute("DEALLOCATE often")
        plan: dict[str, Any] = told[0]["Plan"]
        return plan
