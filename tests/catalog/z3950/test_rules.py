"""What Bib-1's attributes mean here, and the number of the diagnostic for what they do not."""

# ruff: noqa: E501 - a table is read by its columns

import pytest

from catalog.cql.parsing import CqlProblem
from catalog.search.grammar import And, Everything, Listed, Masked, Near, Node, Not, Or, Range, Term
from catalog.search.ordering import SortKey
from catalog.z3950 import asking
from catalog.z3950.rules import FIELDS, USES, Diagnosed, diagnosed, order, sort_key
from contracts.z3950.query import (
    BIB1,
    Attribute,
    CqlQuery,
    Joined,
    Named,
    Operand,
    OtherQuery,
    Proximity,
    Rpn,
    RpnQuery,
)


def operand(attributes: str, term: str | int | None = "fish") -> Operand:
    """`1=4 5=1` and a term."""
    told = [each.split("=") for each in attributes.split()]
    values = (Attribute(int(kind), int(value) if value.isdigit() else value) for kind, value in told)
    return Operand(tuple(values), term.encode() if isinstance(term, str) else term)


def sets(name: str) -> Node:
    if name != "nets*":
        raise Diagnosed(30, name)
    return Listed((7, 3))


def tree(root: Rpn) -> Node:
    return asking.wanted(RpnQuery(BIB1, root), sets, None)[0]


def phrase(text: str, field: str, *, begins: bool = False, ends: bool = False) -> Term:
    return Term(text, field, phrase=True, begins=begins, ends=ends)


@pytest.mark.parametrize(
    ("attributes", "term", "found"),
    [
        ("", "fish", Term("fish")),
        ("1=1016", "fish", Term("fish")),
        ("1=4", "fish", Term("fish", "title")),
        ("1=title", "fish", Term("fish", "title")),
        ("1=4", "fish chips", phrase("fish chips", "title")),
        ("1=4 4=1", "fish chips", phrase("fish chips", "title")),
        ("1=4 4=2", "fish", Term("fish", "title")),
        ("1=4 4=6", "fish chips", And((Term("fish", "title"), Term("chips", "title")))),
        ("1=4 4=105", "fish chips", Or((Term("fish", "title"), Term("chips", "title")))),
        ("1=1003 4=101", "kafka, franz", phrase("kafka, franz", "author")),
        ("1=1003 4=102", "franz kafka", And((Term("franz", "author"), Term("kafka", "author")))),
        ("1=4 5=1", "fi", Term("fi", "title", prefix=True)),
        ("1=4 4=6 5=1", "fi chi", And((Term("fi", "title", prefix=True), Term("chi", "title", prefix=True)))),
        ("1=4 5=100", "fi*", Term("fi*", "title")),
        ("1=4 5=101", "fi#h", Masked("fi*h", "title")),
        ("1=4 5=104", "fi#h", Masked("fi?h", "title")),
        ("1=4 5=104", "fi?h", Masked("fi*h", "title")),
        ("1=4 3=1", "fish", phrase("fish", "title", begins=True)),
        ("1=4 3=2", "^fish", phrase("^fish", "title", begins=True)),
        ("1=4 3=3 6=1", "fish", Term("fish", "title")),
        ("1=4 6=3", "fish chips", phrase("fish chips", "title", begins=True, ends=True)),
        ("1=4 3=1 6=2", "fish", phrase("fish", "title", begins=True, ends=True)),
        ("1=4 2=6", "fish", And((Not(Term("fish", "title")),))),
        ("1=4 2=102", "fish", Term("fish", "title")),
        ("1=7", "0-14-143951-3", Term("0-14-143951-3", "isbn")),
        ("1=7 6=3", "014", Term("014", "isbn")),
        ("1=12 4=107", 4711, Term("4711", "identifier")),
        ("1=54", "ger", Term("ger", "language")),
        ("1=31", "1990", Range(1990, 1990)),
        ("1=31 4=4", 1990, Range(1990, 1990)),
        ("1=30 2=4 4=5", "19900321", Range(1990, None)),
        ("1=30 2=1 4=100", "1990-03", Range(None, 1989)),
        ("1=31 2=104", "1990-2000", Range(1990, 2000)),
        ("1=1016 2=103", None, Everything()),
        ("1=_ALLRECORDS 2=103", "", Everything()),
        ("1=4 1=7", "fish", Term("fish", "title")),
    ],
)  # fmt: skip
def test_a_term_with_its_attributes_is_sought_as_sru_would(
    attributes: str, term: str | int | None, found: Node
) -> None:
    assert tree(operand(attributes, term)) == found


