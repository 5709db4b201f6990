"""A promise of a result set is read by another process as it was written."""

import pytest

from catalog.search.grammar import (
    And,
    Everything,
    Listed,
    Masked,
    Naming,
    Near,
    Node,
    Not,
    Or,
    Range,
    Term,
)
from catalog.search.ordering import SortKey
from catalog.search.promises import Promise, read, written

ROME = Term("rome", "title", phrase=True, begins=True)


@pytest.mark.parametrize(
    "tree",
    [
        Everything(),
        ROME,
        Term("Żó&<'\x00", "any", prefix=True, ends=True),
        Masked("r?m*", "author"),
        Near("rome", "the empire", 3, ordered=True, field="subject"),
        Range(None, -40),
        Range(1990, 2000),
        Listed((3, 2**40)),
        Listed(()),
        Naming(("a", "b")),
        And((ROME, Not(Or((Range(1, 2), Not(Everything())))), Listed((1,)))),
    ],
)
def test_a_promise_is_read_as_it_was_written(tree: Node) -> None:
    for keys in ((), (SortKey("title"), SortKey("year", descending=True, unknown_first=True))):
        promise = Promise("a.b", 30_000, 7, (5, 2**40), tree, keys)

        assert read("a.b", written(promise)) == promise


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'["ASK0",1,1,[],["Everything"],[]]', b'["ASK1",1,1,[],["Exec","x"],[]]']
)
def test_what_was_not_written_here_is_no_promise(content: bytes) -> None:
    assert read("a.b", content) is None


def test_a_query_that_is_no_unicode_is_not_promised() -> None:
    with pytest.raises(ValueError, match="Unicode"):
        written(Promise("a.b", 1, 1, (), Term("\ud800"), ()))


@pytest.mark.parametrize(("total", "hits"), [(0, 0), (11, 11), (10_000, 10_000), (1_000_000, 10_000)])
def test_a_promise_tells_what_its_list_will_take(total: int, hits: int) -> None:
    assert Promise("a.b", total, 1, (), Everything(), ()).size == 28 + 8 * hits
