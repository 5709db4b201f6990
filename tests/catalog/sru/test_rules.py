"""What CQL means here, and the number of the diagnostic for what it does not."""

# ruff: noqa: E501 - a table is read by its columns

import json

import pytest

from catalog.cql.parsing import CqlProblem, parse
from catalog.search.grammar import And, Everything, Listed, Masked, Near, Node, Not, Or, Range, Term
from catalog.search.ordering import SortKey
from catalog.sru import answers
from catalog.sru.asking import Asked, Refused, asked
from catalog.sru.rules import compiled, order_of, order_of_keys
from support.shared_data import shared_data


def phrase(text: str, field: str, *, begins: bool = False, ends: bool = False) -> Term:
    return Term(text, field, phrase=True, begins=begins, ends=ends)


SETS = {"abc": Listed((7, 3))}


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("fish", Term("fish")),
        ("cql.anywhere = fish", Term("fish")),
        ("dc.title = fish", Term("fish", "title")),
        ("DC.Title = fish", Term("fish", "title")),
        ("title = fish", Term("fish", "title")),
        ("bath.author = kafka", Term("kafka", "author")),
        ('title = "fish chips"', phrase("fish chips", "title")),
        ('title adj "fish chips"', phrase("fish chips", "title")),
        ('title all "fish chips"', And((Term("fish", "title"), Term("chips", "title")))),
        ('title cql.any/relevant "fish chips"', Or((Term("fish", "title"), Term("chips", "title")))),
        ("title any fish", Term("fish", "title")),
        ("title = fi*", Term("fi", "title", prefix=True)),
        (r"title = fi\*", Term("fi*", "title")),
        ("title = FÍ?h", Masked("fi?h", "title")),
        ("fi*h", Masked("fi*h")),
        ("title = fis?", Masked("fis?", "title")),
        ('title all "fi?h chips"', And((Masked("fi?h", "title"), Term("chips", "title")))),
        ("title =/unmasked fi*", Term("fi*", "title")),
        ("title <> fish", And((Not(Term("fish", "title")),))),
        ("isbn = 0-14-143951-3", Term("0-14-143951-3", "isbn")),
        ("dc.language any \"ger eng\"", Or((Term("ger", "language"), Term("eng", "language")))),
        ("dc.date = 1990", Range(1990, 1990)),
        ("dc.date < 1990", Range(None, 1989)),
        ("dc.date >= 1990", Range(1990, None)),
        ('dc.date within "1990 2000"', Range(1990, 2000)),
        ('date any "1990 2000"', Or((Range(1990, 1990), Range(2000, 2000)))),
        ("a and b and c", And((Term("a"), Term("b"), Term("c")))),
        ("a not b", And((Term("a"), Not(Term("b"))))),
        ("a or b and c", And((Or((Term("a"), Term("b"))), Term("c")))),
        ("title == \"fish chips\"", phrase("fish chips", "title", begins=True, ends=True)),
        ("title exact fish", phrase("fish", "title", begins=True, ends=True)),
        ("title = ^fish", phrase("fish", "title", begins=True)),
        ('title = "fish chips^"', phrase("fish chips", "title", ends=True)),
        ("^fish^", phrase("fish", "any", begins=True, ends=True)),
        ('title all "^fish chips"', And((phrase("fish", "title", begins=True), Term("chips", "title")))),
        (r"title = \^fish\^", Term("^fish^", "title")),
        ("title =/unmasked ^fish", Term("^fish", "title")),
        ("title = ^fi*", Term("fi", "title", phrase=True, prefix=True, begins=True)),
        ("title = fish prox title = chips", Near("fish", "chips", 1, field="title")),
        ("fish prox/unit=word/distance<=3/ordered chips", Near("fish", "chips", 3, ordered=True)),
        ("fish prox/distance<3 \"hot chips\"", Near("fish", "hot chips", 2)),
        ("cql.resultSetId = abc", Listed((7, 3))),
        ("cql.resultSetId = abc and title = fish", And((Listed((7, 3)), Term("fish", "title")))),
        ("cql.allRecords = 1", Everything()),
        ('> x = "info:srw/cql-context-set/1/dc-v1.1" x.creator = a', Term("a", "author")),
        ('> "info:srw/cql-context-set/1/dc-v1.1" creator = a', Term("a", "author")),
    ],
)  # fmt: skip
def test_a_query_is_put_in_the_catalogues_own_terms(text: str, tree: Node) -> None:
    assert compiled(parse(text).root, SETS.get) == tree


