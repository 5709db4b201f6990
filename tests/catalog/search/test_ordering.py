"""Several sort keys: what the engine chooses one by one is what sorting all of them at once gives."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.search.documents import NO_YEAR, SCHEMA_VERSION, TitleDocument
from catalog.search.engine import Reader, SearchRequest
from catalog.search.filing import Filing
from catalog.search.folders import switch
from catalog.search.grammar import QueryProblem
from catalog.search.ordering import SortKey, sort_keys
from catalog.search.writing import Writer
from chassis.ids import uuid7

NAME = f"v{SCHEMA_VERSION}-a"
LONG = "Proceedings of the international conference on filing, volume"
Held = tuple[str, str | None, int | None]


def indexed(folder: Path, held: list[Held], filing: str = "") -> Reader:
    writer = Writer(folder, NAME, filing=filing)
    writer.add_new(
        TitleDocument(
            title_id=uuid7(), number=number, title=title, author=author, year=year, stored=b"%d" % number
        )
        for number, (title, author, year) in enumerate(held, 1)
    )
    writer.apply([], [], 1)
    writer.close()
    switch(folder, NAME)
    return Reader(folder)


def by(key: SortKey, title: Held, number: int) -> tuple[bool, object]:
    filing = Filing()
    values: dict[str, tuple[object, object]] = {
        "title": (filing.key(title[0])[:48], ""),
        "author": (filing.key(title[1])[:24], ""),
        "year": (NO_YEAR if title[2] is None else title[2], NO_YEAR),
        "added": (number, None),
    }
    value, unknown = values[key.name]
    return (value == unknown) != key.unknown_first, value


HELD = st.lists(
    st.tuples(
        st.sampled_from(["Rome", "Rome and Athens", "Athens", f"{LONG} 9", f"{LONG} 10", "Łódź"]),
        st.sampled_from([None, "Mann, Thomas", "Mann, Heinrich", "Ács, Pál"]),
        st.sampled_from([None, 1914, 1915, -50]),
    ),
    min_size=1,
    max_size=24,
)
KEYS = st.lists(
    st.builds(SortKey, st.sampled_from(["title", "author", "year", "added"]), st.booleans(), st.booleans()),
    min_size=1,
    max_size=4,
    unique_by=lambda key: key.name,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(HELD, KEYS, st.integers(1, 9))
def test_any_keys_order_any_page_as_sorting_everything_would(
    tmp_path_factory: pytest.TempPathFactory, held: list[Held], keys: list[SortKey], most: int
) -> None:
    reader = indexed(tmp_path_factory.mktemp("index"), held)

    told = reader.search(SearchRequest(sort=tuple(keys), limit=most))

    right = list(enumerate(held, 1))
    for key in reversed(keys):
        known = [(by(key, title, number), (number, title)) for number, title in right]
        ups = sorted(known, key=lambda each: each[0][1], reverse=key.descending)  # type: ignore[arg-type, return-value]  # numbers or texts
        right = [title for _, title in sorted(ups, key=lambda each: each[0][0])]
    everything = reader.search(SearchRequest(limit=100, sort="added")).hits
    numbers = {hit.title_id: number for number, hit in enumerate(everything, 1)}
    assert [numbers[hit.title_id] for hit in told.hits] == [number for number, _ in right[:most]]
    assert told.total == len(held)


def test_among_those_of_whom_one_key_says_nothing_the_next_one_chooses(tmp_path: Path) -> None:
    held: list[Held] = [("Rome", None, None), ("Rome", "Mann, Thomas", None)]

    told = indexed(tmp_path, held).search(SearchRequest(sort="year,-author", limit=1))

    assert [int(hit.stored) for hit in told.hits] == [2]


def test_names_and_titles_are_in_the_librarys_own_order(tmp_path: Path) -> None:
    held: list[Held] = [("Ödlor", "Åberg", 1), ("Zebror", "Zorn", 2), ("Orrar", "Ahl", 3)]

    reader = indexed(tmp_path, held, "sv")

    years = {hit.title_id: place for place, hit in enumerate(reader.search(SearchRequest(sort="year")).hits)}
    by_title = [years[hit.title_id] for hit in reader.search(SearchRequest(sort="title")).hits]
    by_name = [years[hit.title_id] for hit in reader.search(SearchRequest(sort="-author")).hits]
    assert by_title == [2, 1, 0]
    assert by_name == [0, 1, 2]


@pytest.mark.parametrize(
    ("told", "keys"),
    [
        ("relevance", ()),
        ("", ()),
        ("title", (SortKey("title"),)),
        ("author,-year, title", (SortKey("author"), SortKey("year", descending=True), SortKey("title"))),
        ("-added", (SortKey("added", descending=True),)),
    ],
)
def test_an_order_is_read(told: str, keys: tuple[SortKey, ...]) -> None:
    assert sort_keys(told) == keys


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("colour", "sort-unknown"),
        ("title,relevance", "sort-unknown"),
        ("-relevance", "sort-unknown"),
        ("title,-title", "sort-repeated"),
        ("title,", "sort-unknown"),
    ],
)
def test_an_order_that_cannot_be_had_is_refused(told: str, code: str) -> None:
    with pytest.raises(QueryProblem) as raised:
        sort_keys(told)

    assert raised.value.code == code
