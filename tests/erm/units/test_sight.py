"""What acquisition units keep from others is nowhere to be seen: not in lists, not behind another record."""

import random
from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.ids import uuid7
from chassis.principal import Principal
from erm.units.rules import Act, Standing, Unit
from support.acquiring import Make
from support.desk import codes
from support.harness import Harness
from support.units import BUYING, buyer, put_into, unit

LAW, ARTS = buyer("jurist"), buyer("painter")
ENTER = {
    "/v1/orders": """INSERT INTO purchase_order (id, number, vendor_id, state, currency, created_at, created_by,
        acquisition_unit_ids) SELECT r.id, r.id::text, $1, 'pending', 'EUR', now(), 'x', r.units FROM records r""",
    "/v1/invoices": """INSERT INTO invoice (id, vendor_id, vendor_invoice_number, invoiced_on, state, currency, total,
        created_at, created_by, acquisition_unit_ids)
        SELECT r.id, $1, r.id::text, '2027-01-01', 'open', 'EUR', 0, now(), 'x', r.units FROM records r""",
    "/v1/organisations": """INSERT INTO organisation (id, code, name, roles, accounts, identifiers, created_at,
        acquisition_unit_ids) SELECT r.id, r.id::text, 'x', '{vendor}', '[]', '[]', now(), r.units
        FROM records r WHERE $1::uuid IS NOT NULL""",
    "/v1/funds": """INSERT INTO fund (id, ledger_id, code, name, created_at, acquisition_unit_ids)
        SELECT r.id, (SELECT id FROM ledger LIMIT 1), r.id::text, 'x', now(), r.units
        FROM records r WHERE $1::uuid IS NOT NULL""",
}


async def test_lists_are_what_the_rule_leaves_of_them(erm: Harness, make: Make) -> None:
    """For units, members and records at random, page by page."""
    chance = random.Random(20270301)
    pool = erm.resources.pool
    units = {n: Unit(uuid7(), f"U{n}", frozenset(a for a in Act if chance.random() < 0.5)) for n in range(6)}
    people = [f"p{n}" for n in range(5)]
    members = {(unit.id, who) for unit in units.values() for who in people if chance.random() < 0.25}
    records = {
        uuid7(): chance.sample([unit.id for unit in units.values()], chance.choice((0, 0, 1, 1, 2, 3)))
        for _ in range(40)
    }
    await pool.executemany(
        "INSERT INTO acquisition_unit (id, name, protect_read, created_at) VALUES ($1, $2, $3, now())",
        [(unit.id, unit.name, Act.READ in unit.protects) for unit in units.values()],
    )
    await pool.executemany(
        "INSERT INTO acquisition_unit_member (unit_id, member, added_at, added_by) VALUES ($1, $2, now(), 'x')",
        [(unit_id, f"staff:{who}") for unit_id, who in members],
    )
    vendor = UUID(make.vendor["id"])
    with_records = (
        "WITH records (id, units) AS (SELECT id, translate(told, '[]', '{}')::uuid[] "
        "FROM unnest($2::uuid[], $3::text[]) t (id, told)) "
    )
    told = [str([str(each) for each in its]).replace("'", "") for its in records.values()]
    for statement in ENTER.values():
        await pool.execute(with_records + statement, vendor, list(records), told)

    known = {unit.id: unit for unit in units.values()}
    for who in people:
        standing = Standing(known, frozenset(unit_id for unit_id, name in members if name == who))
        wanted = sorted((str(r) for r, its in records.items() if standing.lets(Act.READ, its)), reverse=True)
        for path in ENTER:
            with erm.asking(Principal("staff", who, BUYING)):
                seen = await listed(erm, f"{path}?limit=9")
            assert [each for each in seen if UUID(each) in records] == wanted, (who, path)


async def listed(erm: Harness, path: str) -> list[str]:
    """The ids of all pages."""
    ids: list[str] = []
    cursor = ""
    while True:
        page = (await erm.get(path + cursor)).json()
        ids += [each["id"] for each in page["items"]]
        if page["next_cursor"] is None:
            return ids
        cursor = f"&cursor={page['next_cursor']}"


