"""A score explains itself: its parts add up to it, and say in words what they come from."""

import pytest

from catalog.search.documents import SCHEMA_VERSION, TitleDocument
from catalog.search.engine import Reader, SearchRequest
from catalog.search.folders import switch
from catalog.search.writing import Writer
from chassis.ids import uuid7
from support.harness import Harness
from support.shelves import Shelves, file_of, record


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    folder = tmp_path_factory.mktemp("index")
    writer = Writer(folder, f"v{SCHEMA_VERSION}-a")
    writer.apply(
        [
            TitleDocument(
                title_id=uuid7(),
                title=f"Rome {'rome ' * (number % 3)}and war {number}",
                author="Rome, Anna" if number % 4 == 0 else "Mann, Thomas",
                subjects=("Rome -- History",),
                text=("紅樓夢 and the war in Rome",),
                isbns=("9783161484100",) if number == 5 else (),
                year=1990 + number,
            )
            for number in range(12)
        ],
        [],
        1,
    )
    writer.close()
    switch(folder, f"v{SCHEMA_VERSION}-a")
    return Reader(folder)


@pytest.mark.parametrize(
    "query",
    [
        "rome",
        "rome war",
        "rome -peace",
        'title:"rome and war" OR author:mann',
        "ro* war",
        "3161484100",
        "夢 rome",
        "title:rome year:1990..1995",
        "subject:history (anna OR thomas)",
        "language:eng OR rome",
    ],
)
def test_the_parts_add_up_to_the_score(reader: Reader, query: str) -> None:
    asked = SearchRequest(query=query, limit=20)
    hits = reader.search(asked).hits
    assert hits

    told = reader.explain(asked, [hit.title_id for hit in hits])

    for hit in hits:
        parts = told[hit.title_id]
        assert sum(part.adds for part in parts) == pytest.approx(hit.score, rel=1e-4), parts
        assert [part.adds for part in parts] == sorted((part.adds for part in parts), reverse=True)


def test_a_part_says_what_it_comes_from(reader: Reader) -> None:
    asked = SearchRequest(query="anna", limit=1)
    (hit,) = reader.search(asked).hits

    (part,) = reader.explain(asked, [hit.title_id])[hit.title_id]

    assert (part.field, part.words, part.weight, part.times, part.titles, part.of) == (
        "author",
        "anna",
        3.0,
        1,
        3,
        12,
    )
    assert part.text == (
        f"“anna” among the names adds {part.adds:.2f}; it stands there once, and 3 of 12 titles have it there; "
        "what is found there counts 3-fold."
    )


async def test_a_search_explains_its_page_when_asked(catalog: Harness, shelves: Shelves) -> None:
    await shelves.imported(file_of(record("a", title="Rome"), record("b", title="Walden in Rome")))
    async with shelves.indexed():
        plain = (await catalog.get("/v1/titles", params={"query": "rome"})).json()
        told = (await catalog.get("/v1/titles", params={"query": "rome", "explain": "true"})).json()
        by_title = {"query": "rome", "explain": "true", "sort": "title"}
        filed = (await catalog.get("/v1/titles", params=by_title)).json()
        many = await catalog.get("/v1/titles", params={"explain": "true", "limit": "21"})

    assert "explanation" not in plain["items"][0]
    for item in told["items"]:
        assert sum(part["adds"] for part in item["explanation"]) == pytest.approx(item["score"], rel=1e-4)
        assert "in the title adds" in item["explanation"][0]["text"]
    assert [item["explanation"] for item in filed["items"]] == [[], []]
    assert (many.status_code, many.json()["reasons"][0]["code"]) == (422, "explain-too-many")
