"""Every list and every timer of the service goes by an index: read in the plans of all that they ask the database."""

from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from erm.app import SERVICE
from erm.edifact.worker import take_up_one
from erm.kbart.worker import work_once
from erm.packages.queries import known, listed_by
from support.acquiring import furnished
from support.harness import Harness, migrated, running
from support.knowing import Knowledge, knowing, listing
from support.plans import Plans, gets, overheard, wishes
from support.units import buyer

MANY = """
CREATE FUNCTION id(kind text, n bigint) RETURNS uuid IMMUTABLE LANGUAGE sql
    AS $$ SELECT ('00000000-0000-4000-8000-' || lpad(to_hex(abs(hashtext(kind)) % 4096), 3, '0')
        || lpad(to_hex(n), 9, '0'))::uuid $$;
INSERT INTO organisation (id, code, name, roles, accounts, identifiers, created_at)
SELECT id('vendor', n), 'V' || n, 'Vendor ' || n, '{vendor}', '[]', '[]', now() FROM generate_series(1, 500) n;
INSERT INTO acquisition_unit (id, name, created_at) SELECT id('unit', n), 'U' || n, now() FROM generate_series(1, 20) n;
INSERT INTO acquisition_unit_member (unit_id, member, added_at, added_by)
SELECT id('unit', n % 20 + 1), 'staff:' || n, now(), 'x' FROM generate_series(1, 6000) n;
INSERT INTO organisation_interface (id, organisation_id, name, kinds, created_at)
SELECT id('interface', n), id('vendor', n % 400 + 1), 'Shop', '{other}', now() FROM generate_series(1, 6000) n;
INSERT INTO bank_account (id, organisation_id, holder, account_number, state, told_by, created_at)
SELECT id('bank', n), id('vendor', n % 400 + 1), 'x', n::text, 'unconfirmed', 'staff:x', now()
FROM generate_series(1, 6000) n;
INSERT INTO purchase_order (id, number, vendor_id, state, currency, created_at, created_by)
SELECT id('order', n), 'X' || n, id('vendor', n % 400 + 1), (ARRAY['pending', 'open', 'closed'])[n % 3 + 1], 'EUR',
    now(), 'staff:x' FROM generate_series(1, 6000) n;
INSERT INTO order_line (id, order_id, position, title, title_id, receipt, quantity, list_price, total)
SELECT id('line', n), id('order', n % 6000 + 1), n, 'Title', CASE WHEN n % 2 = 0 THEN id('bib', n % 5000) END, 'count',
    2, 100, 200 FROM generate_series(1, 6000) n;
INSERT INTO claim (id, order_line_id, vendor_id, number, missing, state, via, created_at, sent_at, actor)
SELECT id('claim', n), id('line', n), id('vendor', n % 400 + 1), 1, 1, s.state,
    CASE s.state WHEN 'sent' THEN 'mail' END,
    now(), CASE s.state WHEN 'sent' THEN now() END, 'staff:x'
FROM generate_series(1, 6000) n, LATERAL (SELECT (ARRAY['sent', 'stopped', 'proposed'])[n % 3 + 1] AS state) s;
UPDATE order_line SET claim_on = '2020-01-01' WHERE id IN (SELECT id('line', n) FROM generate_series(1, 40) n);
INSERT INTO receipt (id, order_line_id, quantity, at, actor)
SELECT id('receipt', n), id('line', n), 1, now(), 'staff:x' FROM generate_series(1, 6000) n;
INSERT INTO piece (id, receipt_id, order_line_id, position, state)
SELECT id('piece', n), id('receipt', n), id('line', n), 1, 'counted' FROM generate_series(1, 6000) n;
INSERT INTO routing_list (id, order_line_id, copy_number, name, keep_days, back_to, created_at)
SELECT id('routing', n), id('line', n), 1, 'Readers', 7, 'Shelf', now() FROM generate_series(1, 6000) n;
INSERT INTO routing_stop (list_id, position, patron_ref, name)
SELECT id('routing', n), 1, id('patron', n), 'Reader' FROM generate_series(1, 6000) n;
INSERT INTO routing_round (id, list_id, piece_id, issue, state, due_on, started_at, ended_at)
SELECT id('round', n), id('routing', n), id('piece', n), '1', s.state, CASE s.state WHEN 'under-way' THEN
    date '2026-12-01' END, now(), CASE s.state WHEN 'ended' THEN now() END
FROM generate_series(1, 6000) n, LATERAL (SELECT CASE WHEN n % 50 = 0 THEN 'under-way' ELSE 'ended' END AS state) s;
INSERT INTO routing_leg (round_id, position, patron_ref, name, keep_days, state)
SELECT id('round', n), 1, id('patron', n), 'Reader', 7, 'here' FROM generate_series(1, 6000) n;
INSERT INTO bindery_shipment (id, bindery_id, state, sent_on, created_at)
SELECT id('shipment', n), id('vendor', n % 400 + 1), 'sent', '2027-01-01', now() FROM generate_series(1, 6000) n;
INSERT INTO binding (id, order_line_id, enumeration, state, shipment_id, created_at, actor)
SELECT id('binding', n), id('line', n), '1', (ARRAY['waiting', 'ready', 'at-bindery', 'bound'])[n % 4 + 1],
    id('shipment', n), now(), 'staff:x' FROM generate_series(1, 6000) n;
UPDATE piece SET binding_id = id('binding', n) FROM generate_series(1, 6000) n WHERE id = id('piece', n);
INSERT INTO invoice (id, vendor_id, vendor_invoice_number, invoiced_on, state, currency, total, created_at,
    created_by)
SELECT id('invoice', n), id('vendor', n % 400 + 1), 'I' || n, '2027-01-01',
    (ARRAY['open', 'approved', 'paid'])[n % 3 + 1], 'EUR', 200, now(), 'staff:x' FROM generate_series(1, 6000) n;
INSERT INTO voucher_batch (id, batch_group_id, number, vouchers, as_json, as_xml, created_at, created_by)
SELECT id('batch', n), (SELECT id FROM batch_group LIMIT 1), n, 1, '', '', now(), 'staff:x'
FROM generate_series(1, 6000) n;
INSERT INTO voucher (id, number, kind, invoice_id, batch_group_id, state, currency, amount, document, batch_id,
    created_at)
SELECT id('voucher', n), n, 'payment', id('invoice', n), (SELECT id FROM batch_group LIMIT 1),
    CASE WHEN n % 100 = 0 THEN 'awaiting' ELSE 'exported' END, 'EUR', 200, '{}',
    CASE WHEN n % 100 > 0 THEN id('batch', n) END, now() FROM generate_series(1, 6000) n;
INSERT INTO voucher_delivery (id, batch_id, state, next_at, created_at)
SELECT id('delivery', n), id('batch', n), s.state, CASE s.state WHEN 'waiting' THEN now() END, now()
FROM generate_series(1, 6000) n, LATERAL (SELECT CASE WHEN n % 300 = 0 THEN 'waiting' WHEN n % 100 = 0 THEN 'failed'
    ELSE 'sent' END AS state) s;
INSERT INTO invoice_line (id, invoice_id, position, description, order_line_id, quantity, subtotal, adjustments, total)
SELECT id('charge', n), id('invoice', n % 6000 + 1), n, 'x', id('line', n), 1, 100, 0, 100
FROM generate_series(1, 6000) n;
INSERT INTO encumbrance (id, order_line_id, budget_id, state, initial, amount, created_at)
SELECT id('encumbrance', n), id('line', n), (SELECT id FROM budget LIMIT 1), 'released', 100, 0, now()
FROM generate_series(1, 6000) n;
INSERT INTO budget_transaction (id, batch_id, position, budget_id, act, encumbered, encumbrance_id, invoice_id, at,
    actor)
SELECT id('transaction', n), id('batch', n), 1, (SELECT id FROM budget LIMIT 1), 'encumber', 0, id('encumbrance', n),
    id('invoice', n % 6000 + 1), now(), 'staff:x' FROM generate_series(1, 6000) n;
INSERT INTO fiscal_year (id, series, code, name, starts_on, ends_on, currency, state, created_at)
SELECT id('year', n), 'X', 'X' || n, 'x', '2027-01-01', '2027-12-31', 'EUR', 'open', now() FROM generate_series(1, 2) n;
INSERT INTO rollover (id, ledger_id, from_year_id, to_year_id, state, rules, orders, created_at, created_by)
SELECT id('rollover', n), (SELECT id FROM ledger LIMIT 1), id('year', 1), id('year', 2), 'previewed', '{}', '{}', now(),
    'staff:x' FROM generate_series(1, 50) n;
INSERT INTO rollover_order (rollover_id, order_id, outcome, released, encumbered, lines, reasons)
SELECT id('rollover', n % 50 + 1), id('order', n), (ARRAY['rolled', 'failed'])[n % 2 + 1], 1, 1, '[]', '[]'
FROM generate_series(1, 6000) n;
INSERT INTO edifact_account (id, organisation_id, vendor_code, vendor_qualifier, library_code, library_qualifier,
    character_set, branches, created_at)
SELECT id('account', n), id('vendor', n), 'V' || n, '14', 'L', '14', 'UNOC', '[]', now() FROM generate_series(1, 300) n;
INSERT INTO edifact_interchange (id, direction, account_id, state, sender, sender_qualifier, recipient,
    recipient_qualifier, reference, prepared, character_set, separators, digest, findings, messages, content,
    created_at, created_by)
SELECT id('interchange', n), CASE WHEN n % 2 = 0 THEN 'in' ELSE 'out' END,
    CASE WHEN n % 2 = 1 THEN id('account', n % 300 + 1) END, (ARRAY['taken', 'sent'])[n % 2 + 1], 'V' || n % 300 + 1,
    '14', 'L', '14', n::text, 'x', 'UNOC', ':+.? |', n::text, '[]', 1, 'x', now(), 'staff:x'
FROM generate_series(1, 6000) n;
INSERT INTO edifact_message (id, interchange_id, direction, account_id, reference, kind, release, document_number,
    state, reasons, digest, order_id, text, created_at, created_by)
SELECT id('message', n), id('interchange', n), CASE WHEN n % 2 = 0 THEN 'in' ELSE 'out' END,
    id('account', n % 300 + 1), '1', 'ORDERS', 'D.96A', 'D' || n, CASE WHEN n % 100 = 0 THEN 'held' WHEN n % 2 = 0
    THEN 'applied' ELSE 'sent' END, '[]', n::text, id('order', n), 'UNH|', now(), 'staff:x'
FROM generate_series(1, 6000) n;
INSERT INTO edifact_message (id, interchange_id, direction, kind, release, state, reasons, text, created_at, created_by)
SELECT id('new', n), id('interchange', 2), 'in', 'CONTRL', '', 'received', '[]', 'UNH|', now(), 'staff:x'
FROM generate_series(1, 2) n;
INSERT INTO edifact_line_report (order_line_id, message_id, report, reported_at)
SELECT id('line', n), id('message', n), 'accepted', now() FROM generate_series(1, 6000) n;
INSERT INTO despatch_advice (id, organisation_id, message_id, number, created_at)
SELECT id('despatch', n), id('vendor', n % 400 + 1), id('message', n), 'D' || n, now() FROM generate_series(1, 6000) n;
INSERT INTO despatch_advice_line (despatch_id, position, order_line_id, quantity, parcel)
SELECT id('despatch', n), 0, id('line', n), 1, 'P' || n FROM generate_series(1, 6000) n;
INSERT INTO platform (id, code, name, state, created_at)
SELECT id('platform', n), 'P' || n, 'Platform ' || n, 'active', now() FROM generate_series(1, 300) n;
INSERT INTO package (id, source, reference, name, platform_id, scope, region, state, created_at)
SELECT id('package', n), 'source-' || n % 50, 'R' || n, 'Package ' || n, id('platform', n), 'global', 'Global',
    'current', now()
FROM generate_series(1, 300) n;
INSERT INTO title_instance (id, work_id, name, sort_name, kind, medium, preceded_by, created_at)
SELECT id('title', n), id('title', n / 2), 'Title ' || n, 'title ' || lpad(n::text, 6, '0'), 'serial',
    (ARRAY['electronic', 'print'])[n % 2 + 1], CASE WHEN n % 10 = 0 THEN id('title', n - 9) END, now()
FROM generate_series(1, 10000) n;
INSERT INTO title_identifier (id, title_id, namespace, value, medium)
SELECT id('identifier', n), id('title', n), 'zdb', 'Z' || n, (ARRAY['electronic', 'print'])[n % 2 + 1]
FROM generate_series(1, 10000) n;
INSERT INTO platform_title (id, title_id, platform_id)
SELECT id('place', n), id('title', n), id('platform', n % 300 + 1) FROM generate_series(1, 10000) n;
INSERT INTO package_item (id, package_id, platform_title_id, key, listed, sort_name, origin, load_id, created_at,
    removed_at, removed_load_id)
SELECT id('item', n), id('package', n % 300 + 1), id('place', n), 'id:' || n, '{"publication_title": "x"}',
    'title ' || lpad(n::text, 6, '0'), 'list', id('load', n % 600 + 1), now(), CASE WHEN n % 7 = 0 THEN now() END,
    CASE WHEN n % 7 = 0 THEN id('load', n % 600 + 1) END FROM generate_series(1, 10000) n;
INSERT INTO coverage_statement (id, item_id, ordinal, depth, access_type)
SELECT id('statement', n), id('item', n), 0, 'fulltext', 'P' FROM generate_series(1, 10000) n;
INSERT INTO title_review (id, kind, title_id, other_id, package_id, load_id, line, state, created_at)
SELECT id('review', n), 'identifiers-disagree', id('title', n), id('title', n + 1), id('package', 1), id('load', 1), n,
    CASE WHEN n % 100 = 0 THEN 'open' ELSE 'settled' END, now() FROM generate_series(1, 6000) n;
INSERT INTO kbart_load (id, package_id, state, encoding, findings, requested_by, created_at, finished_at, digest,
    rows_kept)
SELECT id('load', n), id('package', n % 300 + 1), 'finished', 'utf-8', '[]', 'staff:x', now(), now(), 'x', n > 500
FROM generate_series(1, 6000) n;
INSERT INTO kbart_row (load_id, line, key, outcome, reasons)
SELECT id('load', n % 40 + 501), n, 'id:' || n, (ARRAY['added', 'rejected'])[n % 2 + 1],
    CASE WHEN n % 9 = 0 THEN '[{"code": "x", "text": "x", "weight": "error"}]'::jsonb END
FROM generate_series(1, 10000) n;
INSERT INTO perpetual_right (id, title_id, platform_id, status, documents, created_at)
SELECT id('right', n), id('title', n), id('platform', n % 300 + 1),
    CASE WHEN n % 100 = 0 THEN 'lost' ELSE 'claimed' END, '[]', now() FROM generate_series(1, 6000) n;
INSERT INTO perpetual_right_entry (id, right_id, what, told, at, actor)
SELECT id('entry', n), id('right', n), 'entered', jsonb_build_object('title_id', id('title', n)), now(), 'staff:x'
FROM generate_series(1, 6000) n;
INSERT INTO title_transfer (id, title_id, effective_on, perpetual_access, source, status, created_at)
SELECT id('transfer', n), id('title', n), '2027-01-01', 'both', 'x',
    CASE WHEN n % 100 = 0 THEN 'announced' ELSE 'done' END, now() FROM generate_series(1, 6000) n;
INSERT INTO title_transfer_task (id, transfer_id, kind, due_on, state)
SELECT id('task', n), id('transfer', n), 'new-platform', '2027-01-01',
    CASE WHEN n % 100 = 0 THEN 'open' ELSE 'done' END FROM generate_series(1, 6000) n;
INSERT INTO trial (id, name, status, contacts, questions, decisions, created_at)
SELECT id('trial', n), 'Trial ' || n, 'requested', '[]', '[]', '[]', now() FROM generate_series(1, 100) n;
INSERT INTO trial_feedback (id, trial_id, giver, kind, answers, at)
SELECT id('word', n), id('trial', n % 100 + 1), decode(md5(n::text), 'hex'), 'patron', '{}', now()
FROM generate_series(1, 6000) n;
UPDATE package_item SET access_end_on = date '2027-01-01' + abs(hashtext(key)) % 100 WHERE removed_at IS NOT NULL;
INSERT INTO rate_source (id, code, name, format, url, key_in, every_hours, created_at)
SELECT id('rates', n), 'R' || n, 'Rates', 'json', 'https://rates.example/', 'query', 6, now()
FROM generate_series(1, 3) n;
INSERT INTO exchange_rate (source_id, currency, rated_on, base, rate, read_at)
SELECT id('rates', n % 3 + 1), c, date '2027-03-01' - n / 3, 'EUR', 1, now()
FROM generate_series(1, 3000) n, unnest(ARRAY['EUR', 'USD', 'CHF']) c;
INSERT INTO fund_group (id, code, name, created_at) SELECT id('group', n), 'G' || n, 'Group', now()
FROM generate_series(1, 50) n;
INSERT INTO fund (id, ledger_id, code, name, created_at)
SELECT id('fund', n), (SELECT id FROM ledger LIMIT 1), 'many-' || n, 'x', now() FROM generate_series(1, 300) n;
INSERT INTO fund_group_member (group_id, fiscal_year_id, fund_id, added_at, added_by)
SELECT id('group', n % 50 + 1), id('year', n % 2 + 1), id('fund', n % 300 + 1), now(), 'staff:x'
FROM generate_series(1, 300) n;
DROP FUNCTION id;
"""
PLANS = Plans(
    growing=frozenset(
        {
            "acquisition_unit_member",
            "bank_account",
            "bindery_shipment",
            "binding",
            "budget_transaction",
            "claim",
            "coverage_statement",
            "despatch_advice",
            "despatch_advice_line",
            "edifact_interchange",
            "edifact_line_report",
            "edifact_message",
            "encumbrance",
            "exchange_rate",
            "invoice",
            "invoice_line",
            "kbart_load",
            "kbart_row",
            "order_line",
            "organisation_interface",
            "package_item",
            "perpetual_right",
            "perpetual_right_entry",
            "piece",
            "platform_title",
            "purchase_order",
            "receipt",
            "rollover_order",
            "routing_leg",
            "routing_list",
            "routing_round",
            "routing_stop",
            "title_identifier",
            "title_instance",
            "title_review",
            "title_transfer",
            "title_transfer_task",
            "trial_feedback",
            "voucher",
            "voucher_batch",
            "voucher_delivery",
        }
    ),
    few=600,
    short=(
        "kbart_load_to_do",
        "order_line_to_claim",
        "title_review_open",
        "kbart_load_to_forget",
        "kbart_load_coming_in",
        "title_transfer_task_open",
        "edifact_message_to_do",
        "voucher_delivery_due",
    ),
)
SAMPLES = {
    "unit_id": "SELECT id FROM acquisition_unit LIMIT 1",
    "member": "SELECT 'staff:7'",
    "organisation_id": "SELECT vendor_id FROM purchase_order LIMIT 1",
    "interface_id": "SELECT id FROM organisation_interface LIMIT 1",
    "bank_account_id": "SELECT id FROM bank_account LIMIT 1",
    "vendor_id": "SELECT vendor_id FROM purchase_order LIMIT 1",
    "provider_id": "SELECT vendor_id FROM purchase_order LIMIT 1",
    "code": "SELECT code FROM organisation LIMIT 1",
    "fiscal_year_id": "SELECT id FROM fiscal_year LIMIT 1",
    "ledger_id": "SELECT id FROM ledger LIMIT 1",
    "fund_id": "SELECT id FROM fund LIMIT 1",
    "budget_id": "SELECT id FROM budget LIMIT 1",
    "rate_source_id": "SELECT id FROM rate_source LIMIT 1",
    "group_id": "SELECT id FROM fund_group LIMIT 1",
    "fund_group_id": "SELECT id FROM fund_group LIMIT 1",
    "rollover_id": "SELECT id FROM rollover LIMIT 1",
    "order_id": "SELECT id FROM purchase_order LIMIT 1",
    "number": "SELECT number FROM purchase_order LIMIT 1",
    "line_id": "SELECT id FROM order_line LIMIT 1",
    "claim_id": "SELECT id FROM claim LIMIT 1",
    "receipt_id": "SELECT id FROM receipt LIMIT 1",
    "list_id": "SELECT id FROM routing_list LIMIT 1",
    "round_id": "SELECT id FROM routing_round WHERE state = 'under-way' LIMIT 1",
    "binding_id": "SELECT id FROM binding LIMIT 1",
    "shipment_id": "SELECT id FROM bindery_shipment LIMIT 1",
    "bindery_id": "SELECT bindery_id FROM bindery_shipment LIMIT 1",
    "invoice_id": "SELECT id FROM invoice LIMIT 1",
    "voucher_id": "SELECT id FROM voucher LIMIT 1",
    "batch_id": "SELECT id FROM voucher_batch LIMIT 1",
    "batch_group_id": "SELECT id FROM batch_group LIMIT 1",
    "account_id": "SELECT id FROM edifact_account LIMIT 1",
    "interchange_id": "SELECT id FROM edifact_interchange WHERE direction = 'out' LIMIT 1",
    "message_id": "SELECT id FROM edifact_message LIMIT 1",
    "despatch_id": "SELECT id FROM despatch_advice LIMIT 1",
    "parcel": "SELECT 'P7'",
    "platform_id": "SELECT id FROM platform ORDER BY code DESC LIMIT 1",
    "package_id": "SELECT id FROM package ORDER BY reference DESC LIMIT 1",
    "source": "SELECT 'source-7'",
    "reference": "SELECT 'R7'",
    "item_id": "SELECT id FROM package_item LIMIT 1",
    "title_id": "SELECT id FROM title_instance WHERE merged_into IS NULL LIMIT 1",
    "identifier": "SELECT 'zdb:Z77'",
    "name": "SELECT 'Title 0001'",
    "right_id": "SELECT id FROM perpetual_right LIMIT 1",
    "trial_id": "SELECT id FROM trial LIMIT 1",
    "transfer_id": "SELECT id FROM title_transfer LIMIT 1",
    "load_id": "SELECT load_id FROM kbart_row LIMIT 1",
    "on": "SELECT '2027-01-01'",
}


