"""Result sets that are larger than a list, empty, or gone."""

from pathlib import Path

import pytest

from catalog.search.engine import Reader
from catalog.search.grammar import Listed, Term
from catalog.z3950 import sets
from catalog.z3950.rules import Diagnosed
from catalog.z3950.sets import ResultSet


def test_what_more_titles_have_than_a_list_holds_is_asked_for_anew_and_given_as_far_as_lists_go() -> None:
    reader = Reader(Path("/nowhere"))
    large = ResultSet(Term("the"), 20_000, "gone")
    small = ResultSet(None, 3, "gone")

    assert sets.as_query(reader, large) == Term("the")
    assert sets.as_query(reader, ResultSet(None, 0, None)) == Listed(())
    for asked, problem in (
        (lambda: sets.page(reader, large, 9_999, 3), 13),
        (lambda: sets.page(reader, small, 0, 1), 13),
        (lambda: sets.page(reader, small, 1, 1), 27),
        (lambda: sets.as_query(reader, small), 27),
    ):
        with pytest.raises(Diagnosed) as refused:
            asked()
        assert refused.value.number == problem
    assert sets.page(reader, small, 1, 0) == []
