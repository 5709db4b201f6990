"""Until when a supplier may take its time, and how old a request may grow: examples."""

from datetime import UTC, date, datetime, timedelta

import pytest

from ill.ageing.rules import Span, Spans, expires_at, look_at, open_hours, time_to_respond
from ill.partners.rules import Calendar
from support.lending import NOW

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LIBRARY = {"Rush": Span(hours=24), "Normal": Span(days=3), "SecondaryMail": Span(days=10)}


@pytest.mark.parametrize(
    ("level", "own", "span"),
    [
        pytest.param("Rush", {}, Span(hours=24), id="the library's"),
        pytest.param("rush", {"RUSH": Span(hours=8)}, Span(hours=8), id="the supplier's own goes before"),
        pytest.param("Rush", {"Express": Span(hours=8)}, Span(hours=24), id="its own for another level"),
        pytest.param(None, {}, Span(days=3), id="without a level it is Normal"),
        pytest.param("Standard", {}, Span(days=5), id="its usual days"),
        pytest.param("SecondaryMail", {}, Span(days=10), id="longer, too"),
    ],
)
def test_a_suppliers_own_time_goes_before_the_librarys_and_a_levels_before_the_usual(
    level: str | None, own: dict[str, Span], span: Span
) -> None:
    assert time_to_respond(level, own=own, library=LIBRARY, usual=5) == span


FRIDAY = datetime(2027, 3, 5, 18, tzinfo=UTC)
SHUT_TUESDAY = Calendar(closings=((date(2027, 3, 2), date(2027, 3, 2)),))


@pytest.mark.parametrize(
    ("start", "hours", "calendar", "end"),
    [
        pytest.param(NOW, 8, Calendar(), NOW + 8 * HOUR, id="the same day"),
        pytest.param(NOW, 15, Calendar(), NOW + 15 * HOUR, id="until midnight to the minute"),
        pytest.param(FRIDAY, 8, Calendar(), datetime(2027, 3, 8, 2, tzinfo=UTC), id="over a weekend"),
        pytest.param(
            FRIDAY + DAY, 8, Calendar(), datetime(2027, 3, 8, 8, tzinfo=UTC), id="from a weekend on"
        ),
        pytest.param(NOW, 24, SHUT_TUESDAY, NOW + 48 * HOUR, id="closed for a day"),
        pytest.param(
            datetime(2027, 3, 27, 12, tzinfo=UTC),
            24,
            Calendar(zone="Europe/Berlin", weekdays=frozenset()),
            datetime(2027, 3, 28, 12, tzinfo=UTC),
            id="clocks go forward meanwhile",
        ),
        pytest.param(
            datetime(2027, 3, 4, 18, tzinfo=UTC),
            2,
            Calendar(zone="Pacific/Auckland", weekdays=frozenset({4})),
            datetime(2027, 3, 5, 13, tzinfo=UTC),
            id="its Friday is Thursday here",
        ),
    ],
)
def test_hours_run_on_days_on_which_a_supplier_is_open(
    start: datetime, hours: int, calendar: Calendar, end: datetime
) -> None:
    assert open_hours(start, hours, calendar=calendar) == end


def test_nobody_waits_hours_of_a_library_that_has_closed_for_good() -> None:
    waited = open_hours(NOW, 8, calendar=Calendar(closings=((date(2027, 1, 1), date.max),))) - NOW

    assert timedelta(days=730) < waited < timedelta(days=732)


@pytest.mark.parametrize(
    ("need", "level", "usual", "moment"),
    [
        pytest.param(None, None, Span(days=60), NOW + 60 * DAY, id="the library's days"),
        pytest.param(None, "rush", Span(days=60), NOW + 36 * HOUR, id="a rush is over sooner"),
        pytest.param(None, "Rush", None, NOW + 36 * HOUR, id="rushes alone"),
        pytest.param(None, None, None, None, id="never"),
        pytest.param(NOW + DAY, "Rush", Span(days=60), None, id="it has a day of its own"),
    ],
)
def test_a_request_without_a_day_grows_too_old(
    need: datetime | None, level: str | None, usual: Span | None, moment: datetime | None
) -> None:
    levels = {"Rush": Span(hours=36)}

    told = expires_at(need_before=need, created_at=NOW, level=level, usual=usual, levels=levels)

    assert told == moment


def test_hours_go_before_days_where_a_level_has_hours() -> None:
    spans = Spans(respond=2, respond_hours=6)

    assert look_at("respond", spans, now=NOW, due_at=None, rush=True, need_before=None) == NOW + 6 * HOUR
