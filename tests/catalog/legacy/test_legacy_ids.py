"""What titles and items were known by elsewhere is kept by the import that brings them, and leads to them for good."""

import hashlib
import re
from typing import Any

import pytest
from sqlalchemy import text

from catalog.legacy.queries import PAGES
from catalog.marc.record import Field, Record
from support.desk import codes, pointers
from support.harness import Harness
from support.shelves import Shelves, file_of, record

PROFILE: dict[str, Any] = {
    "name": "From the old system",
    "legacy": {"source": "old"},
    "strip": [{"tag": "991"}],
    "holdings": {
        "items": {
            "tag": "991",
            "subfields": {
                "9": "legacy_id",
                "b": "barcode",
                "m": "library",
                "l": "location",
                "t": "item_type",
                "a": "call_number",
                "v": "volume",
            },
        }
    },
}


def item(
    legacy_id: str, barcode: str | None = None, *, place: str = "MAIN", volume: str | None = None
) -> Field:
    told = [("9", legacy_id), ("m", place), ("l", "STACKS"), ("t", "BOOK"), ("a", "PS3048 .A1")]
    told += [("b", barcode)] if barcode else []
    told += [("v", volume)] if volume else []
    return Field.data("991", "  ", *told)


def old(number: str, *items: Field, **more: Any) -> Record:
    return record(number, **more).having(*items)


async def brought(catalog: Harness, shelves: Shelves, *records: Record) -> dict[str, Any]:
    answer = await catalog.put("/v1/import-profiles/from-old", json=PROFILE, headers={"If-Match": '"0"'})
    assert answer.status_code in (200, 412), answer.text
    return await shelves.imported(file_of(*records), profile="from-old")


async def told(catalog: Harness, kind: str, **params: Any) -> dict[str, dict[str, Any]]:
    answer = await catalog.get(f"/v1/migrations/old/{kind}", params=params)
    assert answer.status_code == 200, answer.text
    return {each["legacy_id"]: each for each in answer.json()["items"]}


async def test_an_import_keeps_what_titles_and_items_were_known_by(
    catalog: Harness, shelves: Shelves
) -> None:
    await brought(
        catalog, shelves, old("t1", item("i1", "31000001"), item("i2")), old("t2", title="Cape Cod")
    )

    titles, items = await told(catalog, "titles"), await told(catalog, "items")

    assert {key: each["fields"]["title"] for key, each in titles.items()} == {
        "t1": "Walden",
        "t2": "Cape Cod",
    }
    walden = (await catalog.get(f"/v1/titles/{titles['t1']['id']}")).json()
    assert walden["title"] == "Walden"
    assert items["i1"]["fields"] == {
        "title": "t1",
        "title_id": titles["t1"]["id"],
        "barcode": "31000001",
        "library": "MAIN",
        "location": "STACKS",
        "material_type": "BOOK",
        "loan_type": "standard",
        "call_number": "PS3048 .A1",
        "volume": None,
        "copy_number": None,
    }
    assert items["i2"]["fields"]["barcode"] is None
    assert (await catalog.get(f"/v1/items/{items['i2']['id']}")).json()["title_id"] == titles["t1"]["id"]


async def test_the_same_file_again_makes_no_item_twice_though_some_have_no_barcode(
    catalog: Harness, shelves: Shelves
) -> None:
    file = old("t1", item("i1", "31000001"), item("i2"), item("i3")), old("t1", item("i4"))
    await brought(catalog, shelves, *file)
    before = await told(catalog, "items")

    job = await brought(catalog, shelves, *file)

    assert job["items"] == {"created": 0, "updated": 0, "unchanged": 4, "problems": 0}
    assert await told(catalog, "items") == before
    assert len({each["id"] for each in before.values()}) == 4


async def test_an_id_goes_on_naming_what_it_named_first(catalog: Harness, shelves: Shelves) -> None:
    await brought(catalog, shelves, old("t1", item("i1", "31000001")))
    before = await told(catalog, "items")

    await brought(catalog, shelves, old("t9", item("i1", "31000009"), title="Another"))

    assert await told(catalog, "items") == before


async def test_a_merged_title_leads_to_what_it_was_merged_into(catalog: Harness, shelves: Shelves) -> None:
    await brought(catalog, shelves, old("t1", item("i1", "31000001")), old("t2", title="Walden again"))
    titles = await told(catalog, "titles")
    body = {"merged": [{"title_id": titles["t1"]["id"]}]}

    answer = await catalog.post(
        f"/v1/titles/{titles['t2']['id']}/merges", json=body, headers={"If-Match": '"1"'}
    )

    assert answer.is_success, answer.text
    now = await told(catalog, "titles", legacy_id=["t1", "t2"])
    assert {each["id"] for each in now.values()} == {titles["t2"]["id"]}


