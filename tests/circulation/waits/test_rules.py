"""When a hold will probably be ready: the queue, played through."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circulation.policies.rules import Period, Unit
from circulation.waits.rules import Claim, Prospect, back_at, estimated_ready_at, length

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
ONE, TWO = UUID(int=1), UUID(int=2)


def copy(item: UUID = ONE, *, free_in: int = 0, kept: int = 28) -> Prospect:
    return Prospect(item, NOW + free_in * DAY, kept * DAY)


def v2(item: UUID, *, free_in: int) -> Prospect:
    return Prospect(item, NOW + free_in * DAY, 28 * DAY, "v 2")


ANY, FOR_ONE, FOR_TWO = Claim(), Claim(ONE), Claim(TWO)
OF_V2 = Claim(volume="v 2")


@pytest.mark.parametrize(
    ("ahead", "own", "copies", "days"),
    [
        # On its shelf: a day until it waits on the hold shelf.
        ([], ANY, [copy()], 1),
        ([], ANY, [copy(free_in=10)], 11),
        # One before me takes it first: its loan and a day of handling more.
        ([ANY], ANY, [copy(free_in=10)], 10 + 29 + 1),
        ([ANY, ANY], ANY, [copy(free_in=10)], 10 + 29 + 29 + 1),
        # Of two copies the one before takes the first to come back.
        ([ANY], ANY, [copy(free_in=10), copy(TWO, free_in=12)], 13),
        ([ANY, ANY], ANY, [copy(free_in=10), copy(TWO, free_in=12)], 10 + 29 + 1),
        # Who waits for one copy takes that one, and nobody else's.
        ([FOR_TWO], ANY, [copy(free_in=10), copy(TWO, free_in=2)], 11),
        ([ANY], FOR_TWO, [copy(), copy(TWO, free_in=5)], 6),
        ([ANY], FOR_TWO, [copy(free_in=9), copy(TWO, free_in=5, kept=7)], 5 + 8 + 1),
        # Who waits for a volume takes the first copy of it.
        ([ANY], OF_V2, [copy(), v2(TWO, free_in=5), v2(UUID(int=3), free_in=9)], 6),
        ([OF_V2], OF_V2, [copy(), v2(TWO, free_in=5), v2(UUID(int=3), free_in=9)], 10),
        ([OF_V2], ANY, [copy(free_in=7), v2(TWO, free_in=5)], 8),
        ([], OF_V2, [copy()], None),
        # Suspended ones take none.
        ([Claim(suspended=True)], ANY, [copy()], 1),
        ([], Claim(suspended=True, suspended_until=NOW + 30 * DAY), [copy()], 30),
        ([], Claim(suspended=True, suspended_until=NOW), [copy(free_in=4)], 5),
        # Nobody can tell.
        ([], ANY, [], None),
        ([], FOR_TWO, [copy()], None),
        ([], Claim(suspended=True), [copy()], None),
        # A copy that should be free already is not free in the past.
        ([], ANY, [copy(free_in=-9)], 1),
    ],
)
def test_the_wait_is_estimated_by_playing_the_queue_through(
    ahead: list[Claim], own: Claim, copies: list[Prospect], days: int | None
) -> None:
    ready = estimated_ready_at(ahead, own, copies, now=NOW)

    assert ready == (None if days is None else NOW + days * DAY)


@given(
    st.lists(st.sampled_from([ANY, FOR_ONE, FOR_TWO, Claim(suspended=True)]), max_size=12),
    st.lists(st.integers(0, 40), min_size=1, max_size=5),
)
def test_nobody_is_ready_later_for_standing_further_in_front(ahead: list[Claim], free: list[int]) -> None:
    copies = [copy(UUID(int=number), free_in=days) for number, days in enumerate(free, 1)]
    waits = [estimated_ready_at(ahead[:place], ANY, copies, now=NOW) for place in range(len(ahead) + 1)]

    assert None not in waits
    assert waits == sorted(waits)  # type: ignore[type-var]  # none of them is None


@pytest.mark.parametrize(("due_in", "back_in"), [(5, 5), (0, 0), (-3, 3), (-30, 30), (-300, 30)])
def test_an_overdue_loan_comes_back_as_late_again_within_reason(due_in: int, back_in: int) -> None:
    assert back_at(NOW + due_in * DAY, NOW) == NOW + back_in * DAY


@pytest.mark.parametrize(
    ("period", "told"),
    [
        (Period(90, Unit.MINUTE), timedelta(minutes=90)),
        (Period(3, Unit.HOUR), timedelta(hours=3)),
        (Period(28, Unit.DAY), 28 * DAY),
        (Period(4, Unit.WEEK), 28 * DAY),
        (Period(6, Unit.MONTH), 180 * DAY),
    ],
)
def test_a_month_counts_thirty_days(period: Period, told: timedelta) -> None:
    assert length(period) == told
