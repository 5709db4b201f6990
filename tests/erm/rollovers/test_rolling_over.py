"""A ledger goes over through the front door: looked at first, then done, once, whoever else is at work."""

from collections.abc import Collection
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.database import Connection
from chassis.principal import Principal
from contracts.erm import OrderChanged
from erm.finance import queries as finance
from support.acquiring import Make
from support.desk import codes, pointers
from support.harness import Harness

REMAINING = {"order_type": "one-time", "based_on": "remaining"}
DEARER = {"order_type": "subscription", "based_on": "expended", "increase_percent": "5"}
ALL = {"carry_available_percent": "100", "carry_encumbered": True}


@pytest.fixture
async def later(make: Make) -> dict[str, Any]:
    """The next year, open already."""
    return await make.open_year(code="FY2028", starts_on="2028-01-01", ends_on="2028-12-31")


def rules(make: Make, later: dict[str, Any], **more: Any) -> dict[str, Any]:
    """From this year into the next one, with all the money."""
    told = {"ledger_id": make.ledger["id"], "from_year_id": make.year["id"], "to_year_id": later["id"]}
    return told | {"orders": [REMAINING, DEARER], "budgets": [ALL]} | more


async def run(make: Make, rollover: dict[str, Any], action: str = "run") -> dict[str, Any]:
    return await make.post(f"/v1/rollovers/{rollover['id']}/actions", {"action": action}, expect=200)


