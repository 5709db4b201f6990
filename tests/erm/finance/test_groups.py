"""Funds in groups, year by year, through the front door: what a group has is what its funds have, to the cent."""

import asyncio
from typing import Any

from chassis.principal import Principal
from support.acquiring import Make
from support.desk import codes
from support.harness import Harness
from support.units import buyer, put_into, unit


async def grouped(make: Make, code: str, *budgets: dict[str, Any]) -> dict[str, Any]:
    """A group with the funds of these budgets, each in its budget's year."""
    group = await make.post("/v1/fund-groups", {"code": code, "name": f"Group {code}"})
    for budget in budgets:
        answer = await make.erm.put(of(group, budget))
        assert answer.status_code == 200, answer.text
    return group


def of(group: dict[str, Any], budget: dict[str, Any]) -> str:
    """A fund's place in a group, in its budget's year."""
    return f"/v1/fund-groups/{group['id']}/fiscal-years/{budget['fiscal_year_id']}/funds/{budget['fund_id']}"


async def had(make: Make, group: dict[str, Any], year: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a group has in the year."""
    return await make.get(f"/v1/fund-groups/{group['id']}/fiscal-years/{(year or make.year)['id']}")


async def test_a_group_has_what_its_funds_have_to_the_cent(make: Make) -> None:
    one, two, other = await make.budget("1000.01"), await make.budget("500.10"), await make.budget("77")
    arts = await grouped(make, "ARTS", one, two)
    order = await make.approved(make.line(one, "100.03"), make.line(two, "50.07"))
    first = order["lines"][0]
    await make.receive(first)
    invoice = await make.invoice(make.charge(first, "100.03", last=True))
    await make.handle(invoice, "approve")
    await make.handle(invoice, "pay")
    await make.post(
        "/v1/fund-transfers", {"from_budget_id": one["id"], "to_budget_id": other["id"], "amount": "0.11"}
    )

    told = await had(make, arts)

    assert (told["funds"], told["budgets"], told["currency"], told["fiscal_year"]) == (2, 2, "EUR", "FY2027")
    assert {name: told[name] for name in ("allocated", "transferred", "encumbered", "expended")} == {
        "allocated": "1500.11",
        "transferred": "-0.11",
        "encumbered": "50.07",
        "expended": "100.03",
    }
    assert (told["funding"], told["unavailable"], told["available"]) == ("1500.00", "150.10", "1349.90")
    assert told["cash_balance"] == "1399.97"


async def test_what_a_rebuild_mends_is_mended_in_its_groups(erm: Harness, make: Make) -> None:
    one, two = await make.budget("10.00"), await make.budget("20.00")
    group = await grouped(make, "G", one, two)
    before = await had(make, group)
    await erm.resources.pool.execute(
        "UPDATE budget SET allocated = 999, encumbered = 3 WHERE id = $1", one["id"]
    )

    wrong = await had(make, group)
    await make.post("/v1/ledgers:rebuild", {"repair": True}, expect=200)

    assert wrong["allocated"] == "29.99"
    assert await had(make, group) == before
    by_transactions = await erm.resources.pool.fetchval(
        """SELECT sum(t.allocated) FROM budget_transaction t JOIN budget b ON b.id = t.budget_id
        JOIN fund_group_member m ON m.fund_id = b.fund_id AND m.fiscal_year_id = b.fiscal_year_id"""
    )
    assert before["allocated"] == "30.00"
    assert by_transactions == 3000


async def test_a_funds_overspending_stays_its_own_though_others_have_money(make: Make) -> None:
    poor, rich = await make.budget("10", encumbrance_percent=None), await make.budget("1000")
    group = await grouped(make, "G", poor, rich)
    await make.approved(make.line(poor, "25.00"))
    limited = await make.budget("10")
    await make.erm.put(of(group, limited))

    refused = await make.try_to(await make.order(make.line(limited, "11.00")), "approve")

    told = await had(make, group)
    assert (told["available"], told["over_encumbered"], told["over_expended"]) == ("995.00", "15.00", "0.00")
    assert (refused.status_code, codes(refused)) == (409, ["encumbrance-limit"])


async def test_a_fund_is_in_other_groups_in_other_years(erm: Harness, make: Make) -> None:
    fund = await make.budget("10")
    later = await make.open_year(code="FY2028", starts_on="2028-01-01", ends_on="2028-12-31")
    body = {"fund_id": fund["fund_id"], "fiscal_year_id": later["id"], "allocated": "7"}
    next_one = await make.post("/v1/budgets", body)
    arts, law = await grouped(make, "ARTS", fund), await grouped(make, "LAW", next_one)
    bare = await make.post(
        "/v1/funds", {"ledger_id": make.ledger["id"], "code": "BARE", "name": "Without a budget"}
    )
    await erm.put(of(arts, {"fiscal_year_id": make.year["id"], "fund_id": bare["id"]}))

    told = [await had(make, group, year) for group in (arts, law) for year in (make.year, later)]
    this = (await make.get(f"/v1/fiscal-years/{make.year['id']}/fund-groups"))["items"]
    budgets = (await make.get(f"/v1/budgets?fund_group_id={law['id']}"))["items"]
    groups = (await make.get(f"/v1/fund-groups?fund_id={fund['fund_id']}"))["items"]
    funds = await make.get(f"/v1/fund-groups/{arts['id']}/fiscal-years/{make.year['id']}/funds?limit=1")
    cursor = funds["next_cursor"]
    rest = await make.get(
        f"/v1/fund-groups/{arts['id']}/fiscal-years/{make.year['id']}/funds?cursor={cursor}"
    )

    assert [(each["funds"], each["budgets"], each["allocated"]) for each in told] == [
        (2, 1, "10.00"),
        (0, 0, "0.00"),
        (0, 0, "0.00"),
        (1, 1, "7.00"),
    ]
    assert [(each["code"], each["allocated"]) for each in this] == [("ARTS", "10.00")]
    assert [each["id"] for each in budgets] == [next_one["id"]]
    assert [each["code"] for each in groups] == ["LAW", "ARTS"]
    assert [each["code"] for each in funds["items"] + rest["items"]] == ["BARE", "F1"]


async def test_what_does_not_go_together_is_refused_with_every_reason(erm: Harness, make: Make) -> None:
    fund = await make.budget("10")
    francs = await make.open_year(code="CHF2027", series="CH", currency="CHF")
    group = await grouped(make, "G")
    path = f"/v1/fund-groups/{group['id']}"
    changed = await erm.put(
        path, json={"code": "G", "name": "G", "active": False}, headers={"If-Match": '"1"'}
    )
    stale = await erm.put(path, json={"code": "G", "name": "H"}, headers={"If-Match": '"1"'})
    await make.post(f"/v1/fiscal-years/{francs['id']}/actions", {"action": "close"}, expect=200)

    refused = await erm.put(of(group, fund | {"fiscal_year_id": francs["id"]}))
    unknown = [
        await erm.put(of({"id": fund["id"]}, fund)),
        await erm.put(of(group, fund | {"fiscal_year_id": fund["id"]})),
        await erm.put(of(group, fund | {"fund_id": fund["id"]})),
        await erm.delete(of(group, fund)),
    ]
    taken = await erm.post("/v1/fund-groups", json={"code": "G", "name": "Again"})

    assert (changed.status_code, stale.status_code, codes(taken)) == (200, 412, ["code-taken"])
    assert codes(refused) == ["fiscal-year-closed", "fund-group-inactive", "fiscal-year-of-another-kind"]
    assert [each.json()["code"] for each in unknown] == [
        "fund-group-unknown",
        "fiscal-year-unknown",
        "fund-unknown",
        "fund-not-in-group",
    ]


async def test_groups_of_a_closed_year_stay_as_they_were(erm: Harness, make: Make) -> None:
    fund, new = await make.budget("10"), await make.budget("5")
    group = await grouped(make, "G", fund)
    await make.post(f"/v1/fiscal-years/{make.year['id']}/actions", {"action": "close"}, expect=200)

    out, into = await erm.delete(of(group, fund)), await erm.put(of(group, new))
    told = await had(make, group)
    await make.post(f"/v1/fiscal-years/{make.year['id']}/actions", {"action": "reopen"}, expect=200)
    again = await erm.delete(of(group, fund))

    assert (codes(out), codes(into)) == (["fiscal-year-closed"], ["fiscal-year-closed"])
    assert (told["allocated"], again.status_code) == ("10.00", 204)
    assert (await had(make, group))["funds"] == 0


async def test_put_in_by_many_at_once_a_fund_counts_once(erm: Harness, make: Make) -> None:
    fund = await make.budget("10")
    group = await grouped(make, "G")
    inactive = {"code": "G", "name": "G", "active": False}

    answers = await asyncio.gather(*(erm.put(of(group, fund)) for _ in range(6)))
    other = await make.budget("5")
    ended, late = await asyncio.gather(
        erm.put(f"/v1/fund-groups/{group['id']}", json=inactive, headers={"If-Match": '"1"'}),
        erm.put(of(group, other)),
    )

    told = await had(make, group)
    assert {answer.status_code for answer in answers} == {200}
    assert (ended.status_code, late.status_code) in ((200, 200), (200, 409))
    assert told["allocated"] == ("15.00" if late.status_code == 200 else "10.00")


async def test_what_somebody_may_not_see_is_in_no_sum_of_theirs(erm: Harness, make: Make) -> None:
    own, open_one = await make.budget("100"), await make.budget("10")
    group = await grouped(make, "G", own, open_one)
    law = await unit(make, "Law", "jurist")
    assert (await put_into(make, "/v1/funds", {"id": own["fund_id"]}, law)).status_code == 200
    funds = f"/v1/fund-groups/{group['id']}/fiscal-years/{make.year['id']}/funds"

    with erm.asking(buyer("painter")):
        theirs = await had(make, group)
        listed = (await make.get(funds))["items"]
        reported = (await make.get(f"/v1/fiscal-years/{make.year['id']}/fund-groups"))["items"]
        hidden = await erm.delete(of(group, own))
    with erm.asking(buyer("jurist")):
        mine = await had(make, group)

    assert (theirs["funds"], theirs["allocated"], mine["allocated"]) == (1, "10.00", "110.00")
    assert ([each["id"] for each in listed], reported[0]["allocated"]) == ([open_one["fund_id"]], "10.00")
    assert (hidden.status_code, hidden.json()["code"]) == (404, "fund-unknown")


async def test_whoever_only_reads_changes_no_group(erm: Harness, make: Make) -> None:
    fund = await make.budget("10")
    group = await grouped(make, "G")

    with erm.asking(Principal("staff", "reader", frozenset({"finance:read"}))):
        answers = [
            await erm.post("/v1/fund-groups", json={"code": "H", "name": "H"}),
            await erm.put(of(group, fund)),
            await erm.delete(of(group, fund)),
        ]
        read = await had(make, group)

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert read["funds"] == 0


async def test_a_rollover_takes_funds_into_the_same_groups_of_the_next_year(erm: Harness, make: Make) -> None:
    one, two, left = await make.budget("10"), await make.budget("20"), await make.budget("30")
    later = await make.open_year(code="FY2028", starts_on="2028-01-01", ends_on="2028-12-31")
    arts, law = await grouped(make, "ARTS", one, two, left), await grouped(make, "LAW")
    await erm.put(of(law, two | {"fiscal_year_id": later["id"]}))
    body = {
        "ledger_id": make.ledger["id"],
        "from_year_id": make.year["id"],
        "to_year_id": later["id"],
        "budgets": [{"fund_ids": [one["fund_id"], two["fund_id"]], "allocate_percent": "100"}],
    }
    rollover = await make.post("/v1/rollovers", body)
    looked_at = (await had(make, arts, later))["funds"]

    await make.post(f"/v1/rollovers/{rollover['id']}/actions", {"action": "run"}, expect=200)

    told = [await had(make, group, later) for group in (arts, law)]
    assert looked_at == 0
    assert [(each["funds"], each["allocated"]) for each in told] == [(1, "10.00"), (1, "20.00")]
    assert (await had(make, arts))["funds"] == 3