@pytest.mark.parametrize(
    ("attributes", "term", "number"),
    [
        ("1=9999", "fish", 114),
        ("1=62", "fish", 114),
        ("1=colour", "red", 114),
        ("2=100", "fish", 117),
        ("1=4 2=103", "", 123),
        ("1=4 2=1", "fish", 123),
        ("1=4 2=6 4=6", "fish chips", 123),
        ("1=4 3=1 4=6", "fish chips", 123),
        ("3=9", "fish", 119),
        ("1=7 3=1", "0141439513", 123),
        ("4=3", "fish", 118),
        ("1=4 4=4", "1990", 123),
        ("1=4 4=109", "1990", 123),
        ("5=2", "fish", 120),
        ("5=102", "f.*", 120),
        ("1=4 5=104", "fi?2h", 120),
        ("1=4 5=1 6=3", "fish", 120),
        ("1=4 5=1", "f", 9),
        ("1=54 5=1", "ger", 120),
        ("6=9", "fish", 122),
        ("7=1", "fish", 113),
        ("1=4", "", 125),
        ("1=4", None, 125),
        ("1=4", "--", 126),
        ("1=31", "in May", 126),
        ("1=31 5=1", "199", 123),
        ("1=31 2=104", "1990", 126),
        ("1=4", "x" * 501, 11),
    ],
)
def test_what_is_not_to_be_had_is_told_by_its_number(attributes: str, term: str | None, number: int) -> None:
    with pytest.raises(Diagnosed) as refused:
        tree(operand(attributes, term))

    assert refused.value.number == number


FISH, CHIPS = operand("1=4"), operand("1=4", "chips")


@pytest.mark.parametrize(
    ("root", "found"),
    [
        (Joined("and", FISH, CHIPS), And((Term("fish", "title"), Term("chips", "title")))),
        (Joined("or", FISH, CHIPS), Or((Term("fish", "title"), Term("chips", "title")))),
        (Joined("and-not", FISH, CHIPS), And((Term("fish", "title"), Not(Term("chips", "title"))))),
        (Joined("and", Named("nets*"), FISH), And((Listed((7, 3)), Term("fish", "title")))),
        (Joined("prox", FISH, CHIPS, Proximity(False, 3, True, 2, 2)), Near("fish", "chips", 3, True, "title")),
        (Joined("prox", FISH, CHIPS, Proximity(False, 4, False, 1, 2)), Near("fish", "chips", 3, False, "title")),
    ],
)  # fmt: skip
def test_operators_join_terms_and_result_sets(root: Rpn, found: Node) -> None:
    assert tree(root) == found


def near(**changed: int) -> Joined:
    told = {"exclusion": 0, "distance": 1, "ordered": 1, "relation": 3, "unit": 2} | changed
    return Joined(
        "prox",
        FISH,
        CHIPS,
        Proximity(
            bool(told["exclusion"]), told["distance"], bool(told["ordered"]), told["relation"], told["unit"]
        ),
    )


def chain(length: int) -> Rpn:
    root: Rpn = FISH
    for _ in range(length):
        root = Joined("or", root, FISH)
    return root


@pytest.mark.parametrize(
    ("root", "number"),
    [
        (near(exclusion=1), 201),
        (near(unit=3), 132),
        (near(relation=5), 131),
        (near(distance=2), 131),
        (near(relation=2, distance=99), 202),
        (Joined("prox", FISH, operand("1=1003"), Proximity(False, 1, True, 3, 2)), 201),
        (Joined("prox", FISH, Named("nets*"), Proximity(False, 1, True, 3, 2)), 129),
        (Named("gone"), 30),
        (Named("nets*", attributes=True), 245),
        (chain(64), 6),
        (Operand((Attribute(1, 4, "1.2.840.10003.3.5"),), b"fish"), 121),
        (Operand((), None, odd=True), 229),
    ],
    ids=str,
)
def test_what_cannot_be_joined_is_told_by_its_number(root: Rpn, number: int) -> None:
    with pytest.raises(Diagnosed) as refused:
        tree(root)

    assert refused.value.number == number


