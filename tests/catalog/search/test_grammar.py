"""What a query means, and what is no query."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.search.grammar import (
    FIELDS,
    And,
    Everything,
    Node,
    Not,
    Or,
    QueryProblem,
    Range,
    Term,
    parse,
    rendered,
)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", Everything()),
        ("rome", Term("rome")),
        ("rome history", And((Term("rome"), Term("history")))),
        ("rome AND history", And((Term("rome"), Term("history")))),
        ("rome OR athens sparta", Or((Term("rome"), And((Term("athens"), Term("sparta")))))),
        ('title:"war and peace"', Term("war and peace", "title", phrase=True)),
        ("author:(mann OR musil)", Or((Term("mann", "author"), Term("musil", "author")))),
        ("rome -republic", And((Term("rome"), Not(Term("republic"))))),
        ("NOT rome", Not(Term("rome"))),
        ("x-ray", Term("x-ray")),
        ("histor*", Term("histor", prefix=True)),
        ("year:1990..2000", Range(1990, 2000)),
        ("year:..1500", Range(None, 1500)),
        ("year:1914", Range(1914, 1914)),
        (r"what\: this", And((Term("what:"), Term("this")))),
        ("or and not", And((Term("or"), Term("and"), Term("not")))),
    ],
)
def test_a_query_is_read_as_documented(text: str, tree: Node) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ('rome "unclosed', "quote-unclosed", 5),
        ("(rome", "parenthesis-unclosed", 0),
        ("rome)", "parenthesis-unopened", 4),
        ("colour:red", "field-unknown", 0),
        ("rome AND", "term-missing", 8),
        ("title:", "term-missing", 6),
        ("a*", "prefix-too-short", 0),
        ("year:soon", "year-wrong", 5),
        ("(" * 20 + "a" + ")" * 20, "too-deep", 13),
        ("a " * 65, "too-many-terms", 128),
        ("a" * 2001, "query-too-long", 2000),
    ],
)
def test_what_is_no_query_is_told_with_its_place(text: str, code: str, position: int) -> None:
    with pytest.raises(QueryProblem) as refused:
        parse(text)

    assert (refused.value.code, refused.value.position) == (code, position)


@given(st.text(alphabet=st.sampled_from('ab:"()\\-*. ANDORNOTyeartitle19')))
def test_nothing_but_a_query_problem_is_ever_raised(text: str) -> None:
    places = [0]
    try:
        parse(text)
    except QueryProblem as problem:
        places.append(problem.position)

    assert all(0 <= place <= len(text) for place in places)


words = st.text(st.characters(blacklist_categories=["Cs"]), min_size=2, max_size=8).filter(
    lambda text: text.strip() and not text.isspace()
)
terms = st.builds(
    Term,
    words,
    st.sampled_from(sorted(FIELDS - {"year"})),
    phrase=st.just(True),
)
trees = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)


@given(trees)
def test_a_tree_written_down_is_read_back(tree: Node) -> None:
    assert parse(rendered(tree)) == tree