async def bought(make: Make) -> dict[str, Any]:
    """A unit's order with all that belongs to it, in a world that is otherwise open."""
    law = await unit(make, "Law", "jurist")
    fund, own = await make.budget(), await make.budget()
    await put_into(make, "/v1/funds", {"id": own["fund_id"]}, law)
    line = make.line(fund, "10.00", quantity=3, title_id=str(uuid4()))
    order = await make.approved(line, acquisition_unit_ids=[law])
    receipt = await make.receive(order["lines"][0], 2)
    claim = await make.post(f"/v1/order-lines/{order['lines'][0]['id']}/claims", {"via": "mail"})
    invoice = await make.invoice(make.charge(order["lines"][0], "10.00"), acquisition_unit_ids=[law])
    await make.handle(invoice, "approve")
    voucher = (await make.get(f"/v1/vouchers?invoice_id={invoice['id']}"))["items"][0]
    return {
        "law": law,
        "fund": fund,
        "own": own,
        "order": order,
        "line": order["lines"][0],
        "receipt": receipt,
        "claim": claim,
        "invoice": invoice,
        "voucher": voucher,
    }


def bare(told: dict[str, Any]) -> dict[str, Any]:
    """A problem without what differs from question to question."""
    return {name: value for name, value in told.items() if name not in ("instance", "trace_id")}


async def test_what_belongs_to_an_order_or_invoice_is_seen_by_who_sees_it(erm: Harness, make: Make) -> None:
    its = await bought(make)
    gets = [
        "/v1/orders/{order}",
        "/v1/order-lines/{line}",
        "/v1/receipts/{receipt}",
        "/v1/order-lines/{line}/vendor-report",
        "/v1/invoices/{invoice}",
        "/v1/invoices/{invoice}/matching",
        "/v1/vouchers/{voucher}",
        "/v1/funds/{own_fund}",
        "/v1/budgets/{own}",
        "/v1/budgets/{own}/transactions",
    ]
    lists = [
        f"/v1/order-lines?title_id={its['line']['title_id']}",
        "/v1/order-lines/{line}/receipts",
        "/v1/claims",
        "/v1/order-lines/{line}/claims",
        "/v1/vouchers",
        f"/v1/orders?number={its['order']['number']}",
        "/v1/budgets?fund_id={own_fund}",
    ]
    ids = {name: told["id"] for name, told in its.items() if isinstance(told, dict)}
    ids["own_fund"] = its["own"]["fund_id"]
    no_one = dict.fromkeys(ids, str(uuid4()))

    with erm.asking(ARTS):
        for path in gets:
            hidden, nothing = await erm.get(path.format(**ids)), await erm.get(path.format(**no_one))
            assert (hidden.status_code, bare(hidden.json())) == (404, bare(nothing.json())), path
        for path in lists:
            assert (await make.get(path.format(**ids)))["items"] == [], path
    with erm.asking(LAW):
        for path in gets:
            if not path.endswith("vendor-report"):
                assert (await erm.get(path.format(**ids))).status_code == 200, path
        for path in lists:
            assert (await make.get(path.format(**ids)))["items"] != [], path


async def test_what_may_not_be_seen_cannot_be_written_either(erm: Harness, make: Make) -> None:
    its = await bought(make)
    order, line, invoice = its["order"], its["line"], its["invoice"]
    writes: list[tuple[str, dict[str, Any]]] = [
        (f"/v1/orders/{order['id']}/actions", {"action": "cancel", "reason": "x"}),
        (f"/v1/order-lines/{line['id']}/actions", {"action": "cancel", "reason": "x"}),
        (f"/v1/order-lines/{line['id']}/receipts", {}),
        (f"/v1/order-lines/{line['id']}/claims", {"via": "mail"}),
        (f"/v1/receipts/{its['receipt']['id']}/actions", {"action": "undo"}),
        (f"/v1/receipts/{its['receipt']['id']}/actions", {"action": "ask-again"}),
        (f"/v1/orders/{order['id']}/edifact-messages", {}),
        (f"/v1/invoices/{invoice['id']}/actions", {"action": "pay"}),
        (f"/v1/budgets/{its['own']['id']}/allocations", {"amount": "1.00"}),
    ]

    with erm.asking(ARTS):
        hidden = [(await erm.post(path, json=body)).status_code for path, body in writes]
        charge = make.charge(line, "10.00")
        wrong = await erm.post("/v1/invoices", json=_invoice(make, charge))
        share = make.line(its["own"])
        body = {"vendor_id": make.vendor["id"], "currency": "EUR", "lines": [share]}
        purse = await erm.post("/v1/orders", json=body)
        paid = await erm.post("/v1/voucher-payments", json={"payments": [_payment(its["voucher"])]})
        moved = {"from_budget_id": its["fund"]["id"], "to_budget_id": its["own"]["id"], "amount": "1.00"}
        transfer = await erm.post("/v1/fund-transfers", json=moved)

    assert hidden == [404] * len(writes)
    assert (codes(wrong), codes(purse)) == (["order-line-unknown"], ["fund-unknown"])
    assert (codes(paid), codes(transfer)) == (["voucher-unknown"], ["budget-unknown"])


