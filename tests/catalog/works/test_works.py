"""Works over their editions: found by records, put right by staff, the same after whatever is imported again."""

import asyncio
from typing import Any

import pytest

from catalog.marc.iso2709 import dumps
from catalog.marc.record import Field, Record
from catalog.works.following import BATCH, group_titles, step
from chassis.principal import ANONYMOUS, Principal
from support.harness import Harness
from support.shelves import Shelves, file_of, record

READER = Principal("staff", "reader", frozenset({"titles:read"}))


def edition(number: str, title: str, language: str = "eng", *, of: str | None = None, **more: Any) -> Record:
    made = record(number, title=title, **more).without("008")
    fields = [Field.control("008", f"260101s19{int(number[-1]) + 10}    xx                  {language} d")]
    if of is not None:
        fields.append(Field.data("240", "10", ("a", of)))
    return made.having(*fields)


async def grouped(catalog: Harness) -> None:
    while await step(catalog.resources.pool):
        pass


async def work_of(catalog: Harness, title: dict[str, Any]) -> dict[str, Any]:
    answer = await catalog.get(f"/v1/titles/{title['id']}/work")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def members(work: dict[str, Any]) -> set[str]:
    return {each["title_id"] for kind in work["expressions"] for each in kind["editions"]}


async def put(catalog: Harness, title: dict[str, Any], made: Record) -> None:
    now = (await catalog.get(f"/v1/titles/{title['id']}")).json()
    answer = await catalog.put(
        f"/v1/titles/{title['id']}",
        content=dumps(made),
        headers={"Content-Type": "application/marc", "If-Match": f'"{now["version"]}"'},
    )
    assert answer.status_code == 200, answer.text


async def change(catalog: Harness, work: dict[str, Any], how: str, **body: Any) -> Any:
    headers = {"If-Match": f'"{work["version"]}"'}
    return await catalog.post(f"/v1/works/{work['id']}/{how}", json=body, headers=headers)


async def test_a_work_has_its_editions_by_language(catalog: Harness, shelves: Shelves) -> None:
    series = Field.data("490", "0 ", ("a", "Classics ;"), ("v", "7"))
    first = await shelves.title(edition("w1", "Walden").having(series))
    second = await shelves.title(edition("w2", "Walden"))
    french = await shelves.title(
        edition("w3", "Walden ou la vie", "fre", of="Walden").having(
            Field.data("041", "1 ", ("a", "fre"), ("h", "eng")),
            Field.data("700", "1 ", ("a", "Fabulet, Louis"), ("4", "trl")),
        )
    )
    other = await shelves.title(edition("w4", "Cape Cod"))
    await shelves.title(edition("w5", "Walden"), suppressed="true")
    early = await catalog.get(f"/v1/titles/{first['id']}/work")
    await grouped(catalog)

    with catalog.asking(ANONYMOUS):
        told = await work_of(catalog, first)
        same = (await catalog.get(f"/v1/works/{told['id']}")).json()
    assert (early.status_code, early.json()["code"]) == (404, "work-unknown")
    assert (
        same
        == told
        == {
            "id": told["id"],
            "version": told["version"],
            "title": "Walden",
            "author": "Thoreau, Henry David",
            "addresses": [],
            "original_languages": ["eng"],
            "expressions": told["expressions"],
            "series": ["Classics"],
            "contains": [],
            "contained_in": [],
            "titles_total": 3,
        }
    )
    assert [(each["language"], each["kind"], each["translators"]) for each in told["expressions"]] == [
        ("eng", "book", []), ("fre", "book", ["Fabulet, Louis"]),
    ]  # fmt: skip
    assert [[one["title_id"] for one in each["editions"]] for each in told["expressions"]] == [
        [second["id"], first["id"]], [french["id"]],
    ]  # fmt: skip
    assert members(await work_of(catalog, other)) == {other["id"]}


async def found(catalog: Harness, **params: Any) -> dict[str, Any]:
    answer = await catalog.get("/v1/works", params=params)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def by_work(told: dict[str, Any]) -> dict[frozenset[str], str | None]:
    return {frozenset(each["title_ids"]): each["work_id"] for each in told["items"]}


