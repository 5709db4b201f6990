"""One database for many tests, one after the other: put back as the template was, which costs less than a new one.

What is put back is proven, not hoped for: every table's rows and every sequence are the template's, and so are the
names of tables, columns, indexes, constraints, triggers and functions. What cannot be put back is thrown away.
"""

from dataclasses import dataclass
from io import BytesIO
from typing import Self

import asyncpg

LARGEST_SEEDS = 1_000_000
"""Bytes of rows that a template may bring along; a database with more is cheaper cloned than filled again."""
FEW_BYTES = 8 * 8192
"""A table up to this size is emptied row by row; a larger one gets a new file, so that none grows for ever."""

TABLES = """
    SELECT c.oid::regclass::text AS name, pg_relation_size(c.oid) AS bytes
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND n.nspname = 'public'
"""
SEQUENCES = (
    "SELECT sequencename AS name, start_value, last_value FROM pg_sequences WHERE schemaname = 'public'"
)
SHAPE = """
    SELECT kind, count(*), sum(hashtextextended(name, 0)) FROM (
        SELECT 'relation' AS kind, c.relkind::text || c.relname AS name
          FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
        UNION ALL
        SELECT 'column', c.relname || '.' || a.attname || a.atttypid::text || a.attnotnull::text
          FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
         WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0
        UNION ALL
        SELECT 'constraint', k.conrelid::regclass || '.' || k.conname
          FROM pg_constraint k WHERE k.connamespace = 'public'::regnamespace
        UNION ALL
        SELECT 'trigger', t.tgrelid::regclass || '.' || t.tgname || t.tgenabled::text::text
          FROM pg_trigger t WHERE NOT t.tgisinternal
        UNION ALL
        SELECT 'function', p.oid::regprocedure || md5(p.prosrc)
          FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
        UNION ALL
        SELECT 'schema', nspname FROM pg_namespace WHERE nspname !~ '^pg_'
    ) AS seen GROUP BY kind ORDER BY kind
"""
OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@dataclass(frozen=True)
class Original:
    """What a template holds."""

    tables: frozenset[str]
    rows: dict[str, bytes]
    """Of each table that has any, in PostgreSQL's own binary form."""
    sequences: dict[str, tuple[int, bool]]
    """The value each stands at, and whether that was given out."""
    shape: list[tuple[object, ...]]

    @classmethod
    async def read(cls, connection: asyncpg.Connection) -> Self | None:
        """The database one is connected to; None when it holds too much to be put back by hand."""
        sizes = {row["name"]: row["bytes"] for row in await connection.fetch(TABLES)}
        if sum(sizes.values()) > LARGEST_SEEDS:
            return None
        rows = {}
        for name in sorted(name for name, size in sizes.items() if size):
            if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {name})"):
                told = BytesIO()
                await connection.copy_from_query(f"SELECT * FROM {name}", output=told, format="binary")
                rows[name] = told.getvalue()
        return cls(frozenset(sizes), rows, await _sequences(connection), await _shape(connection))

    async def put_back(self, connection: asyncpg.Connection) -> bool:
        """Make the database that a superuser is connected to like the template; False: that cannot be done."""
        await connection.fetch(OTHERS)
        await connection.execute("SET session_replication_role = replica")
        sizes = {row["name"]: row["bytes"] for row in await connection.fetch(TABLES)}
        added = sizes.keys() - self.tables
        used = {name: size for name, size in sizes.items() if size and name not in added}
        large = sorted(name for name, size in used.items() if size > FEW_BYTES)
        statements = [f"DROP TABLE {name} CASCADE" for name in sorted(added)]
        statements += [f"TRUNCATE {', '.join(large)} CASCADE"] if large else []
        statements += [f"DELETE FROM {name}" for name in sorted(used.keys() - set(large))]
        standing = await _sequences(connection)
        statements += [
            f"SELECT setval('{name}', {value}, {given})"
            for name, (value, given) in self.sequences.items()
            if standing.get(name) != (value, given)
        ]
        await connection.execute(";".join(statements))
        for name, rows in self.rows.items():
            await connection.copy_to_table(name, source=BytesIO(rows), format="binary")
        return await _shape(connection) == self.shape


async def _sequences(connection: asyncpg.Connection) -> dict[str, tuple[int, bool]]:
    return {
        row["name"]: (row["start_value"], False) if row["last_value"] is None else (row["last_value"], True)
        for row in await connection.fetch(SEQUENCES)
    }


async def _shape(connection: asyncpg.Connection) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await connection.fetch(SHAPE)]
