"""Classification numbers stand among their like as shelves do, in letters by which a walk finds its way."""

import random
import re
from pathlib import Path

import pytest

from catalog.callnumbers.rules import Scheme, shelving_key
from catalog.marc.extract import extract
from catalog.marc.record import Field
from catalog.search.browsing import Walk, landmarks
from catalog.search.classes import Class, spelled
from catalog.search.documents import SCHEMA_VERSION, TitleDocument
from catalog.search.engine import Reader, SearchRequest
from catalog.search.filing import Filing
from catalog.search.folders import switch
from catalog.search.headings import END, NEXT, Kind, heading_of, query, term
from catalog.search.writing import Writer
from chassis.ids import uuid7
from support.shelves import record

PLAIN = Filing()


@pytest.mark.parametrize(
    ("kind", "in_order"),
    [
        ("lc", ["PS", "PS7", "PS76", "PS76.A1", "PS76.A12", "PS76.B2", "PS76.9", "PS3048", "PT1"]),
        ("lc", ["QA76.73.J38", "QA76.9.D26", "QA76.9.D3", "QA77", "QA100", "not a number"]),
        ("dewey", ["8", "81", "813", "813.5", "813.54", "813.6", "820", "[Fic]"]),
        ("nlm", ["QS4", "QV", "QV4", "W1", "WG 100", "WG 1000"]),
        ("sudoc", ["A 1.2:B 8", "A 1.2:F 29", "A 1.10:2", "A 13.2:T 73", "Y 4.ED 8/1:103-2"]),
    ],
)
def test_numbers_stand_as_on_the_shelf_and_beginnings_before_what_they_begin(
    kind: Kind, in_order: list[str]
) -> None:
    told = [term(kind, each, PLAIN) for each in in_order]

    assert [heading_of(each) for each in sorted(told)] == in_order


def test_what_is_spelled_compares_as_shelving_keys_do() -> None:
    chance = random.Random(3)
    letters = "AQZ019 !./-:~É"
    texts = ["".join(chance.choices(letters, k=chance.randrange(9))) for _ in range(3000)]
    texts += [
        (shelving_key(f"{chance.choice('ABQ')}{chance.randrange(999)}.{chance.choice('AB1')}{n}", each) or "")
        .partition(" ")[2]
        for n in range(300) for each in Scheme
    ]  # fmt: skip
    texts = [text for text in set(texts) if not re.search("9[~É]", text)]  # no shelving key has that

    assert sorted(texts, key=lambda text: spelled(text) + END) == sorted(texts)
    assert set("".join(map(spelled, texts))) <= set("".join(NEXT))


@pytest.mark.parametrize(
    ("field", "told"),
    [
        (Field.data("050", "00", ("a", "PS3048 "), ("a", "PS3053"), ("b", ".A1 1854")),
         [("lc", "PS3048", 0), ("lc", "PS3053", 0)]),
        (Field.data("090", "  ", ("a", "QA76")), [("lc", "QA76", 0)]),
        (Field.data("060", "10", ("a", "WG 100")), [("nlm", "WG 100", 0)]),
        (Field.data("082", "04", ("a", "813/.54"), ("2", "23")), [("dewey", "813.54", 0)]),
        (Field.data("082", "04", ("a", "813′.3"), ("2", "23")), [("dewey", "813.3", 0)]),
        (Field.data("086", "0 ", ("a", "A 1.2:B 8")), [("sudoc", "A 1.2:B 8", 0)]),
        (Field.data("086", "  ", ("a", "A 1.2:B 8"), ("2", "sudocs")), [("sudoc", "A 1.2:B 8", 0)]),
        (Field.data("086", "1 ", ("a", "HE20-6/1994E")), []),
        (Field.data("050", "00", ("b", ".A1"), ("a", " ")), []),
        (Field.data("080", "  ", ("a", "821.111")), []),
    ],
)  # fmt: skip
def test_a_record_tells_what_it_is_classified_as(field: Field, told: list[tuple[str, str, int]]) -> None:
    assert list(extract(record("a").having(field)).headings) == told


def test_a_walk_along_thousands_of_classes_meets_each_once_and_counts_its_titles(tmp_path: Path) -> None:
    chance = random.Random(11)
    having: dict[str, int] = {}
    titles = []
    for number in range(1500):
        told = f"{chance.choice(['QA', 'QB', 'Z', 'PS'])}{chance.randrange(2000)}{chance.choice(['', '.5', '.A12'])}"
        having[told] = having.get(told, 0) + 1
        titles.append(TitleDocument(title_id=uuid7(), title=f"T {number}", headings=(("lc", told, 0),)))
    writer = Writer(tmp_path, f"v{SCHEMA_VERSION}-a", filing="sv")
    writer.apply(titles, [], 1)
    writer.close()
    switch(tmp_path, f"v{SCHEMA_VERSION}-a")
    reader = Reader(tmp_path)
    now = reader.now()
    assert now is not None
    marks = landmarks(now.searcher, "lc")
    in_order = sorted(having, key=lambda each: shelving_key(each, Scheme.LC) or "")
    assert len(marks) > 5

    for known in (marks, marks[::5], []):
        walk = Walk(now.searcher, now.schema, "lc", known)
        assert [each.text for each in walk.on("l", 9999)] == in_order
        assert [each.text for each in walk.back("m", 9999)] == in_order
    assert {each.text: each.count for each in walk.on("l", 9999)} == having
    around = reader.browse("lc", "QA76", before=2, after=3)
    place = next(
        n for n, each in enumerate(in_order) if (shelving_key(each, Scheme.LC) or "") >= "lc QA 0076"
    )
    assert [each.text for each in around.headings] == in_order[place - 2 : place + 3]
    busiest: tuple[str, int] = max(having.items(), key=lambda each: each[1])
    assert reader.search(SearchRequest(query=query("lc", busiest[0]))).total == busiest[1]
    kinds: list[Class] = ["dewey", "nlm", "sudoc"]
    assert [reader.browse(kind, "", before=0, after=9).headings for kind in kinds] == [[], [], []]
