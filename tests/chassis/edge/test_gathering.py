"""Whoever comes while others are on their way goes with the next, and pays for nobody else."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from chassis.gathering import Gathering


class Pool:
    """Connections without a database behind them."""

    def __init__(self) -> None:
        self.away = False
        self.out = 0

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[None]:
        if self.away:
            raise ConnectionRefusedError
        self.out += 1
        try:
            yield
        finally:
            await asyncio.sleep(0)  # giving one back takes a turn of the loop, too
            self.out -= 1


class Road:
    """What was sent together; each statement arrives when it is let through."""

    def __init__(self, *, open_: bool = True, bad: Sequence[int] = ()) -> None:
        self.sent: list[list[int]] = []
        self.free = asyncio.Event()
        self.bad = bad
        self.under_way = self.most_under_way = 0
        if open_:
            self.free.set()

    async def go(self, _connection: Any, asked: Sequence[int]) -> list[str]:
        self.sent.append(list(asked))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.free.wait()
        finally:
            self.under_way -= 1
        if any(each in self.bad for each in asked):
            raise ValueError(f"one of {asked}")
        return [f"done {each}" for each in asked]

    def gathering(self, pool: Pool | None = None, **more: Any) -> Gathering[int, str]:
        return Gathering(pool or Pool(), self.go, **{"ways": 1, "most": 16, **more})  # type: ignore[arg-type]  # no asyncpg pool


async def turns(count: int = 8) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_whoever_comes_alone_goes_alone() -> None:
    road = Road()
    gathering = road.gathering()

    told = [await gathering.join(number) for number in (1, 2, 3)]

    assert told == ["done 1", "done 2", "done 3"]
    assert road.sent == [[1], [2], [3]]


async def test_who_comes_in_the_same_turn_goes_together_and_each_gets_their_own() -> None:
    road = Road()
    gathering = road.gathering()

    told = await asyncio.gather(*map(gathering.join, range(5)))

    assert told == [f"done {number}" for number in range(5)]
    assert road.sent == [[0, 1, 2, 3, 4]]


async def test_who_comes_meanwhile_waits_and_goes_with_the_next() -> None:
    road = Road(open_=False)
    gathering = road.gathering()
    first = asyncio.create_task(gathering.join(1))
    await turns()

    others = [asyncio.create_task(gathering.join(number)) for number in (2, 3)]
    await turns()
    before = list(road.sent)
    road.free.set()
    await asyncio.gather(first, *others)

    assert before == [[1]]
    assert road.sent == [[1], [2, 3]]


@pytest.mark.parametrize("ways", [1, 2, 3])
async def test_no_more_are_under_way_than_there_are_ways(ways: int) -> None:
    road = Road(open_=False)
    gathering = road.gathering(ways=ways, most=1)
    waiting = [asyncio.create_task(gathering.join(number)) for number in range(9)]
    await turns(20)
    begun = len(road.sent)

    road.free.set()
    told = await asyncio.gather(*waiting)

    assert begun == road.most_under_way <= ways
    assert told == [f"done {number}" for number in range(9)]
    assert [sent for (sent,) in road.sent] == list(range(9))


async def test_a_second_way_is_taken_by_who_comes_when_the_first_is_under_way() -> None:
    road = Road(open_=False)
    gathering = road.gathering(ways=2)
    first = asyncio.create_task(gathering.join(1))
    await turns()

    second = asyncio.create_task(gathering.join(2))
    await turns()
    under_way = road.under_way
    road.free.set()
    await asyncio.gather(first, second)

    assert under_way == 2


async def test_no_more_go_together_than_are_taken_at_once() -> None:
    road = Road()
    gathering = road.gathering(most=4)

    await asyncio.gather(*map(gathering.join, range(10)))

    assert road.sent == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


async def test_who_touches_the_same_goes_later_and_in_their_order() -> None:
    road = Road()
    gathering = road.gathering(touches=lambda number: [number % 10])

    await asyncio.gather(*map(gathering.join, [1, 11, 2, 21, 3]))

    assert road.sent == [[1, 2, 3], [11], [21]]


async def test_where_many_fail_each_goes_alone_and_only_whose_fault_it_is_hears_of_it() -> None:
    road = Road(bad=[2])
    gathering = road.gathering()

    told = await asyncio.gather(*map(gathering.join, [1, 2, 3]), return_exceptions=True)
    later = await gathering.join(4)

    assert told[0::2] == ["done 1", "done 3"]
    assert isinstance(told[1], ValueError)
    assert road.sent == [[1, 2, 3], [1], [2], [3], [4]]
    assert later == "done 4"


async def test_without_a_connection_everybody_is_told_and_the_next_find_the_way_free() -> None:
    road, pool = Road(), Pool()
    gathering = road.gathering(pool)
    pool.away = True

    told = await asyncio.gather(*map(gathering.join, [1, 2]), return_exceptions=True)
    pool.away = False
    later = await gathering.join(3)

    assert [type(each) for each in told] == [ConnectionRefusedError] * 2
    assert later == "done 3"
    assert road.sent == [[3]]


async def test_for_whom_nobody_waits_any_more_nothing_is_done() -> None:
    road = Road(open_=False)
    gathering = road.gathering()
    first = asyncio.create_task(gathering.join(1))
    await turns()
    gone, stays = (asyncio.create_task(gathering.join(number)) for number in (2, 3))
    await turns()

    gone.cancel()
    await turns()
    road.free.set()

    assert list(await asyncio.gather(first, stays)) == ["done 1", "done 3"]
    assert road.sent == [[1], [3]]


async def test_who_leaves_on_the_way_spoils_nothing_for_who_goes_with_them() -> None:
    road = Road(open_=False)
    gathering = road.gathering()
    gone, stays = (asyncio.create_task(gathering.join(number)) for number in (1, 2))
    await turns()

    gone.cancel()
    await turns()
    road.free.set()

    assert await stays == "done 2"
    assert road.sent == [[1, 2]]


async def test_every_connection_is_given_back_once_nobody_waits() -> None:
    road, pool = Road(), Pool()
    gathering = road.gathering(pool, ways=2, most=2)

    for _ in range(5):
        await asyncio.gather(*map(gathering.join, range(7)))
        await gathering.join(0)
    await turns()

    assert pool.out == 0


async def test_a_way_rests_for_who_was_in_it_and_who_comes_meanwhile_is_gathered() -> None:
    road, rests = Road(), []

    def rest(many: int) -> float:
        rests.append(many)
        return 0.05 if len(rests) == 1 else 0.0

    gathering = road.gathering(rest=rest)
    await asyncio.gather(*map(gathering.join, [1, 2]))
    began = asyncio.get_running_loop().time()

    later = [asyncio.create_task(gathering.join(3))]
    await turns()
    later.append(asyncio.create_task(gathering.join(4)))
    await asyncio.gather(*later)

    assert asyncio.get_running_loop().time() - began > 0.04
    assert road.sent == [[1, 2], [3, 4]]
    assert rests == [2, 2]
