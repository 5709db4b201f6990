"""Busy days at a library: whatever its desks, its catalogue and its clock may do, in any order and at once.

An act names people and things by the words of the story (`Lend("Ada", "Emma 1")`), never by an id, so that a
story means the same when it is told again, and a failure shrinks to the shortest one that still fails. What acts there
are stands in `stories/`, by areas.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chassis.ids import uuid7
from circulation.app import SERVICE
from circulation.tables import METADATA
from contracts.catalog import ItemBase, ItemUpdated, ItemWithdrawalRequested, ItemWithdrawn
from contracts.circulation import ItemWithdrawalCleared
from support.desk import Make, furnished
from support.harness import migrated, running
from support.invariants import Watch, fingerprint
from support.postgres import TestServer
from support.stories.day import Day, Sent
from support.stories.elsewhere import Again, Anything, Close, Decide, Tell, Tick, Twice, Undo, Withdraw
from support.stories.holding import CHANGES, MET, Book, Change, Meet, Order, Place, Reorder
from support.stories.lending import (
    CALLED_OFF,
    MISSED,
    USES,
    CallOff,
    HandIn,
    Lend,
    Miss,
    Pile,
    Redate,
    Renew,
    RenewAll,
    Shelve,
    TakeBack,
    Use,
)
from support.stories.library import DESKS, ITEMS, LIBRARY, LIMITS, PATRONS, TIMERS, TITLES
from support.stories.owing import SETTLED, Charge, PayAll, Settle
from support.stories.people import ONESELF, Lift, Merge, Oneself, Stop, Trust

_patron, _item = st.sampled_from(PATRONS), st.sampled_from(ITEMS)
_title, _desk = st.sampled_from(TITLES), st.sampled_from(DESKS)
_part = st.sampled_from((None, None, 100, 700))
_WRITES: list[tuple[int, st.SearchStrategy[Any]]] = [
    (4, st.builds(Lend, patron=_patron, item=_item, desk=_desk)),
    (1, st.builds(Lend, patron=_patron, item=_item, override=st.just(True))),
    (1, st.builds(Lend, patron=_patron, item=_item, days_ago=st.sampled_from((2, 40)))),
    (1, st.builds(Lend, patron=_patron, item=_item, proxy=_patron)),
    (4, st.builds(TakeBack, item=_item, desk=_desk)),
    (1, st.builds(TakeBack, item=_item, days_ago=st.just(2))),
    (1, st.builds(TakeBack, item=_item, claim=st.sampled_from(("returned-by-patron", "found-by-library")))),
    (
        1,
        st.builds(
            Pile,
            items=st.lists(_item, min_size=1, max_size=3, unique=True).map(tuple),
            patron=st.one_of(st.none(), _patron),
            desk=_desk,
        ),
    ),
    (2, st.builds(Renew, item=_item)),
    (1, st.builds(RenewAll, patron=_patron)),
    (1, st.builds(Redate, item=_item, days=st.sampled_from((1, 5, 60)))),
    (3, st.builds(Place, patron=_patron, what=st.one_of(_title, _item), desk=_desk)),
    (2, st.builds(Place, patron=_patron, what=_item, kind=st.sampled_from(("recall", "page", "hold")))),
    (1, st.builds(Place, patron=_patron, what=_title, kind=st.just("recall"))),
    (1, st.builds(Place, patron=_patron, what=st.one_of(_title, _item), override=st.just(True))),
    (3, st.builds(Change, patron=_patron, title=_title, how=st.sampled_from(CHANGES))),
    (1, st.builds(Reorder, title=_title, by=st.integers(1, 3))),
    (2, st.builds(Miss, item=_item, how=st.sampled_from(MISSED))),
    (1, st.builds(Charge, patron=_patron, amount=st.sampled_from((100, 500, 2500)))),
    (
        2,
        st.builds(Settle, patron=_patron, how=st.sampled_from(SETTLED), fee=st.integers(0, 3), amount=_part),
    ),
    (
        1,
        st.builds(
            PayAll,
            patron=_patron,
            amount=_part,
            reference=st.sampled_from((None, "terminal 7", "terminal 8")),
        ),
    ),
    (1, st.builds(Stop, patron=_patron)),
    (1, st.builds(Lift, patron=_patron)),
    (1, st.builds(Trust, sponsor=_patron, proxy=_patron, ends=st.booleans())),
    (1, st.builds(Merge, survivor=_patron, other=_patron)),
    (2, st.builds(Oneself, patron=_patron, what=_item, how=st.sampled_from(ONESELF))),
    (1, st.builds(Lend, patron=_patron, item=st.just("Map"))),
    (1, st.builds(Use, item=st.just("Map"), how=st.sampled_from(USES), desk=_desk)),
    (1, st.builds(Shelve, item=_item)),
    (1, st.builds(CallOff, item=_item, reason=st.sampled_from(CALLED_OFF))),
    (
        1,
        st.builds(
            HandIn,
            item=_item,
            patron=st.one_of(st.none(), _patron),
            back=st.booleans(),
            hours_ago=st.sampled_from((3, 50)),
        ),
    ),
    (1, st.builds(Order, title=_title)),
    (1, st.builds(Book, patron=_patron, days=st.integers(1, 2), hour=st.sampled_from((11, 14)))),
    (1, st.builds(Meet, patron=_patron, how=st.sampled_from(MET))),
    (1, st.builds(Close, desk=_desk, days=st.sampled_from((1, 4)))),
    (1, st.builds(Undo)),
    (1, st.builds(Decide, limits=st.sampled_from(sorted(LIMITS)))),
]
_BASES = ("active", "active", "missing", "damaged", "in-process", "restricted")


def _one_of(weighted: list[tuple[int, st.SearchStrategy[Any]]]) -> st.SearchStrategy[Any]:
    """One of these, each as often as its weight says."""
    kinds = [kind for weight, kind in weighted for _ in range(weight)]

    @st.composite
    def an_act(draw: st.DrawFn) -> Any:
        return draw(kinds[draw(st.integers(0, len(kinds) - 1))])

    return an_act()


_write = _one_of(_WRITES)
ACTS: st.SearchStrategy[Anything] = _one_of(
    [
        (12, _write),
        (1, st.builds(Twice, _write)),
        (1, st.builds(Again, st.integers(0, 8))),
        (1, st.builds(Tell, item=_item, base=st.sampled_from(_BASES))),
        (1, st.builds(Withdraw, item=_item)),
        (1, st.builds(Tick, timer=st.sampled_from(TIMERS))),
    ]
)


TERM: Final[tuple[Anything, ...]] = (
    Lend("Ada", "Emma 1"),
    Lend("Ben", "Emma 2", days_ago=40),
    Lend("Dan", "Film 1", days_ago=40),
    Place("Cleo", "Emma"),
    Place("Dan", "Emma"),
    Place("Ada", "Film 1"),
    Charge("Ben", 500),
    Trust("Ada", "Ben"),
)
"""What has happened before."""


class Faults(logging.Handler):
    """Collects what was logged as a fault: a timer swallows it, so that the rest goes on."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.found.append(self.format(record))


