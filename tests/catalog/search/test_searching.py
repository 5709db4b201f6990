"""Search through the front door, against the database as an oracle."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.marc.generate import generate
from catalog.marc.record import Field
from catalog.marc.storage import unpack
from catalog.search.documents import FACETS
from chassis.consuming import Consumer
from contracts.circulation import ItemAvailability, ItemAvailabilityChanged, ItemWithdrawalCleared
from support.box import until
from support.harness import Harness
from support.shelves import Shelves, file_of, record, with_items

COUNT = 300


@pytest.fixture
async def shelf(catalog: Harness, shelves: Shelves) -> AsyncIterator[Shelves]:
    """Three hundred made titles with their items, searchable."""
    made = b"".join(one.raw for one in generate(COUNT, seed=5, item_profile="local-999", marc8_share=0.3))
    job = await shelves.imported(made, profile="local-999")
    assert job["counts"]["created"] == COUNT
    async with shelves.indexed():
        yield shelves


async def search(catalog: Harness, query: str = "", **more: Any) -> dict[str, Any]:
    answer = await catalog.get("/v1/titles", params={"query": query, **more})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def pages(catalog: Harness, **more: Any) -> list[list[dict[str, Any]]]:
    found, cursor = [], None
    while True:
        told = await search(catalog, **more | ({"cursor": cursor} if cursor else {}))
        found.append(told["items"])
        if (cursor := told["next_cursor"]) is None:
            return found


def counted(told: dict[str, Any], facet: str) -> dict[str, int]:
    return {each["value"]: each["count"] for each in told["facets"][facet]}


BY_ITEM = "SELECT {what} AS value, count(DISTINCT i.title_id) AS count FROM item i {join} GROUP BY 1"
ORACLES = {
    "format": "SELECT format AS value, count(*) AS count FROM title GROUP BY 1",
    "decade": "SELECT (year / 10 * 10) || 's' AS value, count(*) AS count FROM title GROUP BY 1",
    "material_type": BY_ITEM.format(what="i.material_type", join=""),
    "location": BY_ITEM.format(what="l.code", join="JOIN location l ON l.id = i.location_id"),
    "library": BY_ITEM.format(
        what="b.code", join="JOIN location l ON l.id = i.location_id JOIN library b ON b.id = l.library_id"
    ),
}


@pytest.mark.parametrize("facet", ORACLES)
async def test_a_facet_counts_what_sql_counts(catalog: Harness, shelf: Shelves, facet: str) -> None:
    told = await search(catalog, facets=facet, facet_size=200, limit=1)

    rows = await catalog.resources.pool.fetch(ORACLES[facet])
    assert counted(told, facet) == {row["value"]: row["count"] for row in rows}
    assert (told["total"], told["total_relation"]) == (COUNT, "exact")


async def test_a_facets_value_as_a_filter_finds_as_many_as_it_counted(
    catalog: Harness, shelf: Shelves
) -> None:
    told = await search(catalog, "history", facets=",".join(FACETS), facet_size=3)

    for facet in FACETS:
        for value, count in counted(told, facet).items():
            narrowed = await search(catalog, "history", **{f"filter[{facet}]": value})
            assert narrowed["total"] == count, (facet, value)


async def test_filters_of_one_name_widen_and_of_several_narrow(catalog: Harness, shelf: Shelves) -> None:
    in_sql = await catalog.resources.pool.fetchval(
        "SELECT count(DISTINCT t.id) FROM title t JOIN item i ON i.title_id = t.id "
        "JOIN location l ON l.id = i.location_id JOIN library b ON b.id = l.library_id "
        "WHERE b.code IN ('LAW', 'SCIENCE') AND t.year BETWEEN 1950 AND 1999"
    )

    narrowed: dict[str, Any] = {"filter[library]": ["LAW", "SCIENCE"], "filter[year]": "1950..1999"}
    told = await search(catalog, **narrowed)

    assert told["total"] == in_sql > 0


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ("title:rome", "title @@ 'rome'"),
        ("title:history title:rome", "title @@ 'history & rome'"),
        ("title:history OR title:rome", "title @@ 'history | rome'"),
        ("title:rome -title:history", "title @@ 'rome & !history'"),
        ("title:(rome OR athens) title:antiquity", "title @@ '(rome | athens) & antiquity'"),
        ('title:"history of rome"', "title @@ 'history <-> of <-> rome'"),
        ("title:hist*", "title @@ 'hist:*'"),
        ('title:"the middle" title:ath*', "title @@ 'the <-> middle & ath:*'"),
        ("author:rossi", "author @@ 'rossi'"),
        ("rossi rome", "(author || rest || title) @@ 'rossi & rome'"),
        ("year:1950..1960", "year BETWEEN 1950 AND 1960"),
        ("year:..1900 OR year:2020..", "year <= 1900 OR year >= 2020"),
        ("title:rome NOT year:1950..", "title @@ 'rome' AND NOT year >= 1950"),
        ("NOT title:rome", "NOT title @@ 'rome'"),
        ("title:tra* -author:nowak", "title @@ 'tra:*' AND NOT author @@ 'nowak'"),
    ],
)
async def test_the_index_finds_what_postgresql_full_text_finds(
    catalog: Harness, shelf: Shelves, query: str, condition: str
) -> None:
    pool = catalog.resources.pool
    await _full_text(pool)

    told = await search(catalog, query, limit=200)
    rest = (
        (await search(catalog, query, limit=200, cursor=told["next_cursor"])) if told["next_cursor"] else None
    )

    found = [hit["id"] for hit in told["items"]] + [hit["id"] for hit in (rest or {"items": []})["items"]]
    rows = await pool.fetch(f"SELECT id FROM full_text WHERE {condition}")
    assert sorted(found) == sorted(str(row["id"]) for row in rows)
    assert found


async def _full_text(pool: asyncpg.Pool) -> None:
    """Words of ASCII letters are the same to both; all that the queries above ask for are such words."""
    await pool.execute(
        "CREATE TABLE full_text (id uuid, year int, title tsvector, author tsvector, rest tsvector)"
    )
    told = []
    for row in await pool.fetch("SELECT id, year, record FROM title"):
        found = unpack(row["record"])
        texts = [
            " ".join(field.value for field in found.fields(*tags))
            for tags in (("245",), ("100", "700"), ("264", "520", "650", "651"))
        ]
        texts[0] = texts[0].partition(" / ")[0]
        told.append((row["id"], row["year"], *texts))
    await pool.executemany(
        "INSERT INTO full_text VALUES ($1, $2, to_tsvector('simple', $3), to_tsvector('simple', $4), "
        "to_tsvector('simple', $5))",
        told,
    )


@pytest.mark.parametrize("sort", ["relevance", "title", "author", "year", "-year"])
async def test_pages_by_cursor_are_the_whole_list_in_one_order(
    catalog: Harness, shelf: Shelves, sort: str
) -> None:
    by_page = await pages(catalog, query="title:the", sort=sort, limit=70)

    whole = [hit for page in by_page for hit in page]
    first = (await search(catalog, "title:the", sort=sort, limit=200))["items"]
    assert [len(page) for page in by_page] == [70, 70, 70, 70, 20]
    assert len({hit["id"] for hit in whole}) == COUNT
    assert [hit["id"] for hit in whole[:200]] == [hit["id"] for hit in first]
    if sort.endswith("year"):
        years = [hit["year"] for hit in whole]
        assert years == sorted(years, reverse=sort == "-year")


async def test_titles_are_ordered_as_a_librarian_files_them(catalog: Harness, shelves: Shelves) -> None:
    filed = ["Ähren", "Apfel", "The bee", "Çay", "Zebra"]
    titles = [
        record(f"r{place}")
        .without("245")
        .having(Field.data("245", f"1{4 if 'The' in title else 0}", ("a", title)))
        for place, title in enumerate(reversed(filed))
    ]
    await shelves.imported(file_of(*titles))

    async with shelves.indexed():
        told = await search(catalog, sort="title")

    assert [hit["title"] for hit in told["items"]] == ["Ähren", "Apfel", "The bee", "Çay", "Zebra"]


PIECES = st.sampled_from(
    ["rome", "title", ":", '"', "(", ")", "-", "*", " ", "AND", "OR", "NOT", "..", "year:", "isbn:", "\\"]
)
ODD = st.sampled_from(
    [
        "²",
        "19",
        "c++",
        "#",
        "紅樓夢",
        "barcode:",
        "call_number:",
        "library:",
        "\x00",
        "\u0301",
        "ß",
        "\U0010ffff",
    ]
)
QUERIES = st.one_of(st.text(max_size=40), st.lists(PIECES | ODD, max_size=12).map("".join))


async def test_no_query_at_all_is_answered_with_a_fault_of_ours(catalog: Harness, shelf: Shelves) -> None:
    loop = asyncio.get_running_loop()
    seen: Counter[int] = Counter()

    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
    @given(QUERIES, st.sampled_from(["relevance", "title", "-year"]))
    def ask(query: str, sort: str) -> None:
        asked = catalog.get("/v1/titles", params={"query": query.encode("utf-8", "ignore"), "sort": sort})
        answer = asyncio.run_coroutine_threadsafe(asked, loop).result(30)
        seen[answer.status_code] += 1
        assert answer.status_code in (200, 422), (query, answer.text)
        if answer.status_code == 422:
            assert answer.json()["reasons"], query

    await asyncio.to_thread(ask)

    assert seen[200]
    assert seen[422]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"query": 'title:"rome'}, "quote-unclosed"),
        ({"query": "colour:red"}, "field-unknown"),
        ({"query": "r*"}, "prefix-too-short"),
        ({"query": "(" * 20 + "a" + ")" * 20}, "too-deep"),
        ({"query": " ".join("a" * 65)}, "too-many-terms"),
        ({"facets": "colour"}, "facet-unknown"),
        ({"filter[colour]": "red"}, "filter-unknown"),
        ({"filter[year]": "soon"}, "year-wrong"),
        ({"cursor": "nonsense"}, "cursor-unknown"),
    ],
)
async def test_what_cannot_be_searched_is_said_with_a_code(
    catalog: Harness, shelves: Shelves, params: dict[str, str], code: str
) -> None:
    answer = await catalog.get("/v1/titles", params=params)

    assert answer.status_code == 422
    assert [reason["code"] for reason in answer.json()["reasons"]] == [code]


@pytest.mark.parametrize(
    "params",
    [{"limit": "0"}, {"limit": "201"}, {"sort": "colour"}, {"at_least": "-1"}, {"query": "a" * 2001}],
)
async def test_numbers_and_orders_out_of_bounds_are_refused(
    catalog: Harness, shelves: Shelves, params: dict[str, str]
) -> None:
    assert (await catalog.get("/v1/titles", params=params)).status_code == 422


async def test_before_there_is_an_index_nothing_is_found_and_nothing_breaks(
    catalog: Harness, shelves: Shelves
) -> None:
    told = await search(catalog, "rome", facets="format")

    assert (told["items"], told["total"], told["facets"]) == ([], 0, {"format": []})


NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)


def told_of(item: dict[str, Any], version: int, state: str) -> ItemAvailabilityChanged:
    return ItemAvailabilityChanged(
        version=version,
        occurred_at=NOW,
        item_id=UUID(item["id"]),
        availability=ItemAvailability(
            item_id=UUID(item["id"]),
            version=version,
            title_ids=(UUID(item["title_id"]),),
            library="MAIN",
            location="STACKS",
            state=state,
            lendable=state == "available",
            as_of=NOW,
        ),
    )


async def test_availability_follows_what_circulation_tells_and_never_goes_back(
    catalog: Harness, shelves: Shelves
) -> None:
    one = await shelves.item(barcode="1")
    other = await shelves.item({"id": one["title_id"]}, barcode="2")
    seen = []

    async with shelves.indexed() as indexer:
        for event in (
            None,
            told_of(one, 2, "on-loan"),
            told_of(other, 2, "on-loan"),
            told_of(one, 1, "available"),  # late: an older state
            told_of(other, 3, "available"),
        ):
            if event is not None:
                await catalog.deliver(event)
                await indexer.follow()
            told = await search(catalog, facets="availability")
            (hit,) = told["items"]
            seen.append((hit["availability"], hit["items_available"], counted(told, "availability")))

    assert seen == [
        ("available", 2, {"available": 1}),
        ("available", 1, {"available": 1}),
        ("unavailable", 0, {"unavailable": 1}),
        ("unavailable", 0, {"unavailable": 1}),
        ("available", 1, {"available": 1}),
    ]


async def test_an_item_that_has_left_is_not_found_by_its_barcode(catalog: Harness, shelves: Shelves) -> None:
    item = await shelves.item(barcode="31000001")
    async with shelves.indexed() as indexer:
        before = await search(catalog, "barcode:31000001")
        asked = await catalog.post(f"/v1/items/{item['id']}/withdrawals", json={"reason": "worn"})
        await catalog.deliver(
            ItemWithdrawalCleared(
                version=1, occurred_at=NOW, withdrawal_id=UUID(asked.json()["id"]), item_id=UUID(item["id"])
            )
        )
        await indexer.follow()
        after = await search(catalog, "barcode:31000001")
        (title,) = (await search(catalog))["items"]

    assert (before["total"], after["total"]) == (1, 0)
    assert (title["availability"], title["items_total"]) == ("none", 0)


async def test_a_moved_item_is_found_where_it_stands_now(catalog: Harness, shelves: Shelves) -> None:
    made = with_items(record("a"), ("1", "MAIN", "STACKS"))
    await shelves.imported(file_of(made), profile="local-999")
    (item,) = (await catalog.get("/v1/items", params={"barcode": "1"})).json()["items"]
    async with shelves.indexed() as indexer:
        moved = await catalog.patch(
            f"/v1/items/{item['id']}",
            json={"location_id": await shelves.location("LAW", "READING")},
            headers={"If-Match": f'"{item["version"]}"'},
        )
        assert moved.status_code == 200, moved.text
        await indexer.follow()
        told = await search(catalog, facets="library,location")

    assert counted(told, "library") == {"LAW": 1}
    assert counted(told, "location") == {"READING": 1}


async def test_availability_is_called_stale_until_and_unless_circulation_is_heard(
    catalog: Harness, shelves: Shelves
) -> None:
    own = catalog.resources.own
    silent = await search(catalog)
    stop = asyncio.Event()
    consuming = asyncio.create_task(Consumer(catalog.resources, catalog.service.subscriptions).run(stop))

    async def heard() -> Any:
        own.pop("level", None)
        told = (await search(catalog))["availability"]
        return told if not told["stale"] else None

    told = await until(heard)
    stop.set()
    await consuming
    clock = catalog.resources.clock
    catalog.resources.clock = lambda: clock() + timedelta(minutes=1)
    own.pop("level", None)
    later = await search(catalog)

    assert silent["availability"] == {"as_of": None, "stale": True}
    assert told["as_of"] is not None
    assert later["availability"] == {"as_of": later["availability"]["as_of"], "stale": True}
