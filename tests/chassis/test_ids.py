"""Ids that sort by time."""

from itertools import islice

import asyncpg

from chassis.ids import minted_at, uuid7, uuid7s, uuid7s_ahead


def test_many_ids_of_one_moment_are_as_good_as_one() -> None:
    before = uuid7()
    told = uuid7s(2000)
    after = uuid7()

    assert len(set(told)) == 2000
    assert told == sorted(told)
    assert {(each.version, each.variant) for each in told} == {(7, before.variant)}
    assert minted_at(before) <= minted_at(told[0]) <= minted_at(after)
    assert uuid7s(0) == []
    assert isinstance(told[0], asyncpg.pgproto.pgproto.UUID)


def test_ids_minted_ahead_come_in_order_and_never_twice() -> None:
    told = list(islice(uuid7s_ahead(7), 100))

    assert told == sorted(set(told))
    assert {each.version for each in told} == {7}
