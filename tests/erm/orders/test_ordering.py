"""Orders through the front door: what is set aside when, what is let go, and what is refused."""

from typing import Any
from uuid import uuid4

import pytest

from chassis.ids import uuid7
from chassis.principal import Principal
from contracts.catalog import TitleMerged, TitleSummary
from contracts.erm import OrderChanged
from support.acquiring import NOW, Make
from support.desk import codes, pointers
from support.harness import Harness

NOTHING = ("0.00", "0.00", "0.00", "1000.00")


async def test_money_is_set_aside_when_an_order_is_approved(erm: Harness, make: Make) -> None:
    funds = [await make.budget() for _ in range(3)]
    shares = [
        {"fund_id": fund["fund_id"], "percent": percent}
        for fund, percent in zip(funds, ("33.33", "33.33", "33.34"), strict=True)
    ]
    order = await make.order(make.line(funds[0], "100.00", shares=shares))
    before = await make.sums(funds[0])

    opened = await make.act(order, "approve")

    assert order["number"] == "PO-000001"
    assert (order["state"], before) == ("pending", NOTHING)
    assert (opened["state"], opened["total"]) == ("open", "100.00")
    assert [(await make.sums(fund))[0] for fund in funds] == ["33.33", "33.33", "33.34"]
    told = await erm.announced(OrderChanged)
    assert [(event.version, event.what) for event in told] == [(1, "entered"), (2, "approved")]
    assert (await make.rebuilt())["differences"] == []


async def test_every_reason_against_an_approval_is_told_and_nothing_set_aside(
    erm: Harness, make: Make
) -> None:
    poor, frozen = await make.budget("10.00"), await make.budget()
    await erm.put(f"/v1/budgets/{frozen['id']}", json={"state": "frozen"}, headers={"If-Match": '"2"'})
    strict = {"approval_limits": {"EUR": "50.00"}, "four_eyes": True}
    assert (await erm.put("/v1/configuration/erm", json=strict)).status_code == 200
    order = await make.order(make.line(poor, "60.00"), make.line(frozen, "5.00"))

    with erm.asking(Principal("staff", "test-desk", frozenset({"orders:approve", "orders:write"}))):
        answer = await make.try_to(order, "approve")

    assert answer.status_code == 409
    assert sorted(codes(answer)) == [
        "above-approval-limit",
        "budget-not-active",
        "encumbrance-limit",
        "four-eyes",
    ]
    limit = next(each for each in answer.json()["reasons"] if each["code"] == "encumbrance-limit")
    assert (limit["pointer"], limit["value"], limit["limit"]) == ("/lines/0/shares/0", 6000, 1000)
    assert (await make.get(f"/v1/orders/{order['id']}"))["state"] == "pending"
    assert (await make.sums(poor))[0] == "0.00"


async def test_a_limit_is_set_aside_with_a_reason_by_whoever_may(erm: Harness, make: Make) -> None:
    poor = await make.budget("10.00")
    order = await make.order(make.line(poor, "60.00"))
    override = {"limits": ["encumbrance-limit"], "comment": "the dean has agreed"}

    with erm.asking(Principal("staff", "clerk", frozenset({"orders:approve"}))):
        forbidden = await make.try_to(order, "approve", override=override)
    await make.act(order, "approve", override=override)

    assert (forbidden.status_code, codes(forbidden)) == (403, ["scope-missing"])
    assert await make.sums(poor) == ("60.00", "0.00", "0.00", "-50.00")
    told = (await make.get(f"/v1/budgets/{poor['id']}/transactions"))["items"]
    assert told[0]["note"] == "the dean has agreed"


@pytest.mark.parametrize("action", ["cancel", "close", "unopen"])
async def test_what_is_not_bought_is_free_again(make: Make, action: str) -> None:
    fund = await make.budget()
    order = await make.approved(make.line(fund, "100.00"), make.line(fund, "50.00"))

    told = await make.act(order, action, reason="out of print")

    assert await make.sums(fund) == NOTHING
    assert told["state"] == ("pending" if action == "unopen" else "closed")
    assert (await make.rebuilt())["differences"] == []
    if action == "close":
        again = await make.act(order, "reopen")
        assert (again["state"], (await make.sums(fund))[0]) == ("open", "150.00")
    if action == "unopen":
        await make.act(order, "approve")
        assert (await make.sums(fund))[0] == "150.00"


