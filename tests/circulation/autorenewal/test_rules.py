"""When a loan is renewed without being asked for, what is against it, and which renewal is the last."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from circulation.autorenewal.rules import (
    TEXTS,
    Candidate,
    Refusal,
    is_final,
    looks_again,
    reasons,
    refusals,
    too_late_from,
)
from circulation.calendars.rules import always_open
from circulation.policies.rules import Automatic, Earliest, LoanPolicy, Period, Precision, Unit

BERLIN = always_open("Europe/Berlin")


def local(words: str) -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


LENT, DUE = local("2027-03-01T10:00"), local("2027-03-29T23:59:59")
TIME = local("2027-03-28T06:00")
LOAN = Candidate(LENT, DUE, wanted=True, owed=0, expires_at=None)
DAY_BEFORE = Automatic(Earliest(1))


@pytest.mark.parametrize(
    ("told", "limit"),
    [
        (DAY_BEFORE, None),
        (replace(DAY_BEFORE, latest=Period(60, Unit.DAY)), date(2027, 4, 30)),
        (replace(DAY_BEFORE, latest_on=date(2027, 4, 1)), date(2027, 4, 1)),
        # The earlier of the two wins, whichever it is.
        (replace(DAY_BEFORE, latest=Period(60, Unit.DAY), latest_on=date(2027, 4, 1)), date(2027, 4, 1)),
        (replace(DAY_BEFORE, latest=Period(2, Unit.WEEK), latest_on=date(2027, 4, 1)), date(2027, 3, 15)),
    ],
    ids=["none", "relative", "absolute", "absolute wins", "relative wins"],
)
def test_the_earlier_of_the_relative_and_the_absolute_limit_wins(told: Automatic, limit: date | None) -> None:
    assert too_late_from(told, BERLIN, lent_at=LENT) == limit


@pytest.mark.parametrize(
    ("told", "loan", "now", "against"),
    [
        (DAY_BEFORE, LOAN, TIME, []),
        (DAY_BEFORE, LOAN, local("2027-03-28T00:00"), []),
        (DAY_BEFORE, LOAN, local("2027-03-27T23:59"), [Refusal.TOO_SOON]),
        (Automatic(Earliest(1, Precision.EXACT)), LOAN, TIME, [Refusal.TOO_SOON]),
        (DAY_BEFORE, replace(LOAN, wanted=False), TIME, [Refusal.NOT_WANTED]),
        # The limit day itself is too late, the day before is not.
        (replace(DAY_BEFORE, latest_on=date(2027, 3, 28)), LOAN, TIME, [Refusal.TOO_LATE]),
        (replace(DAY_BEFORE, latest_on=date(2027, 3, 29)), LOAN, TIME, []),
        # As much as may be owed is not too much.
        (replace(DAY_BEFORE, max_owed=500), replace(LOAN, owed=500), TIME, []),
        (replace(DAY_BEFORE, max_owed=500), replace(LOAN, owed=501), TIME, [Refusal.OWES_TOO_MUCH]),
        (DAY_BEFORE, replace(LOAN, owed=10**6), TIME, []),
        (DAY_BEFORE, replace(LOAN, expires_at=TIME), TIME, [Refusal.CARD_EXPIRED]),
        (DAY_BEFORE, LOAN, DUE, [Refusal.OVERDUE]),
        (
            replace(DAY_BEFORE, latest_on=date(2027, 3, 1), max_owed=0),
            Candidate(LENT, DUE, wanted=False, owed=1, expires_at=LENT),
            DUE,
            [
                Refusal.NOT_WANTED,
                Refusal.TOO_LATE,
                Refusal.OWES_TOO_MUCH,
                Refusal.CARD_EXPIRED,
                Refusal.OVERDUE,
            ],
        ),
    ],
    ids=[
        "in time",
        "from midnight on",
        "too soon",
        "too soon to the minute",
        "not wanted",
        "the limit day",
        "the day before it",
        "owes as much as may be",
        "owes more",
        "no limit of debts",
        "card expired",
        "overdue",
        "everything",
    ],
)
def test_what_is_against_an_automatic_renewal(
    told: Automatic, loan: Candidate, now: datetime, against: list[Refusal]
) -> None:
    assert refusals(told, BERLIN, loan, now=now) == against
    assert set(TEXTS) == set(Refusal)


def test_what_is_against_robots_alone_is_told_first_and_nothing_twice() -> None:
    told = reasons([Refusal.TOO_LATE, Refusal.CARD_EXPIRED], ["renewal-limit", "card-expired", "holds-wait"])

    assert told == ["auto-too-late", "auto-card-expired", "renewal-limit", "holds-wait"]


@pytest.mark.parametrize(
    ("now", "again"),
    [
        ("2027-03-20T06:00", "2027-03-28T00:00"),
        ("2027-03-28T06:00", "2027-03-29T06:00"),
        ("2027-03-29T07:00", None),
        ("2027-03-30T07:00", None),
    ],
    ids=["too soon", "tomorrow", "due meanwhile", "overdue"],
)
def test_what_was_refused_is_tried_again_daily_until_it_is_due(now: str, again: str | None) -> None:
    found = looks_again(DAY_BEFORE, BERLIN, due_at=DUE, now=local(now))

    assert found == (None if again is None else local(again))


@pytest.mark.parametrize(
    ("policy", "told", "renewals", "unseen", "final"),
    [
        ({}, DAY_BEFORE, 9, 9, False),
        ({"max_renewals": 3}, DAY_BEFORE, 2, 2, False),
        ({"max_renewals": 3}, DAY_BEFORE, 3, 3, True),
        ({"max_renewals": 9, "max_unseen": 2}, DAY_BEFORE, 5, 2, True),
        # The next one would be looked at on 25 April.
        ({}, replace(DAY_BEFORE, latest_on=date(2027, 4, 25)), 1, 1, True),
        ({}, replace(DAY_BEFORE, latest_on=date(2027, 4, 26)), 1, 1, False),
    ],
    ids=[
        "no limit",
        "one left",
        "the last one",
        "unseen too often",
        "too late next time",
        "in time next time",
    ],
)
def test_the_renewal_after_which_none_can_follow_is_the_final_one(
    policy: dict[str, int], told: Automatic, renewals: int, unseen: int, final: bool
) -> None:
    found = is_final(
        LoanPolicy("m", "", **policy),  # type: ignore[arg-type]  # numbers alone
        told,
        BERLIN,
        lent_at=LENT,
        new_due_at=DUE + timedelta(days=28),
        renewals=renewals,
        unseen=unseen,
    )

    assert found is final
