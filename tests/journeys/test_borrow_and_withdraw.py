"""Journey 1: records come in, a book is found, lent, awaited, returned late, paid for, and withdrawn."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalog.marc.generate import generate
from support.box import Box, Library, open_box, until
from support.university import CATALOG, CIRCULATION

pytestmark = pytest.mark.journey

RECORDS = 2000


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with open_box("--workers", "2") as opened:
        yield opened


async def test_a_book_from_import_to_withdrawal(box: Box) -> None:
    library = box.library()
    try:
        await _journey(library)
    finally:
        await library.close()


async def _journey(library: Library) -> None:
    await library.put("/v1/configuration/catalog", CATALOG)
    await library.put("/v1/configuration/circulation", CIRCULATION)
    desks = {point["code"]: point["id"] for point in (await library.get("/v1/service-points"))["items"]}
    made = list(generate(RECORDS, seed=7, marc8_share=0.3, damaged_share=0.02))

    job = await library.imported(b"".join(one.raw for one in made), profile="standard")

    damaged = sum(one.damage is not None for one in made)
    counts = job["counts"]
    assert job["state"] in ("finished", "finished-with-errors")
    assert sum(counts.values()) >= RECORDS - damaged
    assert counts["created"] >= RECORDS - 2 * damaged
    barcode = next(one.barcodes[0] for one in made if one.damage is None and len(one.barcodes) == 1)

    # Found by author and subject words, with facets; the item is known to the desk.
    item = (await until(lambda: _items(library, barcode)))[0]
    title_id = item["title_id"]
    record = await library.get(f"/v1/titles/{title_id}")
    author = record["author"].split(",")[0]
    subject = record["subjects"][0].split(" -- ")[0]
    query = f'author:{author} subject:"{subject}"'
    found = await until(lambda: _found(library, query, title_id))
    assert found["total"] >= 1
    assert found["total_relation"] == "exact"
    assert sum(value["count"] for value in found["facets"]["format"]) == found["total"]
    await until(lambda: _availability(library, title_id, "available"))

    # Lent: unavailable at once, and in search within a second.
    first, second = [
        await library.post("/v1/patrons", {"group": "student", "family_name": name, "barcode": name.upper()})
        for name in ("Reader", "Waiting")
    ]
    desk = desks["main-desk"]
    lent_at = datetime.now(UTC) - timedelta(days=40)
    loan = await library.post(
        "/v1/loans",
        {
            "patron_barcode": "READER",
            "item_barcode": barcode,
            "service_point_id": desk,
            "lent_at": lent_at.isoformat(),
        },
    )
    out = await _availability(library, title_id, "on-loan")
    assert out is not None
    assert out["due_at"] == loan["due_at"]
    await until(lambda: _shown(library, title_id, "unavailable"), seconds=5)

    # Awaited, returned late at the pickup desk: hold shelf, for whom; a fine.
    hold = await library.post(
        "/v1/holds", {"patron_id": second["id"], "title_id": title_id, "pickup_id": desk}
    )
    assert (hold["state"], hold["position"]) == ("waiting", 1)
    back = await library.post("/v1/returns", {"item_barcode": barcode, "service_point_id": desk}, expect=200)
    assert back["next_step"]["step"] == "hold-shelf"
    assert back["next_step"]["hold"]["patron_barcode"] == "WAITING"
    assert back["fine_minor"] > 0
    account = await library.get(f"/v1/patrons/{first['id']}/account")
    assert account["owed"] == back["fine_minor"]
    paid = await library.post(f"/v1/fees/{back['fee_id']}/payments", {"method": "cash"})
    assert (paid["remaining"], paid["fee_state"]) == (0, "closed")

    # Lent to the one who waited; a withdrawal meanwhile is refused with the reason.
    second_loan = await library.post(
        "/v1/loans", {"patron_id": second["id"], "item_barcode": barcode, "service_point_id": desk}
    )
    assert (await library.get(f"/v1/holds/{hold['id']}"))["state"] == "filled"
    refused = await library.post(f"/v1/items/{item['id']}/withdrawals", {"reason": "worn"}, expect=202)
    ended = await until(lambda: _ended(library, refused["id"]))
    assert (ended["state"], ended["refusals"]) == ("refused", ["on-loan"])

    # Returned in time, and withdrawn.
    back = await library.post("/v1/returns", {"item_barcode": barcode, "service_point_id": desk}, expect=200)
    assert back["loan"]["id"] == second_loan["id"]
    assert back["fee_id"] is None
    asked = await library.post(f"/v1/items/{item['id']}/withdrawals", {"reason": "worn"}, expect=202)
    assert (await until(lambda: _ended(library, asked["id"])))["state"] == "done"
    assert (await library.get(f"/v1/items/{item['id']}"))["base_state"] == "withdrawn"
    refusal = await library.http.post(
        "/v1/loans",
        json={"patron_barcode": "READER", "item_barcode": barcode, "service_point_id": desk},
        headers={"Idempotency-Key": "after"},
    )
    assert refusal.status_code == 409

    # Nothing was set aside, and the feed tells the story in order.
    letters = await library.get("/v1/dead-letters")
    assert letters["dead"] == {"catalog": 0, "circulation": 0, "ill": 0, "erm": 0}
    await until(lambda: _told(library, loan["id"]), seconds=10)


async def _items(library: Library, barcode: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = (await library.get("/v1/items", barcode=barcode))["items"]
    return found


async def _found(library: Library, query: str, title_id: str) -> dict[str, Any] | None:
    answer = await library.anonymous.get(
        "/v1/titles", params={"query": query, "facets": "format,library,subject"}
    )
    told = answer.json()
    return told if any(hit["id"] == title_id for hit in told["items"]) else None


async def _availability(library: Library, title_id: str, state: str) -> dict[str, Any] | None:
    answer = await library.anonymous.get(f"/v1/titles/{title_id}/availability", params={"detail": "items"})
    if answer.status_code == 404:
        return None
    return next((item for item in answer.json()["items"] if item["state"] == state), None)


async def _shown(library: Library, title_id: str, availability: str) -> bool:
    record = await library.get(f"/v1/titles/{title_id}")
    told = await library.get("/v1/titles", query=f'title:"{record["title"]}"', limit=200)
    return any(hit["id"] == title_id and hit["availability"] == availability for hit in told["items"])


async def _ended(library: Library, withdrawal_id: str) -> dict[str, Any] | None:
    told = await library.get(f"/v1/withdrawals/{withdrawal_id}")
    return told if told["state"] != "requested" else None


async def _told(library: Library, loan_id: str) -> bool:
    cursor, versions = None, []
    while True:
        told = await library.get("/v1/changes", **({"after": cursor} if cursor else {}), limit=1000)
        versions += [event["sequence"] for event in told["events"] if event["subject"] == loan_id]
        cursor = told["next_cursor"]
        if not told["more"]:
            return versions == [1, 2]
