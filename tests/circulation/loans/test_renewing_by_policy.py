"""Renewals that a policy stops or allows: unseen items, copies on the shelf, overdue items, a policy that is gone."""

from datetime import timedelta
from typing import Any

from contracts.circulation import LoanCreated, LoanRenewed
from support.desk import CONFIGURATION, NOW, Make, codes, themselves
from support.harness import Harness

DAY = timedelta(days=1)


async def renews(make: Make, **policy: Any) -> None:
    policies = [CONFIGURATION["loan_policies"][0] | policy, *CONFIGURATION["loan_policies"][1:]]
    answer = await make.configure(loan_policies=policies)
    assert answer.status_code == 200, answer.text


async def test_a_patron_renews_from_afar_until_somebody_has_to_see_the_item(
    circulation: Harness, make: Make
) -> None:
    await renews(make, max_unseen=1, max_renewals=9)
    patron = await make.patron()
    path = f"/v1/loans/{(await make.loan(patron, await make.item()))['id']}/renewals"
    unseen = []

    with circulation.asking(themselves(patron)):
        for day, body in ((1, {}), (2, {"seen": True})):
            circulation.at(NOW + day * DAY)
            unseen.append(await circulation.post(path, json=body))
    by_telephone = await circulation.post(path, json={"seen": False})
    at_the_desk = await circulation.post(path, json={})
    circulation.at(NOW + 3 * DAY)
    with circulation.asking(themselves(patron)):
        again = await circulation.post(path)

    assert [answer.status_code for answer in unseen] == [201, 409]
    assert (unseen[0].json()["unseen"], codes(unseen[1])) == (1, ["unseen-limit"])
    assert codes(by_telephone) == ["unseen-limit"]
    assert (at_the_desk.json()["unseen"], again.json()["unseen"]) == (0, 1)


async def test_copies_on_the_shelf_let_a_renewal_pass_for_a_shorter_time(
    circulation: Harness, make: Make
) -> None:
    await renews(make, renew_if_copies_suffice=True, holds_renewal_period={"amount": 7, "unit": "day"})
    item, borrower = await make.item(), await make.patron()
    other = await make.item(title_ids=item.title_ids)
    loan, path = await make.loan(borrower, item), "/v1/loans/{}/renewals?dry_run=true"
    path = path.format(loan["id"])
    circulation.at(NOW + 23 * DAY)

    await make.hold(await make.patron(), item)  # a page: the other copy is fetched for it
    paged = (await circulation.post(path)).json()
    await make.hold(await make.patron(), item, kind="hold")
    too_many = (await circulation.post(path)).json()
    third = await make.item(title_ids=item.title_ids)
    enough = (await circulation.post(path)).json()
    await make.place(await make.patron(), item_id=str(item.item_id))
    this_very_item = (await circulation.post(path)).json()

    assert (await make.state(other))["state"] == "paged"
    assert (paged["allowed"], paged["due_at"]) == (True, "2027-03-31T21:59:59Z")
    assert [block["code"] for block in too_many["blocks"]] == ["holds-wait"]
    assert (enough["allowed"], third.title_ids) == (True, item.title_ids)
    assert [block["code"] for block in this_very_item["blocks"]] == ["holds-wait"]


async def test_one_overdue_item_stops_every_renewal_where_the_policy_says_so(
    circulation: Harness, make: Make
) -> None:
    await renews(make, when_overdue="block-all")
    patron = await make.patron()
    video = await make.loan(patron, await make.item(material_type="video"))
    circulation.at(NOW + DAY)
    loan = await make.loan(patron, await make.item())
    circulation.at(NOW + 9 * DAY)

    stopped = await circulation.post(f"/v1/loans/{loan['id']}/renewals")
    would = (await make.account(patron))["loans"]
    elsewhere = await circulation.post(f"/v1/loans/{video['id']}/renewals")

    assert codes(stopped) == ["others-overdue"]
    told = {each["id"]: [why["code"] for why in each["actions"]["renew"]["reasons"]] for each in would}
    assert told == {loan["id"]: ["others-overdue"], video["id"]: []}
    assert elsewhere.status_code == 201


async def test_a_rule_whose_policy_is_gone_stops_the_loan_and_the_renewal_with_a_code(
    circulation: Harness, make: Make
) -> None:
    patron, item = await make.patron(), await make.item()
    loan = await make.loan(patron, await make.item())
    broken = CONFIGURATION["rules"][0] | {"loan": "gone"}
    pool = circulation.resources.pool
    await pool.execute(
        "INSERT INTO configuration_version (version, document, applied_at, applied_by) VALUES (2, $1, $2, 'x')",
        CONFIGURATION | {"rules": [broken, *CONFIGURATION["rules"][1:]]},
        NOW,
    )
    await pool.execute("UPDATE reference SET version = 2")
    circulation.at(NOW + DAY)

    refused = await make.lend(patron, item)
    renewed = await circulation.post(f"/v1/loans/{loan['id']}/renewals")
    video = await make.lend(patron, await make.item(material_type="video"))

    assert (refused.status_code, codes(refused)) == (409, ["loan-policy-unknown"])
    assert (renewed.status_code, codes(renewed)) == (409, ["loan-policy-unknown"])
    assert video.status_code == 201
    assert len(await circulation.announced(LoanCreated)) == 2
    assert await circulation.announced(LoanRenewed) == []


async def test_lending_again_at_the_limit_of_loans_is_a_renewal_and_not_one_too_many(
    circulation: Harness, make: Make
) -> None:
    patron, item = await make.patron(group="visitor"), await make.item()
    for each in (item, await make.item()):
        await make.loan(patron, each)
    circulation.at(NOW + DAY)

    again = await make.lend(patron, item)
    third = await make.lend(patron, await make.item())

    assert (again.status_code, again.json()["renewals"]) == (201, 1)
    assert codes(third) == ["group-loan-limit"]


async def test_a_new_item_is_lent_and_fetched_only_at_home_for_a_while(
    circulation: Harness, make: Make
) -> None:
    await renews(make, new_items={"days": 30})
    patron, law = await make.patron(), {"service_point_id": str(make.desks["law-desk"])}
    new, old = await make.item(created_at=NOW - 5 * DAY), await make.item(created_at=NOW - 30 * DAY)

    away = await make.lend(patron, new, **law)
    fetched = await make.place(patron, at="law-desk", item_id=str(new.item_id))
    why = await circulation.get(
        f"/v1/rules:explain?item_id={new.item_id}&patron_group=student&action=check-out",
        params=None,
    )
    there = await circulation.get(
        f"/v1/rules:explain?item_id={new.item_id}&patron_group=student&action=check-out"
        f"&service_point_id={make.desks['law-desk']}"
    )
    lent = [await make.lend(patron, old, **law), await make.lend(patron, new)]
    await make.take_back(new)
    wish = {"refusals": ["new-item-local"], "comment": "the author reads from it there"}
    sent = await make.place(await make.patron(), at="law-desk", item_id=str(new.item_id), override=wish)

    assert (codes(away), codes(fetched)) == (["new-item-local"], ["new-item-local"])
    assert (away.json()["reasons"][0]["value"], away.json()["reasons"][0]["limit"]) == (5, 30)
    assert why.json()["decided"]["allowed"] is True
    assert [block["code"] for block in there.json()["decided"]["blocks"]] == ["new-item-local"]
    assert there.json()["policies"]["loan"]["new_items"] == {"days": 30}
    assert [answer.status_code for answer in (*lent, sent)] == [201, 201, 201]
    assert (await make.state(new))["state"] == "paged"
