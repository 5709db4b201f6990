"""Many renewals in one call: each decided on its own, done once, told with its reasons."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from chassis.principal import Principal
from contracts.circulation import FeeCharged, LoanRenewed
from support.desk import NOW, Make, pointers, statements, themselves
from support.harness import Harness

DAY = timedelta(days=1)


async def test_one_loan_that_cannot_be_renewed_spoils_no_other(circulation: Harness, make: Make) -> None:
    patron, wanted = await make.patron(), await make.item()
    loans = [await make.loan(patron, item) for item in (await make.item(), wanted, await make.item())]
    await make.hold(await make.patron(), wanted)
    foreign = await make.loan(await make.patron(), await make.item())
    circulation.at(NOW + DAY)
    ids = [loan["id"] for loan in [*loans, foreign]] + [str(uuid4())]

    answer = await circulation.post(f"/v1/patrons/{patron['id']}/loans:renew", json={"loan_ids": ids})

    told = answer.json()
    assert (answer.status_code, told["renewed"], told["refused"]) == (200, 2, 3)
    assert [result["loan_id"] for result in told["results"]] == ids
    assert [result["renewed"] for result in told["results"]] == [True, False, True, False, False]
    assert [
        [reason["code"] for reason in result["problem"]["reasons"]]
        for result in told["results"]
        if result["problem"]
    ] == [["holds-wait"], ["loan-unknown"], ["loan-unknown"]]
    assert told["results"][0]["loan"]["due_at"] == "2027-03-30T21:59:59Z"
    assert len(await circulation.announced(LoanRenewed)) == 2


async def test_patrons_renew_all_that_is_theirs_the_one_due_first_first(
    circulation: Harness, make: Make
) -> None:
    patron, other = await make.patron(), await make.patron()
    long = await make.loan(patron, await make.item())
    short = await make.loan(patron, await make.item(material_type="video"))
    back = await make.item()
    await make.loan(patron, back)
    await make.take_back(back)
    circulation.at(NOW + DAY)

    with circulation.asking(themselves(patron)):
        answer = await circulation.post("/v1/patrons/me/loans:renew", json={"all": True})
    with circulation.asking(themselves(other)):
        foreign = await circulation.post(f"/v1/patrons/{patron['id']}/loans:renew", json={"all": True})
        none = await circulation.post("/v1/patrons/me/loans:renew", json={"all": True})

    assert [result["loan_id"] for result in answer.json()["results"]] == [short["id"], long["id"]]
    assert answer.json()["renewed"] == 2
    assert foreign.status_code == 404
    assert (none.status_code, none.json()["results"]) == (200, [])


async def test_a_repetition_renews_nothing_twice_even_when_it_comes_at_once(
    circulation: Harness, make: Make
) -> None:
    patron = await make.patron()
    for _ in range(3):
        await make.loan(patron, await make.item())
    circulation.at(NOW + 31 * DAY)
    path, body = f"/v1/patrons/{patron['id']}/loans:renew", {"all": True}

    answers = await asyncio.gather(*(circulation.post(path, json=body, key="all") for _ in range(4)))
    later = await circulation.post(path, json=body, key="all")
    other = await circulation.post(path, json={"loan_ids": [str(uuid4())]}, key="all")

    assert {answer.text for answer in answers} == {later.text}
    assert later.headers["Idempotency-Replayed"] == "true"
    assert other.json()["code"] == "idempotency-key-reused"
    assert later.json()["renewed"] == 3
    assert len(await circulation.announced(LoanRenewed)) == 3
    assert [event.fee.amount.minor for event in await circulation.announced(FeeCharged)] == [60, 60, 60]


async def test_what_broke_off_half_way_is_taken_up_again(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    for _ in range(3):
        await make.loan(patron, await make.item())
    circulation.at(NOW + DAY)
    path, body = f"/v1/patrons/{patron['id']}/loans:renew", {"all": True}
    first = (await circulation.post(path, json=body, key="all")).json()
    await circulation.resources.pool.execute("DELETE FROM idempotency WHERE key = 'all'")

    again = (await circulation.post(path, json=body, key="all")).json()

    assert again == first
    assert len(await circulation.announced(LoanRenewed)) == 3


async def test_each_loan_more_costs_two_statements(circulation: Harness, make: Make) -> None:
    few, many = await make.patron(), await make.patron()
    for patron, number in ((few, 2), (many, 7)):
        for _ in range(number):
            await make.loan(patron, await make.item())
    circulation.at(NOW + DAY)

    counts = []
    for patron in (few, many):
        async with statements(circulation) as asked:
            await circulation.post(f"/v1/patrons/{patron['id']}/loans:renew", json={"all": True})
        counts.append(len([query for query in asked if "loan" in query.query]))

    assert counts[1] - counts[0] == 2 * 5


async def test_who_renews_many_and_what_must_be_said(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    path = f"/v1/patrons/{patron['id']}/loans:renew"

    both = await circulation.post(path, json={"all": True, "loan_ids": [str(uuid4())]})
    neither = await circulation.post(path, json={})
    too_many = await circulation.post(path, json={"loan_ids": [str(uuid4()) for _ in range(201)]})
    keyless = await circulation.post(path, json={"all": True}, key="")
    nobody = await circulation.post(f"/v1/patrons/{uuid4()}/loans:renew", json={"all": True})
    odd = await circulation.post("/v1/patrons/me/loans:renew", json={"all": True})
    with circulation.asking(Principal("staff", "x", frozenset({"loans:read"}))):
        unscoped = await circulation.post(path, json={"all": True})
    with circulation.asking(None):
        anonymous = await circulation.post(path, json={"all": True})

    assert [answer.status_code for answer in (both, neither, too_many)] == [422, 422, 422]
    assert pointers(too_many) == ["/loan_ids"]
    assert (keyless.status_code, nobody.status_code, odd.status_code) == (400, 404, 404)
    assert (unscoped.status_code, anonymous.status_code) == (403, 401)


async def test_the_account_says_how_often_more_a_loan_may_be_renewed(
    circulation: Harness, make: Make
) -> None:
    patron = await make.patron()
    loan = await make.loan(patron, await make.item())

    before = (await make.account(patron))["loans"][0]["actions"]["renew"]["remaining"]
    circulation.at(NOW + DAY)
    await circulation.post(f"/v1/loans/{loan['id']}/renewals")
    after = (await make.account(patron))["loans"][0]["actions"]["renew"]["remaining"]

    assert (before, after) == (2, 1)