async def rolled(make: Make, later: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Looked at, and done."""
    return await run(make, await make.post("/v1/rollovers", rules(make, later, **more)))


async def orders_of(make: Make, rollover: dict[str, Any], outcome: str = "") -> list[dict[str, Any]]:
    query = f"?outcome={outcome}" if outcome else ""
    told: list[dict[str, Any]] = (await make.get(f"/v1/rollovers/{rollover['id']}/orders{query}"))["items"]
    return told


async def budget_of(make: Make, budget: dict[str, Any], year: dict[str, Any]) -> dict[str, Any]:
    found = await make.get(f"/v1/budgets?fund_id={budget['fund_id']}&fiscal_year_id={year['id']}")
    (told,) = found["items"]
    return dict(told)


async def paid(make: Make, order: dict[str, Any], amount: str, **more: Any) -> dict[str, Any]:
    """An invoice for the first line of an order, paid."""
    invoice = await make.invoice(make.charge(order["lines"][0], amount, **more))
    await make.handle(invoice, "approve", accept=["more-than-received"])
    return await make.handle(invoice, "pay")


async def test_what_is_still_to_come_is_set_aside_in_the_next_year_and_its_money_goes_along(
    erm: Harness, make: Make, later: dict[str, Any]
) -> None:
    fund = await make.budget("1000.00")
    once = await make.approved(make.line(fund, "100.00", quantity=3))
    await paid(make, once, "120.00")
    journal = await make.approved(make.line(fund, "200.00"), order_type="subscription")
    await paid(make, journal, "210.00", last=True)
    ended = await make.approved(make.line(fund, "50.00"))
    await make.act(ended, "close", reason="out of print")

    looked_at = await make.post("/v1/rollovers", rules(make, later))
    untouched = await make.sums(fund)
    foreseen = await orders_of(make, looked_at)
    done = await run(make, looked_at)

    assert untouched == ("180.00", "0.00", "330.00", "490.00")
    assert (looked_at["state"], looked_at["orders"]["rolled"], done["state"]) == ("previewed", 2, "done")
    assert foreseen == await orders_of(make, done)
    assert [(each["number"], each["released"], each["encumbered"]) for each in foreseen] == [
        (journal["number"], "0.00", "220.50"),
        (once["number"], "180.00", "180.00"),
    ]
    before, after = await make.now(fund), await budget_of(make, fund, later)
    assert (before["encumbered"], before["funding"], before["available"]) == ("0.00", "330.00", "0.00")
    assert (after["encumbered"], after["funding"], after["available"]) == ("400.50", "670.00", "269.50")
    (told,) = (await make.get(f"/v1/rollovers/{done['id']}/budgets"))["items"]
    assert [told[name] for name in ("allocated", "carried", "released", "encumbered")] == [
        "0.00",
        "670.00",
        "180.00",
        "400.50",
    ]
    assert [event.what for event in await erm.announced(OrderChanged)][-2:] == ["rolled-over"] * 2
    assert (await make.get(f"/v1/orders/{once['id']}"))["fiscal_year_id"] == later["id"]
    assert (await make.rebuilt())["differences"] == []


async def test_a_ledger_goes_over_once_however_many_ask_for_it(
    erm: Harness, make: Make, later: dict[str, Any]
) -> None:
    fund = await make.budget()
    await make.approved(make.line(fund, "100.00"))
    one, two = [await make.post("/v1/rollovers", rules(make, later)) for _ in range(2)]
    path = "/v1/rollovers/{}/actions"

    answers = await make.at_once(
        *(erm.post(path.format(each["id"]), json={"action": "run"}) for each in (one, two, one, two))
    )
    third = await erm.post("/v1/rollovers", json=rules(make, later))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    refused = {code for answer in answers if answer.status_code == 409 for code in codes(answer)}
    assert refused == {"already-rolled-over", "rollover-state"}
    assert (third.status_code, codes(third)) == (409, ["already-rolled-over"])
    assert (await make.sums(fund))[0] == "0.00"
    assert (await budget_of(make, fund, later))["encumbered"] == "100.00"
    assert (await make.rebuilt())["differences"] == []


async def test_an_order_that_is_approved_or_invoiced_meanwhile_goes_over_or_is_refused_but_is_not_lost(
    erm: Harness, make: Make, later: dict[str, Any]
) -> None:
    fund = await make.budget()
    known = await make.approved(make.line(fund, "100.00"))
    new = [await make.order(make.line(fund, "10.00")) for _ in range(4)]
    invoice = await make.invoice(make.charge(known["lines"][0], "40.00", quantity=1))
    rollover = await make.post("/v1/rollovers", rules(make, later))

    answers = await make.at_once(
        make.try_to(new[0], "approve"),
        make.try_to_handle(invoice, "approve", accept=["more-than-received"]),
        make.try_to(new[1], "approve"),
        erm.post(f"/v1/rollovers/{rollover['id']}/actions", json={"action": "run"}),
        make.try_to(new[2], "approve"),
        make.try_to(new[3], "approve"),
    )

    assert answers[3].status_code == 200, answers[3].text
    before, after = await make.now(fund), await budget_of(make, fund, later)
    approvals = [answers[at] for at in (0, 2, 4, 5)]
    refused = [answer for answer in approvals if answer.status_code != 200]
    assert all("ledger-rolled-over" in codes(answer) for answer in refused), [each.text for each in refused]
    assert before["encumbered"] == "0.00"
    gone_over = Decimal(after["encumbered"]) - 10 * (len(approvals) - len(refused))
    assert gone_over in (0, 100)  # without, and with what the invoice had let go of
    assert (await make.rebuilt())["differences"] == []


async def test_an_order_that_is_approved_before_the_budgets_are_locked_is_found_and_goes_over(
    make: Make, later: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fund = await make.budget()
    await make.approved(make.line(fund, "100.00"))
    new = await make.order(make.line(fund, "10.00"))
    rollover = await make.post("/v1/rollovers", rules(make, later))
    locking = finance.lock_budgets

    async def overtaken(connection: Connection, ids: Collection[UUID], *, lock: bool = True) -> Any:
        monkeypatch.setattr(finance, "lock_budgets", locking)
        await make.act(new, "approve")
        return await locking(connection, ids, lock=lock)

    monkeypatch.setattr(finance, "lock_budgets", overtaken)
    done = await run(make, rollover)

    assert new["id"] in {each["order_id"] for each in await orders_of(make, done, "rolled")}
    assert (await make.sums(fund))[0] == "0.00"
    assert (await budget_of(make, fund, later))["encumbered"] == "110.00"
    assert (await make.rebuilt())["differences"] == []


async def test_after_it_went_over_nothing_is_set_aside_in_the_old_year_but_invoices_are_paid_from_it(
    make: Make, later: dict[str, Any]
) -> None:
    fund = await make.budget()
    order = await make.approved(make.line(fund, "100.00", quantity=2))
    closed = await make.approved(make.line(fund, "30.00"))
    await make.act(closed, "close", reason="too late")
    await rolled(make, later, budgets=[{"allocate_percent": "100"}])

    refused = await make.try_to(await make.order(make.line(fund, "10.00")), "approve")
    reopened = await make.try_to(closed, "reopen")
    next_year = await make.act(
        await make.order(make.line(fund, "10.00")), "approve", fiscal_year_id=later["id"]
    )
    await paid(make, order, "60.00")

    assert (codes(refused), codes(reopened)) == (["ledger-rolled-over"], ["ledger-rolled-over"])
    assert next_year["fiscal_year_id"] == later["id"]
    assert (await make.sums(fund))[2] == "60.00"
    assert (await budget_of(make, fund, later))["encumbered"] == "210.00"
    await make.act(order, "close", reason="enough")
    assert (await budget_of(make, fund, later))["encumbered"] == "10.00"
    await make.act(order, "reopen")
    assert (await make.sums(fund))[0] == "0.00"
    assert (await budget_of(make, fund, later))["encumbered"] == "210.00"
    assert (await make.rebuilt())["differences"] == []


async def test_a_line_that_is_changed_after_it_went_over_sets_aside_what_earlier_years_did_not_pay(
    erm: Harness, make: Make, later: dict[str, Any]
) -> None:
    fund = await make.budget()
    order = await make.approved(make.line(fund, "50.00", quantity=2))
    await paid(make, order, "40.00")
    await rolled(make, later)

    read = await erm.get(f"/v1/order-lines/{order['lines'][0]['id']}")
    answer = await erm.put(
        f"/v1/order-lines/{order['lines'][0]['id']}",
        json=make.line(fund, "55.00", quantity=2),
        headers={"If-Match": read.headers["etag"]},
    )

    assert answer.status_code == 200, answer.text
    assert (await budget_of(make, fund, later))["encumbered"] == "70.00"
    assert (await make.sums(fund))[0] == "0.00"
    assert (await make.rebuilt())["differences"] == []


async def test_an_order_that_the_next_year_cannot_bear_stays_whole_with_every_reason_and_is_tried_again(
    erm: Harness, make: Make, later: dict[str, Any]
) -> None:
    rich, poor = await make.budget("500.00"), await make.budget("100.00")
    both = await make.approved(make.line(rich, "100.00"), make.line(poor, "80.00"))
    fine = await make.approved(make.line(rich, "10.00"))
    budgets = [{"fund_ids": [rich["fund_id"]], "allocate_percent": "100"}, {"allocate_percent": "50"}]

    done = await rolled(make, later, budgets=budgets)
    (failed,) = await orders_of(make, done, "failed")
    stands = [(await make.sums(each))[0] for each in (rich, poor)]
    target = await budget_of(make, poor, later)
    await make.post(f"/v1/budgets/{target['id']}/allocations", {"amount": "30.00"})
    again = await run(make, done, "retry")

    assert (done["orders"]["rolled"], done["orders"]["failed"]) == (1, 1)
    assert (failed["order_id"], failed["places"]) == (both["id"], [])
    (reason,) = failed["reasons"]
    assert (reason["code"], reason["value"], reason["limit"]) == ("encumbrance-limit", 8000, 5000)
    assert stands == ["100.00", "80.00"]
    assert (again["orders"]["rolled"], again["orders"]["failed"]) == (2, 0)
    assert [(await make.sums(each))[0] for each in (rich, poor)] == ["0.00", "0.00"]
    assert (await budget_of(make, rich, later))["encumbered"] == "110.00"
    assert (await budget_of(make, poor, later))["available"] == "0.00"
    assert {each["order_id"] for each in await orders_of(make, again, "rolled")} == {both["id"], fine["id"]}
    assert (await make.rebuilt())["differences"] == []


async def test_an_order_of_two_ledgers_waits_until_both_have_gone_over(
    make: Make, later: dict[str, Any]
) -> None:
    other = await make.post("/v1/ledgers", {"code": "ZOTHER", "name": "Other", "currency": "EUR"})
    ours, theirs = await make.budget(), await make.budget(ledger_id=other["id"])
    shares = [
        {"fund_id": ours["fund_id"], "percent": "50"},
        {"fund_id": theirs["fund_id"], "percent": "50"},
    ]
    order = await make.approved(make.line(ours, "99.99", shares=shares))

    first = await rolled(make, later)
    (waiting,) = await orders_of(make, first, "waiting")
    stands = [(await make.sums(each))[0] for each in (ours, theirs)]
    second = await rolled(make, later, ledger_id=other["id"])

    assert (waiting["order_id"], waiting["reasons"][0]["code"]) == (order["id"], "waits-for-ledger")
    assert "ZOTHER" in waiting["reasons"][0]["text"]
    assert sorted(stands) == ["49.99", "50.00"]
    (gone,) = await orders_of(make, second, "rolled")
    assert (gone["released"], gone["encumbered"]) == ("99.99", "99.99")
    assert await orders_of(make, first, "waiting") == []
    assert [(await make.sums(each))[0] for each in (ours, theirs)] == ["0.00", "0.00"]
    after = [(await budget_of(make, each, later)) for each in (ours, theirs)]
    assert sorted(each["encumbered"] for each in after) == ["49.99", "50.00"]
    assert [each["funding"] for each in after] == ["1000.00", "1000.00"]
    assert (await make.rebuilt())["differences"] == []


async def test_a_crash_before_the_end_leaves_nothing(
    erm: Harness, make: Make, later: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fund = await make.budget()
    order = await make.approved(make.line(fund, "100.00"))
    rollover = await make.post("/v1/rollovers", rules(make, later))

    async def dies(*_: Any) -> None:
        raise OSError("the machine went dark")

    with monkeypatch.context() as broken:
        broken.setattr("erm.rollovers.commands.tell", dies)
        answer = await erm.post(f"/v1/rollovers/{rollover['id']}/actions", json={"action": "run"})

    assert answer.status_code == 500
    assert (await make.sums(fund))[0] == "100.00"
    assert (await make.get(f"/v1/budgets?fiscal_year_id={later['id']}"))["items"] == []
    assert (await make.get(f"/v1/orders/{order['id']}"))["version"] == order["version"]
    assert (await make.get(f"/v1/rollovers/{rollover['id']}"))["state"] == "previewed"
    await run(make, rollover)
    assert (await budget_of(make, fund, later))["encumbered"] == "100.00"


async def test_limits_and_classes_of_the_next_years_budgets_are_as_this_years_unless_told(
    erm: Harness, make: Make, later: dict[str, Any]
) -> None:
    await make.post("/v1/expense-classes", {"code": "books", "name": "Books"})
    strict = await make.budget(encumbrance_percent="80", expense_classes=["books"])
    loose, idle = await make.budget(), await make.budget()
    tag = {"If-Match": (await erm.get(f"/v1/funds/{idle['fund_id']}")).headers["etag"]}
    await erm.put(
        f"/v1/funds/{idle['fund_id']}", json={"code": "IDLE", "name": "x", "active": False}, headers=tag
    )
    budgets: list[dict[str, Any]] = [
        {"fund_ids": [loose["fund_id"]], "encumbrance_percent": None, "expenditure_percent": "90"},
        {"allocate_percent": "103.5"},
    ]

    await rolled(make, later, budgets=budgets)

    kept, changed = await budget_of(make, strict, later), await budget_of(make, loose, later)
    assert (kept["encumbrance_percent"], kept["expense_classes"]) == ("80.00", ["books"])
    assert (kept["allocated"], changed["allocated"]) == ("1035.00", "0.00")
    assert (changed["encumbrance_percent"], changed["expenditure_percent"]) == (None, "90.00")
    none = await make.get(f"/v1/budgets?fund_id={idle['fund_id']}&fiscal_year_id={later['id']}")
    assert none["items"] == []


async def test_what_a_cancelled_invoice_sets_aside_again_in_the_old_year_goes_over_when_it_is_tried_again(
    make: Make, later: dict[str, Any]
) -> None:
    fund = await make.budget()
    order = await make.approved(make.line(fund, "70.00"), make.line(fund, "30.00"))
    invoice = await paid(make, order, "70.00", last=True)
    done = await rolled(make, later)
    await make.handle(invoice, "cancel", reason="wrong")

    stands = (await make.sums(fund))[0]
    again = await run(make, done, "retry")

    (told,) = await orders_of(make, again, "rolled")
    assert (stands, told["released"], told["encumbered"]) == ("70.00", "100.00", "100.00")
    assert (await make.sums(fund))[0] == "0.00"
    assert (await budget_of(make, fund, later))["encumbered"] == "100.00"
    assert (await make.rebuilt())["differences"] == []


async def test_orders_of_a_kind_without_a_rule_stay_and_are_told(make: Make, later: dict[str, Any]) -> None:
    fund = await make.budget()
    journal = await make.approved(make.line(fund, "20.00"), order_type="ongoing")

    done = await rolled(make, later)

    (left,) = await orders_of(make, done, "left")
    assert (left["order_id"], left["reasons"][0]["code"]) == (journal["id"], "no-rule")
    assert (await make.sums(fund))[0] == "20.00"


async def test_what_a_prepayment_has_set_aside_in_the_next_year_is_added_to(
    make: Make, later: dict[str, Any]
) -> None:
    fund = await make.budget("300.00")
    body = {"fund_id": fund["fund_id"], "fiscal_year_id": later["id"], "allocated": "300.00"}
    await make.post("/v1/budgets", body)
    shares = [
        {"fund_id": fund["fund_id"], "percent": "50"},
        {"fund_id": fund["fund_id"], "percent": "50", "fiscal_year_id": later["id"]},
    ]
    order = await make.approved(make.line(fund, "200.00", shares=shares))

    await rolled(make, later)

    after = await budget_of(make, fund, later)
    assert (after["encumbered"], after["funding"]) == ("200.00", "600.00")
    await make.act(order, "cancel", reason="too dear")
    assert (await budget_of(make, fund, later))["encumbered"] == "0.00"
    assert (await make.rebuilt())["differences"] == []


async def test_every_reason_against_a_rollover_is_told(
    erm: Harness, make: Make, later: dict[str, Any]
) -> None:
    planned = await make.post(
        "/v1/fiscal-years",
        {
            "code": "FY2026",
            "name": "x",
            "starts_on": "2026-01-01",
            "ends_on": "2026-12-31",
            "currency": "EUR",
        },
    )
    francs = await make.open_year(code="CHF", series="CH", currency="CHF")
    asked = [
        rules(make, later, to_year_id=planned["id"]),
        rules(make, later, to_year_id=francs["id"]),
        rules(make, later, ledger_id=str(uuid4()), from_year_id=str(uuid4())),
        rules(make, later, budgets=[{"fund_ids": [str(uuid4())]}]),
        rules(make, later, orders=[REMAINING, REMAINING]),
        rules(make, later, budgets=[{}, {}]),
    ]

    answers = [await erm.post("/v1/rollovers", json=each) for each in asked]
    with erm.asking(Principal("staff", "clerk", frozenset({"finance:read"}))):
        forbidden = await erm.post("/v1/rollovers", json=asked[0])

    assert [(each.status_code, codes(each)) for each in answers[:4]] == [
        (409, ["fiscal-year-not-open", "fiscal-year-not-later"]),
        (409, ["fiscal-year-of-another-kind", "fiscal-year-not-later"]),
        (422, ["ledger-unknown", "fiscal-year-unknown"]),
        (422, ["fund-unknown"]),
    ]
    assert [each.status_code for each in answers[4:]] == [422, 422]
    assert pointers(answers[3]) == ["/budgets/0/fund_ids/0"]
    assert forbidden.status_code == 403
