"""By what a title is looked for, and when the answer is certain."""

from collections.abc import Sequence

import pytest

from catalog.lookups.rules import Sought, certain, ways


@pytest.mark.parametrize(
    ("sought", "by"),
    [
        pytest.param(Sought(), [], id="nothing is told"),
        pytest.param(Sought(title="Rivers", author="Okafor, A."), ["title"], id="words alone"),
        pytest.param(Sought(isbn="1", title="Rivers"), ["isbn", "title"], id="a number before words"),
        pytest.param(
            Sought("t1", "1", ("2", "3"), "ocm4", "Rivers"),
            ["record", "isbn", "oclc", "issn", "title"],
            id="the surest first",
        ),
    ],
)
def test_the_surest_way_comes_first(sought: Sought, by: list[str]) -> None:
    assert [way.by for way in ways(sought)] == by


@pytest.mark.parametrize(
    ("tried", "found", "sure"),
    [
        pytest.param(["isbn"], "isbn", True, id="found by its number"),
        pytest.param(["isbn", "title"], "title", False, id="found by words, though a number was told"),
        pytest.param(["isbn", "title"], None, True, id="not found, though a number was told"),
        pytest.param(["issn"], "issn", False, id="a journal is no volume"),
        pytest.param(["issn", "title"], None, False, id="not found by what may be written otherwise"),
        pytest.param([], None, False, id="nothing was told"),
    ],
)
def test_an_answer_is_certain_by_a_number_of_its_own(
    tried: Sequence[str], found: str | None, sure: bool
) -> None:
    assert certain(tried, found) is sure
