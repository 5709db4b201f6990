"""Titles indexed and found again."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.search.documents import SCHEMA_VERSION, TitleDocument
from catalog.search.engine import Reader, SearchRequest
from catalog.search.folders import switch
from catalog.search.grammar import QueryProblem
from catalog.search.writing import AnotherWriter, Writer
from chassis.ids import uuid7

NAME = f"v{SCHEMA_VERSION}-a"


def titled(title: str, **more: object) -> TitleDocument:
    return TitleDocument(title_id=uuid7(), title=title, stored=title.encode(), **more)  # type: ignore[arg-type]


TITLES = [
    titled("Der Zauberberg", author="Mann, Thomas", year=1924, languages=("ger",), format="book"),
    titled(
        "Über die Würde des Menschen", author="Pico della Mirandola, Giovanni", year=1990, languages=("ger",)
    ),
    titled("A history of Rome", subjects=("Rome -- History",), year=1960, format="book", libraries=("MAIN",)),
    titled("The Roman republic", subjects=("Rome -- History -- Republic",), year=1977, format="book"),
    titled("Rome and the history of maps", year=1980, format="map", libraries=("MAIN", "LAW")),
    titled("Łódź i okolice", languages=("pol",), format="map"),
    titled(
        "Voina i mir",
        author="Tolstoĭ, Lev",
        text=("Война и мир",),
        languages=("rus",),
        isbns=("9785170949458",),
    ),
    titled("紅樓夢", author="曹雪芹", languages=("chi",)),
    titled("אוצר המלים", languages=("heb",)),
    titled("Secret papers", suppressed=True),
    titled("Programming in C++", subjects=("C++ (Computer program language)",)),
]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    writer = Writer(tmp_path, NAME)
    writer.apply(TITLES, [], 7)
    writer.close()
    switch(tmp_path, NAME)
    return tmp_path


def found(index: Path, query: str, **more: object) -> list[str]:
    asked = SearchRequest(query=query, **more)  # type: ignore[arg-type]
    return [hit.stored.decode() for hit in Reader(index).search(asked).hits]


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("zauberberg", {"Der Zauberberg"}),
        ("ZAUBERBERG mann", {"Der Zauberberg"}),
        ("wurde uber", {"Über die Würde des Menschen"}),
        ("lodz", {"Łódź i okolice"}),
        ("война", {"Voina i mir"}),
        ("红", set()),
        ("樓夢", {"紅樓夢"}),
        ("曹雪芹", {"紅樓夢"}),
        ("המלים", {"אוצר המלים"}),
        ('"history of rome"', {"A history of Rome"}),
        ("title:history", {"A history of Rome", "Rome and the history of maps"}),
        ("subject:rome -republic", {"A history of Rome"}),
        ("rom*", {"A history of Rome", "The Roman republic", "Rome and the history of maps"}),
        ("author:tolstoi", {"Voina i mir"}),
        ("isbn:978-5-17-094945-8", {"Voina i mir"}),
        ("5170949454", {"Voina i mir"}),
        ("year:1970..1985", {"The Roman republic", "Rome and the history of maps"}),
        ("c++", {"Programming in C++"}),
        ("secret", set()),
    ],
)
def test_a_title_is_found_however_it_is_written(index: Path, query: str, titles: set[str]) -> None:
    assert set(found(index, query)) == titles


def test_a_word_in_the_title_weighs_more_than_one_in_the_subject(index: Path) -> None:
    assert found(index, "history rome")[0] != "The Roman republic"


def test_facets_count_every_hit_exactly(index: Path) -> None:
    asked = SearchRequest(query="rom*", facets=("format", "library"))

    told = Reader(index).search(asked)

    assert told.total == 3
    assert dict(told.facets["format"]) == {"book": 2, "map": 1}
    assert dict(told.facets["library"]) == {"MAIN": 2, "LAW": 1}


def test_filters_narrow_and_order_is_by_title(index: Path) -> None:
    assert found(index, "", filters={"format": ["map"]}, sort="title") == [
        "Łódź i okolice",
        "Rome and the history of maps",
    ]


def test_an_update_leaves_one_document(index: Path) -> None:
    writer = Writer(index, NAME)
    changed = TitleDocument(title_id=TITLES[0].title_id, title="The magic mountain", stored=b"new")

    writer.apply([changed], [TITLES[1].title_id], 8)
    writer.close()

    reader = Reader(index)
    assert reader.count() == len(TITLES) - 1
    assert found(index, "zauberberg") == []
    assert found(index, "mountain") == ["new"]
    assert reader.position() == 8


def test_an_open_reader_sees_the_next_commit(index: Path) -> None:
    reader = Reader(index)
    assert reader.search(SearchRequest(query="brandnew")).total == 0
    writer = Writer(index, NAME)

    writer.apply([titled("A brandnew book")], [], 9)

    assert reader.search(SearchRequest(query="brandnew")).total == 1
    writer.close()


def test_there_is_one_writer(index: Path) -> None:
    writer = Writer(index, NAME)

    with pytest.raises(AnotherWriter):
        Writer(index, NAME)
    writer.close()


def test_another_index_takes_over_while_readers_go_on(index: Path) -> None:
    reader = Reader(index)
    assert reader.search(SearchRequest(query="rome")).total == 3
    rebuilt = Writer(index, f"v{SCHEMA_VERSION}-b")
    rebuilt.add_new([titled("Only Rome")])
    rebuilt.apply([], [], 20)
    rebuilt.close()

    switch(index, f"v{SCHEMA_VERSION}-b")

    assert reader.search(SearchRequest(query="rome")).total == 1
    assert reader.position() == 20


def test_deep_pages_and_unknown_names_are_refused_in_words(index: Path) -> None:
    for asked in (
        SearchRequest(offset=9_999, limit=2),
        SearchRequest(facets=("colour",)),
        SearchRequest(filters={"colour": ["red"]}),
        SearchRequest(sort="colour"),
    ):
        with pytest.raises(QueryProblem):
            Reader(index).search(asked)


WORDS = ["rome", "history", "war", "peace", "art"]
corpora = st.lists(
    st.tuples(
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=4), st.sampled_from(["book", "map", "film"])
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(corpora, st.lists(st.sampled_from(WORDS), min_size=1, max_size=2, unique=True))
def test_the_engine_agrees_with_a_naive_reader(
    tmp_path_factory: pytest.TempPathFactory, corpus: list[tuple[list[str], str]], asked: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("index")
    titles = [titled(" ".join(words), format=kind) for words, kind in corpus]
    writer = Writer(folder, NAME)
    writer.apply(titles, [], 1)
    writer.close()
    switch(folder, NAME)

    told = Reader(folder).search(SearchRequest(query=" ".join(asked), facets=("format",), limit=100))

    right = [
        title
        for title, (words, _) in zip(titles, corpus, strict=True)
        if all(word in words for word in asked)
    ]
    assert {hit.title_id for hit in told.hits} == {title.title_id for title in right}
    assert told.total == len(right)
    assert dict(told.facets["format"]) == dict(Counter(title.format for title in right))