@pytest.fixture
async def full(database: Callable[..., Awaitable[str]]) -> AsyncIterator[Harness]:
    """The service over a library that has bought and licensed for years."""
    dsn = await database("erm_many", filled)
    async with running(SERVICE, dsn) as harness:
        yield harness


async def filled(dsn: str) -> None:
    """Migrated, furnished, and full."""
    await migrated(SERVICE, dsn)
    async with running(SERVICE, dsn) as harness:
        await (await furnished(harness)).budget()
        await knowing(harness)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(MANY)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


async def test_no_list_reads_a_whole_table(full: Harness) -> None:
    pool = full.resources.pool
    told = {name: str(await pool.fetchval(statement)) for name, statement in SAMPLES.items()}
    pages = [
        "/v1/withdrawn-items?from=2027-01-05&until=2027-01-08",
        "/v1/exchange-rates?source=USD&target=CHF&on=2027-01-01",
    ] + [
        f"{path.format(**told)}?{query}"
        for path, named, filters in gets(full)
        if set(named) <= set(told)
        for query in [
            "",
            *[f"{name}={await pool.fetchval(wish)}" for name, wish in wishes(filters, SAMPLES)],
        ]
    ]

    answered = 0
    async with overheard(full) as asked:
        for page in pages:
            answer = await full.get(page)
            assert answer.status_code in (200, 404, 422), (page, answer.text)
            answered += answer.status_code == 200
        for number in (("zdb", "Z77"), ("issn", "2049-3630")):
            await listed_by(pool, [number])
            await known(pool, [number])

    assert answered > 50
    assert await PLANS.slow(pool, asked) == ""


