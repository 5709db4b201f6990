"""Lists: of what is told, of what a question finds in title, holdings and item together, of other lists."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import orjson
import pytest

from catalog.conditions import looking
from catalog.exports import worker as exports
from catalog.lists import commands, sheets, worker
from catalog.marc.record import Field, Record
from catalog.search.indexer import Indexer
from chassis.principal import Principal
from support.harness import Harness
from support.shelves import Shelves, file_of, record, with_items

OTHER = Principal("staff", "other", frozenset({"lists:read", "lists:write", "exports:create"}))
READER = Principal("client", "vufind", frozenset({"titles:read", "items:read"}))
MISSING = {"field": "item.base_state", "is": "missing"}
FRENCH = {"field": "title.language", "is": "fre"}


def in_language(made: Record, code: str) -> Record:
    fixed = f"260101s1854    xx                  {code} d"
    return made.without("008").having(Field.control("008", fixed))


@pytest.fixture
async def stock(catalog: Harness, shelves: Shelves) -> Shelves:
    """Twelve titles with an item each, every third French; items 0, 1, 2 and 3 are missing."""
    await shelves.imported(
        file_of(
            *(
                with_items(
                    in_language(record(f"r{n}", title=f"Rome {n}"), "eng" if n % 3 else "fre"),
                    (f"b{n:02}", "MAIN", "STACKS"),
                )
                for n in range(12)
            )
        ),
        profile="local-999",
    )
    await catalog.resources.pool.execute("UPDATE item SET base_state = 'missing' WHERE barcode < 'b04'")
    return shelves


@pytest.fixture
async def indexer(stock: Shelves) -> AsyncIterator[Indexer]:
    """The same, in the index."""
    async with stock.indexed() as indexer:
        yield indexer


async def made(
    catalog: Harness, kind: str = "items", *, name: str = "Mine", more: Any = None, **source: Any
) -> dict[str, Any]:
    answer = await catalog.post(
        "/v1/lists", json={"kind": kind, "name": name, "source": source} | (more or {})
    )
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/lists/{told['id']}"
    return told


async def worked(catalog: Harness) -> None:
    while await worker.work_once(catalog.resources, asyncio.Event()):
        pass


async def read(catalog: Harness, told: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await catalog.get(f"/v1/lists/{told['id']}")).json()
    return found


async def barcodes(catalog: Harness, told: dict[str, Any]) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        params = {"columns": "item.barcode", "limit": 4} | ({"cursor": cursor} if cursor else {})
        answer = (await catalog.get(f"/v1/lists/{told['id']}/members", params=params)).json()
        found += [row["item.barcode"] for row in answer["items"]]
        if (cursor := answer["next_cursor"]) is None:
            return sorted(found)


async def filled(catalog: Harness, kind: str = "items", **source: Any) -> list[str]:
    told = await made(catalog, kind, **source)
    await worked(catalog)
    state = await read(catalog, told)
    assert (state["state"], state["problem"]) == ("ready", None)
    found = await barcodes(catalog, told)
    assert state["count"] == len(found)
    return found


async def test_a_question_is_about_title_holdings_and_item_together(
    catalog: Harness, indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the index's answers are few enough to be told at once, or are asked slice by slice."""
    monkeypatch.setattr(looking, "RANGE", 5)
    for few in (looking.FEW, 1):
        monkeypatch.setattr(looking, "FEW", few)
        await of_all_three(catalog)
        await some_item(catalog)
        await previewed(catalog)
    await exported(catalog)


async def of_all_three(catalog: Harness) -> None:
    """Title, holdings and item are asked together."""
    place = {"field": "item.location", "is": "STACKS"}
    old = {"field": "item.created_at", "before": "2100-01-01"}

    assert await filled(catalog, condition={"all": [MISSING, place, FRENCH, old]}) == ["b00", "b03"]
    assert await filled(catalog, condition={"all": [MISSING, {"not": FRENCH}]}) == ["b01", "b02"]
    either = {"any": [MISSING, {"field": "title.search", "finds": "title:11 OR title:9"}]}
    assert await filled(catalog, condition=either) == ["b00", "b01", "b02", "b03", "b09", "b11"]
    assert await filled(catalog, query="language:fre") == ["b00", "b03", "b06", "b09"]
    noted = {"not": {"field": "item.note", "contains": "x"}}
    assert len(await filled(catalog, condition=noted)) == 12
    assert len(await filled(catalog, everything=True)) == 12


