"""When is a loan renewed without being asked for, and what stands against it? Decisions only (L30)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from circulation.calendars.rules import Calendar
from circulation.policies.rules import Automatic, LoanPolicy


class Refusal(StrEnum):
    """Why the robot does not renew, though a patron by hand perhaps may. Codes never change."""

    NOT_WANTED = "auto-not-wanted"
    TOO_SOON = "auto-too-soon"
    TOO_LATE = "auto-too-late"
    OWES_TOO_MUCH = "auto-owes-too-much"
    CARD_EXPIRED = "auto-card-expired"
    OVERDUE = "auto-overdue"


TEXTS: Final = {
    Refusal.NOT_WANTED: "The patron wants no automatic renewals.",
    Refusal.TOO_SOON: "It is too early for an automatic renewal.",
    Refusal.TOO_LATE: "The last day for automatic renewals has come.",
    Refusal.OWES_TOO_MUCH: "The patron owes more than automatic renewals allow.",
    Refusal.CARD_EXPIRED: "The patron's card has expired.",
    Refusal.OVERDUE: "The loan is overdue already.",
}
DAILY: Final = timedelta(days=1)
"""What was refused is tried again so often, until it is due."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A loan that may be renewed without being asked for."""

    lent_at: datetime
    due_at: datetime
    wanted: bool
    """Whether the patron wants it."""
    owed: int
    """Minor units."""
    expires_at: datetime | None


def too_late_from(told: Automatic, calendar: Calendar, *, lent_at: datetime) -> date | None:
    """The day from which on it is too late: the earlier of the relative and the absolute limit (that day itself is)."""
    days = [] if told.latest is None else [calendar.day_of(told.latest.after(lent_at, calendar))]
    if told.latest_on is not None:
        days.append(told.latest_on)
    return min(days, default=None)


def refusals(told: Automatic, calendar: Calendar, loan: Candidate, *, now: datetime) -> list[Refusal]:
    """What stands against an automatic renewal alone, in the order in which it is told."""
    limit = too_late_from(told, calendar, lent_at=loan.lent_at)
    applies = {
        Refusal.NOT_WANTED: not loan.wanted,
        Refusal.TOO_SOON: now < told.before.moment(loan.due_at, calendar),
        Refusal.TOO_LATE: limit is not None and calendar.day_of(now) >= limit,
        Refusal.OWES_TOO_MUCH: told.max_owed is not None and loan.owed > told.max_owed,
        Refusal.CARD_EXPIRED: loan.expires_at is not None and loan.expires_at <= now,
        Refusal.OVERDUE: loan.due_at <= now,
    }
    return [refusal for refusal, holds in applies.items() if holds]


def reasons(mine: Sequence[Refusal], blocks: Collection[str]) -> list[str]:
    """All that stands against it: what is against robots first, then what would stop a patron, too; nothing twice."""
    said_already = {"card-expired"} if Refusal.CARD_EXPIRED in mine else set()
    return [*map(str, mine), *(str(block) for block in blocks if block not in said_already)]


def looks_at(
    told: Automatic | None, calendar: Calendar, *, due_at: datetime, now: datetime
) -> datetime | None:
    """When the robot looks at a loan that was just lent or renewed; None: never."""
    return None if told is None else max(told.before.moment(due_at, calendar), now)


def looks_again(told: Automatic, calendar: Calendar, *, due_at: datetime, now: datetime) -> datetime | None:
    """When it looks again at a loan that it did not renew: when it is time, then daily while it is not due."""
    earliest = told.before.moment(due_at, calendar)
    again = earliest if earliest > now else now + DAILY
    return again if again < due_at else None


def is_final(
    policy: LoanPolicy,
    told: Automatic,
    calendar: Calendar,
    *,
    lent_at: datetime,
    new_due_at: datetime,
    renewals: int,
    unseen: int,
) -> bool:
    """Whether no further automatic renewal can follow one that leaves so many renewals, and unseen ones, behind it."""
    limit = too_late_from(told, calendar, lent_at=lent_at)
    return (
        (policy.max_renewals is not None and renewals >= policy.max_renewals)
        or (policy.max_unseen is not None and unseen >= policy.max_unseen)
        or (limit is not None and calendar.day_of(told.before.moment(new_due_at, calendar)) >= limit)
    )
