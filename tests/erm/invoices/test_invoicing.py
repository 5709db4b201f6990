"""Invoices through the front door: matched, booked as a whole, paid, credited, cancelled; refused with every reason."""

from typing import Any
from uuid import uuid4

import pytest

from chassis.principal import Principal
from contracts.erm import InvoiceChanged
from support.acquiring import Make
from support.desk import codes, pointers
from support.harness import Harness

NOTHING = ("0.00", "0.00", "0.00", "1000.00")


async def test_money_goes_from_set_aside_to_awaited_to_spent(erm: Harness, make: Make) -> None:
    fund = await make.budget()
    order = await make.approved(make.line(fund, "50.00", quantity=2))
    (line,) = order["lines"]
    await make.receive(line, 2)
    invoice = await make.invoice(make.charge(line, "60.00"), lock_total="60.00")

    approved = await make.handle(invoice, "approve")
    after_approval = await make.sums(fund)
    await make.handle(invoice, "pay", payment_reference="SAP-1")
    after_payment = await make.sums(fund)
    rest = await make.handle(await make.invoice(make.charge(line, "30.00")), "approve")
    last = await make.sums(fund)
    paid = await make.handle(rest, "pay")

    assert (approved["state"], approved["ledger_total"]) == ("approved", "60.00")
    assert after_approval == ("40.00", "60.00", "0.00", "900.00")
    assert after_payment == ("40.00", "0.00", "60.00", "900.00")
    assert last == ("0.00", "30.00", "60.00", "910.00")
    assert (paid["state"], await make.sums(fund)) == ("paid", ("0.00", "0.00", "90.00", "910.00"))
    done = await make.get(f"/v1/orders/{order['id']}")
    assert (done["state"], done["close_reason"], done["lines"][0]["payment_state"]) == (
        "closed",
        "complete",
        "fully-paid",
    )
    told = await erm.announced(InvoiceChanged)
    assert [(event.version, event.what) for event in told][:3] == [
        (1, "entered"),
        (2, "approved"),
        (3, "paid"),
    ]
    assert (await make.rebuilt())["differences"] == []


@pytest.mark.parametrize("paid", [False, True], ids=["approved", "paid"])
@pytest.mark.parametrize("last", [False, True], ids=["more to come", "the last"])
async def test_cancelling_makes_every_sum_as_it_was(make: Make, paid: bool, last: bool) -> None:
    fund, other = await make.budget(), await make.budget()
    shares = [{"fund_id": each["fund_id"], "percent": "50"} for each in (fund, other)]
    order = await make.approved(make.line(fund, "99.99", quantity=2, shares=shares))
    (line,) = order["lines"]
    await make.receive(line, 2)
    before = [await make.now(each) for each in (fund, other)]
    invoice = await make.invoice(make.charge(line, "77.77", 2 if last else 1))

    await make.handle(invoice, "approve")
    if paid:
        await make.handle(invoice, "pay")
    closed = (await make.get(f"/v1/orders/{order['id']}"))["state"]
    told = await make.handle(invoice, "cancel", reason="sent twice")

    after = [await make.now(each) for each in (fund, other)]
    assert closed == ("closed" if paid and last else "open")
    assert (told["state"], (await make.get(f"/v1/orders/{order['id']}"))["state"]) == ("cancelled", "open")
    for one, two in zip(before, after, strict=True):
        assert {**one, "version": 0} == {**two, "version": 0}
    assert (await make.rebuilt())["differences"] == []
    again = await make.try_to_handle(invoice, "pay")
    assert (again.status_code, codes(again)) == (409, ["invoice-state"])


async def test_a_credit_gives_back_and_is_more_than_all_spending(make: Make) -> None:
    fund = await make.budget("100.00")
    shares = [{"fund_id": fund["fund_id"], "percent": "100"}]
    credit = await make.invoice(
        {"description": "Sent back", "quantity": -1, "amount": "-150.00", "shares": shares}
    )

    await make.handle(credit, "approve")
    awaited = await make.now(fund)
    await make.handle(credit, "pay")

    told = await make.now(fund)
    assert (awaited["awaiting"], awaited["available"]) == ("-150.00", "250.00")
    assert (told["credited"], told["available"], told["unavailable"]) == ("150.00", "250.00", "0.00")