def _invoice(make: Make, *lines: dict[str, Any]) -> dict[str, Any]:
    return {
        "vendor_id": make.vendor["id"],
        "vendor_invoice_number": str(uuid4()),
        "invoiced_on": "2027-02-20",
        "currency": "EUR",
        "lines": list(lines),
    }


def _payment(voucher: dict[str, Any]) -> dict[str, Any]:
    told = {name: voucher[name] for name in ("number", "amount", "currency")}
    return told | {"paid_on": "2027-03-01", "reference": "R"}


async def test_what_may_be_seen_and_not_changed_is_refused_with_the_units(erm: Harness, make: Make) -> None:
    closed = await unit(make, "Law", protect_read=False, protect_delete=False)
    kept = await unit(make, "Arts", protect_read=False, protect_update=False)
    fund = await make.budget()
    order = await make.approved(make.line(fund, "10.00"), acquisition_unit_ids=[closed])
    other = await make.approved(make.line(fund, "10.00"), acquisition_unit_ids=[kept])
    path = f"/v1/order-lines/{order['lines'][0]['id']}"

    with erm.asking(ARTS):
        receipt = await erm.post(f"{path}/receipts", json={})
        shut = await make.try_to(order, "close", reason="x")
        cancelled = await make.try_to(order, "cancel", reason="x")
        seen = await erm.get(f"/v1/orders/{order['id']}")
        change = await make.try_to(other, "unopen")
        ended = await make.try_to(other, "cancel", reason="x")

    for answer, name in ((receipt, "Law"), (shut, "Law"), (ended, "Arts")):
        assert (answer.status_code, codes(answer)) == (403, ["not-in-acquisition-unit"])
        assert name in answer.json()["reasons"][0]["text"]
    assert (seen.status_code, cancelled.status_code, change.status_code) == (200, 200, 200)


async def test_a_budget_tells_amounts_of_orders_that_one_may_not_see_and_nothing_else(
    erm: Harness, make: Make
) -> None:
    its = await bought(make)
    path = f"/v1/budgets/{its['fund']['id']}/transactions"
    names = ("order_line_id", "encumbrance_id", "invoice_id", "invoice_line_id", "note")

    with erm.asking(ARTS):
        hidden = (await make.get(path))["items"]
    with erm.asking(LAW):
        seen = (await make.get(path))["items"]

    assert [each["encumbered"] for each in hidden] == [each["encumbered"] for each in seen]
    assert {each[name] for each in hidden for name in names} == {None}
    assert {each["order_line_id"] for each in seen if each["act"] == "encumber"} == {its["line"]["id"]}


