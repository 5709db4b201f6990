"""When what has not come is to be claimed, by example."""

from dataclasses import replace
from datetime import date

import pytest

from erm.claims.rules import NEVER, Awaited, claim_on, stands

LINE = Awaited(ordered_on=date(2027, 3, 1), expected_on=date(2027, 3, 10), interval_days=14)
BY_VENDOR = replace(LINE, expected_on=None, claim_after_days=30)
CLAIMED = replace(LINE, claimed=1, last_on=date(2027, 3, 11))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (LINE, date(2027, 3, 11)),
        (BY_VENDOR, date(2027, 4, 1)),
        (replace(BY_VENDOR, claim_after_days=None), None),
        (replace(BY_VENDOR, claim_after_days=0), date(2027, 3, 2)),
        (CLAIMED, date(2027, 3, 25)),
        (replace(CLAIMED, interval_days=None), date(2027, 4, 10)),
        (replace(CLAIMED, expected_on=date(2027, 5, 1)), date(2027, 5, 2)),
        (replace(CLAIMED, claims_at_most=1), None),
        (replace(CLAIMED, claims_at_most=2), date(2027, 3, 25)),
        (replace(LINE, put_off_until=date(2027, 6, 1)), date(2027, 6, 1)),
        (replace(LINE, put_off_until=date(2027, 3, 2)), date(2027, 3, 11)),
        (replace(LINE, put_off_until=NEVER), None),
        (replace(LINE, complete=True), None),
        (replace(LINE, ordered_on=None), None),
        (replace(LINE, expected_on=date(9999, 12, 31)), date(9999, 12, 31)),
    ],
    ids=[
        "the day after it was expected",
        "as long as the vendor has",
        "nobody says when",
        "at once",
        "the next claim",
        "a month where nobody says",
        "a new date counts",
        "often enough",
        "once more",
        "put off",
        "put off for nothing",
        "withdrawn",
        "it came",
        "not ordered",
        "the last of all days",
    ],
)
def test_a_line_is_claimed_when_it_is_late_and_again_after_the_interval(
    line: Awaited, told: date | None
) -> None:
    assert claim_on(line) == told


@pytest.mark.parametrize(
    ("line", "may"),
    [(CLAIMED, True), (replace(CLAIMED, complete=True), False), (replace(CLAIMED, ordered_on=None), False)],
)
def test_what_came_or_is_not_ordered_is_not_claimed(line: Awaited, may: bool) -> None:
    assert stands(line) is may
