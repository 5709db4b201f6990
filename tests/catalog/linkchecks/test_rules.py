"""What an answer says of a link."""

from datetime import timedelta

import pytest

from catalog.linkchecks.commands import with_address
from catalog.linkchecks.rules import Change, Hop, Outcome, Seen, changed, judged, moved
from catalog.marc.record import Field

A, B, C = "https://a.example/", "https://b.example/", "https://c.example/"
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("seen", "outcome", "problem", "moved_to"),
    [
        (Seen(A, 200), Outcome.WELL, None, None),
        (Seen(A, 204), Outcome.WELL, None, None),
        (Seen(B, 200, hops=[Hop(302, B)]), Outcome.WELL, None, None),
        (Seen(B, 200, hops=[Hop(301, B)]), Outcome.MOVED, None, B),
        (Seen(C, 200, hops=[Hop(308, B), Hop(302, C)]), Outcome.MOVED, None, B),
        (Seen(C, 200, hops=[Hop(302, B), Hop(301, C)]), Outcome.WELL, None, None),
        (Seen(B, 404, hops=[Hop(301, B)]), Outcome.BROKEN, "not-found", None),
        (Seen(A, 410), Outcome.BROKEN, "not-found", None),
        (Seen(A, 400), Outcome.BROKEN, "refused", None),
        (Seen(A, 304), Outcome.BROKEN, "answer-odd", None),
        (Seen(A, 403), Outcome.UNCLEAR, "not-let-in", None),
        (Seen(A, 429), Outcome.UNCLEAR, "busy", None),
        (Seen(A, 500), Outcome.BROKEN, "server-error", None),
        (Seen(A, problem="timeout"), Outcome.BROKEN, "timeout", None),
        (Seen(A, problem="tls-failed"), Outcome.BROKEN, "tls-failed", None),
        (Seen("x y", problem="url-unreadable"), Outcome.BROKEN, "url-unreadable", None),
        (Seen(A, 302, "redirect-loop", [Hop(302, A)]), Outcome.UNCLEAR, "redirect-loop", None),
        (Seen(A, problem="address-not-public"), Outcome.NOT_ASKED, "address-not-public", None),
        (Seen("ftp://a.example/", problem="scheme-refused"), Outcome.NOT_ASKED, "scheme-refused", None),
        (Seen(B, problem="address-literal", hops=[Hop(301, B)]), Outcome.UNCLEAR, "address-literal", None),
    ],
)
def test_a_link_comes_to_what_its_last_answer_says(
    seen: Seen, outcome: Outcome, problem: str | None, moved_to: str | None
) -> None:
    verdict = judged(seen, tries=3)

    assert (verdict.outcome, verdict.problem, verdict.moved_to) == (outcome, problem, moved_to)
    assert verdict.again is None


@pytest.mark.parametrize(
    ("seen", "tries", "again"),
    [
        (Seen(A, problem="timeout"), 1, MINUTE),
        (Seen(A, problem="timeout"), 2, 10 * MINUTE),
        (Seen(A, problem="timeout"), 3, None),
        (Seen(A, problem="host-unknown"), 1, MINUTE),
        (Seen(A, 502), 1, MINUTE),
        (Seen(A, 501), 1, None),
        (Seen(A, 503, patience=5 * MINUTE), 1, 5 * MINUTE),
        (Seen(A, 429, patience=timedelta(days=9)), 1, timedelta(hours=1)),
        (Seen(A, 429, patience=timedelta(days=-9)), 1, MINUTE),
        (Seen(A, 404), 1, None),
        (Seen(A, problem="tls-failed"), 1, None),
    ],
)
def test_what_may_pass_is_tried_again_before_it_counts(
    seen: Seen, tries: int, again: timedelta | None
) -> None:
    assert judged(seen, tries=tries).again == again


def test_an_address_has_moved_as_far_as_redirections_are_permanent() -> None:
    assert moved([]) is None
    assert moved([Hop(301, A), Hop(308, B), Hop(307, C), Hop(301, A)]) == B


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, Outcome.BROKEN, None),
        (Outcome.WELL, Outcome.BROKEN, Change.BROKE),
        (Outcome.MOVED, Outcome.BROKEN, Change.BROKE),
        (Outcome.UNCLEAR, Outcome.BROKEN, None),
        (Outcome.BROKEN, Outcome.WELL, Change.MENDED),
        (Outcome.BROKEN, Outcome.MOVED, Change.MENDED),
        (Outcome.BROKEN, Outcome.UNCLEAR, None),
        (Outcome.WELL, Outcome.MOVED, None),
    ],
)
def test_a_change_is_told_when_it_is_one(before: Outcome | None, after: Outcome, told: Change | None) -> None:
    assert changed(before, after) is told


def test_a_new_address_takes_the_old_ones_place_and_nothing_else_changes() -> None:
    field = Field.data("856", "40", ("3", "Vol. 1"), ("u", f" {A}"), ("u", B), ("z", A))

    told = with_address(field, A, C)

    assert told.subfields == (("3", "Vol. 1"), ("u", C), ("u", B), ("z", A))
    assert (told.ind1, told.ind2) == ("4", "0")
    assert with_address(field, C, A) is field
