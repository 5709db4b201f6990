"""Holdings that come with titles' records, or as records of their own: made, brought up to date, never doubled."""

from typing import Any

import pytest

from catalog.imports import worker
from catalog.marc.record import Field, Record
from catalog.undoing.worker import undo_some
from contracts.catalog import HoldingsCreated, HoldingsUpdated
from support.harness import Harness
from support.shelves import Shelves, file_of, record


def shelf(library: str = "MAIN", number: str = "PS1", link: str = "1") -> Field:
    return Field.data("852", "8 ", ("8", link), ("b", library), ("c", "STACKS"), ("h", number))


def held(text: str, link: str = "1") -> Field:
    return Field.data("866", "41", ("8", link), ("a", text))


def mfhd(text: str, title: str = "r1", *, number: str = "h1", place: Field | None = None) -> Record:
    fixed = "2601014p    8   1001aa eng0000000"[:32]
    return Record(
        "00000ny  a2200000zn 4500",
        [
            Field.control("001", number),
            Field.control("004", title),
            Field.control("008", fixed),
            place or shelf(),
            held(text),
        ],
    )


async def holdings(shelves: Shelves, number: str = "r1") -> list[dict[str, Any]]:
    pool = shelves.catalog.resources.pool
    title = await pool.fetchval("SELECT id FROM title WHERE control_number = $1", number)
    answer = await shelves.catalog.get(f"/v1/titles/{title}/holdings")
    told: list[dict[str, Any]] = answer.json()["items"]
    return told


def stated(told: list[dict[str, Any]]) -> list[tuple[str, str | None, list[str], int]]:
    return sorted(
        (each["library"], each["call_number"], [one["text"] for one in each["statements"]], each["version"])
        for each in told
    )


