"""CQL read as its grammar says, and as another reader of it does."""

# ruff: noqa: E501 - a table is read by its columns

from typing import Any

import pytest
from cql.lexer import CQLLexer
from cql.parser import CQLParser12
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.cql.parsing import CqlProblem, parse
from catalog.cql.tree import Boolean, Clause, Modifier, Node, Query, SortKey, clauses, written


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("fish", Clause("fish")),
        ('"fish"', Clause("fish")),
        ("dc.title=fish", Clause("fish", "dc.title")),
        ("title ANY fish", Clause("fish", "title", "any")),
        ('title == "fish (and) chips"', Clause("fish (and) chips", "title", "==")),
        ("date>=1990", Clause("1990", "date", ">=")),
        ("title <> fish", Clause("fish", "title", "<>")),
        (r'"say \"fish\""', Clause(r"say \"fish\"")),
        (r"fi\*sh", Clause(r"fi\*sh")),
        ("title cql.any/relevant/cql.x>=2 a", Clause("a", "title", "cql.any", (Modifier("relevant"), Modifier("cql.x", ">=", "2")))),
        ("a AND b", Boolean("and", Clause("a"), Clause("b"))),
        ("a or b not c", Boolean("not", Boolean("or", Clause("a"), Clause("b")), Clause("c"))),
        ("a or (b not c)", Boolean("or", Clause("a"), Boolean("not", Clause("b"), Clause("c")))),
        ("a prox/unit=word/distance<3 b", Boolean("prox", Clause("a"), Clause("b"), (Modifier("unit", "=", "word"), Modifier("distance", "<", "3")))),
        ('> x = "urn:y" x.a = b', Clause("b", "x.a", prefixes=(("x", "urn:y"),))),
        ('> "urn:y" a = b', Clause("b", "a", prefixes=(("", "urn:y"),))),
        ('(> x = "urn:y" x.a = b) and x.c = d', Boolean("and", Clause("b", "x.a", prefixes=(("x", "urn:y"),)), Clause("d", "x.c"))),
        ("and = b", Clause("b", "and")),
        ("日本 = 語", Clause("語", "日本")),
    ],
)  # fmt: skip
def test_a_query_is_read_as_its_grammar_says(text: str, root: Node) -> None:
    assert parse(text) == Query(root)


def test_what_to_sort_by_comes_last() -> None:
    found = parse("a sortBy dc.date/sort.descending title")

    assert found.sort == (SortKey("dc.date", (Modifier("sort.descending"),)), SortKey("title"))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 10),
        ("title = and", 10),
        ("title =", 10),
        ("title any", 10),
        ("a b", 10),
        ("a and", 10),
        ("and", 10),
        ("a and and b", 10),
        ("= a", 10),
        ("a / b", 10),
        ("a sortBy", 10),
        ("a = b = c", 10),
        ("> x = y", 10),
        ("a and/ b", 10),
        ('a and "b', 14),
        ("(a", 13),
        ("a)", 13),
        ("()", 10),
        ("(" * 5000 + "a" + ")" * 5000, 12),
        ("(" * 500 + "a" + ")" * 500, 13),
        (" or ".join("a" * 65), 38),
        ("a" * 2001, 12),
        ("a any" + "/x" * 20 + " b", 20),
        ("".join(f"> a{number}=b " for number in range(20)) + "c", 48),
    ],
)
def test_what_cannot_be_read_is_told_by_the_diagnostics_number(text: str, number: int) -> None:
    with pytest.raises(CqlProblem) as raised:
        parse(text)

    assert raised.value.number == number


