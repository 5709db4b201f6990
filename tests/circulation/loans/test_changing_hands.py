"""An item that another patron brings to the desk: returned and lent in one step, where the library wants it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from chassis.principal import Principal
from contracts.circulation import FeeCharged, HoldFilled, LoanCreated, LoanReturned
from support.desk import NOW, Make, codes
from support.harness import Harness

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
async def _wanted(make: Make) -> None:
    await make.configure(desk={"auto_return": True})


async def dry(circulation: Harness, make: Make, patron: dict[str, Any], item: Any) -> Any:
    body = {"patron_id": patron["id"], "item_id": str(item.item_id), "service_point_id": make.desk}
    return (await circulation.post("/v1/loans?dry_run=true", json=body)).json()


async def test_lending_to_another_returns_it_first_and_tells_both(circulation: Harness, make: Make) -> None:
    first, second, item = await make.patron(), await make.patron(), await make.item()
    loan = await make.loan(first, item)
    circulation.at(NOW + 33 * DAY)

    told = await dry(circulation, make, second, item)
    lent = await make.lend(second, item, key="one")
    again = await make.lend(second, item, key="one")

    assert told["allowed"] is True
    assert (lent.status_code, lent.json()["instead_of"]) == (201, loan["id"])
    assert again.json() == lent.json()
    assert [str(event.loan_id) for event in await circulation.announced(LoanReturned)] == [loan["id"]]
    assert len(await circulation.announced(LoanCreated)) == 2
    # The first patron answers for the days it was late, and for nothing else any more.
    (fee,) = await circulation.announced(FeeCharged)
    assert (str(fee.patron_ref), fee.fee.amount.minor) == (first["id"], 100)
    assert (await make.account(first))["loans"] == []
    assert [each["id"] for each in (await make.account(second))["loans"]] == [lent.json()["id"]]


async def test_what_cannot_be_lent_on_stays_with_whoever_has_it(circulation: Harness, make: Make) -> None:
    first, second, third = await make.patron(), await make.patron(), await make.patron()
    expired = await make.patron(expires_at="2027-02-01T00:00:00Z")
    item = await make.item()
    loan = await make.loan(first, item)
    hold = await make.hold(third, item)
    before = await circulation.envelopes()

    waited_for = await make.lend(second, item)
    told = await dry(circulation, make, second, item)
    card = await make.lend(expired, item)

    assert codes(waited_for) == ["item-held-for-another"]
    assert [block["code"] for block in told["blocks"]] == ["item-held-for-another"]
    assert "card-expired" in codes(card)
    assert await circulation.envelopes() == before
    assert (await circulation.get(f"/v1/loans/{loan['id']}")).json()["returned_at"] is None
    # Whoever waits for it takes it from hand to hand.
    assert (await make.lend(third, item)).status_code == 201
    assert [str(event.hold_id) for event in await circulation.announced(HoldFilled)] == [hold["id"]]


async def test_only_a_desk_that_may_check_in_and_a_library_that_wants_it(
    circulation: Harness, make: Make
) -> None:
    second, item = await make.patron(), await make.item()
    await make.loan(await make.patron(), item)
    lending_only = Principal("staff", "kiosk", frozenset({"loans:create", "loans:backdate"}))

    with circulation.asking(lending_only):
        kiosk = await make.lend(second, item)
    past = await make.lend(second, item, lent_at=(NOW - timedelta(minutes=1)).isoformat())
    await make.configure()
    off = await make.lend(second, item)

    assert codes(kiosk) == codes(past) == codes(off) == ["item-on-loan"]


async def test_two_who_take_it_at_once_and_its_holder_leave_one_loan(
    circulation: Harness, make: Make
) -> None:
    item, holder = await make.item(), await make.patron()
    others = [await make.patron() for _ in range(4)]
    await make.loan(holder, item)

    answers = await asyncio.gather(*(make.lend(patron, item) for patron in (*others, holder)))

    assert {answer.status_code for answer in answers} <= {201, 409}
    lent, returned = (
        await circulation.announced(LoanCreated),
        await circulation.announced(LoanReturned),
    )
    assert len(lent) == len(returned) + 1
    assert {event.loan_id for event in returned} == {event.loan_id for event in lent[:-1]}
    accounts = [await make.account(patron) for patron in (*others, holder)]
    assert sum(len(account["loans"]) for account in accounts) == 1