async def test_a_dry_run_keeps_nothing(catalog: Harness, shelves: Shelves) -> None:
    await catalog.put("/v1/import-profiles/from-old", json=PROFILE, headers={"If-Match": '"0"'})

    await shelves.imported(file_of(old("t1", item("i1"))), profile="from-old", dry_run=True)

    assert await told(catalog, "titles") == {}


async def test_the_sum_is_that_of_whoever_has_the_same_records(catalog: Harness, shelves: Shelves) -> None:
    await brought(
        catalog,
        shelves,
        old("t2", item("Ä2", volume="1")),
        old("t1", item("i1", "31000001"), title="Bedtime"),
    )

    titles = (await catalog.get("/v1/migrations/old/titles/sum")).json()
    items = (await catalog.get("/v1/migrations/old/items/sum")).json()

    assert titles == summed("t1\tt1\tBedtime\t1854", "t2\tt2\tWalden\t1854"), await told(catalog, "titles")
    assert items == summed(
        "i1\tt1\t31000001\tMAIN\tSTACKS\tBOOK\tstandard\tPS3048 .A1\t\t",
        "Ä2\tt2\t\tMAIN\tSTACKS\tBOOK\tstandard\tPS3048 .A1\t1\t",
    )
    assert (await catalog.get("/v1/migrations/none/items/sum")).json() == summed()


def summed(*lines: str) -> dict[str, Any]:
    hashes = b"".join(hashlib.sha256(line.encode()).digest() for line in lines)
    return {"count": len(lines), "checksum": hashlib.sha256(hashes).hexdigest()}


async def test_many_are_looked_up_at_once_and_lists_go_on(catalog: Harness, shelves: Shelves) -> None:
    await brought(catalog, shelves, old("t1", item("i1"), item("i2"), item("i3")))
    every = await told(catalog, "items")

    found = await catalog.post("/v1/migrations/old/items/lookups", json={"legacy_ids": ["i3", "x", "i1"]})
    titles = await catalog.post("/v1/migrations/old/titles/lookups", json={"legacy_ids": ["t1"]})
    first = (await catalog.get("/v1/migrations/old/items?limit=2")).json()
    second = (await catalog.get(f"/v1/migrations/old/items?limit=2&cursor={first['next_cursor']}")).json()

    assert found.json()["items"] == [{"legacy_id": key, "id": every[key]["id"]} for key in ("i1", "i3")]
    assert [each["legacy_id"] for each in titles.json()["items"]] == ["t1"]
    assert [each["legacy_id"] for page in (first, second) for each in page["items"]] == ["i1", "i2", "i3"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"legacy": None}, ""),
        ({"legacy": {"source": "Old One"}}, "/legacy/source"),
        ({"legacy": {"source": "old", "tag": "035"}}, "/legacy"),
        ({"legacy": {"source": "old", "tag": "001", "subfield": "a"}}, "/legacy"),
    ],
)
async def test_a_profile_that_would_keep_no_ids_is_refused(
    catalog: Harness, changed: dict[str, Any], pointer: str
) -> None:
    answer = await catalog.put(
        "/v1/import-profiles/from-old", json=PROFILE | changed, headers={"If-Match": '"0"'}
    )

    assert answer.status_code == 422
    assert pointers(answer) == [pointer]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("items/lookups", {"legacy_ids": []}),
        ("items/lookups", {"legacy_ids": ["a\0"]}),
        ("titles/lookups", {"legacy_ids": ["a"] * 1001}),
    ],
)
async def test_a_wrong_lookup_is_told(catalog: Harness, path: str, body: Any) -> None:
    answer = await catalog.post(f"/v1/migrations/old/{path}", json=body)

    assert answer.status_code == 422
    assert codes(answer)


async def test_lists_go_by_an_index(catalog: Harness) -> None:
    await catalog.resources.pool.execute("""
INSERT INTO legacy_id (source, kind, legacy_id, record_id, import_id)
SELECT 'old', kind, 'b' || n, gen_random_uuid(), gen_random_uuid()
FROM generate_series(1, 5000) AS n, unnest(ARRAY['title', 'item']) AS kind""")
    await catalog.resources.pool.execute("ANALYZE legacy_id")

    for page in PAGES.values():
        async with catalog.resources.sessions() as session:
            await session.execute(text("SET LOCAL enable_seqscan = off"))
            statement = text(f"EXPLAIN {page.text}")
            rows = await session.execute(statement, {"source": "old", "after": "b5", "limit": 100})
            plan = "\n".join(row[0] for row in rows)

        assert re.search(r"using legacy_id_pkey on legacy_id l\b", plan), plan
        assert "legacy_id > " in plan, plan