@pytest.mark.parametrize(
    ("text", "number", "details"),
    [
        ("nowhere.title = a", 15, "nowhere"),
        ('> x = "urn:x" x.title = a', 15, "urn:x"),
        ("dc.colour = red", 16, "dc.colour"),
        ("colour = red", 16, "colour"),
        ("title encloses a", 19, "encloses"),
        ("title foo.any a", 15, "foo"),
        ("title =/stem fish", 20, "stem"),
        ("title =/relevant=1 fish", 20, "relevant"),
        ("title == fi*", 28, "fi*"),
        ("title < fish", 22, "title <"),
        ('title = ""', 27, "title"),
        ("isbn = 97?0", 28, "97?0"),
        ('title = "fis? chips"', 28, "fis? chips"),
        ("title = *ish", 29, "*ish"),
        ("title = f*sh", 29, "f*sh"),
        ("language = ge*", 28, "ge*"),
        ("title = f*", 29, "f*"),
        ("title = fi^sh", 32, "^"),
        ("isbn = ^978", 32, "^"),
        ("title = fi*^", 32, "^"),
        ("title = ^fi?h", 32, "^"),
        ("title = ...", 36, "..."),
        ("date = soon", 36, "soon"),
        ("date within 1990", 36, "1990"),
        ("(a or b) prox c", 39, "prox"),
        ("title = a prox author = b", 39, "title prox author"),
        ("isbn = 1 prox isbn = 2", 39, "isbn"),
        ("ab* prox c", 39, "ab*"),
        ("title any a prox title = b", 39, "title any"),
        ("a prox/distance>3 b", 40, ">"),
        ("a prox/distance<=51 b", 41, "51"),
        ("a prox/distance<=many b", 41, "many"),
        ("a prox/unit=sentence b", 42, "sentence"),
        ("a prox/x b", 46, "x"),
        ("a and/x=1 b", 46, "x"),
        ("cql.resultSetId = abd", 51, "abd"),
        ("cql.resultSetId < abc", 22, "cql.resultSetId <"),
        (f'title = "{"a" * 501}"', 23, "500"),
    ],
)
def test_what_is_not_to_be_had_is_told_by_its_number(text: str, number: int, details: str) -> None:
    with pytest.raises(CqlProblem) as raised:
        compiled(parse(text).root, SETS.get)

    assert (raised.value.number, raised.value.details) == (number, details)


DOWN = {"descending": True}


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("a", ()),
        ("a sortBy dc.title", (SortKey("title"),)),
        ("a sortBy dc.date/sort.descending", (SortKey("year", **DOWN),)),
        ("a sortBy creator/descending/ignoreCase", (SortKey("author", **DOWN),)),
        ("a sortBy bath.title/sort.ascending", (SortKey("title"),)),
        (
            "a sortBy creator date/descending title",
            (SortKey("author"), SortKey("year", **DOWN), SortKey("title")),
        ),
        ("a sortBy title date title/descending", (SortKey("title"), SortKey("year"))),
        ("a sortBy date/sort.missingHigh", (SortKey("year"),)),
        ("a sortBy date/sort.missingLow", (SortKey("year", unknown_first=True),)),
        ("a sortBy date/descending/sort.missingHigh", (SortKey("year", **DOWN, unknown_first=True),)),
        ("a sortBy date/descending/sort.missingLow", (SortKey("year", **DOWN),)),
    ],
)
def test_a_result_is_ordered_as_the_query_says(text: str, order: tuple[SortKey, ...]) -> None:
    assert order_of(parse(text).sort) == order


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("a sortBy isbn", 16),
        ("a sortBy colour", 16),
        ("a sortBy title/sort.missingOmit", 92),
        ("a sortBy title/sort.missingValue=z", 92),
        ("a sortBy title/respectCase", 20),
        ("a sortBy title date creator title title", 84),
    ],
)
def test_an_order_that_is_not_to_be_had_is_told(text: str, number: int) -> None:
    with pytest.raises(CqlProblem) as raised:
        order_of(parse(text).sort)

    assert raised.value.number == number


@pytest.mark.parametrize(
    ("keys", "order"),
    [
        ("", ()),
        ("title", (SortKey("title"),)),
        ("date,,0", (SortKey("year", **DOWN),)),
        ("author,dc,1,0,highValue date,,0", (SortKey("author"), SortKey("year", **DOWN))),
        ("date,,1,,lowValue", (SortKey("year", unknown_first=True),)),
    ],
)
def test_the_older_versions_say_the_order_in_a_parameter(keys: str, order: tuple[SortKey, ...]) -> None:
    assert order_of_keys(keys) == order


