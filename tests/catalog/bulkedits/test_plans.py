"""However many lists and edits are kept, whatever is asked of them goes by an index."""

import asyncio
from uuid import UUID

from catalog.bulkedits.worker import work_once
from catalog.lists import worker as lists
from chassis import cursors
from support.harness import Harness
from support.plans import Plans, overheard
from support.shelves import Shelves

MANY = (
    """INSERT INTO saved_list (id, kind, name, owner, shared, state, last_id, created_at, updated_at, passing)
    SELECT gen_random_uuid(), 'items', 'x', 'staff:' || n % 200, n % 50 = 0, 'ready', gen_random_uuid(), now(), now(),
        n % 3 = 0 FROM generate_series(1, 10000) n""",
    """INSERT INTO saved_list_member SELECT l.id, 0, gen_random_uuid()
    FROM (SELECT id FROM saved_list LIMIT 100) l, generate_series(1, 100)""",
    """INSERT INTO bulk_edit (id, kind, name, list_id, state, position, requested_by, created_at, ended_at)
    SELECT gen_random_uuid(), 'items', 'x', gen_random_uuid(), 'finished', gen_random_uuid(), 'staff:' || n % 200,
        now(), now() FROM generate_series(1, 10000) n""",
    """INSERT INTO bulk_edit_record (edit_id, entity_id, outcome) SELECT e.id, gen_random_uuid(), 'edited'
    FROM (SELECT id FROM bulk_edit LIMIT 100) e, generate_series(1, 100)""",
    "ANALYZE",
)
PLANS = Plans(
    frozenset({"saved_list", "saved_list_member", "bulk_edit", "bulk_edit_record"}),
    few=1000,
    short=("saved_list_open", "bulk_edit_working"),
)


async def test_lists_and_edits_are_found_by_an_index(catalog: Harness, shelves: Shelves) -> None:
    pool = catalog.resources.pool
    made = await shelves.item(barcode="b1")
    for statement in MANY:
        await pool.execute(statement)
    async with overheard(catalog) as asked:
        one = (
            await catalog.post(
                "/v1/lists",
                json={
                    "kind": "items",
                    "name": "x",
                    "source": {"condition": {"field": "item.id", "is": made["id"]}},
                },
            )
        ).json()
        told = await catalog.post(
            "/v1/bulk-edits",
            json={"name": "x", "list_id": one["id"], "changes": {"items": {"set": {"note": "x"}}}},
        )
        edit = told.json()["id"]
        for _ in range(2):
            while await lists.work_once(catalog.resources, asyncio.Event()):
                pass
            while await work_once(catalog.resources, asyncio.Event()):
                pass
            await catalog.post(f"/v1/bulk-edits/{edit}/confirmations", headers={"If-Match": '"2"'})
        await catalog.post(f"/v1/bulk-edits/{edit}/undoing")
        for path in (
            "/v1/lists", "/v1/lists?whose=shared", f"/v1/lists?kind=items&cursor={_cursor(one['id'])}",
            f"/v1/lists/{one['id']}/members", "/v1/bulk-edits", "/v1/bulk-edits?whose=mine",
            f"/v1/bulk-edits/{edit}/records", f"/v1/bulk-edits/{edit}/records?outcome=edited",
            f"/v1/bulk-edits/{edit}/sheet",
        ):  # fmt: skip
            assert (await catalog.get(path)).status_code == 200, path

    assert await PLANS.slow(pool, asked) == ""


def _cursor(list_id: str) -> str:
    return cursors.encode(str(UUID(list_id)))
