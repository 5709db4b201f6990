"""Some holds are not fetched by the patron but sent to them."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from contracts.circulation import HoldReady
from support.desk import CONFIGURATION, NOW, Make, codes, pointers
from support.harness import Harness

USUAL = CONFIGURATION["hold_policies"][0]
OFFICE = [{"kind": "office", "lines": ["Room 7"], "valid_to": "2027-06-30"}]
SENT: dict[str, Any] = {"fulfilment": "delivery", "delivery_address_type": "office"}


async def delivering(make: Make, **more: Any) -> None:
    policy = USUAL | {"fulfilments": ["hold-shelf", "delivery"], "unclaimed_fee": 300} | more
    answer = await make.configure(hold_policies=[policy], delivery_address_types=["office", "home"])
    assert answer.status_code == 200, answer.text


async def test_what_comes_in_for_delivery_is_sent_and_lent_when_it_is_handed_over(
    circulation: Harness, make: Make
) -> None:
    await delivering(make)
    patron, item = await make.patron(addresses=OFFICE), await make.item()
    hold = await make.hold(patron, item, **SENT)
    (told,) = (await make.account(patron))["holds"]

    step = (await make.take_back(item))["next_step"]
    listed = (
        await circulation.get(f"/v1/holds?pickup_id={make.desk}&state=ready&fulfilment=delivery")
    ).json()
    stranger = await make.lend(await make.patron(), item)
    await make.loan(patron, item)

    assert (told["fulfilment"], told["delivery_address_type"]) == ("delivery", "office")
    assert (step["step"], step["hold"]["delivery_address_type"]) == ("delivery", "office")
    assert [each["id"] for each in listed["items"]] == [hold["id"]]
    assert stranger.status_code == 409
    assert (await make.hold_of(hold))["state"] == "filled"
    (event,) = await circulation.announced(HoldReady)
    assert (event.hold.fulfilment, event.hold.delivery_address_type) == ("delivery", "office")


async def test_how_it_is_handed_over_is_the_policys_to_say(circulation: Harness, make: Make) -> None:
    item, patron = await make.item(), await make.patron(addresses=OFFICE)
    refused = await make.place(patron, title_id=str(item.title_ids[0]), **SENT)
    await delivering(make)
    unknown = await make.place(
        patron, title_id=str(item.title_ids[0]), fulfilment="delivery", delivery_address_type="moon"
    )
    nowhere = await make.place(patron, title_id=str(item.title_ids[0]), fulfilment="delivery")
    contradictory = await make.configure(hold_policies=[USUAL | {"fulfilments": ["delivery"]}])

    assert (codes(refused), codes(unknown)) == (
        ["fulfilment-not-allowed", "address-type-unknown"],
        ["address-type-unknown"],
    )
    assert (nowhere.status_code, contradictory.status_code) == (422, 422)
    assert pointers(contradictory) == ["/hold_policies/0/fulfilments"]


async def test_a_waiting_hold_is_sent_after_all_or_fetched_after_all(
    circulation: Harness, make: Make
) -> None:
    await delivering(make)
    item = await make.item()
    await make.loan(await make.patron(), item)
    hold = await make.hold(await make.patron(addresses=OFFICE), item)

    async def change(version: int, **wanted: Any) -> Any:
        headers = {"Idempotency-Key": str(uuid4()), "If-Match": f'"{version}"'}
        return await circulation.patch(f"/v1/holds/{hold['id']}", json=wanted, headers=headers)

    sent, moon = await change(1, **SENT), await change(2, **SENT | {"delivery_address_type": "moon"})
    fetched = await change(2, fulfilment="hold-shelf")

    assert (sent.json()["fulfilment"], sent.json()["delivery_address_type"]) == ("delivery", "office")
    assert codes(moon) == ["address-type-unknown"]
    assert (fetched.json()["fulfilment"], fetched.json()["delivery_address_type"]) == ("hold-shelf", None)


async def test_nobody_pays_for_not_fetching_what_was_to_be_sent(circulation: Harness, make: Make) -> None:
    await delivering(make)
    patron, item = await make.patron(addresses=OFFICE), await make.item()
    hold = await make.hold(patron, item, **SENT)
    await make.take_back(item)

    circulation.at(NOW + timedelta(days=30))
    await circulation.tick("expire-holds")

    assert (await make.hold_of(hold))["state"] == "shelf-expired"
    assert (await make.account(patron))["owed"] == 0


@pytest.mark.parametrize(
    "addresses",
    [
        [],
        [{"kind": "home", "lines": ["1 Long Lane"]}],
        [{"kind": "office", "lines": ["Room 7"], "valid_to": "2027-02-28"}],
        [{"kind": "office", "lines": ["Room 7"], "valid_from": "2027-03-02"}],
    ],
    ids=["none", "another", "of-former-times", "not-yet"],
)
async def test_nothing_is_sent_to_an_address_that_the_patron_has_not(
    circulation: Harness, make: Make, addresses: list[dict[str, Any]]
) -> None:
    await delivering(make)
    patron, item = await make.patron(addresses=addresses), await make.item()
    title_id = str(item.title_ids[0])

    refused = await make.place(patron, title_id=title_id, **SENT)
    hold = await make.hold(patron, item)
    headers = {"Idempotency-Key": str(uuid4()), "If-Match": '"1"'}
    await make.loan(await make.patron(), await make.item())
    changed = await circulation.patch(f"/v1/holds/{hold['id']}", json=SENT, headers=headers)

    assert (refused.status_code, codes(refused)) == (409, ["address-missing"])
    assert (changed.status_code, codes(changed)) == (409, ["address-missing"])
    assert pointers(changed) == ["/delivery_address_type"]