OF_UNITS = (
    "/v1/orders",
    "/v1/orders?vendor_id={vendor_id}",
    "/v1/order-lines?title_id={title}",
    "/v1/order-lines/{line_id}/receipts",
    "/v1/claims?state=proposed",
    "/v1/order-lines/{line_id}/claims",
    "/v1/invoices?state=open",
    "/v1/vouchers?state=awaiting",
    "/v1/voucher-batches",
    "/v1/voucher-batches/{batch_id}",
    "/v1/rollovers/{rollover_id}/orders",
    "/v1/edifact-messages?state=held",
    "/v1/edifact-messages/{message_id}",
    "/v1/edifact-interchanges",
    "/v1/edifact-interchanges/{interchange_id}",
    "/v1/despatch-advices?organisation_id={organisation_id}",
    "/v1/budgets/{budget_id}/transactions",
    "/v1/changes",
)


async def test_no_list_reads_a_whole_table_for_those_whom_units_hold_back(full: Harness) -> None:
    pool = full.resources.pool
    law = (await full.post("/v1/acquisition-units", json={"name": "Law", "protect_read": True})).json()["id"]
    for table in ("purchase_order", "invoice"):
        where = "WHERE abs(hashtext(id::text)) % 3 = 0"
        await pool.execute(f"UPDATE {table} SET acquisition_unit_ids = ARRAY[$1::uuid] {where}", law)
    few = (await full.post("/v1/acquisition-units", json={"name": "Few"})).json()["id"]
    mark = "UPDATE purchase_order SET acquisition_unit_ids = ARRAY[$1::uuid] WHERE number LIKE 'X777%'"
    await pool.execute(mark, few)
    await pool.execute("ANALYZE purchase_order, invoice")
    told = {name: str(await pool.fetchval(statement)) for name, statement in SAMPLES.items()}
    told["title"] = str(
        await pool.fetchval("SELECT title_id FROM order_line WHERE title_id IS NOT NULL LIMIT 1")
    )

    async with overheard(full) as asked:
        with full.asking(buyer("painter")):
            for page in OF_UNITS:
                answer = await full.get(page.format(**told))
                assert answer.status_code in (200, 404), (page, answer.text)
        used = await full.delete(f"/v1/acquisition-units/{few}", headers={"If-Match": '"1"'})

    assert used.status_code == 409
    assert await PLANS.slow(pool, asked) == ""


async def test_no_timer_and_no_worker_reads_a_whole_table(full: Harness) -> None:
    pool = full.resources.pool

    async with overheard(full) as asked:
        for timer in SERVICE.timers:
            await full.tick(timer.name)
        await work_once(full.resources)
        await take_up_one(full.resources)

    assert await PLANS.slow(pool, asked) == ""


async def test_a_small_list_costs_what_is_in_it_however_much_is_known(full: Harness) -> None:
    kb = Knowledge(full, platform=(await full.get("/v1/platforms?code=p")).json()["items"][0])
    package = await kb.package()
    rows = [{"publication_title": f"New {n}", "title_id": f"n{n}"} for n in range(20)]
    await kb.load(package, listing(*rows))
    await kb.send(package, listing(*rows[:19], {"publication_title": "Newer", "title_id": "n19"}))

    async with overheard(full) as asked:
        await kb.work()

    asked = {statement: told for statement, told in asked.items() if "SET LOCAL" not in statement}
    assert await PLANS.slow(full.resources.pool, asked) == ""
