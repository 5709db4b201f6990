"""Years, funds and budgets through the front door: who may, what is refused, and who was first."""

from typing import Any

import pytest

from chassis.principal import Principal
from support.acquiring import YEAR, Make
from support.desk import codes, pointers
from support.harness import Harness


async def test_a_budget_gets_money_gives_some_and_tells_of_all(make: Make) -> None:
    one, two = await make.budget("1000.00"), await make.budget("0")

    await make.post(f"/v1/budgets/{one['id']}/allocations", {"amount": "250.50", "note": "the dean"})
    moved = await make.post(
        "/v1/fund-transfers", {"from_budget_id": one["id"], "to_budget_id": two["id"], "amount": "100.25"}
    )
    given = await make.post(
        f"/v1/budgets/{two['id']}/allocations", {"amount": "50", "from_budget_id": one["id"]}
    )

    now = await make.now(one)
    assert moved["from_budget"]["available"] == "1150.25"
    assert (now["allocated"], now["transferred"], now["available"]) == ("1200.50", "-100.25", "1100.25")
    assert (given["allocated"], given["funding"], given["encumbered"]) == ("50.00", "150.25", "0.00")
    told = (await make.get(f"/v1/budgets/{one['id']}/transactions"))["items"]
    assert [(each["act"], each["allocated"], each["transferred"]) for each in told] == [
        ("allocate", "-50.00", "0.00"),
        ("transfer", "0.00", "-100.25"),
        ("allocate", "250.50", "0.00"),
        ("allocate", "1000.00", "0.00"),
    ]
    assert (told[1]["counterpart_id"], told[2]["note"]) == (two["id"], "the dean")
    assert (await make.rebuilt())["differences"] == []


async def test_a_sum_that_was_written_past_the_services_is_found_and_mended(erm: Harness, make: Make) -> None:
    budget = await make.budget("10.00")
    await erm.resources.pool.execute("UPDATE budget SET allocated = 999, expended = 3")

    found = await make.rebuilt()
    mended = await make.post("/v1/ledgers:rebuild", {"repair": True}, expect=200)

    assert [(each["sum"], each["kept"], each["rebuilt"]) for each in found["differences"]] == [
        ("allocated", 999, 1000),
        ("expended", 3, 0),
    ]
    assert (found["budgets"], found["transactions"], found["repaired"], mended["repaired"]) == (
        1,
        1,
        False,
        True,
    )
    assert (await make.rebuilt())["differences"] == []
    assert (await make.now(budget))["available"] == "10.00"


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("12.505", "too-many-decimals"),
        ("99999999999999999999", "amount-too-large"),
        ("-1", "amount-negative"),
        ("1e3", "string-pattern-mismatch"),
        (12.5, "value-error"),
        (10**400, "value-error"),
        (None, "string-type"),
        ("NaN", "string-pattern-mismatch"),
    ],
    ids=lambda told: str(told)[:20],
)
async def test_amounts_that_are_none_are_told_so(erm: Harness, make: Make, amount: Any, code: str) -> None:
    fund = await make.post("/v1/funds", {"ledger_id": make.ledger["id"], "code": "X", "name": "X"})
    body = {"fund_id": fund["id"], "fiscal_year_id": make.year["id"], "allocated": amount}

    answer = await erm.post("/v1/budgets", json=body)

    assert answer.status_code in (422, 400), answer.text
    assert answer.status_code == 400 or (codes(answer), pointers(answer)) == ([code], ["/allocated"])
    assert (await make.get("/v1/budgets"))["items"] == []


async def test_one_budget_for_a_fund_and_a_year_of_its_kind(erm: Harness, make: Make) -> None:
    budget = await make.budget()
    francs = await make.open_year(code="CHF2027", series="CH", currency="CHF")
    body = {"fund_id": budget["fund_id"], "fiscal_year_id": make.year["id"]}

    again = await erm.post("/v1/budgets", json=body)
    abroad = await erm.post("/v1/budgets", json=body | {"fiscal_year_id": francs["id"]})
    nowhere = await erm.post("/v1/budgets", json={"fund_id": francs["id"], "fiscal_year_id": budget["id"]})
    classes = await erm.post("/v1/budgets", json=body | {"expense_classes": ["none"]})

    assert (again.status_code, codes(again)) == (409, ["budget-taken"])
    assert (abroad.status_code, codes(abroad)) == (409, ["fiscal-year-of-another-kind"])
    assert (nowhere.status_code, codes(nowhere)) == (422, ["fund-unknown", "fiscal-year-unknown"])
    assert (classes.status_code, codes(classes)) == (422, ["expense-class-unknown"])


