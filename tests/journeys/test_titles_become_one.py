"""Journey: a book is added at the desk, lent and waited for; then it is catalogued, merged, and nobody has lost it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

import catalog.app
import circulation.app
from chassis.transport import Message
from support.harness import Harness, migrated, running
from support.invariants import Watch
from support.shelves import Shelves, record
from support.university import CIRCULATION


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


async def carry(books: Harness, desk: Harness) -> None:
    """Everything that the catalogue has told arrives in its order; what arrived before comes once more."""
    heard = [kind.type for kind in desk.service.subscriptions]
    rows = await books.resources.pool.fetch(
        "SELECT id, type, key, envelope FROM outbox WHERE type = ANY ($1::text[]) ORDER BY seq", heard
    )
    await desk.deliver_messages(
        *(Message(row["id"], row["type"], row["key"], row["envelope"].encode()) for row in rows)
    )


async def test_a_book_added_at_the_desk_is_merged_while_it_is_out(both: tuple[Harness, Harness]) -> None:
    books, desk = both
    shelves = Shelves(books)
    await shelves.configure()
    assert (await desk.put("/v1/configuration/circulation", json=CIRCULATION)).status_code == 200
    points = {point["code"]: point["id"] for point in (await desk.get("/v1/service-points")).json()["items"]}
    main = points["main-desk"]
    patrons = [
        (
            await desk.post(
                "/v1/patrons", json={"group": "student", "family_name": name, "barcode": f"P-{name}"}
            )
        ).json()["id"]
        for name in ("Ant", "Bee", "Cat")
    ]
    place = await shelves.location()
    brief = (
        await books.post(
            "/v1/fast-additions", json={"title": "Walden", "barcode": "B-1", "location_id": place}
        )
    ).json()
    whole = await shelves.title(record("w1"))
    await shelves.item(whole, barcode="B-2")
    await carry(books, desk)

    async def lent(patron: str, barcode: str) -> None:
        body = {"patron_id": patron, "item_barcode": barcode, "service_point_id": main}
        answer = await desk.post("/v1/loans", json=body)
        assert answer.status_code == 201, answer.text

    async def held(patron: str, title: str) -> dict[str, Any]:
        body = {"patron_id": patron, "title_id": title, "pickup_id": main}
        answer = await desk.post("/v1/holds", json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    await lent(patrons[0], "B-1")
    await lent(patrons[1], "B-2")
    first = await held(patrons[2], brief["title_id"])
    second = await held(patrons[0], whole["id"])

    merged = await books.post(
        f"/v1/titles/{whole['id']}/merges",
        json={"merged": [{"title_id": brief["title_id"]}]},
        headers={"If-Match": '"1"'},
    )
    assert merged.status_code == 201, merged.text
    await carry(books, desk)
    await Watch(desk).check()

    there = (await desk.get(f"/v1/titles/{brief['title_id']}/availability")).json()
    assert (there["title_id"], there["total"], there["queue_length"]) == (whole["id"], 2, 2)
    back = await desk.post("/v1/returns", json={"item_barcode": "B-2", "service_point_id": main})
    assert back.json()["next_step"]["hold"]["hold_id"] == first["id"]
    back = await desk.post("/v1/returns", json={"item_barcode": "B-1", "service_point_id": main})
    assert back.json()["next_step"]["hold"]["hold_id"] == second["id"]
    assert back.json()["loan"]["title_id"] == whole["id"]
    await Watch(desk).check()
