"""Until when by which policy: schedules, seasons, waiting holds, the earliest renewal and the longest time in all."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from circulation.blocks.rules import Block
from circulation.calendars.rules import Calendar, Opening, WhenClosed
from circulation.loans.rules import (
    OpenLoan,
    due_at,
    outside_schedule,
    prospect,
    renewed_due_at,
)
from circulation.policies.rules import (
    Earliest,
    LoanPolicy,
    OutsideSchedule,
    Period,
    Precision,
    RenewFrom,
    Schedule,
    Term,
    Unit,
    contradictions,
)

WORKDAYS = dict.fromkeys(range(5), (Opening(time(9), time(18)),))
BERLIN = Calendar("Europe/Berlin", WORKDAYS)
WINTER_TERM = Term(date(2026, 10, 1), date(2027, 3, 14), date(2027, 3, 31))
SUMMER_TERM = Term(date(2027, 4, 1), date(2027, 9, 15), date(2027, 9, 30))
TERMS = Schedule("terms", (WINTER_TERM, SUMMER_TERM))
FIXED = LoanPolicy("term", "For the term", fixed=True, schedule=TERMS)
CAPPED = LoanPolicy("capped", "Sixty days within the term", period=Period(60, Unit.DAY), schedule=TERMS)


def local(words: str, zone: str = "Europe/Berlin") -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


NOW = local("2027-03-01T10:00")


@pytest.mark.parametrize(
    ("policy", "lent", "due"),
    [
        # The first and the last minute of a term, on the clocks of the place.
        (FIXED, "2026-10-01T00:00", "2027-03-31T23:59:59"),
        (FIXED, "2027-03-14T23:59", "2027-03-31T23:59:59"),
        (FIXED, "2027-04-01T00:00", "2027-09-30T23:59:59"),
        # Later than the schedule: the schedule's date. Earlier: as the period says.
        (CAPPED, "2027-03-01T10:00", "2027-03-31T23:59:59"),
        (CAPPED, "2027-01-04T10:00", "2027-03-05T23:59:59"),
    ],
)
def test_a_schedule_fixes_the_due_date_or_limits_the_period(policy: LoanPolicy, lent: str, due: str) -> None:
    assert due_at(policy, BERLIN, lent_at=local(lent), expires_at=None) == local(due)


@pytest.mark.parametrize(
    "lent", ["2026-09-30T23:59", "2027-03-15T00:00", "2027-03-31T12:00", "2027-09-16T00:00"]
)
@pytest.mark.parametrize("policy", [FIXED, CAPPED])
def test_a_day_in_no_term_has_no_due_date(policy: LoanPolicy, lent: str) -> None:
    with pytest.raises(OutsideSchedule):
        due_at(policy, BERLIN, lent_at=local(lent), expires_at=None)
    assert outside_schedule(policy, BERLIN, lent_at=local(lent))


def test_the_day_of_a_schedule_is_the_places_own() -> None:
    chatham = Calendar("Pacific/Chatham", WORKDAYS)

    # Noon in London is past midnight there: the new term has begun.
    assert due_at(FIXED, chatham, lent_at=datetime(2027, 3, 31, 12, tzinfo=UTC), expires_at=None) == local(
        "2027-09-30T23:59:59", "Pacific/Chatham"
    )


CLOSED_END = {date(2027, 3, 30): (), date(2027, 3, 31): ()}


@pytest.mark.parametrize(
    ("policy", "strategy", "due"),
    [
        # The limit itself is closed, and the next open day lies behind it: back to the last open day.
        (FIXED, WhenClosed.NEXT_OPEN_DAY, "2027-03-29T23:59:59"),
        (FIXED, WhenClosed.SAME_WEEKDAY, "2027-03-29T23:59:59"),
        (FIXED, WhenClosed.PREVIOUS_OPEN_DAY, "2027-03-29T23:59:59"),
        # "Keep" changes nothing.
        (FIXED, WhenClosed.KEEP, "2027-03-31T23:59:59"),
        (CAPPED, WhenClosed.NEXT_OPEN_DAY, "2027-03-29T23:59:59"),
        # Within the limit the strategy holds: a Saturday goes to Monday, or to Friday.
        (replace(CAPPED, period=Period(26, Unit.DAY)), WhenClosed.NEXT_OPEN_DAY, "2027-03-29T23:59:59"),
        (replace(CAPPED, period=Period(26, Unit.DAY)), WhenClosed.PREVIOUS_OPEN_DAY, "2027-03-26T23:59:59"),
    ],
)
def test_closed_time_never_moves_a_due_date_past_the_schedule(
    policy: LoanPolicy, strategy: WhenClosed, due: str
) -> None:
    calendar = replace(BERLIN, exceptions=CLOSED_END)

    found = due_at(replace(policy, when_closed=strategy), calendar, lent_at=NOW, expires_at=None)

    assert found == local(due)


def test_the_card_cuts_a_fixed_due_date_short() -> None:
    found = due_at(FIXED, BERLIN, lent_at=NOW, expires_at=local("2027-03-14T12:00"))

    assert found == local("2027-03-12T23:59:59")


@pytest.mark.parametrize(
    ("waiting", "due"), [(0, "2027-03-29"), (1, "2027-03-29"), (2, "2027-03-08"), (9, "2027-03-08")]
)
def test_what_many_wait_for_is_lent_for_a_shorter_time(waiting: int, due: str) -> None:
    policy = LoanPolicy("month", "", holds_period=Period(7, Unit.DAY), holds_from=2)

    found = due_at(policy, BERLIN, lent_at=NOW, expires_at=None, holds_waiting=waiting)

    assert found == local(f"{due}T23:59:59")


LENT = OpenLoan(local("2027-03-08T23:59:59"), 0, recalled=False, holds_waiting=0, lent_at=NOW)


@pytest.mark.parametrize(
    ("policy", "loan", "due"),
    [
        # Looked up by today, not by the due date.
        (
            replace(FIXED, renewal_schedule=Schedule("r", (replace(WINTER_TERM, due=date(2027, 4, 15)),))),
            {},
            "2027-04-15",
        ),
        (FIXED, {"due_at": local("2027-04-02T23:59:59")}, "2027-03-31"),
        # The renewals' own schedule goes before that of loans; none of their own: the same.
        (
            replace(CAPPED, renewal_schedule=Schedule("r", (replace(WINTER_TERM, due=date(2027, 3, 19)),))),
            {},
            "2027-03-19",
        ),
        (CAPPED, {}, "2027-03-31"),
        # While others wait, where that is allowed: the shorter time.
        (
            LoanPolicy("m", "", renew_with_holds=True, holds_renewal_period=Period(14, Unit.DAY)),
            {"holds_waiting": 1},
            "2027-03-15",
        ),
        (
            LoanPolicy("m", "", renew_with_holds=True, holds_renewal_period=Period(14, Unit.DAY)),
            {},
            "2027-03-29",
        ),
        # Zero renews to today; none of its own means the loan's.
        (LoanPolicy("m", "", renewal_period=Period(0, Unit.DAY)), {}, "2027-03-01"),
        (LoanPolicy("m", ""), {}, "2027-03-29"),
        # No further than the longest time in all, and back to an open day before it (14 March is a Sunday).
        (LoanPolicy("m", "", max_total=Period(13, Unit.DAY)), {}, "2027-03-12"),
        (LoanPolicy("m", "", max_total=Period(90, Unit.DAY)), {}, "2027-03-29"),
        (
            LoanPolicy("m", "", renew_from=RenewFrom.DUE_DATE, max_total=Period(1, Unit.MONTH)),
            {},
            "2027-04-01",
        ),
    ],
)
def test_until_when_a_loan_is_renewed(policy: LoanPolicy, loan: dict[str, Any], due: str) -> None:
    found = renewed_due_at(replace(LENT, **loan), policy, BERLIN, now=NOW, expires_at=None)

    assert found == local(f"{due}T23:59:59")


@pytest.mark.parametrize(
    ("policy", "now", "blocks"),
    [
        (LoanPolicy("m", "", max_total=Period(30, Unit.DAY)), "2027-03-05T12:00", set()),
        # Due on the last day already, or on the last open one before it.
        (LoanPolicy("m", "", max_total=Period(7, Unit.DAY)), "2027-03-05T12:00", {Block.TOTAL_PERIOD}),
        (LoanPolicy("m", "", max_total=Period(5, Unit.DAY)), "2027-03-05T12:00", {Block.TOTAL_PERIOD}),
        (FIXED, "2027-03-15T12:00", {Block.OUTSIDE_SCHEDULE}),
        (
            replace(FIXED, renewal_schedule=Schedule("r", (SUMMER_TERM,))),
            "2027-03-05T12:00",
            {Block.OUTSIDE_SCHEDULE},
        ),
    ],
)
def test_what_time_itself_has_against_a_renewal(policy: LoanPolicy, now: str, blocks: set[Block]) -> None:
    assert prospect(LENT, policy, BERLIN, now=local(now), expires_at=None).blocks == blocks


def test_a_place_that_never_opens_renews_nothing() -> None:
    found = prospect(LENT, LoanPolicy("m", ""), Calendar("Europe/Berlin", {}), now=NOW, expires_at=None)

    assert (found.due_at, found.blocks) == (None, frozenset({Block.NO_OPEN_DAY}))


@pytest.mark.parametrize(
    ("zone", "due", "earliest", "opens"),
    [
        # "Date" opens with the day, "exact" at the due time's own hour and minute.
        ("Europe/Berlin", "2027-03-08T23:59:59", Earliest(3), "2027-03-05T00:00:00"),
        ("Europe/Berlin", "2027-03-08T15:30:00", Earliest(3, Precision.EXACT), "2027-03-05T15:30:00"),
        ("Europe/Berlin", "2027-03-08T15:30:00", Earliest(0), "2027-03-08T00:00:00"),
        # Three days on the clocks of the place, though one of them has 23 hours, or 25, or 24 and a half.
        ("Europe/Berlin", "2027-03-29T12:00:00", Earliest(3, Precision.EXACT), "2027-03-26T12:00:00"),
        ("America/New_York", "2027-11-08T12:00:00", Earliest(3, Precision.EXACT), "2027-11-05T12:00:00"),
        ("Australia/Lord_Howe", "2027-04-05T12:00:00", Earliest(3, Precision.EXACT), "2027-04-02T12:00:00"),
        # Midnight is skipped in Santiago on 5 September: the day begins at one.
        ("America/Santiago", "2027-09-08T12:00:00", Earliest(3), "2027-09-05T01:00:00"),
        # Over the end of a month, and a leap day.
        ("Europe/Berlin", "2028-03-02T23:59:59", Earliest(2), "2028-02-29T00:00:00"),
        ("Europe/Berlin", "2027-03-02T23:59:59", Earliest(2), "2027-02-28T00:00:00"),
    ],
)
def test_a_renewal_that_comes_too_early_is_told_from_when_on(
    zone: str, due: str, earliest: Earliest, opens: str
) -> None:
    calendar = Calendar(zone, WORKDAYS)
    moment = local(opens, zone)
    loan = replace(LENT, due_at=local(due, zone))
    policy = LoanPolicy("m", "", earliest=earliest)

    early, then = (
        prospect(loan, policy, calendar, now=now, expires_at=None)
        for now in (moment - timedelta(seconds=1), moment)
    )

    assert early.renewable_from == moment
    assert Block.RENEWED_TOO_EARLY in early.blocks
    assert then.renewable_from is None
    assert Block.RENEWED_TOO_EARLY not in then.blocks


@pytest.mark.parametrize(
    ("policy", "fields"),
    [
        (FIXED, []),
        (CAPPED, []),
        (replace(FIXED, schedule=None), ["schedule"]),
        (replace(FIXED, holds_period=Period(7, Unit.DAY)), ["holds_period"]),
        (
            replace(FIXED, holds_renewal_period=Period(7, Unit.DAY), renew_with_holds=True),
            ["holds_renewal_period"],
        ),
        (replace(CAPPED, holds_renewal_period=Period(7, Unit.DAY)), ["holds_renewal_period"]),
        (replace(CAPPED, renewable=False, renewal_schedule=TERMS), ["renewal_schedule"]),
        (replace(CAPPED, renewable=False, earliest=Earliest(3)), ["earliest_renewal"]),
        (replace(CAPPED, renewable=False, max_total=Period(1, Unit.MONTH)), ["max_total"]),
        (replace(CAPPED, holds_period=Period(0, Unit.DAY)), ["holds_period"]),
        (replace(CAPPED, max_total=Period(0, Unit.DAY)), ["max_total"]),
    ],
)
def test_a_policy_that_goes_against_itself_names_the_field(policy: LoanPolicy, fields: list[str]) -> None:
    assert [field for field, _ in contradictions(policy)] == fields


@pytest.mark.parametrize(
    ("terms", "wrong"),
    [
        ((WINTER_TERM, SUMMER_TERM), []),
        ((SUMMER_TERM, WINTER_TERM), []),
        (
            (replace(WINTER_TERM, due=date(2027, 3, 13)),),
            ["the term from 2026-10-01 to 2027-03-14, due on 2027-03-13, runs backwards"],
        ),
        (
            (WINTER_TERM, replace(SUMMER_TERM, first=date(2027, 3, 14))),
            ["the terms from 2026-10-01 and from 2027-03-14 overlap"],
        ),
    ],
)
def test_a_schedule_that_is_wrong_is_told(terms: tuple[Term, ...], wrong: list[str]) -> None:
    assert Schedule("s", terms).problems() == wrong