async def test_freight_is_spread_and_tax_is_told(make: Make) -> None:
    fund = await make.budget()
    shares = [{"fund_id": fund["fund_id"], "percent": "100"}]
    lines = [{"description": "x", "amount": amount, "shares": shares} for amount in ("3.33", "3.33", "3.34")]
    extra = [
        {"kind": "shipping", "description": "Freight", "amount": "10.00", "prorate": "by-amount"},
        {"kind": "tax", "description": "VAT 7 %", "percent": "7", "included": True},
    ]

    invoice = await make.invoice(*lines, adjustments=extra, lock_total="20.00")
    await make.handle(invoice, "approve")

    assert [line["adjustments"] for line in invoice["lines"]] == ["3.33", "3.33", "3.34"]
    assert (invoice["total"], invoice["adjustments"][1]["comes_to"]) == ("20.00", "0.70")
    assert (await make.sums(fund))[1] == "20.00"


async def test_a_rate_stays_with_the_invoice_and_the_difference_is_let_go(make: Make) -> None:
    fund = await make.budget()
    order = await make.approved(make.line(fund, "100.00"), currency="USD", exchange_rate="0.95")
    (line,) = order["lines"]
    await make.receive(line)
    held = await make.sums(fund)
    invoice = await make.invoice(make.charge(line, "100.00"), currency="USD", exchange_rate="0.9")

    told = await make.handle(invoice, "approve")

    assert held[0] == "95.00"
    assert (told["exchange_rate"], told["ledger_total"], told["rate_at"] is not None) == (
        "0.9000000000",
        "90.00",
        True,
    )
    assert await make.sums(fund) == ("0.00", "90.00", "0.00", "910.00")


async def test_every_reason_against_an_invoice_is_told_and_nothing_booked(erm: Harness, make: Make) -> None:
    poor, other = await make.budget("10.00"), await make.budget()
    pending = await make.order(make.line(other, "5.00"))
    order = await make.approved(make.line(other, "5.00"))
    shares = [{"fund_id": poor["fund_id"], "percent": "100"}]
    invoice = await make.invoice(
        make.charge(pending["lines"][0], "5.00"),
        make.charge(order["lines"][0], "9.00", 2, shares=shares),
        {"description": "x", "amount": "9.00", "shares": shares},
        lock_total="20.00",
    )
    before = [await make.sums(each) for each in (poor, other)]

    answer = await make.try_to_handle(invoice, "approve", accept=["more-than-ordered"])
    matching = await make.get(f"/v1/invoices/{invoice['id']}/matching")

    assert answer.status_code == 409
    assert codes(answer) == [
        "order-not-approved",
        "more-than-received",
        "more-than-received",
        "lock-total-differs",
        "expenditure-limit",
    ]
    assert [[each["code"] for each in line["findings"]] for line in matching["items"]] == [
        ["order-not-approved", "more-than-received"],
        ["more-than-ordered", "more-than-received"],
    ]
    assert [await make.sums(each) for each in (poor, other)] == before
    assert (await make.rebuilt())["differences"] == []


async def test_an_invoice_for_a_closed_year_is_refused_with_every_reason(erm: Harness, make: Make) -> None:
    fund = await make.budget("10.00")
    shares = [{"fund_id": fund["fund_id"], "percent": "100"}]
    line = {"description": "x", "amount": "11.00", "shares": shares}
    invoice = await make.invoice(line, fiscal_year_id=make.year["id"])
    await make.post(f"/v1/fiscal-years/{make.year['id']}/actions", {"action": "close"}, expect=200)

    answer = await make.try_to_handle(invoice, "approve")
    body = {
        "vendor_id": make.vendor["id"],
        "vendor_invoice_number": "late",
        "invoiced_on": "2027-02-20",
        "currency": "EUR",
        "fiscal_year_id": make.year["id"],
        "lines": [line],
    }
    entered = await erm.post("/v1/invoices", json=body)
    unnamed = await make.try_to_handle(await make.invoice(line), "approve")

    assert (answer.status_code, codes(answer)) == (
        409,
        ["fiscal-year-closed", "budget-not-active", "expenditure-limit"],
    )
    assert (entered.status_code, codes(entered)) == (409, ["fiscal-year-closed"])
    assert codes(unnamed) == ["budget-missing"]


