"""Days of grace, years to come, and lines that are paid for several years, through the front door."""

from datetime import UTC, datetime
from typing import Any

import pytest

from support.acquiring import Make
from support.desk import codes
from support.harness import Harness


async def grace(make: Make, *, orders: int | None, invoices: int | None) -> dict[str, Any]:
    """Days of grace of the year."""
    path = f"/v1/fiscal-years/{make.year['id']}"
    tag = (await make.erm.get(path)).headers["etag"]
    body = {"name": "2027", "order_grace_days": orders, "invoice_grace_days": invoices}
    answer = await make.erm.put(path, json=body, headers={"If-Match": tag})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_days_of_grace_let_a_year_go_on_for_orders_and_invoices_apart(erm: Harness, make: Make) -> None:
    fund = await make.budget()
    told = await grace(make, orders=-15, invoices=30)
    known = await make.approved(make.line(fund, "10.00"))
    orders = [await make.order(make.line(fund, "10.00")) for _ in range(3)]
    invoices = [
        await make.invoice(make.charge(known["lines"][0], "1.00"), fiscal_year_id=make.year["id"])
        for _ in range(2)
    ]
    accept = {"accept": ["more-than-received", "more-than-ordered"]}

    erm.at(datetime(2027, 12, 16, 23, tzinfo=UTC))
    in_time = await make.try_to(orders[0], "approve")
    erm.at(datetime(2027, 12, 17, 1, tzinfo=UTC))
    too_late = await make.try_to(orders[1], "approve")
    dearer = await erm.put(
        f"/v1/order-lines/{known['lines'][0]['id']}",
        json=make.line(fund, "11.00"),
        headers={"If-Match": (await erm.get(f"/v1/orders/{known['id']}")).headers["etag"]},
    )
    erm.at(datetime(2028, 1, 30, 12, tzinfo=UTC))
    invoiced = await make.try_to_handle(invoices[0], "approve", **accept)
    erm.at(datetime(2028, 1, 31, 12, tzinfo=UTC))
    refused = await make.try_to_handle(invoices[1], "approve", **accept)
    paid = await make.try_to_handle(invoices[0], "pay")

    assert (told["order_grace_days"], told["invoice_grace_days"]) == (-15, 30)
    assert [each.status_code for each in (in_time, invoiced, paid)] == [200, 200, 200]
    assert (codes(too_late), codes(dearer)) == (["fiscal-year-past-orders"], ["fiscal-year-past-orders"])
    assert codes(refused) == ["fiscal-year-past-invoices"]
    assert "2028-01-30" in refused.json()["reasons"][0]["text"]


async def test_it_is_the_librarys_midnight_that_ends_a_year(erm: Harness, make: Make) -> None:
    fund = await make.budget()
    await make.open_year(code="FY2028", starts_on="2028-01-01", ends_on="2028-12-31")
    assert (await erm.put("/v1/configuration/erm", json={"time_zone": "America/Denver"})).status_code == 200
    orders = [await make.order(make.line(fund, "10.00")) for _ in range(2)]

    erm.at(datetime(2028, 1, 1, 6, 59, tzinfo=UTC))
    before = await make.try_to(orders[0], "approve")
    erm.at(datetime(2028, 1, 1, 7, 0, tzinfo=UTC))
    after = await make.try_to(orders[1], "approve")

    assert (before.status_code, codes(after)) == (200, ["budget-missing"])


async def test_a_year_to_come_is_ordered_and_paid_from_once_it_is_open(erm: Harness, make: Make) -> None:
    fund = await make.budget()
    later = await make.post(
        "/v1/fiscal-years",
        {
            "code": "FY2028",
            "name": "x",
            "starts_on": "2028-01-01",
            "ends_on": "2028-12-31",
            "currency": "EUR",
        },
    )
    body = {"fund_id": fund["fund_id"], "fiscal_year_id": later["id"], "allocated": "500.00"}
    budget = await make.post("/v1/budgets", body)
    order = await make.order(make.line(fund, "100.00"))

    planned = await make.try_to(order, "approve", fiscal_year_id=later["id"])
    await make.post(f"/v1/fiscal-years/{later['id']}/actions", {"action": "open"}, expect=200)
    await make.act(order, "approve", fiscal_year_id=later["id"])
    invoice = await make.invoice(make.charge(order["lines"][0], "90.00"), fiscal_year_id=later["id"])
    await make.handle(invoice, "approve", accept=["more-than-received"])
    await make.handle(invoice, "pay")

    assert codes(planned) == ["fiscal-year-not-open"]
    assert await make.sums(budget) == ("0.00", "0.00", "90.00", "410.00")
    assert await make.sums(fund) == ("0.00", "0.00", "0.00", "1000.00")
    assert (await make.rebuilt())["differences"] == []


async def test_a_prepayment_of_three_years_counts_a_third_in_each(make: Make) -> None:
    fund = await make.budget()
    budgets = [fund]
    for year in (2028, 2029):
        later = await make.open_year(code=f"FY{year}", starts_on=f"{year}-01-01", ends_on=f"{year}-12-31")
        body = {"fund_id": fund["fund_id"], "fiscal_year_id": later["id"], "allocated": "1000.00"}
        budgets.append(await make.post("/v1/budgets", body))
    shares = [
        {"fund_id": fund["fund_id"], "percent": percent, "fiscal_year_id": budget["fiscal_year_id"]}
        for budget, percent in zip(budgets, ("33.333333", "33.333333", "33.333334"), strict=True)
    ]

    order = await make.approved(make.line(fund, "1000.00", shares=shares))
    set_aside = [(await make.sums(budget))[0] for budget in budgets]
    invoice = await make.invoice(make.charge(order["lines"][0], "999.00"))
    await make.handle(invoice, "approve", accept=["more-than-received"])
    await make.handle(invoice, "pay")

    assert order["lines"][0]["shares"][2]["fiscal_year_id"] == budgets[2]["fiscal_year_id"]
    assert set_aside == ["333.33", "333.33", "333.34"]
    assert [(await make.sums(budget))[2] for budget in budgets] == ["333.00"] * 3
    assert (await make.rebuilt())["differences"] == []


@pytest.mark.parametrize("days", [-367, 3661, "1.5"])
async def test_days_of_grace_have_bounds(erm: Harness, make: Make, days: Any) -> None:
    body = {"name": "x", "order_grace_days": days}

    answer = await erm.put(f"/v1/fiscal-years/{make.year['id']}", json=body, headers={"If-Match": '"1"'})

    assert answer.status_code == 422
