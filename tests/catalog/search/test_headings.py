"""Headings as terms that stand in the order in which they file, and a walk along thousands of them."""

import random
from pathlib import Path
from typing import Any

import pytest

from catalog.marc.extract import extract
from catalog.marc.record import Field
from catalog.search import headings
from catalog.search.browsing import Walk, landmarks
from catalog.search.documents import SCHEMA_VERSION, TitleDocument
from catalog.search.engine import Reader, SearchRequest
from catalog.search.filing import Filing
from catalog.search.folders import switch
from catalog.search.grammar import QueryProblem, parse
from catalog.search.headings import Kind, heading_of, landmark, query, term, terms, written
from catalog.search.matching import fields_of, matches
from catalog.search.writing import Writer
from chassis.ids import uuid7
from support.shelves import record

PLAIN = Filing()


@pytest.mark.parametrize(
    ("filing", "in_order"),
    [
        ("", ["Rome", "Rome -- History", "Rome -- History -- Republic", "Ŕomer", "Romulus"]),
        ("", ["9 lives", "10 lives", "100 lives", "Ænigma", "Über den Fluss", "Zebra"]),
        ("sv", ["Zebra", "Åland", "Äpple", "Öland"]),
        ("", ["Ovid", "ראשית", "שלום", "البداية", "العربية", "すし", "中国", "日本", "日本史"]),
        ("", ["Война и мир", "Мир"]),
        ("", ["A" * 40, "A" * 40 + " b", "A" * 41]),
        ("", ["Proceedings of the conference on numbers 2", "Proceedings of the conference on numbers 10"]),
    ],
    ids=["subdivisions", "numbers", "swedish", "scripts", "cyrillic", "long", "long-numbers"],
)
def test_headings_stand_as_they_file(filing: str, in_order: list[str]) -> None:
    order = Filing(filing)
    told = [term("subject", each, order) for each in in_order]

    assert [heading_of(each) for each in sorted(told)] == in_order


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  Rome --\n History ", "Rome -- History"),
        ("a\tb", "a b"),
        ("x" * 400, "x" * 299 + "…"),
        ("\u2028", ""),
    ],
)
def test_a_heading_is_one_line(text: str, kept: str) -> None:
    assert written(text) == kept


def test_an_article_is_left_out_where_a_title_files_and_a_search_need_not_know_it() -> None:
    filed = term("title", "Der Zauberberg", PLAIN, 4)

    assert filed.startswith(headings.place("title", "Zauberberg", PLAIN))
    assert filed in terms("title", "Der Zauberberg", PLAIN)
    assert term("title", "Der Zauberberg", PLAIN) in terms("title", "Der  Zauberberg", PLAIN)


@pytest.mark.parametrize("text", ['A "quoted" one', "back\\slash", "AND (OR) a*b: -c", "日本"])
def test_the_query_of_a_heading_finds_it(text: str) -> None:
    title = TitleDocument(title_id=uuid7(), title="x", subjects=(text,))

    assert matches(parse(query("subject", text)), fields_of(title))
    assert not matches(parse(query("author", text)), fields_of(title))
    assert not matches(parse(query("subject", text + "x")), fields_of(title))


def test_a_heading_is_told_whole() -> None:
    with pytest.raises(QueryProblem) as told:
        parse("subject_heading:rom*")

    assert (told.value.code, told.value.position) == ("heading-whole", 16)


def test_the_headings_of_a_record_stand_as_it_has_them_in_every_script() -> None:
    found = extract(
        record("a", title="Der Zauberberg").having(
            Field.data("240", "14", ("a", "The magic mountain.")),
            Field.data("246", "3 ", ("a", "Zauberberg :"), ("b", "Roman")),
            Field.data("490", "1 ", ("a", "Fischer Bücherei ;"), ("v", "800")),
            Field.data("630", "40", ("a", "The Bible"), ("x", "Criticism")),
            Field.data("830", " 4", ("a", "Die Reihe."), ("n", "2,"), ("p", "Texte ;"), ("v", "7")),
            Field.data("880", "1 ", ("6", "100-01/(N"), ("a", "Манн, Томас,"), ("d", "1875-1955")),
            Field.data("880", "10", ("6", "245-02/(N"), ("a", "Волшебная гора :"), ("b", "роман")),
            Field.data("880", " 7", ("6", "650-03/(N"), ("a", "Горы"), ("z", "Швейцария")),
            Field.data("880", "  ", ("6", "500-04"), ("a", "Примечание")),
            Field.data("880", "  ", ("a", "without a link")),
        )
    ).headings

    assert set(found) == {
        ("title", "The magic mountain", 4),
        ("title", "Zauberberg : Roman", 0),
        ("title", "Волшебная гора", 0),
        ("series", "Fischer Bücherei", 0),
        ("series", "Die Reihe. 2, Texte", 4),
        ("subject", "The Bible -- Criticism", 4),
        ("subject", "Горы -- Швейцария", 0),
        ("author", "Манн, Томас, 1875-1955", 0),
    }


