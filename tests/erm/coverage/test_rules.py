"""From when to when a title is open, by example."""

from datetime import date

import pytest

from erm.coverage.rules import (
    Asked,
    NotADay,
    NotAnEmbargo,
    Span,
    Statement,
    Verdict,
    best,
    first_day,
    in_force,
    last_day,
    merged,
    narrowest,
    open_on,
    read_embargo,
    surely_overlap,
    verdict,
    window,
)

TODAY = date(2026, 3, 31)


def span(told: str) -> Span:
    """`1990-1995`, `1990-`, `-1995`: whole years."""
    first, _, last = told.partition("-")
    return Span(first_day(first) if first else None, last_day(last) if last else None)


def year(told: int, volume: str | None = None, issue: str | None = None) -> Asked:
    return Asked(date(told, 1, 1), date(told, 12, 31), volume, issue)


def on(told: str) -> Asked:
    day = date.fromisoformat(told)
    return Asked(day, day)


@pytest.mark.parametrize(
    ("told", "today", "first", "last"),
    [
        ("P12M", TODAY, None, "2025-03-31"),
        ("R2Y", TODAY, "2024-03-31", None),
        ("R10Y;P30D", TODAY, "2016-03-31", "2026-03-01"),
        ("P1M", TODAY, None, "2026-02-28"),
        ("P1Y", date(2024, 2, 29), None, "2023-02-28"),
        ("P13M", date(2026, 1, 15), None, "2024-12-15"),
        ("P365D", TODAY, None, "2025-03-31"),
        ("R9999Y;P9999D", TODAY, "0001-01-01", "1998-11-14"),
    ],
)
def test_walls_move_with_the_day(told: str, today: date, first: str | None, last: str | None) -> None:
    embargo = read_embargo(told)

    assert str(embargo) == told
    assert window(embargo, today=today) == Span(
        date.fromisoformat(first) if first else None, date.fromisoformat(last) if last else None
    )


@pytest.mark.parametrize(
    "told",
    [
        "",
        "12 months",
        "P",
        "P0D",
        "P1W",
        "p1Y",
        "R1Y;",
        ";P1Y",
        "R1YP1Y",
        "P1Y;R1Y",
        "R1Y;R2Y",
        "P1Y ",
        "P٣M",
    ],
)
def test_what_is_no_embargo_is_none(told: str) -> None:
    with pytest.raises(NotAnEmbargo):
        read_embargo(told)


@pytest.mark.parametrize(
    ("told", "first", "last"),
    [
        ("1997", "1997-01-01", "1997-12-31"),
        ("2000-02", "2000-02-01", "2000-02-29"),
        ("2006-12-20", "2006-12-20", "2006-12-20"),
    ],
)
def test_a_year_or_a_month_is_all_of_its_days(told: str, first: str, last: str) -> None:
    assert (first_day(told).isoformat(), last_day(told).isoformat()) == (first, last)


@pytest.mark.parametrize(
    "told", ["", "97", "01/02/2000", "2000-13", "2000-00", "2001-02-29", "0000", "2000-1", "2000-01-01 "]
)
def test_what_is_no_date_is_none(told: str) -> None:
    for reading in (first_day, last_day):
        with pytest.raises(NotADay):
            reading(told)


@pytest.mark.parametrize(
    ("told", "becomes"),
    [
        (["1990-1995", "1995-2000"], ["1990-2000"]),
        (["1990-1994", "1995-2000"], ["1990-2000"]),
        (["1999-", "1990-1994"], ["1990-1994", "1999-"]),
        (["1990-2010", "1995-2000"], ["1990-2010"]),
        (["1990-", "1995-2000"], ["1990-"]),
        (["-1980", "1970-1990"], ["-1990"]),
        (["-"], ["-"]),
        ([], []),
    ],
)
def test_coverage_of_several_lists_is_one_history_with_its_gaps(told: list[str], becomes: list[str]) -> None:
    assert merged(map(span, told)) == [span(each) for each in becomes]


def test_what_the_library_says_itself_goes_before_the_list_until_it_is_cleared() -> None:
    local, listed = [Statement(span("2001-"))], [Statement(span("1990-"))]

    assert in_force(local, listed) == local
    assert in_force([], listed) == listed


