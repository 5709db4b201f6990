"""Files of vendors through the front door: each message is applied once, or held with every reason and corrected."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from chassis.ids import uuid7
from chassis.principal import Principal
from contracts.erm import OrderChanged
from erm.edifact.worker import take_up_one
from support.acquiring import Make
from support.harness import Harness
from support.trading import (
    Trade,
    billed,
    codes,
    interchange,
    invoice,
    message,
    trading,
)

BRANCH = "01a0f7a2-5b1c-4d3e-8f00-00000000aaaa"


@pytest.fixture
async def trade(make: Make) -> Trade:
    """A library and a vendor that speak EDIFACT."""
    return await trading(make, branches=[{"code": "MAIN", "location_id": BRANCH}])


async def ordered(trade: Trade, *prices: str, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """An open order of such lines, and the budget."""
    fund = await trade.make.budget()
    lines = [
        trade.make.line(fund, price, isbn=isbn, **more) for price, isbn in zip(prices, ISBNS, strict=False)
    ]
    return await trade.make.approved(*lines), fund


ISBNS = ("9780306406157", "9783161484100", "9780140449136")


def response(order: dict[str, Any], *lines: str, number: str = "OR-1") -> str:
    return message("ORDRSP", f"BGM+231+{number}+9", f"RFF+ON:{order['number']}", *lines, "UNS+S")


async def test_a_quote_becomes_a_pending_order_line_by_place_and_fund(erm: Harness, trade: Trade) -> None:
    fund = await trade.make.budget()
    quote = message(
        "QUOTES", "BGM+31C+Q-17+9", "DTM+137:20270301:102", "CUX+2:EUR:12",
        "LIN+1++9780306406157:EN", "IMD+L+050+:::A first course", "IMD+L+009+:::Okafor", "QTY+1:3",
        "GIR+001+MAIN:LLO+F1:LFN+551.48:LCL", "GIR+002+MAIN:LLO+F1:LFN+551.48:LCL", "GIR+003+F1:LFN",
        "PRI+AAE:40.00", "RFF+QLI:Q17-1", "UNS+S", "CNT+2:1",
    )  # fmt: skip

    (told,) = await trade.take(quote)

    assert (told["state"], codes(told), told["document_number"]) == ("applied", [], "Q-17")
    order = await trade.make.get(f"/v1/orders/{told['order_id']}")
    assert (order["state"], order["currency"], order["note"], order["total"]) == (
        "pending",
        "EUR",
        "Quote Q-17",
        "120.00",
    )
    assert [
        (line["quantity"], line["location_id"], line["receipt"], line["call_number"])
        for line in order["lines"]
    ] == [
        (2, BRANCH, "items", "551.48"),
        (1, None, "count", None),
    ]
    assert {line["shares"][0]["fund_id"] for line in order["lines"]} == {fund["fund_id"]}
    assert {(line["title"], line["author"], line["isbn"]) for line in order["lines"]} == {
        ("A first course", "Okafor", "9780306406157")
    }


async def test_a_quote_is_held_for_every_code_that_nothing_stands_for_and_applied_once_it_does(
    trade: Trade,
) -> None:
    quote = message(
        "QUOTES", "BGM+31C+Q-18+9", "CUX+2:EUR:12", "LIN+1++9780306406157:EN", "IMD+L+050+:::X", "QTY+1:3",
        "GIR+001+SCI:LLO+F1:LFN", "GIR+002+MAIN:LLO+F1:LFN", "PRI+AAE:40.005",
    )  # fmt: skip
    (told,) = await trade.take(quote)

    refused = await trade.act(told)
    await trade.make.budget()
    account = trade.account
    body = {name: account[name] for name in ("organisation_id", "vendor_code", "library_code")}
    await trade.make.erm.put(
        f"/v1/edifact-accounts/{account['id']}",
        json=body
        | {"branches": [{"code": "SCI", "location_id": BRANCH}, {"code": "MAIN", "location_id": BRANCH}]},
        headers={"If-Match": '"1"'},
    )
    again = await trade.act(told)

    assert (told["state"], codes(told)) == (
        "held",
        ["branch-unknown", "fund-unknown", "fund-unknown", "fund-missing"],
    )
    assert (refused.status_code, codes(refused.json())) == (409, codes(told))
    assert codes(again.json()) == ["fund-missing"]
    assert (await trade.make.get("/v1/orders"))["items"] == []


async def test_a_response_is_kept_and_what_will_not_come_lets_its_money_go(
    erm: Harness, trade: Trade
) -> None:
    order, fund = await ordered(trade, "40.00", "18.50", quantity=2)
    first, second = order["lines"]
    number = order["number"]

    (told,) = await trade.take(
        response(
            order,
            f"LIN+1+5+9780306406157:EN'QTY+21:2'QTY+12:1'QTY+83:1'DTM+44:20270401:102'FTX+LIN++OP:7B:28'PRI+AAE:42.00'"
            f"RFF+LI:{number}-1",
            f"LIN+2+24'FTX+LIN++OUT:8B:28'RFF+LI:{number}-2",
        )
    )

    assert (told["state"], codes(told)) == ("applied", ["price-differs", "not-supplied"])
    report = await trade.report(first)
    assert (
        report["report"],
        report["despatched"],
        report["back_ordered"],
        report["expected_on"],
        report["price"],
    ) == (
        "back-ordered",
        1,
        1,
        "2027-04-01",
        "42.00",
    )
    after = await trade.make.get(f"/v1/orders/{order['id']}")
    assert [line["cancelled"] for line in after["lines"]] == [False, True]
    assert "8B:OUT" in after["lines"][1]["cancel_reason"]
    assert await trade.make.sums(fund) == ("80.00", "0.00", "0.00", "920.00")
    assert [event.what for event in await erm.announced(OrderChanged)][-1] == "line-cancelled"
    assert (await trade.report(second))["codes"] == ["8B:OUT"]
    assert (await trade.make.rebuilt())["differences"] == []


async def test_a_line_is_known_by_its_order_and_isbn_where_the_reference_is_missing(trade: Trade) -> None:
    order, _ = await ordered(trade, "40.00", "18.50")

    (told,) = await trade.take(response(order, "LIN+1+5+9783161484100:EN"))
    (unknown,) = await trade.take(response(order, "LIN+1+5+9780140449136:EN", number="OR-2"), reference="78")

    assert (told["state"], (await trade.report(order["lines"][1]))["report"]) == ("applied", "accepted")
    assert (unknown["state"], codes(unknown)) == ("held", ["order-line-unknown"])


async def test_an_order_of_another_vendor_is_not_answered_by_this_one(trade: Trade) -> None:
    other = await trade.make.post("/v1/organisations", {"code": "OTHER", "name": "Other", "currency": "EUR"})
    fund = await trade.make.budget()
    order = await trade.make.approved(trade.make.line(fund), vendor_id=other["id"])

    (told,) = await trade.take(response(order, f"LIN+1+7'RFF+LI:{order['number']}-1"))
    (bill,) = await trade.take(invoice("I-1", billed(1, f"{order['number']}-1", "100.00")), reference="78")

    assert (codes(told), codes(bill)) == (["order-of-another-vendor"], ["order-of-another-vendor"])
    assert (await trade.make.get(f"/v1/orders/{order['id']}"))["state"] == "open"


async def test_an_invoice_is_entered_as_the_vendor_has_it_and_paid_like_any_other(trade: Trade) -> None:
    order, fund = await ordered(trade, "42.00", "10.00", discount_percent="10", quantity=2)
    number = order["number"]
    for line in order["lines"]:
        await trade.make.receive(line, 2)

    (told,) = await trade.take(
        invoice(
            "INV-900",
            billed(1, f"{number}-1", "37.80") + "'ALC+A++++DI'PCD+1:10'MOA+8:4.20",
            billed(2, f"{number}-2", "18.00", 2),
            summary=("CNT+2:2", "ALC+C++++DL", "MOA+8:3.00", "MOA+176:2.94", "MOA+9:61.74"),
        )
    )

    assert (told["state"], codes(told)) == ("applied", [])
    entered = await trade.make.get(f"/v1/invoices/{told['invoice_id']}")
    assert (entered["state"], entered["total"], entered["lock_total"], entered["invoiced_on"]) == (
        "open",
        "61.74",
        "61.74",
        "2027-03-01",
    )
    assert [(line["order_line_id"], line["amount"], line["quantity"]) for line in entered["lines"]] == [
        (order["lines"][0]["id"], "37.80", 1),
        (order["lines"][1]["id"], "18.00", 2),
    ]
    assert [(each["kind"], each["comes_to"]) for each in entered["adjustments"]] == [
        ("shipping", "3.00"),
        ("tax", "2.94"),
    ]
    await trade.make.handle(entered, "approve")
    await trade.make.handle(entered, "pay")
    assert (await trade.make.sums(fund))[2] == "61.74"
    assert (await trade.make.rebuilt())["differences"] == []


async def test_each_lines_own_tax_is_borne_by_its_own_funds(trade: Trade) -> None:
    order, _ = await ordered(trade, "10.00", "10.00")
    number = order["number"]

    (told,) = await trade.take(
        invoice(
            "T-1",
            billed(1, f"{number}-1", "10.00") + "'TAX+7+VAT+++:::19'MOA+124:1.90",
            billed(2, f"{number}-2", "10.00") + "'TAX+7+VAT+++:::0'MOA+124:0",
            summary=("MOA+176:1.90", "MOA+9:21.90"),
        )
    )

    entered = await trade.make.get(f"/v1/invoices/{told['invoice_id']}")
    assert [line["total"] for line in entered["lines"]] == ["11.90", "10.00"]
    assert [(each["kind"], each["included"], each["comes_to"]) for each in entered["adjustments"]] == [
        ("tax", True, "1.90")
    ]


async def test_a_credit_note_gives_back(trade: Trade) -> None:
    order, _ = await ordered(trade, "10.00")
    note = invoice("C-1", billed(1, f"{order['number']}-1", "10.00"), summary=("MOA+9:10.00",))

    (told,) = await trade.take(note.replace("BGM+380", "BGM+381"))

    entered = await trade.make.get(f"/v1/invoices/{told['invoice_id']}")
    assert (entered["total"], entered["lock_total"], entered["lines"][0]["quantity"]) == (
        "-10.00",
        "-10.00",
        -1,
    )


async def test_the_same_interchange_books_once_whoever_sends_it_and_however_often(trade: Trade) -> None:
    order, _ = await ordered(trade, "10.00")
    bill = invoice("I-1", billed(1, f"{order['number']}-1", "10.00"))
    content = interchange(bill)

    answers = await asyncio.gather(
        *(trade.send(each) for each in (content, content, content.replace(b"'", b"'\r\n")))
    )
    await asyncio.gather(*(trade.work() for _ in range(3)))
    (again,) = await trade.take(bill, reference="78")
    (changed,) = await trade.take(bill.replace("10.00", "11.00"), reference="79")
    (other,) = await trade.take(bill.replace("I-1", "I-2").replace("UNT+10+1", "UNT+8+1"), reference="80")

    assert [each.status_code for each in answers] == [202, 202, 202]
    assert len({each.json()["items"][0]["id"] for each in answers}) == 1
    assert sorted(each.json()["repeated"] for each in answers) == [0, 1, 1]
    assert (again["state"], codes(again)) == ("duplicate", ["applied-before"])
    assert (changed["state"], codes(changed)) == ("held", ["document-number-used"])
    assert (other["state"], codes(other)) == ("rejected", ["count-differs"])
    accepted = await trade.act(changed, accept=["document-number-used"])
    assert (accepted.status_code, codes(accepted.json())) == (409, ["invoice-taken"])
    assert len((await trade.make.get("/v1/invoices"))["items"]) == 1


async def test_the_same_in_two_envelopes_at_once_is_applied_once(trade: Trade) -> None:
    order, _ = await ordered(trade, "10.00")
    bill = invoice("I-1", billed(1, f"{order['number']}-1", "10.00"))
    quote = message(
        "QUOTES",
        "BGM+31C+Q",
        "CUX+2:EUR:12",
        "LIN+1++9780306406157:EN",
        "QTY+1:1",
        "GIR+001+F1:LFN",
        "PRI+AAE:4",
    )
    for reference in ("1", "2"):
        await trade.send(interchange(bill, quote, reference=reference))

    await trade.make.at_once(*(take_up_one(trade.make.erm.resources) for _ in range(4)))
    await trade.work()

    told = await trade.messages("limit=10")
    assert sorted((each["kind"], each["state"]) for each in told if each["direction"] == "in") == [
        ("INVOIC", "applied"),
        ("INVOIC", "duplicate"),
        ("QUOTES", "applied"),
        ("QUOTES", "duplicate"),
    ]
    assert len((await trade.make.get("/v1/invoices"))["items"]) == 1
    assert len((await trade.make.get("/v1/orders?state=pending"))["items"]) == 1


async def test_an_invoice_for_a_closed_order_is_held_and_not_paid(trade: Trade) -> None:
    order, _ = await ordered(trade, "10.00")
    await trade.make.act(order, "close", reason="sold out")

    (told,) = await trade.take(invoice("I-1", billed(1, f"{order['number']}-1", "10.00")))
    before = (await trade.make.get("/v1/invoices"))["items"]
    accepted = await trade.act(told, accept=["order-closed"])

    assert (told["state"], codes(told), before) == ("held", ["order-closed"], [])
    assert (accepted.status_code, accepted.json()["state"]) == (200, "applied")


async def test_an_invoice_for_what_nobody_ordered_is_corrected_line_by_line(trade: Trade) -> None:
    order, fund = await ordered(trade, "10.00")
    (told,) = await trade.take(invoice("I-1", billed(1, "US-77", "10.00"), billed(2, "x", "5.00")))
    other = {"line": "2", "shares": [{"fund_id": fund["fund_id"], "percent": "100"}]}

    whole = await trade.make.get(f"/v1/edifact-messages/{told['id']}")
    half = await trade.act(told, lines=[other])
    wrong = await trade.act(told, lines=[other, {"line": "1", "order_line_id": str(uuid4())}])
    right = await trade.act(told, lines=[other, {"line": "1", "order_line_id": order["lines"][0]["id"]}])
    late = await trade.act(told, "discard")

    assert codes(told) == ["order-line-unknown", "order-line-unknown"]
    assert [line["reference"] for line in whole["document"]["lines"]] == ["US-77", "x"]
    assert (codes(half.json()), codes(wrong.json())) == (["order-line-unknown"], ["order-line-unknown"])
    assert (right.json()["state"], late.status_code) == ("applied", 409)
    entered = await trade.make.get(f"/v1/invoices/{right.json()['invoice_id']}")
    assert [line["order_line_id"] for line in entered["lines"]] == [order["lines"][0]["id"], None]


async def test_an_invoice_of_a_closed_year_waits_for_whoever_says_which_year_pays(trade: Trade) -> None:
    old = await trade.make.open_year(code="FY2026", starts_on="2026-01-01", ends_on="2026-12-31")
    await trade.make.post(f"/v1/fiscal-years/{old['id']}/actions", {"action": "close"}, expect=200)
    order, _ = await ordered(trade, "10.00")
    line = billed(1, f"{order['number']}-1", "10.00")

    (told,) = await trade.take(invoice("I-1", line, dated="20261215"))
    (other,) = await trade.take(invoice("I-2", line, dated="20261215"), reference="78")
    again = await trade.act(told, fiscal_year_id=trade.make.year["id"])
    accepted = await trade.act(other, accept=["fiscal-year-closed"])

    assert (told["state"], codes(told)) == ("held", ["fiscal-year-closed"])
    years = [
        (await trade.make.get(f"/v1/invoices/{each.json()['invoice_id']}"))["fiscal_year_id"]
        for each in (again, accepted)
    ]
    assert years == [trade.make.year["id"], None]


async def test_messages_that_cannot_be_taken_are_told_each_for_itself(trade: Trade) -> None:
    order, _ = await ordered(trade, "10.00")
    line = billed(1, f"{order['number']}-1", "10.00")

    told = await trade.take(
        message("CONTRL", "UCI+1", reference="1"),
        invoice("I-1", "LIN+1'MOA+203:x"),
        invoice("I-2", line, summary=("MOA+9:11.00",)),
    )
    strangers = interchange(invoice("I-3", line), vendor="999")
    (stranger,) = (await trade.send(strangers)).json()["items"]
    (test,) = await trade.take(invoice("I-4", line), reference="79", test=True)

    assert [(each["state"], codes(each)) for each in told] == [
        ("rejected", ["message-kind-not-taken"]),
        ("rejected", ["number-malformed", "line-amount-missing"]),
        ("applied", ["lock-total-differs"]),
    ]
    assert [codes(each) for each in await trade.messages(f"interchange_id={stranger['id']}")] == [
        ["sender-unknown"]
    ]
    assert codes(test) == ["test-interchange"]
    discarded = await trade.act(test, "discard")
    assert (discarded.json()["state"], len(await trade.messages("state=held"))) == ("discarded", 1)


async def test_a_file_that_is_not_whole_is_refused_and_nothing_of_it_taken(
    erm: Harness, trade: Trade
) -> None:
    whole = interchange(invoice("I-1"), invoice("I-2"))

    cut = await trade.send(whole[:-30])
    wrong = await trade.send(whole.replace(b"UNZ+2+77", b"UNZ+3+7"))
    kind = await erm.post("/v1/edifact-interchanges", json={"x": 1})
    packed = await erm.post(
        "/v1/edifact-interchanges",
        content=whole,
        headers={"Content-Type": "application/edifact", "Content-Encoding": "gzip"},
    )

    assert (cut.status_code, codes(cut.json())) == (422, ["segment-unterminated"])
    assert "line 1" in cut.json()["reasons"][0]["text"]
    assert (wrong.status_code, codes(wrong.json())) == (422, ["count-differs", "reference-differs"])
    assert (kind.status_code, packed.status_code) == (415, 415)
    assert (await trade.make.get("/v1/edifact-interchanges"))["items"] == []


async def test_a_delivery_is_received_by_the_parcel(erm: Harness, trade: Trade) -> None:
    order, _ = await ordered(trade, "10.00", "20.00", quantity=2)
    number = order["number"]
    (told,) = await trade.take(
        message(
            "DESADV", "BGM+351+DN-5+9", "DTM+137:20270301:102", "DTM+17:20270305:102",
            "CPS+1", "PAC+1", "GIN+BJ+00340123", f"LIN+1'QTY+12:2'RFF+LI:{number}-1",
            "CPS+2", "PAC+1", "GIN+BJ+00340124", f"LIN+2'QTY+12:1'RFF+LI:{number}-2",
        )
    )  # fmt: skip
    (delivery,) = (await trade.make.get("/v1/despatch-advices?parcel=00340123"))["items"]
    path = f"/v1/despatch-advices/{delivery['id']}/receipts"

    first = await trade.make.post(path, {"parcel": "00340123"}, expect=200)
    again = await erm.post(path, json={"parcel": "00340123"})
    rest = await trade.make.at_once(*(erm.post(path, json={}) for _ in range(2)))

    assert (told["state"], delivery["number"], delivery["expected_on"]) == ("applied", "DN-5", "2027-03-05")
    assert [line["receipt_id"] is not None for line in first["lines"]] == [True, False]
    assert (again.status_code, codes(again.json())) == (409, ["nothing-left"])
    assert sorted(each.status_code for each in rest) == [200, 409]
    after = await trade.make.get(f"/v1/orders/{order['id']}")
    assert [line["received"] for line in after["lines"]] == [2, 1]


async def test_a_delivery_for_several_locations_says_where_it_came(erm: Harness, trade: Trade) -> None:
    here, there = str(uuid7()), str(uuid7())
    fund = await trade.make.budget()
    told = [{"location_id": here, "physical": 1}, {"location_id": there, "physical": 1}]
    order = await trade.make.approved(trade.make.line(fund, "10.00", locations=told))
    await trade.take(
        message(
            "DESADV", "BGM+351+DN-5+9", "DTM+137:20270301:102",
            "CPS+1", f"LIN+1'QTY+12:1'RFF+LI:{order['number']}-1", f"LIN+2'QTY+12:1'RFF+LI:{order['number']}-1",
        )
    )  # fmt: skip
    (delivery,) = (await trade.make.get("/v1/despatch-advices?number=DN-5"))["items"]
    path = f"/v1/despatch-advices/{delivery['id']}/receipts"

    refused = await erm.post(path, json={})
    lines = [{"position": at, "location_id": place} for at, place in enumerate((here, there))]
    await trade.make.post(path, {"lines": lines}, expect=200)

    (line,) = (await trade.make.get(f"/v1/orders/{order['id']}"))["lines"]
    assert (refused.status_code, codes(refused.json())) == (409, ["location-missing"])
    assert refused.json()["reasons"][0]["pointer"] == "/lines/0/location_id"
    assert [each["received_physical"] for each in line["locations"]] == [1, 1]


async def test_each_step_is_for_whoever_may(erm: Harness, trade: Trade) -> None:
    reader = Principal("staff", "reader", frozenset({"edifact:read"}))
    buyer = Principal("staff", "buyer", frozenset({"orders:write"}))

    with erm.asking(reader):
        told = [
            (await erm.get("/v1/edifact-interchanges")).status_code,
            (await trade.send(interchange(invoice("I-1")))).status_code,
            (await erm.post(f"/v1/edifact-accounts/{trade.account['id']}/interchanges", json={})).status_code,
        ]
    with erm.asking(buyer):
        told.append((await erm.get("/v1/edifact-messages")).status_code)

    assert told == [200, 403, 403, 403]