async def test_a_line_is_changed_and_what_is_set_aside_follows(erm: Harness, make: Make) -> None:
    one, two = await make.budget("150.00"), await make.budget("150.00")
    order = await make.approved(make.line(one, "100.00"))
    (line,) = order["lines"]
    path = f"/v1/order-lines/{line['id']}"

    async def change(body: dict[str, Any], version: int) -> Any:
        return await erm.put(path, json=body, headers={"If-Match": f'"{version}"'})

    dearer = await change(make.line(one, "120.00"), 2)
    after = await make.sums(one)
    too_dear = await change(make.line(one, "151.00"), 3)
    moved = await change(make.line(two, "120.00", title="Rivers"), 3)
    stale = await change(make.line(two, "1.00"), 3)
    with erm.asking(Principal("staff", "clerk", frozenset({"orders:write"}))):
        words = await change(make.line(two, "120.00", title="Rivers, again"), 4)
        forbidden = await change(make.line(two, "121.00"), 5)

    assert (dearer.status_code, dearer.json()["total"], after[0]) == (200, "120.00", "120.00")
    assert (too_dear.status_code, codes(too_dear)) == (409, ["encumbrance-limit"])
    assert (moved.status_code, moved.json()["title"]) == (200, "Rivers")
    assert ((await make.sums(one))[0], (await make.sums(two))[0]) == ("0.00", "120.00")
    assert (stale.status_code, words.status_code, forbidden.status_code) == (412, 200, 403)
    assert (await make.rebuilt())["differences"] == []


async def test_the_last_line_that_is_cancelled_closes_the_order(make: Make) -> None:
    fund = await make.budget()
    order = await make.approved(make.line(fund, "100.00"), make.line(fund, "50.00"))
    first, second = (line["id"] for line in order["lines"])

    half = await make.post(
        f"/v1/order-lines/{first}/actions", {"action": "cancel", "reason": "x"}, expect=200
    )
    held = await make.sums(fund)
    whole = await make.post(
        f"/v1/order-lines/{second}/actions", {"action": "cancel", "reason": "x"}, expect=200
    )

    assert (half["state"], half["lines"][0]["receipt_state"], held[0]) == ("open", "cancelled", "50.00")
    assert (whole["state"], whole["close_reason"]) == ("closed", "cancelled")
    assert await make.sums(fund) == NOTHING


async def test_a_pending_order_is_rewritten_as_a_whole(erm: Harness, make: Make) -> None:
    fund = await make.budget()
    order = await make.order(make.line(fund, "100.00"), make.line(fund, "50.00"))
    body = {
        "vendor_id": make.vendor["id"],
        "currency": "USD",
        "exchange_rate": "0.9",
        "lines": [make.line(fund, "10")],
    }
    path = f"/v1/orders/{order['id']}"

    told = await erm.put(path, json=body, headers={"If-Match": '"1"'})
    await make.act(order, "approve")
    late = await erm.put(path, json=body, headers={"If-Match": '"3"'})

    assert (told.status_code, told.json()["total"], len(told.json()["lines"])) == (200, "10.00", 1)
    assert (await make.sums(fund))[0] == "9.00"
    assert (late.status_code, codes(late)) == (409, ["order-state"])