def test_sixty_four_terms_may_be_asked_for() -> None:
    found = tree(chain(63))

    assert isinstance(found, Or)
    assert len(found.parts) == 64


def test_a_query_that_names_large_sets_again_and_again_is_refused() -> None:
    def large(_: str) -> Node:
        return Listed(tuple(range(10_000)))

    def many(_: str) -> Node:
        return Or((Term("fish"),) * 200)

    joined = Joined("or", Named("a"), Joined("or", Named("b"), Named("c")))
    for kind in (large, many):
        with pytest.raises(Diagnosed) as refused:
            asking.wanted(RpnQuery(BIB1, joined), kind, None)
        assert refused.value.number == 31


def test_cql_is_a_query_too_and_others_are_not() -> None:
    found, keys = asking.wanted(CqlQuery("dc.title = fish sortBy date/descending"), sets, None)

    assert found == Term("fish", "title")
    assert keys == (SortKey("year", descending=True),)
    for query, number in (
        (CqlQuery("colour ="), 108),
        (CqlQuery("dc.colour = red"), 114),
        (OtherQuery(2), 107),
    ):
        with pytest.raises(Diagnosed) as refused:
            asking.wanted(query, sets, None)
        assert refused.value.number == number
    with pytest.raises(Diagnosed, match=r"1\.2\.3"):
        asking.wanted(RpnQuery("1.2.3", FISH), sets, None)


@pytest.mark.parametrize(
    ("text", "charset", "told"),
    [
        ("Brontë".encode(), None, "Brontë"),
        ("Brontë".encode("latin-1"), None, "Brontë"),
        (b"Bront\xe8e", "marc-8", "Brontë"),
        (b"Bront\xeb", "utf-8", "Bront\ufffd"),
    ],
)
def test_a_term_is_read_in_the_characters_that_were_agreed_on(
    text: bytes, charset: str | None, told: str
) -> None:
    assert asking.read(text, charset) == told  # type: ignore[arg-type]  # of the two


@pytest.mark.parametrize(
    ("attributes", "field", "relation", "missing", "key"),
    [
        ("1=4", None, 0, None, SortKey("title")),
        ("1=1003", None, 1, 2, SortKey("author", descending=True)),
        ("1=31", None, 0, 2, SortKey("year", unknown_first=True)),
        ("", "title", 0, None, SortKey("title")),
        ("", "date", 1, None, SortKey("year", descending=True)),
    ],
)
def test_an_order_is_told_by_attributes_or_by_name(
    attributes: str, field: str | None, relation: int, missing: int | None, key: SortKey
) -> None:
    told = [(each.type, each.value) for each in operand(attributes).attributes]

    assert sort_key(told, field, relation, missing) == key


@pytest.mark.parametrize(
    ("field", "relation", "missing", "number"),
    [("subject", 0, None, 207), ("colour", 0, None, 207), (None, 0, None, 207), ("title", 3, None, 214), ("title", 0, 1, 213)],
)  # fmt: skip
def test_an_order_that_is_not_to_be_had_is_told_by_its_number(
    field: str | None, relation: int, missing: int | None, number: int
) -> None:
    with pytest.raises(Diagnosed) as refused:
        sort_key([], field, relation, missing)

    assert refused.value.number == number


def test_keys_count_once_and_there_are_four() -> None:
    assert order([SortKey("title"), SortKey("title", descending=True)]) == (SortKey("title"),)
    with pytest.raises(Diagnosed):
        order([SortKey("title")] * 5)


def test_each_use_attribute_has_one_index_and_each_problem_of_cql_a_number() -> None:
    assert len(USES) == sum(map(len, FIELDS.values()))
    assert diagnosed(CqlProblem(51, "x")).number == 30
    assert diagnosed(CqlProblem(999, "x")).number == 3
