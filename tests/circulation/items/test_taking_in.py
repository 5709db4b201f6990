"""Many new items at once come in as one by one, whoever else brings one of them at the same moment."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg

from chassis.ids import uuid7
from circulation.items import handlers, taking_in
from contracts.catalog import ItemBase, ItemsAnnounced, ItemState
from contracts.money import Amount
from support.desk import NOW, Make
from support.harness import Harness

OURS = ("id", "barcode")
"""What no two items have in common."""


def announced(items: Sequence[ItemState]) -> ItemsAnnounced:
    return ItemsAnnounced(version=1, occurred_at=NOW, batch_id=uuid7(), items=tuple(items))


def some(make: Make, shelf: str, count: int = 60) -> list[ItemState]:
    """Items of every base state, priced or not, with volumes or not, here and at a place we have not heard of."""
    bases, nowhere = list(ItemBase), uuid7()
    told = []
    for number in range(count):
        item = make.item_state()
        changed: dict[str, Any] = {"barcode": f"{shelf}{number:04}", "base_state": bases[number % len(bases)]}
        if number % 3 == 0:
            changed |= {"volume": f"v. {number}", "purchase_price": Amount(minor=number, currency="EUR")}
        if number % 4 == 0:
            changed |= {"replacement_price": Amount(minor=900, currency="SEK"), "suppressed": True}
        if number % 5 == 0:
            changed |= {"location_id": nowhere, "intellectual": True}
        told.append(item.model_copy(update=changed))
    return told


async def rows(circulation: Harness, items: Sequence[ItemState]) -> list[dict[str, Any]]:
    found = await circulation.resources.pool.fetch(
        "SELECT i.* FROM unnest($1::uuid[]) WITH ORDINALITY AS t (id, place) JOIN item i USING (id) ORDER BY place",
        [item.item_id for item in items],
    )
    return [{name: value for name, value in row.items() if name not in OURS} for row in found]


async def test_many_new_items_are_kept_as_few_are(circulation: Harness, make: Make, monkeypatch: Any) -> None:
    many = some(make, "A")
    few = [item.model_copy(update={"item_id": uuid7(), "barcode": f"B{item.barcode}"}) for item in many]

    with monkeypatch.context() as patch:
        patch.setattr(handlers, "_REMEMBER", "no statement")
        await circulation.deliver(announced(many), source="catalog")
    for start in range(0, len(few), taking_in.MANY // 2):
        part = few[start : start + taking_in.MANY // 2]
        await circulation.deliver(announced(part), source="catalog")

    assert len(await rows(circulation, many)) == len(many)
    assert await rows(circulation, many) == await rows(circulation, few)


async def test_many_of_which_one_is_known_are_merged(circulation: Harness, make: Make) -> None:
    many = some(make, "A")
    newer = many[0].model_copy(update={"version": 2, "call_number": "newer"})
    await circulation.deliver(announced([newer]), source="catalog")

    await circulation.deliver(announced(many), source="catalog")

    (kept, *others) = await rows(circulation, many)
    assert (kept["version"], kept["call_number"], len(others)) == (2, "newer", len(many) - 1)


async def test_a_barcode_moves_to_one_of_many_new_items(circulation: Harness, make: Make) -> None:
    before, *many = some(make, "A", 61)
    await circulation.deliver(announced([before]), source="catalog")
    many[7] = many[7].model_copy(update={"barcode": before.barcode})

    await circulation.deliver(announced(many), source="catalog")

    pool = circulation.resources.pool
    assert await pool.fetchval("SELECT id FROM item WHERE barcode = $1", before.barcode) == many[7].item_id
    assert len(await rows(circulation, many)) == len(many)


async def test_two_bring_the_same_item_at_one_moment(circulation: Harness, make: Make) -> None:
    many = some(make, "A")
    other = await asyncpg.connect(circulation.dsn)
    async with other.transaction():
        await other.execute(
            "INSERT INTO item (id, epoch, version, holdings_id, title_ids, location_id, material_type, loan_type, base,"
            " state, short_title, suppressed) VALUES ($1, 1, 5, $2, ARRAY[$3::uuid], $4, 'BOOK', 'standard', 'active',"
            " 'available', 'there first', false)",
            many[3].item_id,
            many[3].holdings_id,
            many[3].title_ids[0],
            many[3].location_id,
        )
        copying = asyncio.create_task(circulation.deliver(announced(many), source="catalog"))
        while not await circulation.resources.pool.fetchval(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'COPY%'"
            " AND datname = current_database())"
        ):
            assert not copying.done()
            await asyncio.sleep(0.01)
    await other.close()
    await copying

    kept = await rows(circulation, many)
    assert len(kept) == len(many)
    assert (kept[3]["version"], kept[3]["short_title"]) == (5, "there first")