@pytest.mark.parametrize(
    ("keys", "number"),
    [
        ("colour", 88),
        ("isbn", 88),
        ("title,rdf", 87),
        ("title,,x", 90),
        ("title,,1,1", 91),
        ("title,,1,0,omit", 92),
        ("title date author title title", 84),
    ],
)
def test_what_that_parameter_may_not_say_is_told(keys: str, number: int) -> None:
    with pytest.raises(CqlProblem) as raised:
        order_of_keys(keys)

    assert raised.value.number == number


OLD = {"operation": "searchRetrieve", "version": "1.2", "query": "a"}
SCAN = {"operation": "scan", "version": "1.1", "scanClause": "title=a"}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, Asked("2.0", "explain")),
        ({"version": "1.1"}, Asked("1.1", "explain")),
        ({"operation": "explain"}, Asked("1.2", "explain")),
        ({"query": "a"}, Asked("2.0", "searchRetrieve", "a")),
        ({"query": "a b?", "queryType": "searchTerms"}, Asked("2.0", "searchRetrieve", r'"a" and "b\?"')),
        ({"scanClause": "a"}, Asked("2.0", "scan", "a", most=20)),
        (OLD, Asked("1.2", "searchRetrieve", "a")),
        (OLD | {"recordPacking": "string"}, Asked("1.2", "searchRetrieve", "a", escaped=True)),
        (OLD | {"maximumRecords": "5000", "startRecord": "11"}, Asked("1.2", "searchRetrieve", "a", start=11, most=100)),
        (OLD | {"maximumRecords": "0", "x-info-5": "y"}, Asked("1.2", "searchRetrieve", "a", most=0)),
        (OLD | {"recordSchema": "info:srw/schema/1/mods-v3.5"}, Asked("1.2", "searchRetrieve", "a", schema="mods")),
        ({"query": "a", "recordXMLEscaping": "string", "recordPacking": "unpacked"}, Asked("2.0", "searchRetrieve", "a", escaped=True)),
        (SCAN | {"maximumTerms": "5", "responsePosition": "6"}, Asked("1.1", "scan", "title=a", most=5, position=6)),
    ],
)  # fmt: skip
def test_each_version_asks_in_its_own_way(given: dict[str, str], wanted: Asked) -> None:
    assert asked(list(given.items())) == wanted


@pytest.mark.parametrize(
    ("given", "number", "details"),
    [
        (OLD | {"version": "3.0"}, 5, "1.2"),
        (OLD | {"operation": "update"}, 4, "update"),
        ({"operation": "searchRetrieve", "query": "a"}, 7, "version"),
        ({"operation": "searchRetrieve", "version": "1.1"}, 7, "query"),
        ({"version": "1.1", "query": "a"}, 7, "operation"),
        ({"operation": "scan", "version": "1.1", "scanClause": " "}, 7, "scanClause"),
        (OLD | {"colour": "red"}, 8, "colour"),
        (OLD | {"recordXMLEscaping": "xml"}, 8, "recordXMLEscaping"),
        (OLD | {"maximumRecords": "-1"}, 6, "maximumRecords"),
        (OLD | {"startRecord": "0"}, 6, "startRecord"),
        (OLD | {"startRecord": "1e9"}, 6, "startRecord"),
        (OLD | {"recordSchema": "rdf"}, 66, "rdf"),
        (OLD | {"recordPacking": "packed"}, 71, "packed"),
        ({"query": "a", "recordPacking": "xml"}, 71, "xml"),
        ({"query": "a", "queryType": "sql"}, 6, "queryType"),
        (OLD | {"stylesheet": "/a.xsl"}, 110, "/a.xsl"),
        (SCAN | {"maximumTerms": "5", "responsePosition": "7"}, 120, "7"),
    ],
)
def test_what_may_not_be_asked_is_told_by_its_number(
    given: dict[str, str], number: int, details: str
) -> None:
    with pytest.raises(Refused) as raised:
        asked(list(given.items()))

    assert (raised.value.problem.number, raised.value.problem.details) == (number, details)


def test_diagnostics_read_as_their_registry_has_them() -> None:
    registry = {
        int(number): words
        for number, words in json.loads(shared_data("sru", "diagnostics.json").read_text()).items()
    }

    known = {number: words for number, words in answers.MESSAGES.items() if number in registry}
    assert {number: registry[number] for number in known} == known
    assert set(answers.MESSAGES) - set(registry) == {40, 41, 42, 51, 84, 87, 88, 90, 91, 92}
