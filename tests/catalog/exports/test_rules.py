"""What an export says of a title that is gone, and when a schedule has its time."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from catalog.exports.rules import first_at, gone, identified, next_at
from catalog.marc.record import Field
from support.shelves import record

NINE = datetime(2027, 3, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (NINE, NINE + DAY),
        (NINE + HOUR, NINE + DAY),
        (NINE + DAY, NINE + 2 * DAY),
        (NINE + 10 * DAY + HOUR, NINE + 11 * DAY),
        (NINE - HOUR, NINE + DAY),
    ],
)
def test_a_schedule_keeps_its_hour_and_does_not_catch_up_with_what_it_missed(
    now: datetime, expected: datetime
) -> None:
    assert next_at(NINE, DAY, now=now) == expected


@pytest.mark.parametrize(
    ("every_hours", "starts_at", "expected"),
    [
        (None, None, None),
        (None, NINE, None),
        (24, None, NINE + HOUR),
        (24, NINE + 2 * HOUR, NINE + 2 * HOUR),
        (24, NINE, NINE + DAY),
    ],
)
def test_a_new_schedule_begins_when_it_is_told_to_or_at_the_next_time_of_its_rhythm(
    every_hours: int | None, starts_at: datetime | None, expected: datetime | None
) -> None:
    assert first_at(every_hours, starts_at, now=NINE + HOUR) == expected


def test_a_title_that_is_gone_tells_its_numbers_and_nothing_else() -> None:
    numbered = record("r1").having(Field.data("020", "  ", ("a", "9783161484100")))

    told = gone(numbered)

    assert told.leader[5] == "d"
    assert (told.leader[:5], told.leader[6:]) == (numbered.leader[:5], numbered.leader[6:])
    assert [field.tag for field in told] == ["001", "020"]


def test_a_titles_id_is_a_number_of_its_own_beside_those_that_are_there() -> None:
    told = identified(
        record().having(Field.data("035", "  ", ("a", "(OCoLC)1"))), UUID(int=7), "library.example"
    )

    assert [field.get("a") for field in told.fields("035")] == [
        "(OCoLC)1",
        "(library.example)00000000-0000-0000-0000-000000000007",
    ]