async def test_money_moves_within_a_ledger_and_no_further_than_there_is(erm: Harness, make: Make) -> None:
    one, two = await make.budget("100"), await make.budget("0")
    other = await make.post("/v1/ledgers", {"code": "OTHER", "name": "Other", "currency": "EUR"})
    third = await make.budget("0", ledger_id=other["id"])
    body = {"from_budget_id": one["id"], "to_budget_id": two["id"], "amount": "100.01"}

    refused = await erm.post("/v1/fund-transfers", json=body)
    override = {"limits": ["encumbrance-limit"], "comment": "I say so"}
    forced = await erm.post("/v1/fund-transfers", json=body | {"override": override})
    across = await erm.post("/v1/fund-transfers", json=body | {"to_budget_id": third["id"]})
    itself = await erm.post("/v1/fund-transfers", json=body | {"to_budget_id": one["id"], "amount": "0"})

    assert (refused.status_code, codes(refused)[0]) == (409, "funding-below-nothing")
    assert (forced.status_code, "funding-below-nothing" in codes(forced)) == (409, True)
    assert (across.status_code, codes(across)) == (422, ["budgets-of-different-kinds"])
    assert codes(itself) == ["amount-nothing", "budget-the-same"]
    assert (await make.now(one))["available"] == "100.00"


async def test_two_who_take_the_last_money_at_once_do_not_both_get_it(erm: Harness, make: Make) -> None:
    one, two, three = await make.budget("100"), await make.budget("0"), await make.budget("0")
    wishes = [
        {"from_budget_id": one["id"], "to_budget_id": target["id"], "amount": "60"}
        for target in (two, three, two, three)
    ]

    answers = await make.at_once(*(erm.post("/v1/fund-transfers", json=wish) for wish in wishes))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert (await make.now(one))["available"] == "40.00"
    assert (await make.rebuilt())["differences"] == []


async def test_transfers_to_and_fro_do_not_wait_for_each_other_for_ever(erm: Harness, make: Make) -> None:
    one, two = await make.budget("100"), await make.budget("100")
    pairs = [(one, two), (two, one)] * 4

    answers = await make.at_once(
        *(
            erm.post(
                "/v1/fund-transfers", json={"from_budget_id": a["id"], "to_budget_id": b["id"], "amount": "5"}
            )
            for a, b in pairs
        )
    )

    assert {answer.status_code for answer in answers} == {201}
    assert ((await make.now(one))["available"], (await make.now(two))["available"]) == ("100.00", "100.00")


async def test_years_of_a_series_do_not_overlap_however_many_enter_them(erm: Harness, make: Make) -> None:
    wishes = [
        YEAR | {"code": f"FY{n}", "starts_on": "2028-01-01", "ends_on": f"2028-12-{n}"} for n in (28, 29, 30)
    ]

    answers = await make.at_once(*(erm.post("/v1/fiscal-years", json=wish) for wish in wishes))
    backwards = await erm.post("/v1/fiscal-years", json=YEAR | {"code": "B", "ends_on": "2026-01-01"})
    nowhere = await erm.post("/v1/fiscal-years", json=YEAR | {"code": "C", "currency": "XYZ"})

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert (backwards.status_code, nowhere.status_code, pointers(nowhere)) == (422, 422, ["/currency"])


