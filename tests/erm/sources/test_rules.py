"""When a list is asked for again, by what came of asking."""

from datetime import UTC, datetime, timedelta

import pytest

from erm.sources.rules import Fetched, next_at, outcome_of, retry_after

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
WEEK, HOUR = timedelta(days=7), timedelta(hours=1)


@pytest.mark.parametrize(
    ("outcome", "failures", "told", "gap"),
    [
        (Fetched.TAKEN, 0, None, WEEK),
        (Fetched.UNCHANGED, 0, None, WEEK),
        (Fetched.NOT_FOLLOWED, 0, None, WEEK),
        (Fetched.BUSY, 0, None, HOUR),
        (Fetched.REFUSED, 3, None, None),
        (Fetched.FAILED, 1, None, HOUR),
        (Fetched.FAILED, 3, None, 4 * HOUR),
        (Fetched.FAILED, 50, None, WEEK),
        (Fetched.FAILED, 1, NOW + 5 * HOUR, 5 * HOUR),
        (Fetched.FAILED, 3, NOW + HOUR, 4 * HOUR),
        (Fetched.FAILED, 1, NOW + 52 * WEEK, WEEK),
    ],
)
def test_a_provider_is_asked_again_when_it_may_be(
    outcome: Fetched, failures: int, told: datetime | None, gap: timedelta | None
) -> None:
    again = next_at(outcome, every=WEEK, failures=failures, retry_after=told, now=NOW)

    assert again == (None if gap is None else NOW + gap)


@pytest.mark.parametrize(
    ("told", "moment"),
    [
        (None, None),
        ("120", NOW + timedelta(minutes=2)),
        ("99999999999999999999", NOW + WEEK),
        ("Mon, 01 Mar 2027 10:00:00 GMT", NOW + HOUR),
        ("soon", None),
        ("-1", None),
    ],
)
def test_what_a_provider_says_of_when_is_read(told: str | None, moment: datetime | None) -> None:
    assert retry_after(told, now=NOW) == moment


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, None),
        (204, Fetched.FAILED),
        (304, Fetched.UNCHANGED),
        (401, Fetched.REFUSED),
        (403, Fetched.REFUSED),
        (404, Fetched.FAILED),
        (429, Fetched.FAILED),
        (503, Fetched.FAILED),
    ],
)
def test_a_status_says_whether_there_is_a_list(status: int, outcome: Fetched | None) -> None:
    assert outcome_of(status) == outcome