async def test_a_search_finds_each_work_once(catalog: Harness, shelves: Shelves) -> None:
    walden = [await shelves.title(edition(f"w{number}", "Walden")) for number in (1, 2)]
    other = await shelves.title(edition("w3", "Walden and after", "ger", author="Emerson, Ralph"))
    await grouped(catalog)
    late = await shelves.title(edition("w4", "Walden once more", author="Somebody"))
    async with shelves.indexed():
        told = await found(catalog, query="walden", facets="language", at_least="now")
        first = await found(catalog, query="walden", limit=2, sort="title")
        second = await found(catalog, query="walden", limit=2, sort="title", cursor=first["next_cursor"])
        german = await found(catalog, **{"query": "walden", "filter[language]": "ger"})
        better = await found(catalog, query="waldenn")
        refused = [
            await catalog.get("/v1/works", params=params)
            for params in (
                {"query": "title:("}, {"sort": "colour"}, {"facets": "colour"}, {"cursor": "nonsense"},
                {"query": "emerson", "cursor": first["next_cursor"]},
            )
        ]  # fmt: skip

    work = await work_of(catalog, walden[0])
    assert by_work(told) == {
        frozenset(each["id"] for each in walden): work["id"],
        frozenset([other["id"]]): (await work_of(catalog, other))["id"],
        frozenset([late["id"]]): None,
    }
    assert (told["total"], told["titles_total"], told["next_cursor"]) == (3, 4, None)
    assert told["facets"] == {"language": [{"value": "eng", "count": 2}, {"value": "ger", "count": 1}]}
    assert told["index"]["reached"]
    assert [each["title"]["title"] for each in (*first["items"], *second["items"])] == [
        "Walden", "Walden and after", "Walden once more",
    ]  # fmt: skip
    assert (first["total"], second["total"], second["next_cursor"]) == (3, 3, None)
    assert by_work(german).keys() == {frozenset([other["id"]])}
    assert better["did_you_mean"]["query"] == "Walden"
    assert [each.status_code for each in refused] == [422, 422, 422, 422, 410]
    assert refused[-1].json()["code"] == "cursor-expired"
    assert [each.json()["reasons"][0]["pointer"] for each in refused[1:3]] == ["query/sort", "query/query"]


async def test_the_index_follows_what_becomes_of_works_and_is_told_of_nothing_else(
    catalog: Harness, shelves: Shelves
) -> None:
    async def told() -> int:
        return int(await catalog.resources.pool.fetchval("SELECT count(*) FROM title_change"))

    one, two, alone, third = [
        await shelves.title(edition(f"w{number}", title))
        for number, title in enumerate(("Walden", "Walden", "Cape Cod", "Life in the woods"))
    ]
    ids = [each["id"] for each in (one, two, third)]
    async with shelves.indexed() as indexer:

        async def groups() -> set[frozenset[str]]:
            await grouped(catalog)
            while await indexer.follow():
                pass
            return set(by_work(await found(catalog, at_least="now")))

        before = await told()
        by_records, after = await groups(), await told()
        await change(
            catalog,
            await work_of(catalog, one),
            "merges",
            merged=[(await work_of(catalog, third))["id"]],
        )
        merged = await groups()
        await change(catalog, await work_of(catalog, one), "splits", title_ids=ids[:1])
        split = await groups()
        await put(catalog, two, edition("w1", "Cape Cod"))
        moved = await groups()
        counted = await told()
        await catalog.post("/v1/works:rebuild")
        rebuilt = await groups()

    assert by_records == {frozenset(ids[:2]), frozenset([alone["id"]]), frozenset(ids[2:])}
    assert after == before + 2, "the two that share a work"
    assert merged == {frozenset(ids), frozenset([alone["id"]])}
    assert split == {frozenset(ids[:1]), frozenset(ids[1:]), frozenset([alone["id"]])}
    assert moved == {frozenset(ids[:1]), frozenset([two["id"], alone["id"]]), frozenset(ids[2:])}
    assert (rebuilt, await told()) == (moved, counted)


async def test_a_corrected_record_leaves_and_comes_back_whatever_the_order(
    catalog: Harness, shelves: Shelves
) -> None:
    one, two, bridge = [
        await shelves.title(made)
        for made in (
            edition("w1", "Walden"),
            edition("w2", "Life in the woods"),
            edition("w3", "Walden", of="Life in the woods").having(Field.data("765", "0 ", ("t", "Walden"))),
        )
    ]
    await grouped(catalog)
    whole = await work_of(catalog, one)
    await put(catalog, bridge, edition("w3", "Cape Cod"))
    await grouped(catalog)
    apart = [await work_of(catalog, each) for each in (one, two, bridge)]
    await put(catalog, bridge, edition("w3", "Walden"))
    await grouped(catalog)

    assert members(whole) == {one["id"], two["id"], bridge["id"]}
    assert [members(each) for each in apart] == [{one["id"]}, {two["id"]}, {bridge["id"]}]
    assert apart[0]["id"] == whole["id"], "the eldest's group keeps the id"
    back = await work_of(catalog, bridge)
    assert (back["id"], members(back)) == (whole["id"], {one["id"], bridge["id"]})
    led = await catalog.get(f"/v1/works/{apart[2]['id']}")
    assert (led.status_code, led.headers["location"]) == (308, f"/v1/works/{whole['id']}")