async def test_a_closed_year_takes_its_budgets_along_and_gives_them_back(erm: Harness, make: Make) -> None:
    budget = await make.budget("10")
    frozen = await make.budget("10")
    held = await erm.put(
        f"/v1/budgets/{frozen['id']}",
        json={"state": "frozen", "encumbrance_percent": None},
        headers={"If-Match": f'"{frozen["version"]}"'},
    )
    acts = f"/v1/fiscal-years/{make.year['id']}/actions"

    closed = await make.post(acts, {"action": "close"}, expect=200)
    refused = await erm.post(f"/v1/budgets/{budget['id']}/allocations", json={"amount": "1"})
    new = await erm.post(
        "/v1/budgets", json={"fund_id": budget["fund_id"], "fiscal_year_id": make.year["id"]}
    )
    by_hand = await erm.put(
        f"/v1/budgets/{budget['id']}", json={"state": "active"}, headers={"If-Match": '"3"'}
    )
    again = await erm.post(acts, json={"action": "close"})
    await make.post(acts, {"action": "reopen"}, expect=200)

    assert (held.json()["state"], held.json()["encumbrance_percent"]) == ("frozen", None)
    assert closed["state"] == "closed"
    assert codes(refused) == ["fiscal-year-closed", "budget-not-active"]
    assert (codes(new), codes(by_hand), codes(again)) == (
        ["fiscal-year-closed"],
        ["budget-state"],
        ["fiscal-year-state"],
    )
    assert ((await make.now(budget))["state"], (await make.now(frozen))["state"]) == ("active", "frozen")


async def test_what_somebody_else_changed_is_not_overwritten(erm: Harness, make: Make) -> None:
    budget = await make.budget("10")
    for path, body in (
        (f"/v1/budgets/{budget['id']}", {"state": "active"}),
        (f"/v1/funds/{budget['fund_id']}", {"code": "F1", "name": "New name"}),
        (
            f"/v1/organisations/{make.vendor['id']}",
            {"code": "BOOKS", "name": "New", "roles": ["vendor", "publisher"]},
        ),
    ):
        read = await erm.get(path)
        tag = {"If-Match": read.headers["etag"]}
        first, second = (
            await erm.put(path, json=body, headers=tag),
            await erm.put(path, json=body, headers=tag),
        )
        blind = await erm.put(path, json=body)
        assert (first.status_code, second.status_code, blind.status_code) == (200, 412, 428), first.text
        assert first.headers["etag"] != read.headers["etag"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/organisations", {"code": "BOOKS", "name": "Other"}),
        ("/v1/ledgers", {"code": "MAIN", "name": "Other", "currency": "EUR"}),
        ("/v1/fiscal-years", YEAR | {"starts_on": "2030-01-01", "ends_on": "2030-12-31"}),
    ],
    ids=["organisation", "ledger", "year"],
)
async def test_a_code_is_given_once(erm: Harness, make: Make, path: str, body: dict[str, Any]) -> None:
    answer = await erm.post(path, json=body)

    assert (answer.status_code, pointers(answer)) == (409, ["/code"])


async def test_a_limit_is_set_aside_by_whoever_may(erm: Harness, make: Make) -> None:
    budget = await make.budget("10")
    path = f"/v1/budgets/{budget['id']}/allocations"
    body = {"amount": "-1", "override": {"limits": ["encumbrance-limit"], "comment": "x"}}
    clerk = Principal("staff", "clerk", frozenset({"finance:write"}))

    with erm.asking(clerk):
        forbidden = await erm.post(path, json=body)
    unknown = await erm.post(path, json=body | {"override": {"limits": ["none"], "comment": "x"}})

    assert (forbidden.status_code, codes(forbidden)) == (403, ["scope-missing"])
    assert (unknown.status_code, codes(unknown)) == (422, ["limit-unknown"])


async def test_the_same_call_again_changes_nothing(erm: Harness, make: Make) -> None:
    budget = await make.budget("10")
    path = f"/v1/budgets/{budget['id']}/allocations"

    first = await erm.post(path, json={"amount": "5"}, key="k1")
    again = await erm.post(path, json={"amount": "5"}, key="k1")
    other = await erm.post(path, json={"amount": "6"}, key="k1")
    without = await erm.post(path, json={"amount": "6"}, key="")

    assert (first.json(), again.status_code) == (again.json(), 201)
    assert (other.status_code, without.status_code) == (422, 400)
    assert (await make.now(budget))["available"] == "15.00"