async def codes(shelves: Shelves, job: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [
        (each["outcome"], [one["code"] for one in each["reasons"]]) for each in await shelves.outcomes(job)
    ]


async def test_a_place_alone_makes_holdings_and_comes_again_as_the_same(
    catalog: Harness, shelves: Shelves
) -> None:
    law = shelf("LAW", "Q1", "2")
    first = record("r1").having(shelf(), held("v.1-5"), law)
    again = record("r1").having(shelf(), held("v.1-6"), law)

    made = await shelves.imported(file_of(first), profile="holdings")
    one = stated(await holdings(shelves))
    same = await shelves.imported(file_of(first), profile="holdings")
    two = stated(await holdings(shelves))
    await shelves.imported(file_of(again), profile="holdings")
    three = await holdings(shelves)

    assert (made["state"], made["items"]["created"], same["counts"]["unchanged"]) == ("finished", 0, 1)
    assert one == two == [("LAW", "Q1", [], 1), ("MAIN", "PS1", ["v.1-5"], 1)]
    assert stated(three) == [("LAW", "Q1", [], 1), ("MAIN", "PS1", ["v.1-6"], 2)]
    created, updated = await catalog.announced(HoldingsCreated), await catalog.announced(HoldingsUpdated)
    assert ([each.version for each in created], [each.version for each in updated]) == ([1, 1], [2])
    (main,) = [each for each in three if each["library"] == "MAIN"]
    earlier = await catalog.get(
        f"/v1/holdings/{main['id']}?version=1", headers={"Accept": "application/marc+json"}
    )
    assert "v.1-5" in earlier.text


async def test_what_is_held_at_one_of_several_places_is_told_where_nothing_says_at_which(
    catalog: Harness, shelves: Shelves
) -> None:
    job = await shelves.imported(
        file_of(record("r1").having(shelf(), shelf("LAW"), held("v.1"))), profile="holdings"
    )

    assert await codes(shelves, job) == [("created", ["holdings-unclear"])]
    assert stated(await holdings(shelves)) == [("LAW", "PS1", [], 1), ("MAIN", "PS1", [], 1)]


async def test_the_profile_decides(catalog: Harness, shelves: Shelves) -> None:
    for code, told in (
        ("kept", {"embedded": {"on_match": "keep"}}),
        ("theirs", {"embedded": {}, "on_no_match": "discard"}),
        ("bare", {}),
    ):
        answer = await catalog.put(
            f"/v1/import-profiles/{code}",
            json={"name": code, "holdings": told},
            headers={"If-Match": '"0"'},
        )
        assert answer.status_code == 200, answer.text
    first, other = (record("r1").having(shelf(), held(text)) for text in ("v.1", "v.2"))

    await shelves.imported(file_of(first), profile="bare")
    without = await holdings(shelves)
    refused = await shelves.imported(file_of(first), profile="theirs")
    none = await holdings(shelves)
    await shelves.imported(file_of(first), profile="kept")
    await shelves.imported(file_of(other), profile="kept")
    kept = stated(await holdings(shelves))
    await shelves.imported(file_of(other), profile="theirs")

    assert without == none == []
    assert await codes(shelves, refused) == [("unchanged", ["holdings-unknown"])]
    assert kept == [("MAIN", "PS1", ["v.1"], 1)]
    assert stated(await holdings(shelves)) == [("MAIN", "PS1", ["v.2"], 2)]


async def test_items_and_what_is_held_share_their_shelf(catalog: Harness, shelves: Shelves) -> None:
    item = Field.data("876", "  ", ("p", "b1"), ("3", "v.1"))
    file = file_of(record("r1").having(shelf(), held("v.1"), item))

    await shelves.imported(file, profile="holdings")
    await shelves.imported(file, profile="holdings")
    (told,) = await holdings(shelves)

    assert (told["items"], told["described"], told["version"]) == (1, True, 1)


async def test_records_of_holdings_come_with_their_titles_in_one_file(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = mfhd("v.9", "nowhere", number="h9")
    first = await shelves.imported(file_of(mfhd("v.0"), record("r1"), mfhd("v.1"), lost), profile="holdings")
    one = await holdings(shelves)
    monkeypatch.setattr(worker, "SLICE_RECORDS", 1)  # a record that is committed has not been its title's own
    second = await shelves.imported(file_of(mfhd("v.2"), record("r1", title="New")), profile="holdings")
    third = await shelves.imported(file_of(mfhd("v.2"), mfhd("v.3", place=shelf("LAW"))), profile="holdings")
    without = await shelves.imported(file_of(mfhd("v.4")), profile="standard")

    assert await codes(shelves, first) == [
        ("rejected", ["title-unknown"]),
        ("created", []),
        ("duplicate", ["holdings-created"]),
        ("rejected", ["title-unknown"]),
    ]
    assert (stated(one), one[0]["policies"]["lending_policy"]) == ([("MAIN", "PS1", ["v.1"], 1)], "will-lend")
    assert await codes(shelves, second) == [("duplicate", ["holdings-updated"]), ("updated", [])]
    assert await codes(shelves, third) == [
        ("duplicate", ["holdings-unchanged"]),
        ("duplicate", ["holdings-elsewhere"]),
    ]
    assert await codes(shelves, without) == [("discarded", ["not-bibliographic"])]
    assert stated(await holdings(shelves)) == [("MAIN", "PS1", ["v.2"], 2)]


async def test_a_dry_run_tells_the_same_and_writes_nothing(catalog: Harness, shelves: Shelves) -> None:
    await shelves.title(record("r1"))

    job = await shelves.imported(file_of(mfhd("v.1")), profile="holdings", dry_run=True)

    assert await codes(shelves, job) == [("duplicate", ["holdings-created"])]
    assert (await holdings(shelves), await catalog.announced(HoldingsCreated)) == ([], [])


async def test_an_import_taken_back_takes_the_holdings_that_it_made(
    catalog: Harness, shelves: Shelves
) -> None:
    await shelves.title(record("r1"))
    job = await shelves.imported(file_of(mfhd("v.1")), profile="holdings")
    (made,) = await holdings(shelves)

    answer = await catalog.post(f"/v1/imports/{job['id']}/undoing")
    assert answer.status_code == 202, answer.text
    while await undo_some(catalog.resources):
        pass

    assert await holdings(shelves) == []
    gone = (await catalog.get(f"/v1/holdings/{made['id']}")).json()
    assert gone["deleted_at"] is not None


async def test_a_large_file_is_read_apart_with_its_holdings(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "SMALL", 10)

    await shelves.imported(
        file_of(record("r1").having(shelf(), held("v.1")), mfhd("v.2")), profile="holdings"
    )

    assert stated(await holdings(shelves)) == [("MAIN", "PS1", ["v.1"], 1)]