async def test_what_staff_have_said_survives_every_import_and_a_rebuild(
    catalog: Harness, shelves: Shelves
) -> None:
    file = file_of(edition("a1", "Walden"), edition("a2", "Walden"), edition("a3", "Life in the woods"))
    await shelves.imported(file)
    await grouped(catalog)
    rows = await catalog.resources.pool.fetch("SELECT id FROM title ORDER BY control_number")
    one, two, three = ({"id": str(row["id"])} for row in rows)
    work = await work_of(catalog, one)

    split = await change(catalog, work, "splits", title_ids=[two["id"]])
    work = await work_of(catalog, one)
    merged = await change(catalog, work, "merges", merged=[(await work_of(catalog, three))["id"]])
    assert (split.status_code, merged.status_code) == (201, 201), (split.text, merged.text)
    await shelves.imported(
        file_of(
            edition("a1", "Walden", subject="Ponds"),
            edition("a2", "Walden", subject="Ponds"),
            edition("a3", "Life in the woods", subject="Ponds"),
            edition("a4", "Life in the woods"),
            edition("a5", "Walden"),
        )
    )
    await grouped(catalog)
    after_import = [members(await work_of(catalog, each)) for each in (one, two)]
    rebuild = await catalog.post("/v1/works:rebuild")
    await grouped(catalog)

    everything = {str(row["id"]) for row in await catalog.resources.pool.fetch("SELECT id FROM title")}
    assert after_import == [everything - {two["id"]}, {two["id"]}]
    assert (rebuild.status_code, rebuild.json()) == (202, {"titles": 5})
    assert [members(await work_of(catalog, each)) for each in (one, two)] == after_import
    assert (await work_of(catalog, one))["id"] == work["id"]
    assert (await work_of(catalog, two))["id"] == split.json()["id"]


async def test_a_title_that_goes_leaves_its_work_and_finds_it_again(
    catalog: Harness, shelves: Shelves
) -> None:
    one, two = [await shelves.title(edition(number, "Walden")) for number in ("w1", "w2")]
    await grouped(catalog)
    work = await work_of(catalog, one)
    for title in (one, two):
        assert (
            await catalog.delete(f"/v1/titles/{title['id']}", headers={"If-Match": '"1"'})
        ).status_code == 204
    await grouped(catalog)
    gone = await catalog.get(f"/v1/works/{work['id']}")
    await catalog.post(f"/v1/titles/{two['id']}/undeletions", json={}, headers={"If-Match": '"2"'})
    await grouped(catalog)

    assert (gone.status_code, gone.json()["code"]) == (404, "work-unknown")
    back = await work_of(catalog, two)
    assert (back["id"], members(back)) == (work["id"], {two["id"]})


async def test_a_collection_and_the_works_in_it_lead_to_each_other(
    catalog: Harness, shelves: Shelves
) -> None:
    def anthology(*titles: str) -> Record:
        parts = [Field.data("700", "12", ("a", "Thoreau, Henry David"), ("t", title)) for title in titles]
        return edition("c1", "Two books", author="Editor, An").having(*parts)

    collection = await shelves.title(anthology("Walden", "Cape Cod"))
    walden, other = [
        await shelves.title(edition(f"w{number}", title))
        for number, title in enumerate(("Walden", "Maine woods"))
    ]
    hidden = await shelves.title(edition("w3", "Cape Cod"), suppressed="true")
    await grouped(catalog)
    with catalog.asking(ANONYMOUS):
        whole, part = await work_of(catalog, collection), await work_of(catalog, walden)
        unrelated = await work_of(catalog, other)
    to_staff = await work_of(catalog, collection)
    secret = await work_of(catalog, hidden)
    await put(catalog, collection, anthology("Maine woods"))
    await grouped(catalog)
    later = [await work_of(catalog, each) for each in (collection, walden, other)]

    assert whole["contains"] == [
        {"author": "Thoreau, Henry David", "title": "Walden", "work_id": part["id"]},
        {"author": "Thoreau, Henry David", "title": "Cape Cod", "work_id": None},
    ]
    assert [each["work_id"] for each in to_staff["contains"]] == [part["id"], secret["id"]]
    assert part["contained_in"] == [
        {
            "title_id": collection["id"],
            "hrid": collection["hrid"],
            "title": "Two books",
            "author": "Editor, An",
            "year": part["contained_in"][0]["year"],
            "work_id": whole["id"],
        }
    ]
    assert (part["contains"], whole["contained_in"], unrelated["contained_in"]) == ([], [], [])
    assert [each["work_id"] for each in later[0]["contains"]] == [unrelated["id"]]
    assert [[each["title_id"] for each in one["contained_in"]] for one in later[1:]] == [
        [], [collection["id"]],
    ]  # fmt: skip


