"""A library of some size, by a few statements: what is rare in it is as rare as it would be in a large one."""

from support.desk import NOW, Make
from support.harness import Harness

MANY = """
INSERT INTO patron (id, barcode, external_id, group_code, family_name, created_at, loaded_by)
SELECT gen_random_uuid(), 'N' || n, 'X' || n, 'student', 'Patron ' || n, now(), 'campus'
FROM generate_series(1, 6000) AS n;
CREATE TEMP TABLE person AS SELECT id, row_number() OVER (ORDER BY barcode) - 1 AS n FROM patron;
CREATE TEMP TABLE copy AS SELECT gen_random_uuid() AS id, n,
    CASE WHEN n < 5000 THEN '00000000-0000-4000-8000-000000005000'::uuid ELSE gen_random_uuid() END AS title
FROM generate_series(0, 15999) AS n;
CREATE TEMP TABLE desk AS SELECT id, row_number() OVER (ORDER BY code) - 1 AS n FROM service_point;
INSERT INTO desk SELECT gen_random_uuid(), n FROM generate_series(2, 39) AS n;
CREATE TEMP TABLE lent AS SELECT c.n, gen_random_uuid() AS id, c.id AS item, c.title, p.id AS patron, d.id AS desk,
    CASE WHEN c.n < 12000 THEN $now - interval '200 days' - c.n * interval '1 minute' END AS back,
    $now + (CASE WHEN c.n >= 15900 THEN -5 ELSE 20 END) * interval '1 day' + c.n * interval '1 second' AS due
FROM copy c JOIN desk d ON d.n = c.n % 40
JOIN person p ON p.n = CASE WHEN c.n % 8 = 0 THEN 0 ELSE c.n % 6000 END;
INSERT INTO loan (id, item_id, title_id, patron_id, patron_group, service_point_id, lent_at, due_at, due_zone, policy,
    fine_policy, returned_at)
SELECT id, item, title, patron, 'student', desk, due - interval '300 days', due, 'UTC', 'four-weeks', 'daily', back
FROM lent;
INSERT INTO item (id, barcode, holdings_id, title_ids, location_id, library, material_type, loan_type, base,
    short_title, state, loan_id, due_at, transit_to, last_seen_at)
SELECT c.id, 'M' || c.n, gen_random_uuid(), ARRAY[c.title], gen_random_uuid(), 'MAIN', 'book', 'normal', 'active',
    'Title ' || c.n, CASE WHEN l.back IS NULL THEN 'on-loan' WHEN c.n % 400 = 7 THEN 'in-transit' ELSE 'available' END,
    CASE WHEN l.back IS NULL THEN l.id END, CASE WHEN l.back IS NULL THEN l.due END,
    CASE WHEN l.back IS NOT NULL AND c.n % 400 = 7 THEN l.desk END, $now - interval '1 day'
FROM copy c JOIN lent l ON l.item = c.id;
UPDATE patron SET open_loans = l.many FROM (SELECT patron, count(*) AS many FROM lent WHERE back IS NULL GROUP BY 1) l
WHERE l.patron = patron.id;
INSERT INTO hold (id, kind, level, title_id, patron_id, pickup_id, state, policy, placed_at, closed_at, reason)
SELECT gen_random_uuid(), 'hold', 'title', title, patron, desk, CASE WHEN n % 3 = 0 THEN 'cancelled' ELSE 'filled' END,
    'usual', back, back, NULL FROM lent WHERE back IS NOT NULL;
INSERT INTO hold (id, kind, level, title_id, patron_id, pickup_id, state, position, policy, placed_at, expires_at)
SELECT gen_random_uuid(), 'hold', 'title', (SELECT title FROM copy WHERE n = 13000), p.id, d.id, 'waiting', p.n - 99,
    'usual', $now, $now + interval '90 days' + p.n * interval '1 minute'
FROM person p JOIN desk d ON d.n = p.n % 40 WHERE p.n BETWEEN 100 AND 399;
INSERT INTO hold (id, kind, level, title_id, item_id, patron_id, pickup_id, state, position, policy, placed_at,
    expires_at, ready_at, shelf_expires_at)
SELECT gen_random_uuid(), 'hold', 'title', l.title, l.item, p.id, l.desk, 'ready', 1, 'usual', $now, NULL, $now,
    $now + (l.n - 11995) * interval '1 day'
FROM lent l JOIN person p ON p.n = l.n - 6000 WHERE l.n BETWEEN 11900 AND 11999;
UPDATE item SET hold_id = h.id, kept_for = h.patron_id, hold_shelf = true, state = 'on-hold-shelf', transit_to = NULL
FROM hold h WHERE h.state = 'ready' AND h.item_id = item.id;
INSERT INTO fee (id, patron_id, loan_id, item_id, kind, amount, remaining, currency, state, charged_at)
SELECT gen_random_uuid(), patron, id, item, 'overdue', 20, CASE WHEN n % 10 = 0 THEN 20 ELSE 0 END, 'EUR',
    CASE WHEN n % 10 = 0 THEN 'open' ELSE 'closed' END, back FROM lent WHERE back IS NOT NULL;
UPDATE patron SET owed = f.owed FROM (SELECT patron_id, sum(remaining) AS owed FROM fee GROUP BY 1) f
WHERE f.patron_id = patron.id;
INSERT INTO ledger_entry (id, booking_id, fee_id, account, amount, currency, at)
SELECT gen_random_uuid(), f.id, f.id, s.account, s.side * 20, 'EUR', f.charged_at
FROM fee f CROSS JOIN (VALUES ('receivable', 1), ('income', -1)) AS s (account, side);
INSERT INTO receipt (id, patron_id, amount, currency, method, reference, asked, at)
SELECT gen_random_uuid(), patron_id, 20, 'EUR', 'card', id::text, '{}', charged_at FROM fee WHERE remaining = 0;
INSERT INTO payment (id, fee_id, amount, currency, method, service_point_id, paid_at, taken_by)
SELECT gen_random_uuid(), id, 20, 'EUR', 'cash', NULL, charged_at, 'staff:x' FROM fee WHERE remaining = 0;
INSERT INTO fee_action (id, fee_id, act, amount, currency, comment, at, done_by)
SELECT gen_random_uuid(), id, 'waive', 20, 'EUR', 'x', charged_at, 'staff:x' FROM fee WHERE remaining = 0 LIMIT 5000;
INSERT INTO patron_block (id, patron_id, actions, note, created_at, created_by)
SELECT gen_random_uuid(), id, ARRAY['borrow'], 'x', now(), 'staff:x' FROM person;
INSERT INTO lifted_block (id, patron_id, actions, note, created_at, created_by, lifted_at, lifted_by)
SELECT gen_random_uuid(), id, ARRAY['borrow'], 'x', now(), 'staff:x', now(), 'staff:x' FROM person;
INSERT INTO patron_proxy (id, sponsor_id, proxy_id, created_at, created_by)
SELECT gen_random_uuid(), p.id, q.id, now(), 'staff:x' FROM person p JOIN person q ON q.n = p.n + 1;
"""
GROWING = frozenset(
    {
        "fee",
        "fee_action",
        "hold",
        "item",
        "ledger_entry",
        "lifted_block",
        "loan",
        "patron",
        "patron_block",
        "patron_proxy",
        "payment",
        "receipt",
    }
)
"""Tables with a row for each act, person or thing."""
SERIAL = "00000000-0000-4000-8000-000000005000"
"""A title with 5 000 items."""


async def many(make: Make) -> None:
    """16 000 loans, 4 000 of them open and 100 overdue; a patron with 2 000, a title with 300 holds, one with 5 000
    items."""
    pool = make.circulation.resources.pool
    async with pool.acquire() as connection:
        await connection.execute(MANY.replace("$now", f"'{NOW.isoformat()}'::timestamptz"))
        await connection.execute("ANALYZE")


async def one(circulation: Harness, statement: str) -> str:
    """One value of it, as a route takes it."""
    return str(await circulation.resources.pool.fetchval(statement))
