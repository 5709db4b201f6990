"""Queues become one, and nobody is passed by who stood behind them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from circulation.titles.rules import Standing, numbered, one_queue

START = datetime(2027, 3, 1, tzinfo=UTC)


def hold(n: int, minute: int, *, patron: int = 1, going: bool = False, nth: int = 1) -> Standing:
    return Standing(UUID(int=n), UUID(int=patron), START + timedelta(minutes=minute), going, nth)


def test_whoever_has_waited_longer_stands_first() -> None:
    one, other = [hold(1, 0), hold(2, 20)], [hold(3, 10), hold(4, 30)]

    assert [each.hold_id.int for each in one_queue([one, other])] == [1, 3, 2, 4]


def test_a_copy_on_its_way_goes_first_and_an_order_made_by_hand_stays() -> None:
    one, other = [hold(1, 50), hold(2, 0)], [hold(3, 60, going=True), hold(4, 40)]

    assert [each.hold_id.int for each in one_queue([one, other])] == [3, 4, 1, 2]


def test_a_patron_on_both_titles_has_two_numbers() -> None:
    coming = [hold(2, 0), hold(3, 0, nth=2), hold(4, 0, patron=2)]

    told = numbered([hold(1, 0)], coming)

    assert {key.int: nth for key, nth in told.items()} == {2: 2, 3: 3, 4: 1}


QUEUES = st.lists(st.lists(st.tuples(st.integers(0, 99), st.booleans()), max_size=5), max_size=3)


@given(QUEUES)
@settings(max_examples=60)
def test_nobody_is_lost_and_nobody_is_passed(told: list[list[tuple[int, bool]]]) -> None:
    queues = [
        [hold(100 * q + n, minute, going=going) for n, (minute, going) in enumerate(each)]
        for q, each in enumerate(told)
    ]

    order = one_queue(queues)

    assert sorted(each.hold_id for each in order) == sorted(each.hold_id for q in queues for each in q)
    for queue in queues:
        waiting = [each for each in queue if not each.in_fulfilment]
        assert [each for each in order if each in waiting] == waiting