async def test_what_cannot_be_merged_or_split_is_told_with_every_reason(
    catalog: Harness, shelves: Shelves
) -> None:
    one, two = await shelves.title(edition("w1", "Walden")), await shelves.title(edition("w2", "Cape Cod"))
    await grouped(catalog)
    work, other = await work_of(catalog, one), await work_of(catalog, two)
    nobody = "01890000-0000-7000-8000-00000000dead"

    wrong = await change(catalog, work, "merges", merged=[nobody, work["id"]])
    left = await change(catalog, work, "splits", title_ids=[one["id"]])
    elsewhere = await change(catalog, work, "splits", title_ids=[two["id"], nobody])
    stale = await change(catalog, work | {"version": 99}, "merges", merged=[other["id"]])
    unread = await catalog.post(f"/v1/works/{work['id']}/merges", json={"merged": [other["id"]]})
    missing = await change(catalog, work | {"id": nobody}, "merges", merged=[other["id"]])
    with catalog.asking(READER):
        refused = [
            (await change(catalog, work, "merges", merged=[other["id"]])).status_code,
            (await catalog.post("/v1/works:rebuild")).status_code,
        ]

    assert [(each["code"], each["pointer"]) for each in wrong.json()["reasons"]] == [
        ("work-unknown", "/merged/0"), ("work-itself", "/merged/1"),
    ]  # fmt: skip
    assert [each["code"] for each in left.json()["reasons"]] == ["nothing-left"]
    assert [each["pointer"] for each in elsewhere.json()["reasons"]] == ["/title_ids/0", "/title_ids/1"]
    assert [each.status_code for each in (stale, unread, missing)] == [412, 428, 404]
    assert refused == [403, 403]
    assert members(await work_of(catalog, one)) == {one["id"]}


async def test_two_who_merge_and_a_worker_at_once_lose_no_title(catalog: Harness, shelves: Shelves) -> None:
    titles = [await shelves.title(edition(f"w{number}", f"Title {number}")) for number in range(4)]
    await grouped(catalog)
    works = [await work_of(catalog, each) for each in titles]
    stop = asyncio.Event()
    running = [asyncio.create_task(group_titles(catalog.resources, stop)) for _ in range(2)]

    answers = await asyncio.gather(
        change(catalog, works[0], "merges", merged=[works[1]["id"]]),
        change(catalog, works[1], "merges", merged=[works[0]["id"]]),
        change(catalog, works[0], "merges", merged=[works[2]["id"]]),
        *(put(catalog, each, edition(f"w{at}", "One and the same")) for at, each in enumerate(titles)),
    )
    stop.set()
    await asyncio.gather(*running)
    await grouped(catalog)

    assert 1 <= sum(each.status_code == 201 for each in answers[:3]) <= 2, [each.text for each in answers[:3]]
    assert {each.status_code for each in answers[:3]} <= {201, 412, 422}
    last = [await work_of(catalog, each) for each in titles]
    assert {each["id"] for each in last} == {last[0]["id"]}
    assert members(last[0]) == {each["id"] for each in titles}
    keys = await catalog.resources.pool.fetch("SELECT DISTINCT work_id FROM work_key")
    assert [str(row["work_id"]) for row in keys] == [last[0]["id"]]


async def test_titles_of_an_earlier_release_find_their_works(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.works.following.BATCH", 3)
    await shelves.imported(file_of(*(edition(f"w{number}", "Walden") for number in range(8))))
    await catalog.resources.pool.execute("DELETE FROM title_change")
    await grouped(catalog)

    assert BATCH > 3
    counts = await catalog.resources.pool.fetchrow(
        "SELECT count(*) AS titles, count(DISTINCT work_id) AS works FROM work_title"
    )
    assert counts is not None
    assert tuple(counts) == (8, 1)
    assert await catalog.resources.pool.fetchval("SELECT passed FROM work_state") is None
