"""Which slots there are, who may have one, what comes next."""

from dataclasses import replace
from datetime import UTC, date, datetime, time

import pytest

from circulation.appointments.rules import (
    ENDED,
    TEXTS,
    Act,
    Booking,
    Plan,
    Refusal,
    State,
    after,
    booking_refusals,
    free_place,
    slots,
)
from circulation.calendars.rules import Calendar, Opening

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
"""A Monday, ten in Berlin."""
BERLIN = Calendar(
    "Europe/Berlin", dict.fromkeys(range(5), (Opening(time(9), time(12)), Opening(time(13), time(13, 50))))
)
PLAN = Plan(slot_minutes=30, capacity=2, days_ahead=2, notice_minutes=60)
AT_TWO = Booking(datetime(2027, 3, 1, 12, tzinfo=UTC), taken=1, something_ready=True, booked_already=False)
"""One o'clock in Berlin."""


def test_slots_follow_one_another_from_each_opening_and_end_before_closing() -> None:
    told = [
        slot.starts_at.astimezone(BERLIN.tz).strftime("%H:%M")
        for slot in slots(PLAN, BERLIN, date(2027, 3, 1))
    ]

    assert told == ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30", "13:00"]
    assert slots(PLAN, BERLIN, date(2027, 3, 6)) == []


def test_a_night_in_which_the_clock_changes_has_as_many_slots_as_half_hours() -> None:
    nights = Calendar("Europe/Berlin", {6: (Opening(time(0), time(6)),)})

    assert [len(slots(PLAN, nights, day)) for day in (date(2027, 3, 28), date(2027, 10, 31))] == [10, 14]


@pytest.mark.parametrize(
    ("booking", "refused"),
    [
        (AT_TWO, []),
        (replace(AT_TWO, starts_at=datetime(2027, 3, 3, 12, tzinfo=UTC)), []),
        (replace(AT_TWO, starts_at=datetime(2027, 3, 1, 12, 10, tzinfo=UTC)), [Refusal.NO_SUCH_SLOT]),
        (replace(AT_TWO, starts_at=datetime(2027, 3, 1, 9, 30, tzinfo=UTC)), [Refusal.TOO_SOON]),
        (replace(AT_TWO, starts_at=datetime(2027, 3, 1, 9, 30, tzinfo=UTC), by_staff=True), []),
        (replace(AT_TWO, starts_at=datetime(2027, 3, 1, 8, tzinfo=UTC), by_staff=True), [Refusal.TOO_SOON]),
        (replace(AT_TWO, starts_at=datetime(2027, 3, 4, 12, tzinfo=UTC)), [Refusal.TOO_FAR]),
        (replace(AT_TWO, taken=2), [Refusal.SLOT_FULL]),
        (replace(AT_TWO, something_ready=False), [Refusal.NOTHING_READY]),
        (replace(AT_TWO, something_ready=False, by_staff=True), []),
        (
            replace(AT_TWO, taken=2, something_ready=False, booked_already=True, active=False),
            [Refusal.SLOT_FULL, Refusal.NOTHING_READY, Refusal.BOOKED_ALREADY, Refusal.PATRON_INACTIVE],
        ),
    ],
)  # fmt: skip
def test_every_reason_against_an_appointment_is_told(booking: Booking, refused: list[Refusal]) -> None:
    assert booking_refusals(PLAN, BERLIN, booking, now=NOW) == refused


def test_a_service_point_without_a_plan_makes_none() -> None:
    assert booking_refusals(None, BERLIN, AT_TWO, now=NOW) == [Refusal.NO_APPOINTMENTS]
    assert set(TEXTS) == set(Refusal)


@pytest.mark.parametrize(("taken", "place"), [([], 1), ([1], 2), ([2], 1), ([1, 3], 2), ([3, 2, 1], 4)])
def test_the_lowest_free_place_is_taken(taken: list[int], place: int) -> None:
    assert free_place(taken) == place


EITHER = {Act.ARRIVE: State.ARRIVED, Act.CANCEL: State.CANCELLED}


@pytest.mark.parametrize(
    ("state", "staged", "acts"),
    [
        (State.BOOKED, False, {Act.MOVE: State.BOOKED, Act.STAGE: State.STAGED, **EITHER}),
        (State.STAGED, True, {Act.MOVE: State.STAGED, Act.DELIVER: State.DELIVERED, **EITHER}),
        # Who has come before everything was put together waits for it.
        (State.ARRIVED, False, {Act.STAGE: State.ARRIVED, Act.CANCEL: State.CANCELLED}),
        (State.ARRIVED, True, {Act.DELIVER: State.DELIVERED, Act.CANCEL: State.CANCELLED}),
        *((ended, True, {}) for ended in sorted(ENDED)),
    ],
    ids=["booked", "staged", "arrived-early", "arrived", "cancelled", "delivered", "missed"],
)  # fmt: skip
def test_what_may_be_done_with_an_appointment(state: State, staged: bool, acts: dict[Act, State]) -> None:
    assert {act: told for act in Act if (told := after(state, act, staged=staged)) is not None} == acts