async def some_item(catalog: Harness) -> None:
    """A title has some item of which all of it is true."""
    missing_in_main = {"all": [MISSING, {"field": "item.library", "is": "MAIN"}]}
    told = await made(
        catalog, "titles", condition={"all": [FRENCH, {"some": "items", "where": missing_in_main}]}
    )
    none = await made(catalog, "titles", condition={"not": {"some": "items", "where": {"not": MISSING}}})
    shelves = await made(catalog, "holdings", condition={"some": "items", "where": MISSING})
    await worked(catalog)
    answer = await catalog.get(f"/v1/lists/{told['id']}/content", params={"columns": ["title.title"]})

    assert sorted(row["title.title"] for row in csv.DictReader(io.StringIO(answer.text))) == [
        "Rome 0",
        "Rome 3",
    ]
    assert (await read(catalog, none))["count"] == 4
    assert (await read(catalog, shelves))["count"] == 4


async def previewed(catalog: Harness) -> None:
    """A preview tells the first answers, and how many there are."""
    asked = {
        "kind": "items",
        "condition": {"all": [FRENCH, {"field": "item.barcode", "starts": "B0"}]},
        "columns": ["item.barcode", "title.number", "item.created_at", "holdings.described"],
        "limit": 2,
    }
    answer = (await catalog.post("/v1/queries:preview", json=asked)).json()
    nobody = await catalog.post(
        "/v1/queries:preview", json={"kind": "titles", "condition": {"field": "title.author", "is": "'; --"}}
    )

    assert [row["item.barcode"] for row in answer["rows"]] == ["b00", "b03"]
    assert (answer["count"], answer["count_relation"]) == (4, "exact")
    assert (nobody.status_code, nobody.json()["rows"], nobody.json()["count"]) == (200, [], 0)


async def test_what_cannot_be_asked_is_told_with_every_reason(catalog: Harness, shelves: Shelves) -> None:
    asked = {
        "kind": "titles",
        "condition": {"all": [MISSING, {"field": "title.year", "is": "x"}]},
        "columns": ["item.barcode", "title.title"],
    }
    answer = await catalog.post("/v1/queries:preview", json=asked)
    kept = await catalog.post(
        "/v1/lists", json={"kind": "titles", "name": "x", "source": {"query": 'title:"open'}}
    )
    two = await catalog.post(
        "/v1/lists", json={"kind": "titles", "name": "x", "source": {"query": "a", "ids": []}}
    )
    unindexed = await catalog.post("/v1/queries:preview", json={"kind": "titles", "query": "rome"})

    assert answer.status_code == 422
    assert [(each["code"], each["pointer"]) for each in answer.json()["reasons"]] == [
        ("field-elsewhere", "/condition/all/0/field"),
        ("value-wrong", "/condition/all/1/is"),
        ("column-unknown", "/columns"),
    ]
    assert [each["pointer"] for each in kept.json()["reasons"]] == ["/source/query"]
    assert two.status_code == 422
    assert (unindexed.status_code, unindexed.json()["code"]) == (409, "index-missing")


async def test_what_is_told_is_in_the_list_at_once_and_what_is_unknown_is_told_back(
    catalog: Harness, stock: Shelves
) -> None:
    told = await made(catalog, barcodes=["b01", "b02", "b01", "nobody", "=1+1"])
    titles = await made(catalog, "titles", barcodes=["b01"], numbers=[1, 2, 999_999], ids=[told["id"]])
    where = f"/v1/lists/{told['id']}/members"
    (first,) = (await catalog.get(where, params={"limit": 1})).json()["items"]
    changed = await catalog.post(where, json={"barcodes": ["b05", "gone"], "remove": [first["id"]]})

    assert (told["state"], told["count"], told["unknown"]) == ("ready", 2, ["=1+1", "nobody"])
    assert (titles["count"], sorted(titles["unknown"])) == (2, sorted(["999999", told["id"]]))
    assert (changed.json()["count"], changed.json()["unknown"]) == (2, ["gone"])
    assert len(await barcodes(catalog, told)) == 2


async def test_lists_become_others(catalog: Harness, stock: Shelves) -> None:
    one, other = (
        await made(catalog, barcodes=["b01", "b02", "b03"]),
        await made(catalog, barcodes=["b03", "b04"]),
    )
    ids = [one["id"], other["id"]]
    titles = await made(catalog, "titles", numbers=[1])
    both = {"how": "union", "lists": [titles["id"], titles["id"][:-4] + "0000"]}
    asked = {"kind": "items", "name": "x", "source": {"combined": both}}
    wrong = await catalog.post("/v1/lists", json=asked)

    for how, found in {
        "union": ["b01", "b02", "b03", "b04"],
        "intersection": ["b03"],
        "difference": ["b01", "b02"],
    }.items():
        assert await filled(catalog, combined={"how": how, "lists": ids}) == found
    assert [(each["code"], each["pointer"]) for each in wrong.json()["reasons"]] == [
        ("list-kind", "/source/combined/lists/0"),
        ("list-unknown", "/source/combined/lists/1"),
    ]


