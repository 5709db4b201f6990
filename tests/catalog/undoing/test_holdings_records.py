"""Holdings whose record an import has changed are as they were, once it is taken back."""

import asyncio
import json
from typing import Any

from catalog.marc.record import Field, Record
from catalog.undoing.worker import undo_some
from contracts.catalog import HoldingsUpdated
from support.harness import Harness
from support.shelves import Shelves, file_of, record, with_items

MARC = "application/marc+json"


def shelf(library: str = "MAIN", link: str = "1") -> Field:
    return Field.data("852", "0 ", ("8", link), ("b", library), ("c", "STACKS"), ("h", "PS3048 .A1"))


def held(text: str, link: str = "1") -> Field:
    return Field.data("866", "41", ("8", link), ("a", text))


def mfhd(text: str, title: str) -> Record:
    fixed = "2601014p    8   1001aa eng0000000"[:32]
    return Record(
        "00000ny  a2200000zn 4500",
        [Field.control("004", title), Field.control("008", fixed), shelf(), held(text)],
    )


async def holdings(shelves: Shelves, number: str) -> list[dict[str, Any]]:
    pool = shelves.catalog.resources.pool
    title = await pool.fetchval("SELECT id FROM title WHERE control_number = $1", number)
    told: list[dict[str, Any]] = (await shelves.catalog.get(f"/v1/titles/{title}/holdings")).json()["items"]
    return sorted(told, key=lambda each: str(each["library"]))


def stated(told: list[dict[str, Any]]) -> list[tuple[str, list[str], str | None]]:
    return [
        (each["library"], [one["text"] for one in each["statements"]], each["call_number_scheme"]) for each in told
    ]  # fmt: skip


async def undone(catalog: Harness, job: dict[str, Any]) -> tuple[str, list[tuple[Any, ...]]]:
    door = f"/v1/imports/{job['id']}/undoing"
    assert (await catalog.post(door)).status_code == 202
    while await undo_some(catalog.resources):
        pass
    told = (await catalog.get(f"{door}/outcomes")).json()["items"]
    state: str = (await catalog.get(door)).json()["state"]
    return state, [(each["outcome"], *(one["code"] for one in each["reasons"])) for each in told]


async def described(catalog: Harness, id_: str, text: str) -> int:
    seen = await catalog.get(f"/v1/holdings/{id_}", headers={"Accept": MARC})
    mine = seen.json()
    mine["fields"] = [each for each in mine["fields"] if "866" not in each]
    mine["fields"].append({"866": {"ind1": "4", "ind2": "1", "subfields": [{"8": "1"}, {"a": text}]}})
    answer = await catalog.put(
        f"/v1/holdings/{id_}",
        content=json.dumps(mine),
        headers={"Content-Type": MARC, "If-Match": seen.headers["etag"]},
    )
    return answer.status_code


async def test_records_of_holdings_stand_again_and_what_had_none_has_none(
    catalog: Harness, shelves: Shelves
) -> None:
    bare = with_items(record("r1"), ("b1", "LAW", "STACKS"))
    await shelves.imported(file_of(bare), profile="local-999")
    await shelves.imported(file_of(record("r1").having(shelf(), held("v.1-5"))), profile="holdings")
    before = await holdings(shelves, "r1")
    told = record("r1").having(shelf(), held("v.1-6"), shelf("LAW", "2"), held("v.9", "2"))
    job = await shelves.imported(file_of(told, mfhd("v.1-7", "r1")), profile="holdings")
    between = await holdings(shelves, "r1")

    state, outcomes = await undone(catalog, job)

    after = await holdings(shelves, "r1")
    assert stated(before) == [("LAW", [], None), ("MAIN", ["v.1-5"], "lc")]
    assert stated(between) == [("LAW", ["v.9"], "lc"), ("MAIN", ["v.1-6"], "lc")]
    assert (state, outcomes[0]) == ("finished", ("restored",))
    assert stated(after) == stated(before)
    assert [(each["described"], each["version"]) for each in after] == [(False, 3), (True, 3)]
    events = {str(each.holdings_id): each.version for each in await catalog.announced(HoldingsUpdated)}
    assert [events[each["id"]] for each in after] == [3, 3]
    kept = await catalog.get(f"/v1/holdings/{after[1]['id']}?version=2", headers={"Accept": MARC})
    assert "v.1-6" in kept.text
    again = await undone(catalog, job)
    assert again[0] == "finished"
    assert [each["version"] for each in await holdings(shelves, "r1")] == [3, 3]


async def test_holdings_that_somebody_has_worked_with_since_stay_and_are_told(
    catalog: Harness, shelves: Shelves
) -> None:
    titles = ("r1", "r2", "r3")
    await shelves.imported(
        file_of(*(record(each).having(shelf(), held("v.1")) for each in titles)), profile="holdings"
    )
    job = await shelves.imported(
        file_of(*(record(each).having(shelf(), held("v.2")) for each in titles)), profile="holdings"
    )
    ids = [(await holdings(shelves, each))[0]["id"] for each in titles]
    assert await described(catalog, ids[0], "mine") == 200
    gone = await catalog.delete(f"/v1/holdings/{ids[1]}", headers={"If-Match": '"2"'})

    state, outcomes = await undone(catalog, job)

    assert gone.status_code == 204
    assert state == "finished-with-conflicts"
    assert outcomes == [("conflict", "holdings-changed"), ("conflict", "holdings-changed"), ("restored",)]
    assert stated(await holdings(shelves, "r1")) == [("MAIN", ["mine"], "lc")]
    assert await holdings(shelves, "r2") == []
    assert stated(await holdings(shelves, "r3")) == [("MAIN", ["v.1"], "lc")]


async def test_a_record_that_is_written_and_an_undoing_at_once_leave_one_of_both(
    catalog: Harness, shelves: Shelves
) -> None:
    for number in map(str, range(6)):
        await shelves.imported(file_of(record(number).having(shelf(), held("v.1"))), profile="holdings")
        job = await shelves.imported(file_of(record(number).having(shelf(), held("v.2"))), profile="holdings")
        (before,) = await holdings(shelves, number)

        written, (state, _) = await asyncio.gather(
            described(catalog, before["id"], "mine"), undone(catalog, job)
        )

        ends = {200: ("finished-with-conflicts", "mine"), 412: ("finished", "v.1")}
        ((_, (text,), _),) = stated(await holdings(shelves, number))
        assert (state, text) == ends[written] or (written, state, text) == (200, "finished", "mine")
