"""Journey: what a scan finds, or leaves where it is, goes to the catalogue and comes back as its own word."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import catalog.app
import circulation.app
from contracts.catalog import ItemCreated, ItemUpdated, LocationChanged
from contracts.circulation import ItemFloated, ItemFound
from contracts.events import Event
from support.harness import Harness, migrated, running
from support.shelves import Shelves
from support.university import CIRCULATION

STACKS = {
    "code": "stacks",
    "name": "All stacks",
    "places": [{"library": library, "location": "STACKS"} for library in ("MAIN", "LAW")],
}


@pytest.fixture
async def both(
    database: Callable[..., Awaitable[str]], tmp_path: Path
) -> AsyncIterator[tuple[Harness, Harness]]:
    """Catalogue and circulation, each over a database of its own; the test carries what they tell."""
    async with AsyncExitStack() as stack:
        opened = []
        for service, settings in (
            (catalog.app.SERVICE, {"data_dir": tmp_path}),
            (circulation.app.SERVICE, {}),
        ):
            dsn = await database(service.name, lambda dsn, service=service: migrated(service, dsn))
            opened.append(await stack.enter_async_context(running(service, dsn, settings=settings)))
        yield opened[0], opened[1]


async def carried(sender: Harness, receiver: Harness, kind: type[Event]) -> None:
    """Everything of one kind that was told so far arrives, what arrived before once more."""
    await receiver.deliver(*await sender.announced(kind), source=sender.service.name)


async def test_a_found_item_and_one_that_floats_are_what_the_catalogue_says_they_are(
    both: tuple[Harness, Harness],
) -> None:
    books, desk = both
    shelves = Shelves(books)
    await shelves.configure()
    told: dict[str, Any] = CIRCULATION | {"floating": [STACKS]}
    assert (await desk.put("/v1/configuration/circulation", json=told)).status_code == 200
    points = (await desk.get("/v1/service-points")).json()["items"]
    desks = {point["code"]: point["id"] for point in points}
    item = await shelves.item(base_state="missing")
    for kind in (LocationChanged, ItemCreated):
        await carried(books, desk, kind)

    async def scan(at: str) -> Any:
        body = {"item_id": item["id"], "service_point_id": desks[at]}
        return (await desk.post("/v1/returns", json=body)).json()

    async def known() -> Any:
        return (await books.get(f"/v1/items/{item['id']}")).json()

    found = await scan("main-desk")
    await carried(desk, books, ItemFound)
    await carried(books, desk, ItemUpdated)
    assert (found["found"], (await known())["base_state"]) == (True, "active")

    left = await scan("law-desk")
    await carried(desk, books, ItemFloated)
    await carried(books, desk, ItemUpdated)
    again = await scan("law-desk")
    assert left["floated_to"] == {"library": "LAW", "location": "STACKS"}
    assert ((await known())["library"], (await known())["version"]) == ("LAW", 3)
    assert (again["floated_to"], again["next_step"]["step"]) == (None, "reshelve")
    row = await desk.resources.pool.fetchrow("SELECT * FROM item WHERE id = $1", UUID(item["id"]))
    assert row is not None
    assert (row["version"], row["base"], row["library"], row["state"]) == (3, "active", "LAW", "available")