@settings(max_examples=200)
@given(st.text(alphabet='ab ()="/<>\\*.', max_size=40) | st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except CqlProblem:
        return
    assert parse(written(found)).root is not None


NAMES = st.sampled_from(["title", "dc.creator", "cql.anywhere", "date", "x y"])
TERMS = st.sampled_from(["fish", "fish and chips", "1990", "a*", r"a\*b", "<b>", "(", "SortBy", "über", ""])
MODIFIERS = st.lists(
    st.builds(Modifier, st.sampled_from(["relevant", "x.y"]))
    | st.builds(
        Modifier, st.just("distance"), st.sampled_from(["=", "<", ">="]), st.sampled_from(["1", "two"])
    ),
    max_size=2,
).map(tuple)
CLAUSES = st.builds(
    Clause,
    TERMS,
    NAMES,
    st.sampled_from(["=", "==", "<>", "<", ">", "<=", ">=", "any", "all", "cql.adj"]),
    MODIFIERS,
)
QUERIES = st.builds(
    Query,
    st.recursive(
        CLAUSES,
        lambda parts: st.builds(
            Boolean, st.sampled_from(["and", "or", "not", "prox"]), parts, parts, MODIFIERS
        ),
        max_leaves=6,
    ),
    st.lists(st.builds(SortKey, NAMES, MODIFIERS), max_size=2).map(tuple),
)


@settings(max_examples=150)
@given(QUERIES)
def test_a_query_that_was_written_reads_as_the_same(query: Query) -> None:
    again = parse(written(query))

    assert again == query
    assert [each.term for each in clauses(again.root)] == [each.term for each in clauses(query.root)]


def built() -> Any:
    """The other reader, built once: its own `parse` builds its grammar at each call."""
    lexer: Any = CQLLexer()
    lexer.build()
    reader: Any = CQLParser12()
    reader.build(lexer)
    return reader


OTHER = built()


def as_told(node: Any) -> Any:
    """The other reader's tree, as ours would be told."""
    if hasattr(node, "operator"):
        return (
            node.operator.value.lower(),
            as_told(node.left),
            as_told(node.right),
            modifiers(node.operator),
        )
    if node.index is None:
        return ("cql.serverChoice", "=", (), node.term)
    return (str(node.index), str(node.relation.comparitor).lower(), modifiers(node.relation), node.term)


def modifiers(of: Any) -> tuple[tuple[str, str, str], ...]:
    return tuple((str(each.name), each.comparitor or "", each.value or "") for each in of.modifiers or ())


def as_ours(node: Node) -> Any:
    if isinstance(node, Boolean):
        return (node.operator, as_ours(node.left), as_ours(node.right), ours(node.modifiers))
    return (node.index, node.relation, ours(node.modifiers), node.term)


def ours(told: tuple[Modifier, ...]) -> tuple[tuple[str, str, str], ...]:
    return tuple((each.name, each.comparison, each.value) for each in told)


KEYWORDS = frozenset(("and", "or", "not", "prox", "sortby"))


def words_of(node: Any) -> list[str]:
    """Terms and indexes of the other reader's tree."""
    if hasattr(node, "operator"):
        return [*words_of(node.left), *words_of(node.right)]
    return [node.term.lower(), str(node.index).lower()]


PIECES = st.sampled_from(
    ["fish", '"fish chips"', "title", "dc.title", "=", "any", "<=", "and", "or", "not", "prox", "(", ")", "/", "x",
     "sortBy", "1990", "/relevant", "/x=1", "==", "<>"]
)  # fmt: skip

CHAINS = st.lists(
    st.tuples(st.sampled_from(["and", "or", "not", "prox"]), st.sampled_from(["a", "title = b", "(c or d)"])),
    min_size=2,
    max_size=4,
).map(lambda links: "x " + " ".join(f"{operator} {clause}" for operator, clause in links))
"""Booleans one after another, with no parenthesis to say which binds closer."""


@settings(max_examples=150)
@given(QUERIES.map(written) | CHAINS | st.lists(PIECES, min_size=1, max_size=9).map(" ".join))
def test_another_reader_of_cql_reads_the_same(text: str) -> None:
    try:
        theirs = OTHER.parse(text)
    except Exception:  # it has several, and refuses what the grammar takes (a keyword as an index)
        return
    if KEYWORDS & set(words_of(theirs.root)):
        return  # a bare operator as a term or index: the grammar takes it, and so is told what was hardly meant
    mine = parse(text)

    assert as_ours(mine.root) == as_told(theirs.root)
    assert [each.index for each in mine.sort] == [str(each.index) for each in theirs.root.sortSpecs]


def test_a_relation_may_be_quoted() -> None:
    assert parse('title "any" fish').root == parse("title any fish").root
