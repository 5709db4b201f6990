"""Returns: what the desk does next, however often it scans."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from chassis.principal import Principal
from contracts.catalog import ItemBase
from contracts.circulation import FeeCharged, HoldReady, HoldRequeued, ItemCheckedIn, LoanReturned
from support.desk import CONFIGURATION, NOW, Make, codes, pointers
from support.harness import Harness

DAY = timedelta(days=1)


async def test_an_item_that_is_not_on_loan_may_be_scanned_as_often_as_one_likes(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()

    steps = [(await make.take_back(item))["next_step"]["step"] for _ in range(2)]

    assert steps == ["reshelve", "reshelve"]
    assert [event.version for event in await circulation.announced(ItemCheckedIn)] == [1, 2]
    assert await circulation.announced(LoanReturned) == []


async def test_two_scans_at_once_end_one_loan_once(circulation: Harness, make: Make) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    circulation.at(NOW + 40 * DAY)

    backs = await asyncio.gather(*(make.take_back(item) for _ in range(4)))

    assert sum(back["loan"] is not None for back in backs) == 1
    assert len(await circulation.announced(LoanReturned)) == 1
    assert len(await circulation.announced(FeeCharged)) == 1


async def test_elsewhere_an_item_goes_home_and_a_third_desk_keeps_it_going(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)

    away = await make.take_back(item, at="law-desk")
    still = await make.take_back(item, at="law-desk")
    moving = await make.state(item)
    home = await make.take_back(item)

    assert away["next_step"]["step"] == still["next_step"]["step"] == "transit"
    assert away["next_step"]["to_service_point_id"] == make.desk
    assert moving["state"] == "in-transit"
    assert home["next_step"]["step"] == "reshelve"
    assert (await make.state(item))["state"] == "available"


async def test_a_book_drop_is_dated_back_and_the_shelf_is_not(circulation: Harness, make: Make) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    circulation.at(NOW + 29 * DAY)

    back = await make.take_back(item, returned_at=(NOW + 28 * DAY).isoformat())

    assert back["fine_minor"] == 0
    (event,) = await circulation.announced(LoanReturned)
    assert (event.returned_at, event.system_returned_at) == (NOW + 28 * DAY, NOW + 29 * DAY)


@pytest.mark.parametrize("moment", [NOW + timedelta(minutes=1), NOW - timedelta(days=4000)])
async def test_a_return_is_dated_neither_ahead_nor_ten_years_back(
    circulation: Harness, make: Make, moment: object
) -> None:
    item = await make.item()
    body = {"item_id": str(item.item_id), "service_point_id": make.desk, "returned_at": str(moment)}

    answer = await circulation.post("/v1/returns", json=body)

    assert (answer.status_code, pointers(answer)) == (422, ["/returned_at"])


async def test_a_return_dated_before_the_loan_speaks_of_another_loan(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    body = {"item_id": str(item.item_id), "service_point_id": make.desk}

    answer = await circulation.post("/v1/returns", json=body | {"returned_at": (NOW - DAY).isoformat()})

    assert (answer.status_code, codes(answer)) == (422, ["returned-before-lent"])
    assert (await make.state(item))["state"] == "on-loan"


@pytest.mark.parametrize("by", ["id", "barcode"])
async def test_an_unknown_item_and_desk_are_told_together(circulation: Harness, make: Make, by: str) -> None:
    body = {f"item_{by}": str(uuid4()), "service_point_id": str(uuid4())}

    answer = await circulation.post("/v1/returns", json=body)

    assert answer.status_code == 404
    assert pointers(answer) == [f"/item_{by}", "/service_point_id"]


async def test_staff_take_back_only_in_their_own_libraries(circulation: Harness, make: Make) -> None:
    item = await make.item()
    of_law = Principal("staff", "x", frozenset({"returns:create"}), libraries=frozenset({"LAW"}))

    with circulation.asking(of_law):
        answer = await circulation.post(
            "/v1/returns", json={"item_id": str(item.item_id), "service_point_id": make.desk}
        )

    assert answer.status_code == 403


@pytest.mark.parametrize("base", [ItemBase.MISSING, ItemBase.LONG_MISSING, ItemBase.WITHDRAWN])
async def test_what_was_thought_gone_is_put_aside(circulation: Harness, make: Make, base: ItemBase) -> None:
    await make.configure(desk={"missing": "put-aside"})
    item = await make.item()
    patron = await make.patron()
    await make.loan(patron, item)
    await make.tell(item, base_state=base)

    back = await make.take_back(item)

    assert back["next_step"]["step"] == "put-aside"
    assert back["loan"]["returned_at"] is not None
    assert (await make.account(patron))["loans"] == []


async def test_a_dry_run_of_a_return_writes_nothing(circulation: Harness, make: Make) -> None:
    item = await make.item()
    first, second = await make.patron(), await make.patron()
    loan = await make.loan(first, item)
    hold = await make.hold(second, item)
    circulation.at(NOW + 33 * DAY)
    before = await circulation.envelopes()
    body = {"item_id": str(item.item_id), "service_point_id": make.desk}

    told = (await circulation.post("/v1/returns?dry_run=true&explain=true", json=body)).json()

    assert told["next_step"]["step"] == "hold-shelf"
    assert told["next_step"]["hold"]["hold_id"] == hold["id"]
    assert (told["fine_minor"], told["fee_id"]) == (100, None)
    assert told["explanation"]["rules"][0]["won"] is True
    assert await circulation.envelopes() == before
    assert (await circulation.get(f"/v1/loans/{loan['id']}")).json()["returned_at"] is None
    assert (await make.hold_of(hold))["state"] == "waiting"


async def test_a_hold_elsewhere_sends_the_item_there_and_it_is_ready_when_it_arrives(
    circulation: Harness, make: Make
) -> None:
    item, waiting = await make.item(), await make.patron()
    await make.loan(await make.patron(), item)
    hold = await make.hold(waiting, item, at="law-desk")

    sent = await make.take_back(item)
    on_its_way = await make.hold_of(hold)
    again = await make.take_back(item)
    arrived = await make.take_back(item, at="law-desk")
    ready = await make.hold_of(hold)

    assert sent["next_step"]["step"] == again["next_step"]["step"] == "transit"
    assert (on_its_way["state"], on_its_way["item_id"]) == ("in-transit", str(item.item_id))
    assert arrived["next_step"]["step"] == "hold-shelf"
    assert (ready["state"], ready["version"]) == ("ready", 3)
    assert ready["shelf_expires_at"] == arrived["next_step"]["hold"]["shelf_expires_at"] is not None
    assert len(await circulation.announced(HoldReady)) == 1


async def test_an_item_scanned_away_from_its_shelf_is_on_its_way_again(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    hold = await make.hold(await make.patron(), item)
    await make.take_back(item)

    await make.take_back(item, at="law-desk")

    strayed = await make.hold_of(hold)
    assert (strayed["state"], strayed["shelf_expires_at"], strayed["ready_at"]) == ("in-transit", None, None)


async def test_a_hold_waits_again_when_the_item_on_its_way_is_put_aside(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    other = await make.item(title_ids=item.title_ids)
    for lent in (item, other):
        await make.loan(await make.patron(), lent)
    hold = await make.hold(await make.patron(), item, at="law-desk")
    await make.take_back(item)
    await make.tell(item, base_state=ItemBase.WITHDRAWN)

    aside = await make.take_back(item, at="law-desk")
    waits = await make.hold_of(hold)
    filled = await make.take_back(other, at="law-desk")

    assert aside["next_step"]["step"] == "put-aside"
    assert (waits["state"], waits["item_id"]) == ("waiting", None)
    assert filled["next_step"]["hold"]["hold_id"] == hold["id"]
    assert len(await circulation.announced(HoldRequeued)) == 1


async def test_a_pickup_point_that_never_opens_keeps_items_all_the_same(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    await make.hold(await make.patron(), item)
    shut = [
        point | {"calendar": {"zone": "Europe/Berlin", "weekly": {}}}
        for point in CONFIGURATION["service_points"]
    ]
    await make.configure(service_points=shut)

    back = await make.take_back(item)

    assert back["next_step"]["hold"]["shelf_expires_at"] == "2027-03-06T22:59:59Z"


async def test_a_loan_of_a_desk_that_is_gone_is_fined_without_an_owner_and_ends(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item, service_point_id=str(make.desks["law-desk"]))
    await make.configure(service_points=CONFIGURATION["service_points"][:1])
    circulation.at(NOW + 33 * DAY)

    back = await make.take_back(item)

    fee = (await circulation.get(f"/v1/fees/{back['fee_id']}")).json()
    assert (fee["owner"], fee["amount"]) == (None, 100)
    assert back["loan"]["returned_at"] is not None


async def test_the_patrons_name_is_told_to_the_desk_and_to_no_event(circulation: Harness, make: Make) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    await make.hold(await make.patron(family_name="Lovelace", given_name="Ada"), item)

    back = await make.take_back(item)

    assert back["next_step"]["hold"]["patron_name"] == "Lovelace, Ada"
    assert not [e for e in await circulation.envelopes() if "Lovelace" in e.model_dump_json()]