async def test_a_year_is_not_closed_over_what_is_to_be_paid_or_set_aside(erm: Harness, make: Make) -> None:
    fund = await make.budget()
    order = await make.approved(make.line(fund, "10.00"))
    shares = [{"fund_id": fund["fund_id"], "percent": "100"}]
    invoice = await make.invoice({"description": "x", "amount": "11.00", "shares": shares})
    await make.handle(invoice, "approve")
    acts = f"/v1/fiscal-years/{make.year['id']}/actions"

    refused = await erm.post(acts, json={"action": "close"})
    await make.handle(invoice, "pay")
    held = await erm.post(acts, json={"action": "close"})
    await make.post(acts, {"action": "close", "release_encumbrances": True}, expect=200)
    late = await make.try_to_handle(invoice, "cancel", reason="x")

    assert codes(refused) == ["payments-awaited", "encumbrances-open"]
    assert codes(held) == ["encumbrances-open"]
    assert await make.sums(fund) == ("0.00", "0.00", "11.00", "989.00")
    assert codes(late) == ["fiscal-year-closed", "budget-not-active"]
    assert (await make.get(f"/v1/orders/{order['id']}"))["state"] == "open"
    assert (await make.rebuilt())["differences"] == []


async def test_a_vendors_number_is_taken_once_whatever_its_case(erm: Harness, make: Make) -> None:
    fund = await make.budget()
    line = {"description": "x", "amount": "1.00", "shares": [{"fund_id": fund["fund_id"], "percent": "100"}]}
    first = await make.invoice(line, vendor_invoice_number="INV-7")
    body = {
        "vendor_id": make.vendor["id"],
        "vendor_invoice_number": "inv-7",
        "invoiced_on": "2027-02-20",
        "currency": "EUR",
        "lines": [line],
    }

    answers = await make.at_once(*(erm.post("/v1/invoices", json=body) for _ in range(3)))
    await make.handle(first, "cancel", reason="typed wrong")
    again = await make.at_once(*(erm.post("/v1/invoices", json=body) for _ in range(3)))

    assert {(each.status_code, *pointers(each)) for each in answers} == {(409, "/vendor_invoice_number")}
    assert sorted(each.status_code for each in again) == [201, 409, 409]


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"amount": "1.005"}, [("too-many-decimals", "/lines/0/amount")]),
        ({"quantity": 0}, [("quantity-nothing", "/lines/0/quantity")]),
        ({"quantity": -1}, [("signs-differ", "/lines/0/amount")]),
        ({"shares": []}, [("shares-missing", "/lines/0/shares")]),
        ({"last": True}, [("last-of-nothing", "/lines/0/last")]),
        ({"order_line_id": str(uuid4())}, [("order-line-unknown", "/lines/0/order_line_id")]),
        ({"amount": "99999999999999999"}, [("amount-too-large", "/lines/0/amount")]),
        ({"shares": [{"fund_id": str(uuid4()), "percent": "50"}]},
         [("shares-not-whole", "/lines/0/shares"), ("fund-unknown", "/lines/0/shares/0/fund_id")]),
    ],
    ids=["decimals", "nothing", "signs", "no fund", "last of nothing", "unknown line", "huge", "half a fund"],
)  # fmt: skip
async def test_lines_that_cannot_be_are_told_so(
    erm: Harness, make: Make, changed: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    fund = await make.budget()
    line = {"description": "x", "amount": "1.00", "shares": [{"fund_id": fund["fund_id"], "percent": "100"}]}
    body = {
        "vendor_id": make.vendor["id"],
        "vendor_invoice_number": "1",
        "invoiced_on": "2027-02-20",
        "currency": "EUR",
        "lines": [line | changed],
    }

    answer = await erm.post("/v1/invoices", json=body)

    assert answer.status_code == 422, answer.text
    assert list(zip(codes(answer), pointers(answer), strict=True)) == found
    assert (await make.get("/v1/invoices"))["items"] == []


async def test_two_invoices_at_once_against_the_last_money(make: Make) -> None:
    fund = await make.budget("50.00")
    line = {"description": "x", "amount": "50.00", "shares": [{"fund_id": fund["fund_id"], "percent": "100"}]}
    invoices = [await make.invoice(line) for _ in range(3)]

    answers = await make.at_once(*(make.try_to_handle(each, "approve") for each in invoices))

    assert sorted(each.status_code for each in answers) == [200, 409, 409]
    assert await make.sums(fund) == ("0.00", "50.00", "0.00", "0.00")


async def test_an_invoice_is_paid_once_however_many_press_the_button(make: Make) -> None:
    fund = await make.budget()
    line = {"description": "x", "amount": "50.00", "shares": [{"fund_id": fund["fund_id"], "percent": "100"}]}
    invoice = await make.handle(await make.invoice(line), "approve")

    answers = await make.at_once(
        *(make.try_to_handle(invoice, "pay") for _ in range(3)),
        make.try_to_handle(invoice, "cancel", reason="x"),
    )

    assert sorted(each.status_code for each in answers)[:1] == [200]
    assert (await make.rebuilt())["differences"] == []
    state = (await make.get(f"/v1/invoices/{invoice['id']}"))["state"]
    assert (await make.sums(fund))[2] == ("50.00" if state == "paid" else "0.00")


async def test_an_invoice_and_a_cancelled_order_that_meet(make: Make) -> None:
    fund = await make.budget()
    order = await make.approved(make.line(fund, "50.00", receipt="none"))
    invoice = await make.invoice(make.charge(order["lines"][0], "50.00"))

    answers = await make.at_once(
        make.try_to_handle(invoice, "approve"), make.try_to(order, "cancel", reason="x")
    )

    assert answers[1].status_code == 200
    assert answers[0].status_code in (200, 409)
    assert (await make.rebuilt())["differences"] == []
    assert (await make.sums(fund))[0] == "0.00"


async def test_each_step_is_for_whoever_may(erm: Harness, make: Make) -> None:
    fund = await make.budget()
    line = {"description": "x", "amount": "50.00", "shares": [{"fund_id": fund["fund_id"], "percent": "100"}]}
    invoice = await make.invoice(line)
    clerk = Principal("staff", "clerk", frozenset({"invoices:write"}))

    with erm.asking(clerk):
        reviewed = await make.try_to_handle(invoice, "review")
        approved = await make.try_to_handle(invoice, "approve")
    await make.handle(invoice, "approve")
    with erm.asking(clerk):
        cancelled = await make.try_to_handle(invoice, "cancel", reason="x")
        paid = await make.try_to_handle(invoice, "pay")

    assert [each.status_code for each in (reviewed, approved, cancelled, paid)] == [200, 403, 403, 403]


async def test_an_invoice_is_changed_as_long_as_it_is_open(erm: Harness, make: Make) -> None:
    fund = await make.budget()
    line = {"description": "x", "amount": "50.00", "shares": [{"fund_id": fund["fund_id"], "percent": "100"}]}
    invoice = await make.invoice(line)
    body = {
        "vendor_id": make.vendor["id"],
        "vendor_invoice_number": "other",
        "invoiced_on": "2027-02-21",
        "currency": "EUR",
        "lines": [line | {"amount": "51.00"}],
    }
    path = f"/v1/invoices/{invoice['id']}"

    told = await erm.put(path, json=body, headers={"If-Match": '"1"'})
    stale = await erm.put(path, json=body, headers={"If-Match": '"1"'})
    await make.handle(invoice, "review")
    late = await erm.put(path, json=body, headers={"If-Match": '"3"'})
    await make.handle(invoice, "reopen")

    assert (told.status_code, told.json()["total"]) == (200, "51.00")
    assert (stale.status_code, late.status_code, codes(late)) == (412, 409, ["invoice-state"])
