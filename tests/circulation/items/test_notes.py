"""What the catalogue would have the desk know of an item is told where it is lent and where it comes back."""

from contracts.catalog import ItemUpdated
from support.desk import NOW, Make
from support.harness import Harness


async def test_notes_are_told_at_the_desk_that_they_are_for(circulation: Harness, make: Make) -> None:
    item = await make.item(
        check_out_notes=("Mind the loose map.",), check_in_notes=("Count the plates.", "Dust it.")
    )
    patron = await make.patron()

    body = {"patron_id": patron["id"], "item_id": str(item.item_id), "service_point_id": make.desk}
    tried = await circulation.post("/v1/loans?dry_run=true", json=body)
    lent = await make.loan(patron, item)
    back = await make.take_back(item)

    assert tried.json()["item_notes"] == ["Mind the loose map."]
    assert lent["item_notes"] == ["Mind the loose map."]
    assert back["item_notes"] == ["Count the plates.", "Dust it."]
    assert (await circulation.get(f"/v1/loans/{lent['id']}")).json()["item_notes"] == []


async def test_what_the_catalogue_no_longer_says_is_no_longer_told(circulation: Harness, make: Make) -> None:
    item = await make.item(check_out_notes=("Mind the loose map.",))
    mended = item.model_copy(update={"version": 2, "check_out_notes": ()})

    await circulation.deliver(
        ItemUpdated(version=2, occurred_at=NOW, item_id=item.item_id, item=mended), source="catalog"
    )

    assert (await make.loan(await make.patron(), item))["item_notes"] == []
