"""Which slots a service point has, who may book one, and what may be done with an appointment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from circulation.calendars.rules import Calendar


@dataclass(frozen=True, slots=True)
class Plan:
    """How a service point makes appointments; minutes and days."""

    slot_minutes: int = 15
    capacity: int = 1
    days_ahead: int = 7
    notice_minutes: int = 60
    late_minutes: int = 60


@dataclass(frozen=True, slots=True)
class Slot:
    """A time that can be agreed on."""

    starts_at: datetime
    ends_at: datetime


def slots(plan: Plan, calendar: Calendar, day: date) -> list[Slot]:
    """The day's slots, one after the other from each opening on; what does not fit before closing is none."""
    length = timedelta(minutes=plan.slot_minutes)
    found = []
    for opens, closes in calendar.hours(day):
        starts = opens
        while starts + length <= closes:
            found.append(Slot(starts, starts + length))
            starts += length
    return found


def slot_at(plan: Plan, calendar: Calendar, starts_at: datetime) -> Slot | None:
    """The slot that begins then, if one does."""
    day = calendar.day_of(starts_at)
    return next((slot for slot in slots(plan, calendar, day) if slot.starts_at == starts_at), None)


class State(StrEnum):
    """Where an appointment stands."""

    BOOKED = "booked"
    STAGED = "staged"
    """Everything has been put together."""
    ARRIVED = "arrived"
    """The patron is there."""
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    MISSED = "missed"


ENDED: Final = frozenset({State.DELIVERED, State.CANCELLED, State.MISSED})


class Refusal(StrEnum):
    """Why there is no appointment. Codes never change."""

    NO_APPOINTMENTS = "no-appointments"
    NO_SUCH_SLOT = "no-such-slot"
    TOO_SOON = "slot-too-soon"
    TOO_FAR = "slot-too-far"
    SLOT_FULL = "slot-full"
    NOTHING_READY = "nothing-ready"
    BOOKED_ALREADY = "booked-already"
    PATRON_INACTIVE = "patron-inactive"


_SLOTS: Final = "Name one of /v1/service-points/{id}/appointment-slots."
TEXTS: Final = {
    Refusal.NO_APPOINTMENTS: ("This service point makes no appointments.", "Come while it is open."),
    Refusal.NO_SUCH_SLOT: ("No slot begins then.", _SLOTS),
    Refusal.TOO_SOON: ("The slot begins too soon, or has begun.", _SLOTS),
    Refusal.TOO_FAR: ("Slots that far ahead are not booked yet.", _SLOTS),
    Refusal.SLOT_FULL: ("There is no room left in this slot.", _SLOTS),
    Refusal.NOTHING_READY: ("Nothing is ready for this patron here.", "Wait until something is."),
    Refusal.BOOKED_ALREADY: ("The patron has an appointment here already.", "Move that one."),
    Refusal.PATRON_INACTIVE: ("The patron is not active.", "Have the card looked at."),
}
"""What is said, and what would mend it."""


@dataclass(frozen=True, slots=True)
class Booking:
    """What is known when a slot is wished for."""

    starts_at: datetime
    taken: int
    """Places of it that others have."""
    something_ready: bool
    booked_already: bool
    active: bool = True
    by_staff: bool = False


def booking_refusals(
    plan: Plan | None, calendar: Calendar, booking: Booking, *, now: datetime
) -> list[Refusal]:
    """Every reason against it. Staff book for what will be ready by then, and until the slot has ended."""
    if plan is None:
        return [Refusal.NO_APPOINTMENTS]
    slot = slot_at(plan, calendar, booking.starts_at)
    notice = timedelta(minutes=plan.notice_minutes)
    last = calendar.day_of(now) + timedelta(days=plan.days_ahead)
    too_soon = booking.starts_at < now + notice
    if booking.by_staff:
        too_soon = slot is not None and slot.ends_at <= now
    applies = {
        Refusal.NO_SUCH_SLOT: slot is None,
        Refusal.TOO_SOON: too_soon,
        Refusal.TOO_FAR: calendar.day_of(booking.starts_at) > last,
        Refusal.SLOT_FULL: booking.taken >= plan.capacity,
        Refusal.NOTHING_READY: not booking.something_ready and not booking.by_staff,
        Refusal.BOOKED_ALREADY: booking.booked_already,
        Refusal.PATRON_INACTIVE: not booking.active,
    }
    return [refusal for refusal, holds in applies.items() if holds]


def free_place(taken: Sequence[int]) -> int:
    """The lowest place of a slot that nobody has, counted from 1."""
    return next(place for place in range(1, len(taken) + 2) if place not in taken)


class Act(StrEnum):
    """What may be done with an appointment."""

    MOVE = "move"
    STAGE = "stage"
    ARRIVE = "arrive"
    DELIVER = "deliver"
    CANCEL = "cancel"


TAKES: Final = {
    State.BOOKED: frozenset({Act.MOVE, Act.STAGE, Act.ARRIVE, Act.CANCEL}),
    State.STAGED: frozenset({Act.MOVE, Act.ARRIVE, Act.DELIVER, Act.CANCEL}),
    State.ARRIVED: frozenset({Act.STAGE, Act.DELIVER, Act.CANCEL}),
}
"""What may be done in which state; in all others nothing. Who has come before all was put together waits."""


def after(state: State, act: Act, *, staged: bool) -> State | None:
    """What an act makes of an appointment; None where it may not be done. Nothing is handed over unstaged."""
    if (
        act not in TAKES.get(state, ())
        or (act is Act.STAGE and staged)
        or (act is Act.DELIVER and not staged)
    ):
        return None
    return {
        Act.MOVE: state,
        Act.STAGE: state if state is State.ARRIVED else State.STAGED,
        Act.ARRIVE: State.ARRIVED,
        Act.DELIVER: State.DELIVERED,
        Act.CANCEL: State.CANCELLED,
    }[act]