async def test_an_invoice_names_no_order_that_one_may_not_see(erm: Harness, make: Make) -> None:
    its = await bought(make)
    invoice = await make.invoice(make.charge(its["line"], "10.00"))

    with erm.asking(ARTS):
        told = await make.get(f"/v1/invoices/{invoice['id']}")
        inside = (await make.get("/v1/invoices"))["items"]
        matching = (await make.get(f"/v1/invoices/{invoice['id']}/matching"))["items"]
        approved = await make.try_to_handle(invoice, "approve")
        again = _invoice(make, {"description": "x", "amount": "1.00", "shares": told["lines"][0]["shares"]})
        again["lines"][0]["shares"] = [{"fund_id": its["fund"]["fund_id"], "percent": "100"}]
        replaced = await erm.put(f"/v1/invoices/{invoice['id']}", json=again, headers={"If-Match": '"1"'})

    assert told["lines"][0]["order_line_id"] is None
    assert [each["lines"][0]["order_line_id"] for each in inside] == [None]
    assert matching == []
    assert (codes(approved), codes(replaced)) == (["orders-out-of-sight"], ["orders-out-of-sight"])
    assert (await make.get(f"/v1/invoices/{invoice['id']}"))["lines"][0]["order_line_id"] == its["line"]["id"]


async def test_vouchers_go_out_by_who_may_see_them(erm: Harness, make: Make) -> None:
    its = await bought(make)
    shares = [{"fund_id": its["fund"]["fund_id"], "percent": "100"}]
    await make.handle(await make.invoice({"description": "x", "amount": "1.00", "shares": shares}), "approve")
    group = (await make.get("/v1/batch-groups"))["items"][0]["id"]
    wish = {"batch_group_id": group}

    with erm.asking(ARTS):
        own = (await make.post("/v1/voucher-batches", wish, expect=200))["batch"]
        none = (await make.post("/v1/voucher-batches", wish, expect=200))["batch"]
    rest = (await make.post("/v1/voucher-batches", wish, expect=200))["batch"]
    with erm.asking(ARTS):
        listed_ = (await make.get("/v1/voucher-batches"))["items"]
        answers = [
            await erm.get(f"/v1/voucher-batches/{batch['id']}{part}")
            for batch in (own, rest)
            for part in ("", "/content")
        ]

    assert (own["vouchers"], none, rest["vouchers"]) == (1, None, 1)
    assert [each["id"] for each in listed_] == [own["id"]]
    assert [each.status_code for each in answers] == [200, 200, 404, 404]


async def test_the_feed_of_changes_leaves_out_what_one_may_not_see(erm: Harness, make: Make) -> None:
    its = await bought(make)
    open_order = await make.order(make.line(its["fund"]))
    await erm.resources.pool.execute(PUBLISHED)

    with erm.asking(ARTS):
        hidden = (await erm.get("/v1/changes?limit=1000")).json()
        short = (await erm.get("/v1/changes?limit=1")).json()
    with erm.asking(LAW):
        seen = (await erm.get("/v1/changes?limit=1000")).json()

    assert {event["subject"] for event in hidden["events"]} == {open_order["id"]}
    assert {its["order"]["id"], its["invoice"]["id"]} < {event["subject"] for event in seen["events"]}
    assert (hidden["position"], len(hidden["positions"])) == (seen["position"], len(hidden["events"]))
    assert (short["events"], short["more"], short["position"]) == ([], True, seen["positions"][0])
    assert all(
        event["data"]["members_only"] for event in seen["events"] if event["subject"] != open_order["id"]
    )


PUBLISHED = """
WITH numbered AS (SELECT seq, row_number() OVER (ORDER BY seq) AS at FROM outbox)
UPDATE outbox o SET position = n.at, published_at = now() FROM numbered n WHERE n.seq = o.seq
"""


async def test_a_ledger_goes_over_by_who_may_change_all_of_it(erm: Harness, make: Make) -> None:
    its = await bought(make)
    later = await make.open_year(code="FY2028", starts_on="2028-01-01", ends_on="2028-12-31")
    body = {"ledger_id": make.ledger["id"], "from_year_id": make.year["id"], "to_year_id": later["id"]}
    body |= {"orders": [{"order_type": "one-time", "based_on": "remaining"}]}

    with erm.asking(ARTS):
        refused = await erm.post("/v1/rollovers", json=body)
        rebuilt = await erm.post("/v1/ledgers:rebuild", json={})
        closing = await erm.post(f"/v1/fiscal-years/{make.year['id']}/actions", json={"action": "close"})
    with erm.asking(LAW):
        told = await make.post("/v1/rollovers", body)
    await put_into(make, "/v1/funds", {"id": its["own"]["fund_id"]})
    with erm.asking(ARTS):
        counted = await make.get(f"/v1/rollovers/{told['id']}")
        orders = (await make.get(f"/v1/rollovers/{told['id']}/orders"))["items"]
        budgets = (await make.get(f"/v1/rollovers/{told['id']}/budgets"))["items"]

    assert (refused.status_code, codes(refused)) == (403, ["not-in-acquisition-unit"])
    assert (rebuilt.status_code, closing.status_code) == (403, 403)
    assert sum(told["orders"].values()) == 1
    assert (sum(counted["orders"].values()), orders) == (0, [])
    assert budgets != []


