"""What the catalogue tells of items: twice, late, out of order, from a newer epoch."""

import itertools

import pytest

from chassis.ids import uuid7
from circulation.items.rules import Copy, State, state_of
from contracts.catalog import (
    ItemBase,
    ItemCreated,
    ItemsAnnounced,
    ItemState,
    ItemUpdated,
    LocationChanged,
    LocationState,
)
from contracts.circulation import ItemAvailabilityChanged
from support.desk import NOW, Make
from support.harness import Harness


def updated(item: ItemState, **changed: object) -> ItemUpdated:
    state = item.model_copy(update=changed)
    return ItemUpdated(version=state.version, occurred_at=NOW, item_id=state.item_id, item=state)


async def barcode_of(circulation: Harness, item: ItemState) -> str | None:
    found: str | None = await circulation.resources.pool.fetchval(
        "SELECT barcode FROM item WHERE id = $1", item.item_id
    )
    return found


async def test_an_event_that_comes_twice_counts_once(circulation: Harness, make: Make) -> None:
    item = await make.item()
    message = circulation.message(updated(item, version=2, base_state=ItemBase.MISSING), source="catalog")

    await circulation.deliver_messages(message)
    await circulation.deliver_messages(message, message)

    told = await circulation.announced(ItemAvailabilityChanged)
    assert [(event.version, event.availability.state) for event in told] == [(1, "unavailable")]


async def test_what_comes_late_changes_nothing(circulation: Harness, make: Make) -> None:
    item = await make.item()

    await circulation.deliver(updated(item, version=3, call_number="new"), source="catalog")
    await circulation.deliver(
        updated(item, version=2, call_number="old", base_state=ItemBase.MISSING), source="catalog"
    )

    assert (await make.state(item))["call_number"] == "new"
    assert await circulation.announced(ItemAvailabilityChanged) == []


async def test_in_one_batch_the_newest_wins_whatever_the_order(circulation: Harness, make: Make) -> None:
    item = make.item_state()
    created = ItemCreated(version=1, occurred_at=NOW, item_id=item.item_id, item=item)

    await circulation.deliver(
        updated(item, version=3, call_number="three"),
        created,
        updated(item, version=2, call_number="two"),
        source="catalog",
    )

    assert (await make.state(item))["call_number"] == "three"


async def test_after_a_restore_the_newer_epoch_is_believed(circulation: Harness, make: Make) -> None:
    item = await make.item()
    await circulation.deliver(updated(item, version=9, call_number="lost"), source="catalog")
    announced = ItemsAnnounced(
        version=1,
        occurred_at=NOW,
        batch_id=uuid7(),
        items=(item.model_copy(update={"version": 4, "call_number": "restored"}),),
    )

    await circulation.deliver(announced, source="catalog", epoch=2)
    await circulation.deliver(updated(item, version=12, call_number="before"), source="catalog", epoch=1)

    assert (await make.state(item))["call_number"] == "restored"


