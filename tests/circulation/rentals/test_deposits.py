"""L24: what becomes of a deposit when the loan ends without the item, and when the item turns up after all."""

from typing import Any

import pytest

from contracts.circulation import FeeRefunded, ItemClaimResolved, ItemLostAndPaid
from support.desk import CONFIGURATION, Make
from support.harness import Harness
from support.losing import USUAL, claim, lose
from support.money import money_is_whole, owed


async def lent_for_a_deposit(circulation: Harness, make: Make, **lost: Any) -> tuple[Any, Any, Any]:
    """A patron who has paid 15 of 20 euros for a loan."""
    policies = [CONFIGURATION["loan_policies"][0] | {"deposit": 2000}, *CONFIGURATION["loan_policies"][1:]]
    rules = [rule | {"lost": "usual"} for rule in CONFIGURATION["rules"]]
    answer = await make.configure(
        loan_policies=policies, lost_policies=[USUAL | {"processing_fee": {}} | lost], rules=rules
    )
    assert answer.status_code == 200, answer.text
    patron, item = await make.patron(), await make.item()
    loan = await make.loan(patron, item)
    await pay(circulation, (await make.account(patron))["fees"][0], 1500)
    return patron, item, loan


async def pay(circulation: Harness, fee: dict[str, Any], amount: int) -> None:
    body = {"amount": amount, "currency": "EUR", "method": "card"}
    answer = await circulation.post(f"/v1/fees/{fee['id']}/payments", json=body)
    assert answer.status_code == 201, answer.text


def fee_of(told: Any, kind: str) -> dict[str, Any]:
    [fee] = [each for each in told.json()["fees"] if each["kind"] == kind]
    found: dict[str, Any] = fee
    return found


@pytest.mark.parametrize(("then", "left", "given_back"), [("keep", 500, 0), ("refund", 0, 1500)])
async def test_the_deposit_of_what_was_paid_for_is_kept_or_goes_back_as_the_policy_says(
    circulation: Harness, make: Make, then: str, left: int, given_back: int
) -> None:
    patron, item, loan = await lent_for_a_deposit(circulation, make, deposit_when_paid=then)

    lost = await lose(circulation, loan)
    await pay(circulation, fee_of(lost, "lost-item"), 3000)

    [told] = await circulation.announced(ItemLostAndPaid)
    assert (told.deposit, told.deposit_minor) == (then, given_back)
    assert await owed(make, patron) == left
    await make.take_back(item)  # it turns up: what was paid for it goes back, a deposit that was kept with it
    assert await owed(make, patron) == 0
    assert (await circulation.get(f"/v1/fees/{fee_of(lost, 'deposit')['id']}")).json()["state"] == "closed"
    assert sum(each.refunded.minor for each in await circulation.announced(FeeRefunded)) == 3000 + 1500
    await money_is_whole(circulation)


@pytest.mark.parametrize(("then", "left", "given_back"), [("keep", 500, 0), ("refund", 0, 1500)])
async def test_the_deposit_of_what_nobody_finds_is_kept_or_goes_back_as_the_policy_says(
    circulation: Harness, make: Make, then: str, left: int, given_back: int
) -> None:
    patron, _, loan = await lent_for_a_deposit(circulation, make, deposit_when_missing=then)
    await claim(circulation, loan)

    body = {"resolution": "missing"}
    told = await circulation.post(f"/v1/loans/{loan['id']}/claim-resolutions", json=body)

    [event] = await circulation.announced(ItemClaimResolved)
    assert (event.deposit, event.deposit_minor) == (then, given_back)
    assert fee_of(told, "deposit")["state"] == ("open" if left else "closed")
    assert await owed(make, patron) == left
    await money_is_whole(circulation)