async def test_an_order_in_another_currency_needs_a_rate(make: Make) -> None:
    fund = await make.budget()
    order = await make.order(make.line(fund, "100.00"), currency="USD")

    answer = await make.try_to(order, "approve")

    assert (answer.status_code, codes(answer), pointers(answer)) == (
        409,
        ["exchange-rate-missing"],
        ["/exchange_rate"],
    )


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"list_price": "1.005"}, [("too-many-decimals", "/lines/0/list_price")]),
        ({"list_price": "-5"}, [("amount-negative", "/lines/0/list_price")]),
        ({"quantity": 0}, [("greater-than-equal", "/lines/0/quantity")]),
        ({"quantity": -2}, [("greater-than-equal", "/lines/0/quantity")]),
        ({"quantity": 100_000, "list_price": "9999999999999"}, [("amount-too-large", "/lines/0/list_price")]),
        ({"receipt": "items"}, [("value-error", "/lines/0")]),
        ({"shares": []}, [("too-short", "/lines/0/shares")]),
        ({"shares": [{"fund_id": str(uuid4()), "percent": "100"}]}, [("fund-unknown", "/lines/0/shares/0/fund_id")]),
        ({"discount_percent": "101"}, [("less-than-equal", "/lines/0/discount_percent")]),
        ({"title": "nul \0 here"}, [("unstorable-value", "")]),
    ],
    ids=["decimals", "negative", "nothing", "fewer than nothing", "huge", "items nowhere", "no fund", "unknown fund",
         "discount", "nul"],
)  # fmt: skip
async def test_lines_that_cannot_be_are_told_so(
    erm: Harness, make: Make, changed: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    fund = await make.budget()
    body = {"vendor_id": make.vendor["id"], "currency": "EUR", "lines": [make.line(fund) | changed]}

    answer = await erm.post("/v1/orders", json=body)

    assert answer.status_code == 422, answer.text
    assert list(zip(codes(answer), pointers(answer), strict=True)) == found
    assert (await make.get("/v1/orders"))["items"] == []


async def test_shares_that_do_not_sum_are_told_with_everything_else(erm: Harness, make: Make) -> None:
    fund = await make.budget()
    id_ = fund["fund_id"]
    lines = [
        make.line(fund, "100", shares=[{"fund_id": id_, "percent": "60"}, {"fund_id": id_, "percent": "30"}]),
        make.line(fund, "0", shares=[{"fund_id": id_, "percent": "60"}, {"fund_id": id_, "amount": "0"}]),
        make.line(fund, "100", shares=[{"fund_id": id_, "percent": "60", "amount": "1"}]),
    ]

    answer = await erm.post(
        "/v1/orders", json={"vendor_id": make.vendor["id"], "currency": "EUR", "lines": lines}
    )

    assert answer.status_code == 422
    assert codes(answer) == ["shares-not-whole", "shares-of-nothing-are-mixed", "share-needs-one-measure"]


async def test_clerks_who_race_for_the_last_money_do_not_both_get_it(make: Make) -> None:
    fund = await make.budget("100.00")
    orders = [await make.order(make.line(fund, "60.00")) for _ in range(4)]

    answers = await make.at_once(*(make.try_to(order, "approve") for order in orders))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert await make.sums(fund) == ("60.00", "0.00", "0.00", "40.00")
    assert (await make.rebuilt())["differences"] == []


async def test_an_order_is_approved_once_however_many_press_the_button(make: Make) -> None:
    fund = await make.budget()
    order = await make.order(make.line(fund, "60.00"))

    answers = await make.at_once(*(make.try_to(order, "approve") for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert (await make.sums(fund))[0] == "60.00"


async def test_orders_over_the_same_funds_the_other_way_round_end(make: Make) -> None:
    one, two = await make.budget(), await make.budget()
    orders = [
        await make.order(make.line(a, "1.00"), make.line(b, "1.00")) for a, b in ((one, two), (two, one)) * 2
    ]

    answers = await make.at_once(*(make.try_to(order, "approve") for order in orders))

    assert {answer.status_code for answer in answers} == {200}
    assert ((await make.sums(one))[0], (await make.sums(two))[0]) == ("4.00", "4.00")


async def test_nothing_is_ordered_of_whom_does_not_sell(erm: Harness, make: Make) -> None:
    fund = await make.budget()
    press = await make.post(
        "/v1/organisations", {"code": "P", "name": "P", "roles": ["publisher"], "active": False}
    )
    body = {"vendor_id": press["id"], "currency": "EUR", "lines": [make.line(fund)]}

    answer = await erm.post("/v1/orders", json=body)
    unknown = await erm.post("/v1/orders", json=body | {"vendor_id": str(uuid4())})

    assert (answer.status_code, codes(answer)) == (409, ["vendor-inactive", "not-a-vendor"])
    assert (unknown.status_code, codes(unknown)) == (422, ["vendor-unknown"])


async def test_lines_follow_a_title_that_is_merged_into_another(erm: Harness, make: Make) -> None:
    fund = await make.budget()
    old, new = uuid7(), uuid7()
    order = await make.order(make.line(fund, title_id=str(old)), make.line(fund))
    merged = TitleMerged(
        version=2,
        occurred_at=NOW,
        title_id=new,
        merged_ids=(old,),
        title=TitleSummary(title_id=new, version=2, title="Rivers"),
        holdings_moved=0,
        items_moved=0,
    )

    await erm.deliver(merged, source="catalog")
    await erm.deliver(merged, source="catalog")

    (line,) = (await make.get(f"/v1/order-lines?title_id={new}"))["items"]
    assert line["order_id"] == order["id"]
    assert [event.what for event in await erm.announced(OrderChanged)] == ["entered", "title-merged"]
