"""Lists: one statement a page, each thing once, and by an index however many there are."""

from typing import Any
from uuid import uuid4

import pytest

from support.desk import Make, pointers, statements
from support.harness import Harness

MANY = """
INSERT INTO patron (id, barcode, group_code, family_name, created_at)
SELECT gen_random_uuid(), 'N' || n, 'student', 'Patron ' || n, now() FROM generate_series(1, 3000) AS n;
INSERT INTO item (id, barcode, holdings_id, title_ids, location_id, material_type, loan_type, base, short_title, state)
SELECT gen_random_uuid(), 'M' || n, gen_random_uuid(), ARRAY[gen_random_uuid()], gen_random_uuid(), 'book', 'normal',
    'active', 'Title ' || n, 'available' FROM generate_series(1, 6000) AS n;
INSERT INTO loan (id, item_id, title_id, patron_id, patron_group, service_point_id, lent_at, due_at, due_zone, policy,
    fine_policy, returned_at)
SELECT gen_random_uuid(), i.id, i.title_ids[1], p.id, 'student', gen_random_uuid(), now(), now() + interval '1 day',
    'UTC', 'x', 'x', CASE WHEN random() < 0.7 THEN now() END
FROM (SELECT *, row_number() OVER () AS n FROM item) i
JOIN (SELECT *, row_number() OVER () AS n FROM patron) p ON p.n = i.n % 3000 + 1;
INSERT INTO hold (id, kind, level, title_id, patron_id, pickup_id, state, position, policy, placed_at, shelf_expires_at)
SELECT gen_random_uuid(), 'hold', 'title', l.title_id, l.patron_id, d.id,
    CASE WHEN l.n % 5 = 0 THEN 'ready' WHEN l.n % 5 = 1 THEN 'waiting' ELSE 'filled' END,
    CASE WHEN l.n % 5 < 2 THEN 1 END, 'usual', now(), now()
FROM (SELECT *, row_number() OVER () AS n FROM loan) l
JOIN (SELECT gen_random_uuid() AS id, n FROM generate_series(0, 39) n) d ON d.n = l.n % 40;
INSERT INTO fee (id, patron_id, kind, amount, remaining, currency, state, charged_at)
SELECT gen_random_uuid(), patron_id, 'overdue', 20, CASE WHEN random() < 0.5 THEN 0 ELSE 20 END, 'EUR', 'closed', now()
FROM loan;
INSERT INTO in_house_use (id, item_id, title_id, service_point_id, material_type, used_at)
SELECT gen_random_uuid(), l.item_id, l.title_id, d.id, 'book', now()
FROM (SELECT *, row_number() OVER () AS n FROM loan) l
JOIN (SELECT gen_random_uuid() AS id, n FROM generate_series(0, 39) n) d ON d.n = l.n % 40;
UPDATE item SET state = 'in-transit', transit_to = d.id, transit_from = e.id, transit_since = now()
FROM (SELECT id, row_number() OVER () AS n FROM item) i,
    (SELECT gen_random_uuid() AS id, n FROM generate_series(0, 39) n) d,
    (SELECT gen_random_uuid() AS id, n FROM generate_series(0, 39) n) e
WHERE item.id = i.id AND d.n = i.n % 40 AND e.n = i.n % 40;
"""


async def many(circulation: Harness) -> None:
    """Some thousands of everything."""
    pool = circulation.resources.pool
    await pool.execute("ALTER TABLE fee DROP CONSTRAINT fee_closed_when_settled")
    await pool.execute(MANY)
    await pool.execute("UPDATE fee SET state = 'open' WHERE remaining > 0")
    await pool.execute("ANALYZE")


LISTS = [
    ("/v1/loans", "patron_id", "SELECT patron_id FROM loan LIMIT 1", "loan"),
    ("/v1/loans", "item_id", "SELECT item_id FROM loan LIMIT 1", "loan"),
    ("/v1/loans?open=true", "patron_id", "SELECT patron_id FROM loan LIMIT 1", "loan"),
    ("/v1/holds", "patron_id", "SELECT patron_id FROM hold LIMIT 1", "hold"),
    ("/v1/holds", "title_id", "SELECT title_id FROM hold LIMIT 1", "hold"),
    (
        "/v1/holds?state=ready",
        "pickup_id",
        "SELECT pickup_id FROM hold WHERE state = 'ready' LIMIT 1",
        "hold",
    ),
    ("/v1/holds", "pickup_id", "SELECT pickup_id FROM hold LIMIT 1", "hold"),
    (
        "/v1/in-house-uses",
        "service_point_id",
        "SELECT service_point_id FROM in_house_use LIMIT 1",
        "in_house_use",
    ),
    ("/v1/in-house-uses", "item_id", "SELECT item_id FROM in_house_use LIMIT 1", "in_house_use"),
    ("/v1/fees", "patron_id", "SELECT patron_id FROM fee LIMIT 1", "fee"),
    ("/v1/fees?state=open", "patron_id", "SELECT patron_id FROM fee LIMIT 1", "fee"),
]


