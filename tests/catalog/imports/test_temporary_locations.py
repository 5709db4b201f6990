"""Records tell where an item stands for a time (876 $l)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalog.imports.rules import ItemData, merged
from catalog.marc.record import Field, Record
from catalog.undoing.worker import undo_some
from chassis.ids import uuid7
from contracts.catalog import ItemsAnnounced
from support.harness import Harness
from support.shelves import Shelves, file_of, record

HOME = uuid7()


def told(**described: Any) -> ItemData:
    return ItemData("b1", HOME, "BOOK", "standard", None, None, None, None, described=described or None)


@pytest.mark.parametrize(
    ("kept", "news", "after"),
    [
        ({}, {"temporary_location_id": "law"}, {"temporary_location_id": "law", "temporary_location_ends_at": None}),
        ({"temporary_location_id": "law", "temporary_location_ends_at": "x"}, {}, None),
        ({"temporary_location_id": "law", "temporary_location_ends_at": "x"}, {"temporary_location_id": "law"}, None),
        ({"temporary_location_id": "law", "temporary_location_ends_at": "x"}, {"temporary_location_id": "new"},
         {"temporary_location_id": "new", "temporary_location_ends_at": None}),
    ],
)  # fmt: skip
def test_another_place_has_no_end_and_the_same_keeps_its_own(
    kept: dict[str, Any], news: dict[str, Any], after: dict[str, Any] | None
) -> None:
    assert merged(told(**kept), told(**news)).described == (kept if after is None else after)


def copy(place: str | None, barcode: str = "b1", number: str = "r1") -> Record:
    shelf = Field.data("852", "8 ", ("8", "1"), ("b", "LAW"), ("c", "STACKS"), ("h", "PS1"))
    more = [("l", place)] if place is not None else []
    return record(number).having(shelf, Field.data("876", "  ", ("8", "1.1"), ("p", barcode), *more))


async def stands(catalog: Harness, barcode: str = "b1") -> tuple[str, str, bool]:
    (item,) = (await catalog.get("/v1/items", params={"barcode": barcode})).json()["items"]
    return item["library"], item["location"], item["temporary_location_id"] is not None


async def test_an_item_stands_where_its_record_says_for_a_time(catalog: Harness, shelves: Shelves) -> None:
    files = [copy(place) for place in ("reading", None, "Nowhere", "MAIN/STACKS")]

    seen = []
    for each in files:
        job = await shelves.imported(file_of(each), profile="standard")
        reasons = [
            one["code"] for told in await shelves.outcomes(job, with_reasons=True) for one in told["reasons"]
        ]
        seen.append((*await stands(catalog), reasons))

    assert seen == [
        ("LAW", "READING", True, []),
        ("LAW", "READING", True, []),
        ("LAW", "READING", True, ["temporary-location-unknown"]),
        ("MAIN", "STACKS", True, []),
    ]
    (new, changed) = [each for event in await catalog.announced(ItemsAnnounced) for each in event.items]
    law = await shelves.location("LAW", "READING")
    assert (str(new.location_id), str(new.temporary_location_id)) == (law, law)
    assert (
        str(new.permanent_location_id) == str(changed.permanent_location_id) == await shelves.location("LAW")
    )


async def test_a_profile_says_what_a_temporary_location_is_called(catalog: Harness, shelves: Shelves) -> None:
    items = {
        "tag": "876",
        "location_tag": "852",
        "subfields": {"p": "barcode", "n": "temporary_location"},
        "translate": {"temporary_location": {"Course reserves": "MAIN/STACKS"}},
    }
    answer = await catalog.put(
        "/v1/import-profiles/theirs",
        json={"name": "Theirs", "holdings": {"items": items}},
        headers={"If-Match": '"0"'},
    )
    assert answer.status_code == 200, answer.text
    field = Field.data("876", "  ", ("p", "b1"), ("n", "course reserves"))
    place = Field.data("852", "8 ", ("b", "LAW"), ("c", "STACKS"))

    await shelves.imported(file_of(record("r1").having(place, field)), profile="theirs")

    assert await stands(catalog) == ("MAIN", "STACKS", True)


async def test_an_undoing_puts_items_back_where_they_stood(catalog: Harness, shelves: Shelves) -> None:
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    await shelves.imported(file_of(copy(None)), profile="standard")
    (item,) = (await catalog.get("/v1/items", params={"barcode": "b1"})).json()["items"]
    reading = {"temporary_location_id": await shelves.location("LAW", "READING")}
    await catalog.patch(
        f"/v1/items/{item['id']}",
        json=reading | {"temporary_location_ends_at": until},
        headers={"If-Match": '"1"'},
    )
    before = (await catalog.get(f"/v1/items/{item['id']}")).json()
    job = await shelves.imported(file_of(copy("MAIN/STACKS")), profile="standard")
    moved = await stands(catalog)

    await catalog.post(f"/v1/imports/{job['id']}/undoing")
    while await undo_some(catalog.resources):
        pass

    after = (await catalog.get(f"/v1/items/{item['id']}")).json()
    assert (moved, await stands(catalog)) == (("MAIN", "STACKS", True), ("LAW", "READING", True))
    assert after["temporary_location_ends_at"] == before["temporary_location_ends_at"] is not None