@dataclass
class Building:
    """The library's building: opened once for many stories, and emptied between them."""

    runner: asyncio.Runner
    make: Make
    faults: Faults = field(default_factory=Faults)
    stories: int = 0
    steps: int = 0
    asked: int = 0
    crashes: int = 0
    day: Day | None = None
    """The last one."""
    crash: Callable[[], Awaitable[None]] | None = None
    """Kills the process that answers and starts another, while acts are under way."""

    async def emptied(self) -> Day:
        """Nobody inside, nothing lent; the same rules."""
        self.stories += 1
        self.faults.found.clear()
        changed = self.day is not None and self.day.limits_changed
        if changed or await self.make.circulation.resources.pool.fetchval(
            "SELECT EXISTS (SELECT FROM closing)"
        ):
            await self.configured()
        names = [f'"{table.name}"' for table in reversed(METADATA.sorted_tables) if table.name not in KEPT]
        statements = [f"DELETE FROM {name}" for name in (*names, "outbox", "inbox", "idempotency")]
        await self.make.circulation.resources.pool.execute(";".join(statements))
        self.day = day = Day(self.make)
        await day.begin()
        return day

    async def configured(self) -> None:
        """The rules of the stories; closings of one story are none of the next."""
        answer = await self.make.circulation.put("/v1/configuration/circulation", json=LIBRARY)
        assert answer.status_code == 200, answer.text


KEPT = ("configuration_version", "reference", "service_point", "location")


@contextmanager
def building(runner: asyncio.Runner, server: TestServer) -> Iterator[Building]:
    """A library on a database of its own."""
    template = runner.run(server.template("circulation", lambda dsn: migrated(SERVICE, dsn)))
    dsn = runner.run(server.lend(template))
    house = running(SERVICE, dsn)
    circulation = runner.run(house.__aenter__())
    opened = Building(runner, runner.run(furnished(circulation)))
    logging.getLogger().addHandler(opened.faults)
    try:
        runner.run(opened.configured())
        yield opened
    finally:
        logging.getLogger().removeHandler(opened.faults)
        runner.run(house.__aexit__(None, None, None))
        runner.run(server.take_back(dsn))