async def test_a_page_is_one_statement_by_an_index(circulation: Harness, make: Make) -> None:
    await many(circulation)

    for path, name, one, table in LISTS:
        value = await circulation.resources.pool.fetchval(one)
        async with statements(circulation) as asked:
            answer = await circulation.get(f"{path}{'&' if '?' in path else '?'}{name}={value}")

        assert answer.status_code == 200
        (query,) = asked
        told = await circulation.resources.pool.fetchval(f"EXPLAIN (FORMAT JSON) {query.query}", *query.args)
        how = told[0]["Plan"]
        assert indexed_by(how, table) not in (None, f"{table}_pkey"), (path, name, how)


def indexed_by(plan: dict[str, Any], table: str) -> str | None:
    """The index through which a table is read; None where it is read from end to end."""
    if plan.get("Relation Name") == table:
        if plan["Node Type"] == "Bitmap Heap Scan":
            return str(plan["Plans"][0]["Index Name"])
        return plan.get("Index Name") if plan.get("Index Cond") else None
    found = (indexed_by(below, table) for below in plan.get("Plans", ()))
    return next((name for name in found if name), None)


async def test_what_is_on_its_way_is_found_by_where_it_goes_and_where_it_comes_from(
    circulation: Harness, make: Make
) -> None:
    await many(circulation)
    pool, path = circulation.resources.pool, f"/v1/service-points/{make.desk}/transits?direction="
    here = make.desks["main-desk"]
    for side in ("transit_to", "transit_from"):
        other = await pool.fetchval(f"SELECT {side} FROM item LIMIT 1")
        await pool.execute(f"UPDATE item SET {side} = $1 WHERE {side} = $2", here, other)
    await pool.execute("ANALYZE item")

    for direction, index in (("incoming", "item_in_transit"), ("outgoing", "item_sent_off")):
        async with statements(circulation) as asked:
            answer = await circulation.get(path + direction)

        assert len(answer.json()["items"]) == 150
        query = next(each for each in asked if "transit_since" in each.query)
        told = await pool.fetchval(f"EXPLAIN (FORMAT JSON) {query.query}", *query.args)
        assert indexed_by(told[0]["Plan"], "item") == index


@pytest.mark.parametrize("path", ["/v1/loans", "/v1/holds", "/v1/fees", "/v1/patrons"])
async def test_pages_hold_each_thing_once(circulation: Harness, make: Make, path: str) -> None:
    await many(circulation)
    table = {"/v1/loans": "loan", "/v1/holds": "hold", "/v1/fees": "fee", "/v1/patrons": "patron"}[path]

    seen: list[str] = []
    url: str | None = f"{path}?limit=500"
    while url is not None:
        answer = await circulation.get(url)
        page = answer.json()
        seen += [each["id"] for each in page["items"]]
        assert ("next" in answer.links) == (page["next_cursor"] is not None)
        url = answer.links["next"]["url"] if page["next_cursor"] else None

    total = await circulation.resources.pool.fetchval(f"SELECT count(*) FROM {table}")
    assert seen == sorted(set(seen))
    assert len(seen) == total


async def test_lists_are_filtered_by_what_is_asked(circulation: Harness, make: Make) -> None:
    patron, other, item = await make.patron(), await make.patron(), await make.item()
    await make.loan(patron, item)
    hold = await make.hold(other, item)
    await make.take_back(item)

    async def listed(path: str) -> list[str]:
        return [each["id"] for each in (await circulation.get(path)).json()["items"]]

    assert len(await listed(f"/v1/loans?patron_id={patron['id']}&open=false")) == 1
    assert await listed(f"/v1/loans?patron_id={patron['id']}&open=true") == []
    assert await listed(f"/v1/holds?pickup_id={make.desk}&state=ready") == [hold["id"]]
    assert await listed(f"/v1/holds?title_id={item.title_ids[0]}&state=waiting") == []
    assert await listed(f"/v1/holds?patron_id={uuid4()}") == []
    wrong = await circulation.get("/v1/holds?state=wanted")
    assert (wrong.status_code, pointers(wrong)) == (422, ["query/state"])
