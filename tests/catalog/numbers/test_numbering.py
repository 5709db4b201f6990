"""Numbers that people read out: of each kind in a series of its own, with a prefix, and never given again."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from catalog.holdings.embedding import embedded
from catalog.numbers.commands import number
from catalog.numbers.rules import Number, read
from chassis.principal import ANONYMOUS
from contracts.catalog import HoldingsUpdated, ItemsAnnounced
from support.desk import NOW
from support.harness import Harness
from support.shelves import Shelves, file_of, record, with_items


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("it12", Number("it", 12)),
        (" b0000012 ", Number("b", 12)),
        ("ho-7", Number("ho-", 7)),
        ("12", None),
        ("it0", None),
        ("it12x", None),
        ("it" + "9" * 30, None),
    ],
)
def test_a_number_is_read_with_its_prefix(told: str, kept: Number | None) -> None:
    assert read(told) == kept


async def found(catalog: Harness, told: str) -> Any:
    return await catalog.get(f"/v1/record-numbers/{told}")


def digits(told: str) -> int:
    return int(told.lstrip("abcdefghijklmnopqrstuvwxyz-"))


async def test_each_kind_is_numbered_and_a_new_prefix_is_for_what_comes(
    catalog: Harness, shelves: Shelves
) -> None:
    title = await shelves.title()
    item = await shelves.item(title)
    series = [{"code": "titles", "prefix": "b", "start": 5000}, {"code": "items", "prefix": "it"}]
    await shelves.configure(record_numbers=series)
    later = await shelves.title(record("r2"))
    copy = await shelves.item(later)
    await shelves.configure()  # a section that is left out stays
    told = (await catalog.get("/v1/configuration/catalog")).json()["record_numbers"]
    shelf = (await catalog.get(f"/v1/holdings/{copy['holdings_id']}")).json()["record_number"]

    assert title["record_number"] == f"t{title['hrid']}"
    assert (later["hrid"], later["record_number"]) == (5000, "b5000")
    assert item["record_number"][0] == "i"
    assert copy["record_number"] == f"it{digits(item['record_number']) + 1}"
    assert told == [
        {"code": "items", "prefix": "it", "start": 1},
        {"code": "titles", "prefix": "b", "start": 5000},
    ]
    for kind, number_, id_ in (
        ("title", later["record_number"], later["id"]),
        ("holdings", shelf, copy["holdings_id"]),
        ("item", item["record_number"], item["id"]),
        ("item", copy["record_number"].replace("it", "it00"), copy["id"]),
    ):
        (one,) = (await found(catalog, number_)).json()["items"]
        assert (one["kind"], one["id"]) == (kind, id_)
    for nothing in ("it" + str(digits(item["record_number"])), "x1", "none"):
        answer = await found(catalog, nothing)
        assert (answer.status_code, answer.json()["code"]) == (404, "record-number-unknown")


async def test_no_number_is_given_twice_whatever_goes_and_whoever_comes_at_once(
    catalog: Harness, shelves: Shelves
) -> None:
    await shelves.configure(record_numbers=[{"code": "titles", "prefix": "b", "start": 900}])
    title = await shelves.title()
    item = await shelves.item(title)
    gone = {
        await catalog.resources.pool.fetchval("DELETE FROM item WHERE id = $1 RETURNING hrid", item["id"])
    }
    taken = await shelves.catalog.post(
        "/v1/titles", content=b"", headers={"Content-Type": "application/marc"}
    )
    body = {"title_id": title["id"], "location_id": item["location_id"]}

    # one begins again further back while others take numbers, and a file brings more
    await asyncio.gather(
        *(catalog.post("/v1/items", json=body) for _ in range(6)),
        *(shelves.title(record(f"n{each}")) for each in range(3)),
        shelves.configure(record_numbers=[{"code": "titles", "prefix": "b", "start": 2}]),
    )
    await shelves.imported(
        file_of(*(with_items(record(f"f{n}"), (f"b{n}", "MAIN", "STACKS")) for n in range(3))),
        profile="local-999",
    )

    assert taken.status_code == 422
    pool = catalog.resources.pool
    for table, most in (("title", 7), ("holdings", 4), ("item", 9)):
        given = [each["hrid"] for each in await pool.fetch(f"SELECT hrid FROM {table}")]
        assert len(set(given)) == len(given) == most
        assert None not in given
    given = [each["hrid"] for each in await pool.fetch("SELECT hrid FROM item")]
    assert min(given) > max(gone)
    assert min([each["hrid"] for each in await pool.fetch("SELECT hrid FROM title")]) >= 900


async def test_what_is_of_an_earlier_release_is_numbered_and_the_hidden_are_for_staff(
    catalog: Harness, shelves: Shelves
) -> None:
    item = await shelves.item(suppressed=True)
    await catalog.resources.pool.execute("UPDATE item SET hrid = NULL")
    before = (await catalog.get(f"/v1/items/{item['id']}")).json()

    await number(catalog.resources, NOW)

    after = (await catalog.get(f"/v1/items/{item['id']}")).json()
    assert (before["record_number"], before["version"]) == (None, after["version"])
    assert digits(after["record_number"]) > digits(item["record_number"])
    assert (await found(catalog, after["record_number"])).status_code == 200
    with catalog.asking(ANONYMOUS):
        assert (await found(catalog, after["record_number"])).status_code == 404


@pytest.mark.parametrize("prefix", ["", "1", "b2", "a b", "-x", "x" * 11])
async def test_a_prefix_is_of_letters(catalog: Harness, shelves: Shelves, prefix: str) -> None:
    doc = (await catalog.get("/v1/configuration/catalog")).json()
    doc["record_numbers"] = [{"code": "items", "prefix": prefix}]

    answer = await catalog.put("/v1/configuration/catalog", json=doc)

    assert (answer.status_code, answer.json()["reasons"][0]["pointer"]) == (422, "/record_numbers/0/prefix")


async def test_events_harvests_and_exports_tell_the_numbers_of_holdings_and_items(
    catalog: Harness, shelves: Shelves
) -> None:
    await shelves.configure(
        record_numbers=[{"code": "items", "prefix": "it"}, {"code": "holdings", "prefix": "s"}]
    )
    items = [("b1", "MAIN", "STACKS"), ("b2", "MAIN", "STACKS")]
    await shelves.imported(file_of(with_items(record("r1"), *items)), profile="local-999")
    await shelves.imported(
        file_of(with_items(record("r1"), *items, ("b3", "LAW", "READING"))), profile="local-999"
    )
    (item,) = (await catalog.get("/v1/items", params={"barcode": "b2"})).json()["items"]
    seen = {
        told["id"]: told["record_number"]
        for told in (await catalog.get("/v1/items", params={"title_id": item["title_id"]})).json()["items"]
    }
    shelf = f"/v1/holdings/{item['holdings_id']}"
    changed = await catalog.patch(shelf, json={"call_number": "PS1"}, headers={"If-Match": '"1"'})
    number_ = changed.json()["record_number"]

    events = [each for event in await catalog.announced(ItemsAnnounced) for each in event.items]
    (holdings,) = await catalog.announced(HoldingsUpdated)
    fields = (await embedded(catalog.resources.pool, [UUID(item["title_id"])]))[UUID(item["title_id"])]

    assert len(seen) == 3
    assert {str(each.item_id): each.record_number for each in events} == seen
    assert sorted(seen.values())[0].startswith("it")
    assert holdings.holdings.record_number == number_
    assert number_.startswith("s")
    assert {each.get("p"): each.get("z") for each in fields if each.tag == "876"}["b2"] == (
        f"record number: {item['record_number']}"
    )
    assert [each.get("z") for each in fields if each.get("b") == "MAIN"] == [f"record number: {number_}"]