MANY = 1500


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, set[int]]]:
    """Fifteen hundred titles in one index, in two commits, and which of them have which subject."""
    folder = tmp_path_factory.mktemp("headings")
    chance = random.Random(7)
    long = "History of the rivers and mountains of Europe and of the Анды"
    firsts = [long, "Rome", "Ärzte", "日本", "Война", "q"]
    having: dict[str, set[int]] = {}
    titles = []
    for number in range(MANY):
        subjects = {f"{chance.choice(firsts)} -- {chance.randrange(MANY)}" for _ in range(2)}
        for each in subjects:
            having.setdefault(each, set()).add(number)
        titles.append(TitleDocument(title_id=uuid7(), title=f"T {number}", subjects=tuple(subjects)))
    writer = Writer(folder, f"v{SCHEMA_VERSION}-a")
    writer.apply(titles[:700], [], 1)
    writer.apply(titles[700:], [], 2)
    hidden, gone = titles[3], titles[5]
    hidden.suppressed = True
    writer.apply([hidden], [gone.title_id], 3)
    writer.close()
    switch(folder, f"v{SCHEMA_VERSION}-a")
    return folder, {each: left for each, held in having.items() if (left := held - {3, 5})}


def test_a_walk_from_anywhere_meets_every_heading_once_and_counts_its_titles(
    many: tuple[Path, dict[str, set[int]]],
) -> None:
    folder, having = many
    now = Reader(folder).now()
    assert now is not None
    marks = landmarks(now.searcher, "subject")
    in_order = sorted(term("subject", each, PLAIN) for each in having)
    counts = {each: len(held) for each, held in having.items()}

    for known in (marks, [], marks[::7]):  # landmarks may be old
        walk = Walk(now.searcher, now.schema, "subject", known)
        assert [each.term for each in walk.on("s", 9999)] == in_order
        assert [each.term for each in walk.back("t", 9999)] == in_order
    walk = Walk(now.searcher, now.schema, "subject", marks)
    assert {each.text: each.count for each in walk.on("s", 9999)} == counts
    for start in random.Random(1).sample(in_order, 12):
        place = in_order.index(start)
        assert [each.term for each in walk.on(start, 7)] == in_order[place : place + 7]
        assert [each.term for each in walk.back(start, 7)] == in_order[max(place - 7, 0) : place]
    assert len(marks) > 10
    assert {landmark(each) for each in in_order} >= {f"~{each}" for each in marks}


def test_each_part_that_a_walk_looks_at_is_small(many: tuple[Path, dict[str, set[int]]]) -> None:
    folder, _ = many
    now = Reader(folder).now()
    assert now is not None
    searcher = now.searcher
    asked: list[int] = []

    class Watched:
        def terms_with_prefix(self, field: str, prefix: str) -> list[tuple[str, int]]:
            found: list[tuple[str, int]] = searcher.terms_with_prefix(field, prefix)
            asked.append(len(found))
            return found

        search = searcher.search

    watched: Any = Watched()  # in the place of the engine's own, of which nobody can make another kind
    walk = Walk(watched, now.schema, "subject", landmarks(now.searcher, "subject"))

    found = walk.on(headings.place("subject", "Rome 7", PLAIN), 20)

    assert len(found) == 20
    assert sum(asked) < MANY / 2, asked
    assert len(asked) < 200


def test_the_search_of_a_heading_finds_as_many_as_were_counted_whatever_the_order(tmp_path: Path) -> None:
    writer = Writer(tmp_path, f"v{SCHEMA_VERSION}-a", filing="sv")
    titles = [
        TitleDocument(title_id=uuid7(), title="Ön", subjects=("Öar",), author="Ågren, Åke"),
        TitleDocument(title_id=uuid7(), title="De öar", sort_title="öar", subjects=("Öar",)),
        TitleDocument(title_id=uuid7(), title="Oar", subjects=("oar", "Zoo")),
    ]
    writer.apply(titles, [], 1)
    writer.close()
    switch(tmp_path, f"v{SCHEMA_VERSION}-a")
    reader = Reader(tmp_path)

    subjects = reader.browse("subject", "", before=0, after=9)
    filed = reader.browse("title", "öar", before=1, after=1)

    assert [(each.text, each.count) for each in subjects.headings] == [("oar", 1), ("Zoo", 1), ("Öar", 2)]
    assert [each.text for each in filed.headings] == ["Oar", "De öar"]
    counted: tuple[tuple[Kind, str, int], ...] = (
        ("subject", "Öar", 2),
        ("title", "De öar", 1),
        ("author", "Ågren, Åke", 1),
    )
    for kind, text, count in counted:
        found = reader.search(SearchRequest(query=query(kind, text)))
        assert found.total == count
