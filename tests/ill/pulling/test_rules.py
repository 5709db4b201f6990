"""When a batch of slips is due."""

from datetime import UTC, datetime, time

import pytest

from ill.pulling.rules import last_due

MORNING, NOON = time(8, 30), time(13)
WORKDAYS = frozenset(range(5))


@pytest.mark.parametrize(
    ("weekdays", "times", "zone", "now", "due"),
    [
        pytest.param(WORKDAYS, [MORNING], "UTC", "2027-03-01T08:29", "2027-02-26T08:30", id="Friday's"),
        pytest.param(WORKDAYS, [MORNING], "UTC", "2027-03-01T08:30", "2027-03-01T08:30", id="to the minute"),
        pytest.param(
            WORKDAYS, [NOON, MORNING], "UTC", "2027-03-01T12:00", "2027-03-01T08:30", id="of several"
        ),
        pytest.param(
            WORKDAYS, [MORNING], "Europe/Berlin", "2027-03-01T07:30", "2027-03-01T07:30", id="in its zone"
        ),
        pytest.param(
            WORKDAYS, [MORNING], "Asia/Tokyo", "2027-02-28T23:30", "2027-02-28T23:30", id="Monday is there"
        ),
        pytest.param({6}, [MORNING], "UTC", "2027-03-06T23:00", "2027-02-28T08:30", id="once a week"),
        pytest.param(
            {6}, [time(2, 30)], "Europe/Berlin", "2027-03-28T12:00", "2027-03-28T01:30", id="clocks go on"
        ),
        pytest.param(
            {6}, [time(2, 30)], "Europe/Berlin", "2027-10-31T12:00", "2027-10-31T00:30", id="clocks go back"
        ),
        pytest.param(set(), [MORNING], "UTC", "2027-03-01T12:00", None, id="on no day"),
    ],
)
def test_the_last_time_that_slips_were_due(
    weekdays: frozenset[int], times: list[time], zone: str, now: str, due: str | None
) -> None:
    found = last_due(weekdays, times, zone, now=datetime.fromisoformat(now).replace(tzinfo=UTC))

    assert found == (datetime.fromisoformat(due).replace(tzinfo=UTC) if due else None)
