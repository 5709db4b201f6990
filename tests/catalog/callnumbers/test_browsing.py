"""Looking along the shelf, both ways, while others put books on it and take them off."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from catalog.callnumbers import queries
from chassis.principal import ANONYMOUS
from support.harness import Harness
from support.shelves import Shelves, file_of, record, with_items

LC = ["PN2 .A5", "PS3048 .A1", "PS3048 .A15", "PS3048 .A2", "QA9 .B1", "QA76 .B2", "QA76.9 .D3", "Z7 .A1"]


async def shelved(shelves: Shelves, *numbers: str, **more: Any) -> dict[str, dict[str, Any]]:
    """A title of its own for each call number."""
    told = {}
    for number in numbers:
        title = await shelves.title(record(number, title=f"At {number}"))
        told[number] = await shelves.item(title, call_number=number, **more)
    return told


async def shelf(catalog: Harness, **params: Any) -> dict[str, Any]:
    answer = await catalog.get("/v1/shelf", params=params)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def numbers(told: dict[str, Any]) -> list[str]:
    return [each["call_number"] for each in told["items"]]


async def test_the_neighbours_of_a_number_stand_around_it(catalog: Harness, shelves: Shelves) -> None:
    await shelved(shelves, *reversed(LC))
    await shelved(shelves, "025.4 C3")

    told = await shelf(catalog, near="PS3048 .A15", before=1, limit=3)

    assert numbers(told) == LC[1:5]
    assert (told["scheme"], told["position"]) == ("lc", 1)
    assert told["items"][0]["title"] == "At PS3048 .A1"
    assert numbers(await shelf(catalog, near="QA76", before=0, limit=1)) == ["QA76 .B2"]
    assert numbers(await shelf(catalog, scheme="dewey")) == ["025.4 C3"]
    assert numbers(await shelf(catalog)) == LC


async def test_a_walk_both_ways_meets_everything_once_though_the_shelf_changes(
    catalog: Harness, shelves: Shelves
) -> None:
    await shelved(shelves, *LC)
    first = await shelf(catalog, near="PS3048 .A2", before=0, limit=2)

    gone = (await catalog.get("/v1/items", params={"limit": 1000})).json()["items"]
    here = next(each for each in gone if each["call_number"] == "QA9 .B1")
    title = await catalog.get(f"/v1/titles/{here['title_id']}")
    answer = await catalog.patch(
        f"/v1/titles/{here['title_id']}",
        json={"suppressed": True},
        headers={"If-Match": title.headers["etag"]},
    )
    assert answer.status_code == 200
    await shelved(shelves, "QA10 .A1")

    with catalog.asking(ANONYMOUS):
        onward = await shelf(catalog, cursor=first["next_cursor"], limit=2)
        last = await shelf(catalog, cursor=onward["next_cursor"], limit=10)
        back = (
            await shelf(catalog, cursor=first["previous_cursor"], limit=2) if first["previous_cursor"] else {}
        )
    assert numbers(first) == ["PS3048 .A2", "QA9 .B1"]
    assert numbers(onward) == ["QA10 .A1", "QA76 .B2"]
    assert numbers(last) == ["QA76.9 .D3", "Z7 .A1"]
    assert last["next_cursor"] is None
    assert numbers(back) == ["PS3048 .A1", "PS3048 .A15"]
    assert numbers(await shelf(catalog, cursor=back["previous_cursor"], limit=2)) == ["PN2 .A5"]


async def test_an_item_with_a_number_of_its_own_stands_there(catalog: Harness, shelves: Shelves) -> None:
    stacks = await shelves.location("LAW", "READING")
    item = (await shelved(shelves, "PN2 .A5"))["PN2 .A5"]
    changed = await catalog.patch(
        f"/v1/items/{item['id']}",
        json={"call_number": "Folio 12", "call_number_scheme": "local", "location_id": stacks},
        headers={"If-Match": '"1"'},
    )
    assert changed.status_code == 200, changed.text

    told = await shelf(catalog, near="folio 2", location_id=stacks)

    assert [(each["call_number"], each["item_id"]) for each in told["items"]] == [("Folio 12", item["id"])]
    cleared = await catalog.patch(
        f"/v1/items/{item['id']}",
        json={"call_number": None, "call_number_scheme": None},
        headers={"If-Match": '"2"'},
    )
    assert cleared.json()["call_number"] == "PN2 .A5"
    assert numbers(await shelf(catalog, near="folio 2", location_id=stacks)) == []


async def test_what_was_imported_stands_on_the_shelf_at_once(catalog: Harness, shelves: Shelves) -> None:
    await shelves.imported(file_of(with_items(record("a"), ("b1", "MAIN", "STACKS"))), profile="local-999")

    assert numbers(await shelf(catalog, near="PS3048")) == ["PS3048 .A1"]


async def test_numbers_of_an_earlier_release_are_given_their_places(
    catalog: Harness, shelves: Shelves
) -> None:
    await shelved(shelves, "PS3048 .A2", "PN2 .A5")
    await catalog.resources.pool.execute("UPDATE holdings SET shelving_key = NULL")
    assert numbers(await shelf(catalog)) == []

    await catalog.tick("shelve")

    assert numbers(await shelf(catalog)) == ["PN2 .A5", "PS3048 .A2"]


@pytest.mark.parametrize(
    "params",
    [
        {"cursor": "x"},
        {"cursor": "WyJsYyIsIm9uIiwiYSIsIm5vIl0"},
        {"cursor": "WyJubyIsIm9uIiwiYSIsIjAxODkwMDAwLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwZGVhZCJd"},
        {"scheme": "udc"},
        {"near": "QA", "cursor": "x"},
    ],
    ids=["no-cursor", "no-id", "no-scheme", "unknown-scheme", "both"],
)
async def test_a_wrong_question_is_told_so(catalog: Harness, params: dict[str, str]) -> None:
    answer: httpx.Response = await catalog.get("/v1/shelf", params=params)

    assert answer.status_code == 422, answer.text


async def test_the_shelf_goes_by_its_index(catalog: Harness, shelves: Shelves) -> None:
    pool = catalog.resources.pool
    await shelved(shelves, "PN2 .A5")
    await pool.execute("""
        INSERT INTO holdings (id, title_id, location_id, call_number, shelving_key, created_at, updated_at)
        SELECT gen_random_uuid(), title_id, location_id, 'QA ' || n, 'lc QA ' || lpad(n::text, 6, '0'), now(), now()
        FROM holdings, generate_series(1, 5000) n""")
    await pool.execute("ANALYZE holdings")
    for (way, here), statement in queries._STATEMENTS.items():
        told: dict[str, Any] = {"key": "lc QA 002000", "edge": "lc!", "hidden_too": False, "limit": 20}
        told |= {} if way == "from" else {"id": UUID(int=0)}
        told |= {"location_id": UUID(await shelves.location())} if here else {}
        async with catalog.resources.sessions() as session:
            plan = await session.execute(text(f"EXPLAIN {statement.text}"), told)
        scans = " ".join(row[0] for row in plan)
        assert "using holdings_shelf" in scans, (way, scans)
        assert "Seq Scan on holdings" not in scans