@pytest.mark.parametrize(
    ("statement", "left"),
    [
        (Statement(span("1980-"), embargo=read_embargo("P12M")), Span(date(1980, 1, 1), date(2025, 3, 31))),
        (Statement(span("-"), embargo=read_embargo("R2Y")), Span(date(2024, 3, 31), None)),
        (Statement(span("1980-1990"), embargo=read_embargo("R2Y")), None),
        (Statement(span("2026-"), embargo=read_embargo("P12M")), None),
        (Statement(span("1980-1990")), span("1980-1990")),
    ],
)
def test_what_is_open_today(statement: Statement, left: Span | None) -> None:
    assert open_on(statement, today=TODAY) == left


VOLUMES = Statement(
    Span(date(1997, 7, 1), date(2004, 6, 30)),
    start_volume="3", start_issue="2", end_volume="10", end_issue="1",
)  # fmt: skip


@pytest.mark.parametrize(
    ("statement", "asked", "answer"),
    [
        (Statement(span("1990-1994")), on("1992-05-01"), Verdict.COVERED),
        (Statement(span("1990-1994")), year(1994), Verdict.COVERED),
        (Statement(span("1990-1994")), year(1989), Verdict.BEFORE_COVERAGE),
        (Statement(span("1990-1994")), year(1995), Verdict.AFTER_COVERAGE),
        (Statement(span("1980-"), embargo=read_embargo("P12M")), on("2025-04-01"), Verdict.EMBARGOED),
        (Statement(span("1980-"), embargo=read_embargo("P12M")), on("2025-03-31"), Verdict.COVERED),
        (Statement(span("1980-"), embargo=read_embargo("P12M")), year(2025), Verdict.PERHAPS),
        (Statement(span("-"), embargo=read_embargo("R2Y")), on("2024-03-30"), Verdict.EMBARGOED),
        (VOLUMES, year(1997), Verdict.PERHAPS),
        (VOLUMES, year(1997, "3", "1"), Verdict.BEFORE_COVERAGE),
        (VOLUMES, year(1997, "3", "2"), Verdict.PERHAPS),
        (VOLUMES, year(2004, "10", "2"), Verdict.AFTER_COVERAGE),
        (VOLUMES, Asked(None, None, "5"), Verdict.COVERED),
        (VOLUMES, Asked(None, None, "2"), Verdict.BEFORE_COVERAGE),
        (VOLUMES, Asked(None, None, "11"), Verdict.AFTER_COVERAGE),
        (VOLUMES, Asked(None, None, "xi"), Verdict.PERHAPS),
        (Statement(span("1990-1994")), Asked(None, None), Verdict.PERHAPS),
        (Statement(span("-")), Asked(None, None), Verdict.COVERED),
        (Statement(span("2026-"), embargo=read_embargo("P5Y")), Asked(None, None, "1"), Verdict.EMBARGOED),
    ],
)
def test_whether_what_is_asked_for_is_there(statement: Statement, asked: Asked, answer: Verdict) -> None:
    assert verdict(statement, asked, today=TODAY) == answer


def test_between_two_statements_it_lies_in_a_gap() -> None:
    gaps = [Statement(span("1990-1994")), Statement(span("1999-"))]

    answers = {asked: best(gaps, year(asked), today=TODAY) for asked in (1989, 1993, 1996, 2020)}

    assert answers == {
        1989: Verdict.BEFORE_COVERAGE,
        1993: Verdict.COVERED,
        1996: Verdict.IN_A_GAP,
        2020: Verdict.COVERED,
    }


def test_a_title_of_which_nothing_is_said_is_not_covered() -> None:
    assert best([], year(1990), today=TODAY) == Verdict.AFTER_COVERAGE


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        (("1990", "1994"), ("1994", "2000"), False),
        (("1990-01-01", "1994-12-31"), ("1994-06-01", None), True),
        (("1990", "1994"), ("1995", None), False),
        ((None, None), ("1995", None), True),
        (("2001", "2001"), ("2001", None), False),
    ],
)
def test_lists_that_count_in_years_may_name_one_twice(
    one: tuple[str | None, str | None], other: tuple[str | None, str | None], *, overlap: bool
) -> None:
    spans = [narrowest(*one), narrowest(*other)]

    found = all(spans) and surely_overlap(*(Statement(each) for each in spans if each))

    assert bool(found) is overlap


def test_free_and_paid_may_overlap() -> None:
    paid, free = Statement(span("1990-")), Statement(span("1995-"), access_type="F")

    assert not surely_overlap(paid, free)