class BusyDays(RuleBasedStateMachine):
    """A story: what happens at once, what time brings, what is asked again."""

    def __init__(self, building: Building) -> None:
        super().__init__()
        self.building = building
        self.day: Day | None = None
        self.watch: Watch | None = None

    @initialize(busy=st.booleans())
    def the_library_opens(self, busy: bool) -> None:
        """A new story, on an empty morning or in the middle of a term."""
        self.day = self._do(self.building.emptied())
        self.watch = Watch(self.day.circulation)
        for act in TERM if busy else ():
            self._do(self._at_once([act], killed=False))

    def _do(self, what: Any) -> Any:
        return self.building.runner.run(what)

    @rule(acts=st.lists(ACTS, min_size=2, max_size=6), killed=st.booleans())
    def at_once(self, acts: Sequence[Anything], killed: bool) -> None:
        """Several hands at the same moment; where there is a process to kill, it may be, and every desk that got no
        answer asks again.
        """
        self._do(self._at_once(acts, killed=killed))

    @rule(days=st.sampled_from((0.1, 1, 3, 8, 30, 70)))
    def time_passes(self, days: float) -> None:
        """Some days later, with everything that falls due."""
        assert self.day is not None
        self.day.now += timedelta(days=days)
        self._do(self._tick())

    @rule(which=st.integers(0, 8))
    def asked_again_in_peace(self, which: int) -> None:
        """A write that was done is asked for once more: the same answer, and nothing at all is otherwise."""
        self._do(self._again(which))

    @invariant()
    def everything_fits(self) -> None:
        """What must always hold, holds."""
        if self.watch is not None:
            self._do(self.watch.check())
            assert self.building.faults.found == [], "\n".join(self.building.faults.found)
            self.building.steps += 1

    async def _at_once(self, acts: Sequence[Anything], *, killed: bool) -> None:
        day = self.day
        assert day is not None
        day.now += timedelta(minutes=7)
        day.circulation.at(day.now)
        await day.look()
        begun: list[Awaitable[None]] = []
        for act in acts:
            begun += self._begun(day, act)
        self.building.asked += len(begun)
        if killed and self.building.crash is not None:
            begun.append(self.building.crash())
        told = await asyncio.gather(*begun, return_exceptions=True)
        for error in told:
            if isinstance(error, BaseException):
                raise error
        for sent in [sent for sent in day.sent if sent.open]:
            await day.send(sent)
            assert not sent.open, f"no answer at all: {sent.act}"

    def _begun(self, day: Day, act: Anything) -> list[Awaitable[None]]:
        match act:
            case Twice():
                hands = self._begun(day, act.act)
                return hands + [day.send(day.sent[-1]) for _ in hands]
            case Again():
                return [day.send(day.sent[-1 - act.which % len(day.sent)])] if day.sent else []
            case Tell():
                return [self._tell(day, act)]
            case Withdraw():
                return [self._withdraw(day, act.item)]
            case Tick():
                return [day.work(act.timer)]
        call = act.call(day)
        if call is None:
            return []
        day.sent.append(Sent(call, str(uuid.uuid4()), act))
        return [day.send(day.sent[-1])]

    async def _tell(self, day: Day, act: Tell) -> None:
        item = day.items[act.item]
        if item.base_state is ItemBase.WITHDRAWN:
            return
        day.items[act.item] = told = item.model_copy(
            update={"version": item.version + 1, "base_state": ItemBase(act.base)}
        )
        await day.deliver(
            ItemUpdated(version=told.version, occurred_at=day.now, item_id=told.item_id, item=told)
        )

    async def _withdraw(self, day: Day, name: str) -> None:
        item, wish = day.items[name], uuid7()
        if item.base_state is ItemBase.WITHDRAWN:
            return
        await day.deliver(
            ItemWithdrawalRequested(
                version=1, occurred_at=day.now, withdrawal_id=wish, item_id=item.item_id, reason="worn"
            )
        )
        cleared = await day.circulation.announced(ItemWithdrawalCleared)
        if wish in {event.withdrawal_id for event in cleared}:
            item = day.items[name]
            day.items[name] = gone = item.model_copy(
                update={"version": item.version + 1, "base_state": ItemBase.WITHDRAWN}
            )
            await day.deliver(
                ItemWithdrawn(
                    version=gone.version,
                    occurred_at=day.now,
                    item_id=gone.item_id,
                    item=gone,
                    withdrawal_id=wish,
                    reason="worn",
                )
            )

    async def _tick(self) -> None:
        day = self.day
        assert day is not None
        day.circulation.at(day.now)
        for timer in TIMERS:
            await day.work(timer)

    async def _again(self, which: int) -> None:
        day = self.day
        assert day is not None
        if not (done := [sent for sent in day.sent if sent.answer]):
            return
        before = await fingerprint(day.circulation)
        sent = done[-1 - which % len(done)]
        await day.send(sent)
        after = await fingerprint(day.circulation)
        changed = [table for table in after if after[table] != before[table]]
        assert changed == [], f"asking again changed {changed}: {sent.act}"
