"""Whether two records are of one title, and what comes of several that are."""

from typing import Any
from uuid import UUID

import pytest

from catalog.marc.record import Field, Record
from catalog.matching.keys import keys_of
from catalog.matching.rules import Candidate, Choice, Side, chosen, compared, finds, node_of, prefixes

A, B = UUID(int=1), UUID(int=2)
LEADER = "00000nam a2200000 i 4500"
WALDEN = Record(
    LEADER,
    [
        Field.control("001", "17"),
        Field.control("003", "DLC"),
        Field.control("008", "260101s1854    mau           000 0 eng d"),
        Field.data("010", "  ", ("a", "   54-12345 ")),
        Field.data("020", "  ", ("a", "0-306-40615-2 (paper)")),
        Field.data("022", "  ", ("a", "0378-5955")),
        Field.data("024", "7 ", ("a", "10.1000/182"), ("2", "doi")),
        Field.data("024", "1 ", ("a", "7822183031")),
        Field.data("028", "02", ("a", "OCD 321")),
        Field.data("035", "  ", ("a", "(OCoLC)ocm00012345")),
        Field.data("100", "1 ", ("a", "Thoreau, Henry David")),
        Field.data("245", "14", ("a", "The Walden :"), ("b", "or, Life in the woods")),
    ],
)


def side(*fields: Field, number: str = "x", author: str | None = "Thoreau", year: int | None = 1854) -> Side:
    record = Record(LEADER, fields)
    return Side(number, frozenset(keys_of(record)), author, year, "book", record)


ISBN = Field.data("020", "  ", ("a", "9780306406157"))
TITLE = Field.data("245", "10", ("a", "Walden"))


def test_a_title_is_found_by_its_numbers_however_they_are_written() -> None:
    told = keys_of(WALDEN)

    assert [key for key in told if not key.startswith(("title:", "work:"))] == [
        "system:(dlc)17", "system:(ocolc)ocm00012345", "oclc:12345", "isbn:9780306406157", "issn:03785955",
        "lccn:5412345", "other:doi:101000182", "other:upc:7822183031", "publisher:ocd321",
    ]  # fmt: skip
    other = Record(LEADER, [Field.data("245", "00", ("a", "WALDEN /"), ("b", "Or life in the woods"))])
    assert [key for key in keys_of(other) if key.startswith("title:")] == [
        key for key in told if key.startswith("title:")
    ]


def test_nothing_odd_makes_a_key_that_cannot_be_stored() -> None:
    odd = Record(
        LEADER,
        [
            Field.control("001", "a\x00b\n"),
            Field.control("003", "X\x00"),
            Field.data("020", "  ", ("a", "no isbn")),
            Field.data("022", "  ", ("a", "1234-5678")),
            Field.data("024", "  ", ("a", "!!!")),
            Field.data("035", "  ", ("a", "(X)" + "9" * 5000), ("a", "(half"), ("b", "(X)1")),
            Field.data("245", "19", ("a", "a")),
        ],
    )

    told = keys_of(odd)

    assert [key.partition(":")[0] for key in told] == ["system", "system", "title"]
    assert all(len(key) <= 80 and "\x00" not in key and "\n" not in key for key in told)


