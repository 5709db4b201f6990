"""Which agreements can be, and what they let be used on a day."""

from dataclasses import replace
from datetime import date

import pytest

from erm.agreements.rules import (
    MOVES,
    Days,
    Line,
    Standing,
    entry_of,
    period_flaws,
    standing,
    status_flaws,
    usable,
)

Y2026, Y2027 = Days(date(2026, 1, 1), date(2026, 12, 31)), Days(date(2027, 1, 1), date(2027, 12, 31))
TODAY = date(2027, 3, 1)
LINE = Line("active", (Y2027,), Days(None, None))


@pytest.mark.parametrize(
    ("before", "after", "reason", "codes"),
    [
        (None, "draft", None, []),
        (None, "closed", "rejected", []),
        ("draft", "active", None, []),
        ("active", "closed", "cancelled", []),
        ("closed", "active", None, []),
        ("closed", "closed", "ceased", []),
        ("active", "closed", None, ["close-reason-missing"]),
        ("active", "draft", None, ["agreement-move-unknown"]),
        ("active", "active", "ceased", ["close-reason-unexpected"]),
        ("closed", "draft", "ceased", ["agreement-move-unknown", "close-reason-unexpected"]),
    ],
)
def test_an_agreement_goes_where_it_may_and_is_closed_for_a_reason(
    before: str | None, after: str, reason: str | None, codes: list[str]
) -> None:
    assert [flaw.code for flaw in status_flaws(before, after, reason)] == codes


def test_every_state_can_be_reached_and_left() -> None:
    assert {after for ways in MOVES.values() for after in ways} == MOVES.keys()
    assert all(MOVES.values())


@pytest.mark.parametrize(
    ("periods", "codes"),
    [
        ([], []),
        ([(Y2026, date(2026, 9, 30)), (Y2027, None)], []),
        ([(Y2027, None), (Y2027, None)], ["periods-overlap"]),
        ([(Days(date(2026, 1, 1), None), None), (Y2027, None)], ["periods-overlap"]),
        ([(Y2026, None), (Days(date(2026, 12, 31), None), None)], ["periods-overlap"]),
        ([(Y2026, date(2027, 1, 1))], ["deadline-after-the-end"]),
    ],
)
def test_periods_do_not_overlap_and_are_cancelled_before_they_end(
    periods: list[tuple[Days, date | None]], codes: list[str]
) -> None:
    assert [flaw.code for flaw in period_flaws(periods)] == codes


@pytest.mark.parametrize(
    ("line", "reasons"),
    [
        (LINE, []),
        (replace(LINE, periods=()), []),
        (replace(LINE, periods=(Days(TODAY, TODAY),)), []),
        (replace(LINE, status="draft"), [Standing.NOT_ACTIVE]),
        (replace(LINE, periods=(Y2026,)), [Standing.AFTER_PERIOD]),
        (replace(LINE, periods=(Days(date(2028, 1, 1), None),)), [Standing.BEFORE_PERIOD]),
        (replace(LINE, periods=(Y2026, Days(date(2028, 1, 1), None))), [Standing.BETWEEN_PERIODS]),
        (replace(LINE, days=Days(date(2027, 3, 2), None)), [Standing.LINE_NOT_BEGUN]),
        (replace(LINE, days=Days(None, date(2027, 2, 28))), [Standing.LINE_ENDED]),
        (replace(LINE, suppressed=True), [Standing.SUPPRESSED]),
        (
            Line("closed", (Y2026,), Days(None, date(2026, 1, 1)), suppressed=True),
            [Standing.NOT_ACTIVE, Standing.AFTER_PERIOD, Standing.LINE_ENDED, Standing.SUPPRESSED],
        ),
    ],
)
def test_every_reason_why_a_line_lets_nothing_be_used_is_told(line: Line, reasons: list[Standing]) -> None:
    assert standing(line, TODAY) == reasons


def test_a_title_was_to_be_had_while_agreement_line_and_list_all_had_it() -> None:
    line, listed = Days(date(2026, 7, 1), None), Days(None, date(2027, 6, 30))

    assert usable([Y2027, Y2026], line, listed) == [
        Days(date(2026, 7, 1), date(2026, 12, 31)),
        Days(date(2027, 1, 1), date(2027, 6, 30)),
    ]
    assert usable([], line, listed) == [Days(date(2026, 7, 1), date(2027, 6, 30))]
    assert usable([Y2026], Days(date(2027, 1, 1), None), listed) == []
    assert usable([Y2026], line, Days(None, date(2026, 6, 30))) == []


def test_a_change_of_a_line_is_called_what_it_is() -> None:
    before = (False, None)

    assert entry_of(None, before) == "added"
    assert entry_of(before, (False, TODAY)) == "ended"
    assert entry_of((False, TODAY), before) == "reopened"
    assert entry_of(before, (True, None)) == "suppressed"
    assert entry_of((True, None), before) == "shown"
    assert entry_of(before, before) == "changed"