async def test_an_item_that_goes_missing_is_told_of_and_cannot_be_had(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    await make.take_back(item)

    await make.tell(item, base_state=ItemBase.MISSING)

    assert (await make.state(item))["lendable"] is False
    (event,) = await circulation.announced(ItemAvailabilityChanged)
    guard = await circulation.resources.pool.fetchval("SELECT guard FROM item WHERE id = $1", item.item_id)
    assert (event.version, event.availability.lendable, event.availability.version) == (2, False, guard)


async def test_a_change_that_leaves_the_state_is_not_told_on(circulation: Harness, make: Make) -> None:
    item = await make.item()

    await make.tell(item, call_number="QA 76")

    assert await circulation.announced(ItemAvailabilityChanged) == []


async def test_a_paged_item_that_was_missing_is_paged_when_it_is_found(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    await make.hold(await make.patron(), item)

    gone = await make.tell(item, base_state=ItemBase.MISSING)
    missing = await make.state(item)
    await make.tell(gone, base_state=ItemBase.ACTIVE)

    assert missing["state"] == "unavailable"
    assert (await make.state(item))["state"] == "paged"


async def test_a_barcode_moves_to_another_item_before_the_first_says_so(
    circulation: Harness, make: Make
) -> None:
    old, new = await make.item(barcode="42"), make.item_state(barcode="42")

    await circulation.deliver(
        ItemCreated(version=1, occurred_at=NOW, item_id=new.item_id, item=new), source="catalog"
    )

    assert (await barcode_of(circulation, old), await barcode_of(circulation, new)) == (None, "42")


async def test_two_items_change_barcodes_with_each_other(circulation: Harness, make: Make) -> None:
    one, two = await make.item(barcode="1"), await make.item(barcode="2")

    await circulation.deliver(
        updated(one, version=2, barcode="2"), updated(two, version=2, barcode="1"), source="catalog"
    )

    assert (await barcode_of(circulation, one), await barcode_of(circulation, two)) == ("2", "1")


async def test_old_news_takes_no_barcode_away(circulation: Harness, make: Make) -> None:
    first = await make.item(barcode="42")
    await make.tell(first, barcode="43")
    now_42 = await make.item(barcode="42")

    await circulation.deliver(updated(first, version=1, barcode="42"), source="catalog")

    assert await barcode_of(circulation, now_42) == "42"


async def test_an_item_that_came_before_its_location_learns_where_it_is(
    circulation: Harness, make: Make
) -> None:
    location_id = uuid7()
    item = await make.item(location_id=location_id)
    assert (await make.state(item))["library"] is None
    place = LocationState(
        location_id=location_id,
        version=1,
        code="ANNEX",
        name="Annex",
        library="LAW",
        library_name="Law",
        campus="CITY",
        institution="UNI",
    )

    await circulation.deliver(
        LocationChanged(version=1, occurred_at=NOW, location_id=location_id, location=place),
        source="catalog",
    )

    assert (await make.state(item))["library"] == "LAW"
    assert (await make.take_back(item))["next_step"]["to_service_point_id"] == str(make.desks["law-desk"])


_COMBINED = list(itertools.product([False, True], repeat=5))


@pytest.mark.parametrize("base", list(ItemBase))
async def test_the_state_is_derived_in_one_way_only(circulation: Harness, make: Make, base: ItemBase) -> None:
    items = [await make.item(base_state=ItemBase.UNKNOWN) for _ in _COMBINED]
    for item, (loan, shelf, transit, paged, withdrawing) in zip(items, _COMBINED, strict=True):
        await circulation.resources.pool.execute(
            "UPDATE item SET loan_id = $2, hold_shelf = $3, transit_to = $4, hold_id = $5, withdrawal_id = $6 "
            "WHERE id = $1",
            item.item_id,
            uuid7() if loan else None,
            shelf,
            uuid7() if transit else None,
            uuid7() if paged or shelf else None,
            uuid7() if withdrawing else None,
        )

    await circulation.deliver(*(updated(i, version=2, base_state=base) for i in items), source="catalog")

    rows = await circulation.resources.pool.fetch("SELECT id, state FROM item")
    told = {row["id"]: State(row["state"]) for row in rows}
    for item, (loan, shelf, transit, paged, withdrawing) in zip(items, _COMBINED, strict=True):
        copy = Copy(base.value, loan, shelf, transit, paged or shelf, withdrawing)
        assert told[item.item_id] == state_of(copy), copy


async def test_what_is_elsewhere_for_a_time_is_lent_and_brought_home_by_what_counts(
    circulation: Harness, make: Make
) -> None:
    item, patron = await make.item(), await make.patron()
    home, law = item.location_id, make.locations["LAW"]

    put = await make.tell(
        item,
        location_id=law,
        permanent_location_id=home,
        temporary_location_id=law,
        loan_type="reference",
        permanent_loan_type="normal",
        temporary_loan_type="reference",
    )
    refused = await make.lend(patron, item)
    away = await make.take_back(item)
    arrived = await make.take_back(item, at="law-desk")
    await make.hold(patron, item)
    lent_again = await make.tell(put, loan_type="normal", permanent_loan_type=None, temporary_loan_type=None)
    picks = (await circulation.get(f"/v1/service-points/{make.desks['law-desk']}/pick-list")).json()["items"]
    await make.tell(lent_again, location_id=home, permanent_location_id=None, temporary_location_id=None)
    back = await make.take_back(item, at="law-desk")

    assert refused.status_code == 409
    assert (away["next_step"]["step"], away["next_step"]["to_service_point"]) == ("transit", "Law desk")
    assert arrived["next_step"]["step"] != "transit"
    assert [pick["item_id"] for pick in picks] == [str(item.item_id)]
    assert (back["next_step"]["step"], back["next_step"]["to_service_point"]) == ("transit", "Main desk")
