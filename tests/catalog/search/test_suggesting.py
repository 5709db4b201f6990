"""Did you mean: words of the library's own, as its records write them, and never one that finds nothing."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.search.documents import SCHEMA_VERSION, TitleDocument
from catalog.search.engine import Reader, SearchRequest
from catalog.search.folders import switch
from catalog.search.grammar import Piece, pieces
from catalog.search.suggesting import distant
from catalog.search.writing import Writer
from chassis.ids import uuid7

HELD: list[tuple[str, str, str]] = [
    *[("Über die Würde des Menschen", "Pico della Mirandola, Giovanni", "Dignity")] * 3,
    *[("A history of Rome", "Mommsen, Theodor", "Rome -- History")] * 60,
    ("A histroy of errors", "Anon.", "Errors"),
    ("Война и мир", "Толстой, Лев", "Russia"),
    ("אוצר המלים", "כנעני, יעקב", "Hebrew language"),
    ("紅樓夢", "曹雪芹", "Chinese fiction"),
    ('"Nebula:novelette" (NOTE)', "Le\u200cGuin, Ursula", "Fiction"),
    ("Secret zyzzyva", "Hidden, Author", "Weevils"),
]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    folder = tmp_path_factory.mktemp("index")
    writer = Writer(folder, f"v{SCHEMA_VERSION}-a")
    titles = [
        TitleDocument(
            title_id=uuid7(),
            title=title,
            author=author,
            subjects=(subject,),
            suppressed=title.startswith("Secret"),
            format="map" if "Würde" in title else "book",
            stored=orjson.dumps(
                {"title": title, "subtitle": None, "original_title": None, "publisher": None}
            ),
        )
        for title, author, subject in HELD
    ]
    writer.apply(titles, [], 1)
    writer.close()
    switch(folder, f"v{SCHEMA_VERSION}-a")
    return Reader(folder)


@pytest.mark.parametrize(
    ("query", "better", "total"),
    [
        ("wurdee", "Würde", 3),
        ("Wurede menschen", "Würde menschen", 3),
        ("romme histroy", "Rome history", 60),
        (
            "rom histroy",
            None,
            None,
        ),  # three letters are too few to guess at, and without them nothing is found
        ("histroy rome", "history rome", 60),
        ("histroy", "history", 60),
        ("hystory", "history", 60),
        ("title:hisory -greece", "title:history -greece", 60),
        ('"histoyr of rome"', '"history of rome"', 60),
        ("author:mommsn", "author:Mommsen", 60),
        ("subject:dignty", "subject:Dignity", 3),
        ("вайна", "Война", 1),
        ("толстои", None, None),  # found as it is
        ("толстай", "Толстой", 1),
        ("אוצרר", "אוצר", 1),
        ("紅樓梦", None, None),
        ('"novelete \\"note"', '"novelette \\"note"', 1),
        ("fikshion OR notte", "fikshion OR NOTE", 1),
        ("zyzzyvaa", None, None),  # nobody may see that one
        ("2024", None, None),
        ("xqxqxqxq", None, None),
        ("a b c d e f histroyy", None, None),
        ("year:1990", None, None),
        ("", None, None),
    ],
)
def test_a_slip_is_mended_by_a_word_that_is_here(
    reader: Reader, query: str, better: str | None, total: int | None
) -> None:
    told = reader.search(SearchRequest(query=query, suggest=True))

    suggestion = told.suggestion
    assert (suggestion and suggestion.query, suggestion and suggestion.total) == (better, total)
    if suggestion is not None:
        again = reader.search(SearchRequest(query=suggestion.query, suggest=True))
        assert again.total == total
        assert again.suggestion is None


def test_with_a_filter_only_what_it_leaves_is_suggested(reader: Reader) -> None:
    maps = reader.search(SearchRequest(query="wurdee", filters={"format": ["map"]}, suggest=True))
    books = reader.search(SearchRequest(query="wurdee", filters={"format": ["book"]}, suggest=True))

    assert maps.suggestion is not None
    assert books.suggestion is None


def test_nothing_is_suggested_where_enough_is_found_or_nobody_asks(reader: Reader) -> None:
    assert reader.search(SearchRequest(query="history", suggest=True)).suggestion is None
    assert reader.search(SearchRequest(query="hystory")).suggestion is None


def test_the_words_of_a_query_are_known_with_their_places() -> None:
    query = 'title:rome (author:"mann, t" OR xa*) -greece \\"a'

    assert pieces(query) == [
        Piece("rome", "title", phrase=False, at=6, end=10),
        Piece("mann, t", "author", phrase=True, at=19, end=28),
        Piece('"a', "any", phrase=False, at=45, end=48),
    ]


LETTERS = st.text("abc", max_size=6)


@settings(max_examples=60)
@given(LETTERS, LETTERS)
def test_distance_counts_what_is_changed_added_left_out_or_swapped(one: str, other: str) -> None:
    def far(left: str, right: str) -> int:
        if not left or not right:
            return len(left) + len(right)
        found = min(
            far(left[1:], right) + 1,
            far(left, right[1:]) + 1,
            far(left[1:], right[1:]) + (left[0] != right[0]),
        )
        if len(left) > 1 and len(right) > 1 and left[0] == right[1] and left[1] == right[0]:
            found = min(found, far(left[2:], right[2:]) + 1)
        return found

    right = far(one[:4], other[:4])
    assert distant(one[:4], other[:4], 2) == (right if right <= 2 else None)
