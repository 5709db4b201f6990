"""What came in lies on the cart until its time is over or somebody puts it on its shelf."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from contracts.circulation import ItemAvailabilityChanged
from support.desk import CONFIGURATION, NOW, Make, codes
from support.harness import Harness

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
async def _takes_a_while(circulation: Harness, make: Make) -> None:
    points = [point | {"reshelving_minutes": 30} for point in CONFIGURATION["service_points"]]
    lines = [{"minutes": 0, "material_types": ["video"]}, {"minutes": 90, "libraries": ["LAW"]}]
    answer = await make.configure(service_points=points, reshelving=lines)
    assert answer.status_code == 200, answer.text


async def cart(circulation: Harness, make: Make, at: str = "main-desk", **query: Any) -> Any:
    return (await circulation.get(f"/v1/service-points/{make.desks[at]}/shelving-cart", params=query)).json()


async def shelve(circulation: Harness, make: Make, **body: Any) -> Any:
    return await circulation.post(f"/v1/service-points/{make.desk}/shelvings", json=body)


async def test_what_came_in_is_on_the_cart_as_long_as_its_shelf_is_far(
    circulation: Harness, make: Make
) -> None:
    book, film = await make.item(), await make.item(material_type="video")
    law = await make.item(location_id=make.locations["LAW"])
    for item in (book, film):
        await make.take_back(item)
    await make.take_back(law, at="law-desk")

    listed = (await cart(circulation, make))["items"]
    at_law = (await cart(circulation, make, "law-desk"))["items"]
    circulation.at(NOW + 31 * MINUTE)
    later = (await cart(circulation, make))["items"]

    assert [(told["item_id"], told["reshelving_until"]) for told in listed] == [
        (str(book.item_id), "2027-03-01T09:30:00Z")
    ]
    assert [told["reshelving_until"] for told in at_law] == ["2027-03-01T10:30:00Z"]
    assert later == []
    assert (await make.state(film))["state"] == "available"


async def test_what_is_put_on_its_shelf_is_told_at_once_and_once(circulation: Harness, make: Make) -> None:
    item = await make.item()
    await make.take_back(item)
    before = len(await circulation.announced(ItemAvailabilityChanged))

    by_two = await asyncio.gather(
        shelve(circulation, make, item_barcode=item.barcode),
        shelve(circulation, make, item_id=str(item.item_id)),
    )

    assert [answer.status_code for answer in by_two] == [201, 201]
    assert sorted(answer.json()["shelved"] for answer in by_two) == [False, True]
    assert (await make.state(item))["state"] == "available"
    assert (await cart(circulation, make))["items"] == []
    told = (await circulation.announced(ItemAvailabilityChanged))[before:]
    assert [(event.availability.state, event.availability.reshelving_until) for event in told] == [
        ("available", None)
    ]


async def test_an_item_that_is_out_or_unknown_is_not_put_on_its_shelf(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    await make.take_back(item)
    await make.loan(await make.patron(), item)

    out = await shelve(circulation, make, item_id=str(item.item_id))
    unknown = await shelve(circulation, make, item_barcode="nobody's")
    both = await shelve(circulation, make, item_id=str(item.item_id), item_barcode=item.barcode)

    assert (out.json()["state"], out.json()["shelved"]) == ("on-loan", False)
    assert (unknown.status_code, codes(unknown)) == (404, ["item-unknown"])
    assert both.status_code == 422


async def test_a_long_cart_is_read_page_by_page(circulation: Harness, make: Make) -> None:
    for _ in range(3):
        await make.take_back(await make.item())

    first = await cart(circulation, make, limit=2)
    second = await cart(circulation, make, limit=2, cursor=first["next_cursor"])

    assert (len(first["items"]), len(second["items"]), second["next_cursor"]) == (2, 1, None)
    assert len({told["item_id"] for told in first["items"] + second["items"]}) == 3
