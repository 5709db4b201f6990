"""What circulation finds on a desk is in the collection again."""

from uuid import UUID, uuid4

from contracts.catalog import ItemUpdated
from contracts.circulation import ItemFloated, ItemFound
from support.desk import NOW
from support.harness import Harness
from support.shelves import Shelves


def found(item_id: str, base: str) -> ItemFound:
    return ItemFound(
        version=1, occurred_at=NOW, item_id=UUID(item_id), base_before=base, service_point_id=uuid4()
    )


async def test_a_missing_item_that_lies_on_a_desk_is_active_again_unless_it_is_known_better(
    catalog: Harness, shelves: Shelves
) -> None:
    title = await shelves.title()
    missing = await shelves.item(title, base_state="missing")
    damaged = await shelves.item(title, base_state="damaged")
    message = catalog.message(found(missing["id"], "missing"), source="circulation")

    await catalog.deliver_messages(message)
    await catalog.deliver_messages(message)
    await catalog.deliver(
        found(damaged["id"], "missing"), found(damaged["id"], "damaged"), source="circulation"
    )

    told = [(event.item_id, event.item.base_state) for event in await catalog.announced(ItemUpdated)]
    assert told == [(UUID(missing["id"]), "active")]
    now = (await catalog.get(f"/v1/items/{missing['id']}")).json()
    assert (now["base_state"], now["version"]) == ("active", 2)
    assert (await catalog.get(f"/v1/items/{damaged['id']}")).json()["base_state"] == "damaged"


async def test_an_item_tells_what_it_is_made_of_and_whether_it_is_a_thing(
    catalog: Harness, shelves: Shelves
) -> None:
    item = await shelves.item(pieces=2, pieces_text="book, disc")

    changed = await catalog.patch(
        f"/v1/items/{item['id']}",
        json={"pieces": 3, "pieces_text": None, "intellectual": True},
        headers={"If-Match": '"1"'},
    )
    wrong = await catalog.patch(
        f"/v1/items/{item['id']}", json={"pieces": 0, "intellectual": None}, headers={"If-Match": '"2"'}
    )

    assert (item["pieces"], item["pieces_text"], item["intellectual"]) == (2, "book, disc", False)
    (event,) = await catalog.announced(ItemUpdated)
    assert (event.item.pieces, event.item.pieces_text, event.item.intellectual) == (3, None, True)
    assert (changed.json()["pieces"], wrong.status_code) == (3, 422)


async def test_an_item_that_floats_is_at_home_where_circulation_left_it(
    catalog: Harness, shelves: Shelves
) -> None:
    item = await shelves.item()
    here, there = item["location_id"], await shelves.location("LAW", "READING")

    def left(before: str, after: str) -> ItemFloated:
        return ItemFloated(
            version=1,
            occurred_at=NOW,
            item_id=UUID(item["id"]),
            from_location_id=UUID(before),
            to_location_id=UUID(after),
            service_point_id=uuid4(),
        )

    third = await shelves.location("SCIENCE", "STACKS")
    await catalog.deliver(left(here, there), left(here, third), source="circulation")
    await catalog.deliver(left(there, str(uuid4())), source="circulation")

    told = [(event.version, str(event.item.location_id)) for event in await catalog.announced(ItemUpdated)]
    # What was told of a place it had left, or of one that is none, moves it nowhere.
    assert told == [(2, there)]
    assert (await catalog.get(f"/v1/items/{item['id']}")).json()["location_id"] == there