@pytest.mark.parametrize(
    ("match", "told", "kept", "holds", "points"),
    [
        ({"point": "isbn"}, side(ISBN), side(ISBN), True, ("isbn",)),
        ({"point": "isbn"}, side(ISBN), side(TITLE), False, ()),
        ({"point": "control-number"}, side(number="n"), side(number="n"), True, ("control-number",)),
        ({"point": "author"}, side(author="Thoreau."), side(author="thoreau"), True, ("author",)),
        ({"point": "year"}, side(year=None), side(year=None), False, ()),
        ({"point": "format"}, side(), side(), True, ("format",)),
        ({"point": "field", "tag": "245", "subfields": "a"}, side(TITLE), side(TITLE), True, ("245$a",)),
        ({"point": "field", "tag": "500", "subfields": "a"}, side(TITLE), side(TITLE), False, ()),
        (
            {"all": [{"point": "title"}, {"not": {"point": "isbn"}}]},
            side(TITLE, ISBN),
            side(TITLE),
            True,
            ("title",),
        ),
        (
            {"all": [{"point": "title"}, {"not": {"point": "isbn"}}]},
            side(TITLE, ISBN),
            side(TITLE, ISBN),
            False,
            ("title",),
        ),
        (
            {"any": [{"point": "isbn"}, {"all": [{"point": "title"}, {"point": "year"}]}]},
            side(TITLE),
            side(TITLE, ISBN),
            True,
            ("title", "year"),
        ),
    ],
    ids=[
        "isbn", "no-isbn", "number", "author", "no-year", "format", "field", "no-field", "not", "not-but", "any",
    ],
)  # fmt: skip
def test_a_condition_holds_by_its_points(
    match: dict[str, Any], told: Side, kept: Side, holds: bool, points: tuple[str, ...]
) -> None:
    found = compared(node_of(match), told, kept, A)

    assert (found.holds, found.points) == (holds, points)


@pytest.mark.parametrize(("threshold", "holds"), [(12, True), (13, False)])
def test_what_speaks_for_it_is_weighed_against_a_threshold(threshold: int, holds: bool) -> None:
    parts = [
        {"point": "isbn", "weight": 10},
        {"point": "year", "weight": 2},
        {"point": "author", "weight": 5},
    ]

    found = compared(
        node_of({"weigh": parts, "threshold": threshold}), side(ISBN), side(ISBN, author="Emerson"), A
    )

    assert (found.holds, found.score) == (holds, 12)


@pytest.mark.parametrize(
    ("match", "found"),
    [
        ({"point": "isbn"}, True),
        ({"point": "author"}, False),
        ({"not": {"point": "isbn"}}, False),
        ({"any": [{"point": "isbn"}, {"point": "author"}]}, False),
        ({"all": [{"point": "author"}, {"point": "title"}]}, True),
        ({"weigh": [{"point": "isbn", "weight": 5}, {"point": "year", "weight": 4}], "threshold": 5}, True),
        ({"weigh": [{"point": "isbn", "weight": 5}, {"point": "year", "weight": 5}], "threshold": 5}, False),
    ],
    ids=["number", "author-alone", "not", "one-way-finds-nothing", "confirmed", "weighed", "weighed-too-light"],
)  # fmt: skip
def test_a_condition_must_find_what_it_compares(match: dict[str, Any], found: bool) -> None:
    assert finds(node_of(match)) is found


def test_only_keys_that_the_condition_names_are_asked_for() -> None:
    match = {"any": [{"point": "isbn"}, {"all": [{"point": "title"}, {"point": "author"}]}]}

    assert prefixes(node_of(match)) == ("isbn:", "title:")


def candidate(title_id: UUID, score: int, quality: int = 1, *, holds: bool = True) -> Candidate:
    return Candidate(title_id, holds, score, ("isbn",), quality)


@pytest.mark.parametrize(
    ("candidates", "several", "choice"),
    [
        ([], "report", Choice()),
        ([candidate(A, 1, holds=False)], "report", Choice()),
        ([candidate(A, 1), candidate(B, 9, holds=False)], "report", Choice(A)),
        ([candidate(A, 1), candidate(B, 2)], "report", Choice(many=True)),
        ([candidate(A, 1), candidate(B, 2)], "best", Choice(B)),
        ([candidate(A, 2, 30), candidate(B, 2, 40)], "best", Choice(B)),
        ([candidate(A, 2, 30), candidate(B, 2, 30)], "best", Choice(many=True)),
    ],
    ids=["none", "near", "one", "several", "most-weight", "best-record", "equal"],
)
def test_of_several_the_best_is_taken_only_where_the_profile_says_so(
    candidates: list[Candidate], several: Any, choice: Choice
) -> None:
    assert chosen(candidates, several) == choice
