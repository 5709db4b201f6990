"""A citation is looked up by indexes, however much there is: its plan is read over a library of some size."""

import json
from collections.abc import Iterator
from typing import Any

from erm.resolver import queries
from support.harness import Harness
from support.licensing import ISSN, shelf

_GROWN = (
    "INSERT INTO title_instance (id, work_id, name, sort_name, kind, medium, created_at) "
    "SELECT md5('t' || n)::uuid, md5('t' || n)::uuid, 'T' || n, 't' || n, 'serial', 'electronic', now() FROM nth n",
    "INSERT INTO title_identifier (id, title_id, namespace, value, medium) "
    "SELECT md5('i' || n)::uuid, md5('t' || n)::uuid, 'issn', 'x' || n, 'electronic' FROM nth n",
    "INSERT INTO platform_title (id, title_id, platform_id) "
    "SELECT md5('pt' || n)::uuid, md5('t' || n)::uuid, $1 FROM nth n",
    "INSERT INTO package_item (id, package_id, platform_title_id, key, listed, sort_name, origin, created_at) "
    "SELECT md5('pi' || n)::uuid, $1, md5('pt' || n)::uuid, 'g' || n, '{}', 'g' || n, 'list', now() FROM nth n",
    "INSERT INTO coverage_statement (id, item_id, ordinal, depth, access_type) "
    "SELECT md5('c' || n)::uuid, md5('pi' || n)::uuid, 0, 'fulltext', 'P' FROM nth n",
    "INSERT INTO agreement_line (id, agreement_id, resource, item_id, coverage, created_at) "
    "SELECT md5('l' || n)::uuid, $1, 'package-item', md5('pi' || n)::uuid, '[]', now() FROM nth n",
)
BIG = {
    "title_instance",
    "title_identifier",
    "platform_title",
    "package_item",
    "coverage_statement",
    "agreement_line",
}


def read_whole(plan: Any) -> Iterator[str]:
    """Large tables that a plan reads from end to end."""
    if isinstance(plan, dict):
        if plan.get("Node Type") == "Seq Scan" and plan.get("Relation Name") in BIG:
            yield str(plan["Relation Name"])
        for part in plan.values():
            yield from read_whole(part)
    elif isinstance(plan, list):
        for part in plan:
            yield from read_whole(part)


async def test_no_large_table_is_read_whole_for_a_citation(erm: Harness) -> None:
    make = await shelf(erm)
    listed = await make.listed()
    agreement = await make.agreement()
    owners = (None, None, listed.platform, listed.package, None, agreement["id"])
    async with erm.resources.pool.acquire() as connection, connection.transaction():
        await connection.execute("CREATE TEMPORARY VIEW nth AS SELECT generate_series(1, 4000) AS n")
        for statement, owner in zip(_GROWN, owners, strict=True):
            await connection.execute(statement, *([owner] if owner else []))
        await connection.execute("ANALYZE")

        told = [["issn", "isbn"], [ISSN, "9780306406157"]]
        plan = await connection.fetchval("EXPLAIN (FORMAT JSON) " + queries._WAYS, *told)

    read = plan if isinstance(plan, list) else json.loads(plan)
    assert list(read_whole(read)) == []
    assert [table for table in sorted(BIG) if f'"{table}"' not in json.dumps(read)] == []