async def test_what_belongs_to_an_organisation_is_seen_and_changed_as_it_is(erm: Harness, make: Make) -> None:
    law = await unit(make, "Law", "jurist")
    vendor = make.vendor
    path = f"/v1/organisations/{vendor['id']}"
    shop = await make.post(f"{path}/interfaces", {"name": "Shop", "kinds": ["other"]})
    account = {"organisation_id": vendor["id"], "vendor_code": "V", "library_code": "L"}
    edifact = await make.post("/v1/edifact-accounts", account)
    fund = await make.budget()
    await put_into(make, "/v1/organisations", vendor, law)
    order = {"vendor_id": vendor["id"], "currency": "EUR", "lines": [make.line(fund)]}
    shares = [{"fund_id": fund["fund_id"], "percent": "100"}]

    with erm.asking(ARTS):
        hidden = [
            await erm.get(path),
            await erm.get(f"{path}/interfaces"),
            await erm.get(f"{path}/interfaces/{shop['id']}"),
            await erm.delete(f"{path}/interfaces/{shop['id']}"),
            await erm.get(f"{path}/bank-accounts"),
            await erm.post(f"{path}/interfaces", json={"name": "x", "kinds": ["other"]}),
            await erm.get(f"/v1/edifact-accounts/{edifact['id']}"),
            await erm.post(f"/v1/edifact-accounts/{edifact['id']}/interchanges"),
        ]
        listed_ = (await make.get("/v1/edifact-accounts"))["items"]
        ordered = await erm.post("/v1/orders", json=order)
        billed = await erm.post(
            "/v1/invoices", json=_invoice(make, {"description": "x", "amount": "1", "shares": shares})
        )
        dealing = await erm.post("/v1/edifact-accounts", json=account | {"vendor_code": "W"})
    with erm.asking(LAW):
        assert (await erm.get(f"{path}/interfaces/{shop['id']}")).status_code == 200

    assert [answer.status_code for answer in hidden] == [404] * len(hidden)
    assert listed_ == []
    assert (codes(ordered), codes(billed)) == (["vendor-unknown"], ["vendor-unknown"])
    assert codes(dealing) == ["organisation-unknown"]


@pytest.mark.parametrize("hidden", [False, True])
async def test_an_agreement_names_and_sums_what_one_may_see_of_what_was_ordered_for_it(
    erm: Harness, make: Make, hidden: bool
) -> None:
    its = await bought(make)
    agreement = await make.post("/v1/agreements", {"name": "A", "status": "draft"})
    detached = {"resource": "detached", "description": "A thing"}
    body = detached | {"order_line_ids": [its["line"]["id"]]}
    line = await make.post(f"/v1/agreements/{agreement['id']}/lines", body)

    with erm.asking(ARTS if hidden else LAW):
        told = await make.get(f"/v1/agreement-lines/{line['id']}")
        by_order = (await make.get(f"/v1/agreement-lines?order_line_id={its['line']['id']}"))["items"]
        added = await erm.post(f"/v1/agreements/{agreement['id']}/lines", json=body)
        changed = await erm.put(
            f"/v1/agreement-lines/{line['id']}", json=detached | {"note": "x"}, headers={"If-Match": '"1"'}
        )

    assert (told["orders"] == [], told["cost"] == [], by_order == []) == (hidden, hidden, hidden)
    assert added.status_code == (422 if hidden else 201)
    assert changed.status_code == 200
    kept = (await make.get(f"/v1/agreement-lines/{line['id']}"))["order_line_ids"]
    assert kept == ([its["line"]["id"]] if hidden else [])