async def test_a_list_of_a_list_that_was_dropped_says_so(catalog: Harness, stock: Shelves) -> None:
    one, other = await made(catalog, barcodes=["b01"]), await made(catalog, barcodes=["b02"])
    both = await made(catalog, combined={"how": "union", "lists": [one["id"], other["id"]]})
    assert (await catalog.delete(f"/v1/lists/{one['id']}")).status_code == 204

    await worked(catalog)

    assert (await read(catalog, both))["state"] == "failed"
    assert "not there" in (await read(catalog, both))["problem"]


async def test_a_question_that_takes_too_long_fails_and_is_not_asked_for_ever(
    catalog: Harness, stock: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = await made(catalog, condition=MISSING)

    async def slow(*_: Any, **__: Any) -> Any:
        raise asyncpg.QueryCanceledError("canceling statement due to statement timeout")

    monkeypatch.setattr(worker, "look_on", slow)
    await worked(catalog)
    monkeypatch.undo()

    assert (await read(catalog, told))["state"] == "failed"
    assert "longer" in (await read(catalog, told))["problem"]


async def test_a_list_is_renewed_and_shows_the_old_until_the_new_is_whole(
    catalog: Harness, stock: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "RANGE", 5)
    told = await made(catalog, condition=MISSING)
    await worked(catalog)
    await catalog.resources.pool.execute("UPDATE item SET base_state = 'missing' WHERE barcode = 'b11'")
    before = await barcodes(catalog, told)
    again = await catalog.post(f"/v1/lists/{told['id']}/renewals")
    busy = await catalog.post(f"/v1/lists/{told['id']}/renewals")
    slices = iter(range(10))

    async def breaking(*about: Any, **more: Any) -> Any:
        if next(slices) == 1:
            raise OSError("killed")
        return await looking.look_on(*about, **more)

    monkeypatch.setattr(worker, "look_on", breaking)
    with pytest.raises(OSError, match="killed"):
        await worked(catalog)
    halfway = await barcodes(catalog, told)
    await worked(catalog)

    assert (again.status_code, busy.status_code, busy.json()["code"]) == (202, 409, "list-busy")
    assert before == halfway == ["b00", "b01", "b02", "b03"]
    assert await barcodes(catalog, told) == [*before, "b11"]
    rows = await catalog.resources.pool.fetchval("SELECT count(*) FROM saved_list_member")
    assert rows == 5


async def test_a_frozen_or_told_list_is_not_renewed(catalog: Harness, stock: Shelves) -> None:
    told = await made(catalog, barcodes=["b01"])
    frozen = await made(catalog, condition=MISSING, more={"frozen": True})
    await worked(catalog)
    answers = [await catalog.post(f"/v1/lists/{each['id']}/renewals") for each in (told, frozen)]
    more = await catalog.post(f"/v1/lists/{frozen['id']}/members", json={"barcodes": ["b07"]})

    assert {(each.status_code, each.json()["code"]) for each in [*answers, more]} == {(409, "list-fixed")}


async def test_a_private_list_is_nobody_elses_and_a_shared_one_is_its_owners_to_change(
    catalog: Harness, stock: Shelves
) -> None:
    mine = await made(catalog, barcodes=["b01"])
    ours = await made(catalog, barcodes=["b02"], more={"shared": True})
    one, two = (f"/v1/lists/{each['id']}" for each in (mine, ours))
    with catalog.asking(OTHER):
        hidden = [
            await catalog.get(one),
            await catalog.get(f"{one}/members"),
            await catalog.get(f"{one}/content"),
            await catalog.delete(one),
            await catalog.post(f"{one}/renewals"),
            await catalog.post(f"{one}/members", json={"barcodes": ["b03"]}),
            await catalog.patch(one, json={"shared": True}, headers={"If-Match": '"1"'}),
            await catalog.delete(two),
            await catalog.patch(two, json={"name": "x"}, headers={"If-Match": '"1"'}),
        ]
        exported = await catalog.post("/v1/exports", json={"format": "marc", "list_id": mine["id"]})
        both = {"combined": {"how": "union", "lists": [mine["id"], ours["id"]]}}
        combined = await catalog.post("/v1/lists", json={"kind": "items", "name": "x", "source": both})
        seen = (await catalog.get("/v1/lists", params={"whose": "shared"})).json()["items"]
        own = (await catalog.get("/v1/lists")).json()["items"]
        shared = await barcodes(catalog, ours)
    with catalog.asking(READER):
        strangers = [await catalog.get("/v1/lists"), await catalog.post("/v1/queries:preview", json={})]

    assert {each.status_code for each in hidden} == {404}
    assert (exported.status_code, exported.json()["reasons"][0]["code"]) == (422, "list-unknown")
    assert [each["code"] for each in combined.json()["reasons"]] == ["list-unknown"]
    assert ([each["id"] for each in seen], own, shared) == ([ours["id"]], [], ["b02"])
    assert {each.status_code for each in strangers} == {403}


async def test_a_list_is_changed_by_who_read_it_last(catalog: Harness, shelves: Shelves) -> None:
    told = await made(catalog, ids=[])
    where = f"/v1/lists/{told['id']}"
    bare = await catalog.patch(where, json={"name": "New"})
    done = await catalog.patch(
        where, json={"name": "New", "note": "n"}, headers={"If-Match": f'"{told["version"]}"'}
    )
    stale = await catalog.patch(where, json={"name": "Newer"}, headers={"If-Match": f'"{told["version"]}"'})
    cleared = await catalog.patch(where, json={"name": None}, headers={"If-Match": done.headers["etag"]})

    assert [each.status_code for each in (bare, done, stale, cleared)] == [428, 200, 412, 422]
    assert (done.json()["name"], done.json()["note"]) == ("New", "n")


async def test_a_list_is_given_as_a_sheet_and_as_lines(
    catalog: Harness, stock: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "PAGE", 2)
    await catalog.resources.pool.execute("UPDATE item SET note = '=cmd()' WHERE barcode = 'b01'")
    told = await made(catalog, barcodes=["b00", "b01", "b02", "b03", "b04"])
    where = f"/v1/lists/{told['id']}/content"
    columns = {"columns": ["item.barcode", "item.note", "item.suppressed"]}
    sheet = await catalog.get(where, params=columns)
    lines = await catalog.get(where, params=columns, headers={"Accept": "application/x-ndjson"})
    neither = await catalog.get(where, headers={"Accept": "image/png"})

    rows = list(csv.DictReader(io.StringIO(sheet.text)))
    assert [row["item.barcode"] for row in rows] == ["b00", "b01", "b02", "b03", "b04"]
    assert (rows[1]["item.note"], rows[1]["item.suppressed"]) == ("'=cmd()", "false")
    assert [orjson.loads(each)["item.barcode"] for each in lines.text.splitlines()] == [
        row["item.barcode"] for row in rows
    ]
    assert neither.status_code == 406


async def test_lists_are_bounded(catalog: Harness, stock: Shelves, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "MOST_LISTS", 3)
    body = {"kind": "items", "name": "x", "source": {"barcodes": ["b01"]}}
    answers = await asyncio.gather(*(catalog.post("/v1/lists", json=body) for _ in range(6)))
    monkeypatch.setattr(worker, "MOST_MEMBERS", 3)
    monkeypatch.setattr(commands, "MOST_LISTS", 30)
    large = await made(catalog, everything=True)
    await worked(catalog)

    assert sorted(each.status_code for each in answers) == [201, 201, 201, 409, 409, 409]
    assert (await read(catalog, large))["state"] == "failed"
    assert await catalog.resources.pool.fetchval("SELECT count(*) FROM saved_list_member") == 3


async def exported(catalog: Harness) -> None:
    """A list is what an export gives."""
    told = await made(catalog, barcodes=["b01", "b02", "b03"])
    whole = await catalog.post("/v1/exports", json={"format": "csv", "list_id": told["id"]})
    french = await catalog.post(
        "/v1/exports", json={"format": "csv", "list_id": told["id"], "query": "language:fre"}
    )
    gone = await made(catalog, "titles", numbers=[1])
    lost = await catalog.post("/v1/exports", json={"format": "csv", "list_id": gone["id"]})
    await catalog.delete(f"/v1/lists/{gone['id']}")
    while await exports.work_once(catalog.resources, asyncio.Event()):
        pass

    found = []
    for each in (whole, french):
        assert each.status_code == 202, each.text
        content = (await catalog.get(f"/v1/exports/{each.json()['id']}/content")).text
        found.append([row["title"] for row in csv.DictReader(io.StringIO(content))])
    assert found == [["Rome 1", "Rome 2", "Rome 3"], ["Rome 3"]]
    assert (await catalog.get(f"/v1/exports/{lost.json()['id']}")).json()["state"] == "failed"
