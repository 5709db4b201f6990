"""Result sets of SRU and Z39.50: what a first answer has found, and a later query may page through or search in.

A set stays as it was found, whatever is written meanwhile. Most are never named again, and to write down ten thousand
hits takes many times as long as to find the first ten. So a first answer promises its set (`promises`): the state of
the index that it was found in is held, and the set is found whole and kept as a list (`hitlists`) once somebody names
it – in whichever process, as long as that state serves – or once the index is about to be another one for us.
See docs/decisions/0015.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from catalog.search.compile import compiled, filtered
from catalog.search.grammar import Node, QueryProblem
from catalog.search.hitlists import DEEPEST_HIT, KEPT_SECONDS, MOST_BYTES, HitList, HitLists, digest
from catalog.search.opened import Now, Opened
from catalog.search.ordering import Addresses, SortKey, ordered
from catalog.search.promises import Promise, read, written
from catalog.search.weighing import is_little

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.05
"""How soon after a commit sets that were promised before it are kept."""
OTHERS_SECONDS: Final = 5.0
"""How long a set is waited for that another process has promised and keeps in this very moment."""
_AGAIN_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a result set."""

    numbers: Sequence[int]
    """Of titles."""
    total: int
    name: str | None
    """By which the set may be named; None where there is no more of it than this page."""


Promised = tuple[Promise, Now, float]
"""A promise, the state of the index that it is of, and when it was given (monotonic seconds)."""


@dataclass(slots=True)
class ResultSets:
    """The sets that a process answers from."""

    lists: HitLists
    opened: Opened
    """The index."""
    wake: Callable[[], None] | None = None
    """Called once there is something to be kept when the index changes (`keep_promises`). None: nobody would keep it,
    so nothing is promised and every set is kept as it is found."""
    _promised: dict[str, Promised] = field(default_factory=dict)
    _bytes: int = 0
    """What the lists of all that is promised will take."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, tree: Node, keys: tuple[SortKey, ...], *, start: int = 1, most: int) -> Found:
        """The titles from a place on (from 1) that a query finds. Further pages of what was asked before go on in the
        set that was found last. Raises `QueryProblem`, and `IndexAbsent`. Takes as long as the engine does."""
        end = start + most - 1
        if end > DEEPEST_HIT:
            raise QueryProblem("too-deep", f"Hits are given up to the {DEEPEST_HIT}th: narrow the query.", 0)
        if start > 1 and (name := self.lists.newest_name(_digest(tree, keys))) and (kept := self.kept(name)):
            return page(kept, start, most)
        now = self.opened.now()
        return self._found(tree, keys, now, start, most) if now is not None else Found((), 0, None)

    def find_at_once(self, tree: Node, *, most: int) -> Found | None:
        """The first titles that a query finds, where that takes no time; None where it would hold others up, and
        `find` has to be asked."""
        now = self.opened.known()
        return self._found(tree, (), now, 1, most) if now is not None and is_little(tree, now) else None

    def _found(self, tree: Node, keys: tuple[SortKey, ...], now: Now, start: int, most: int) -> Found:
        end = start + most - 1
        promises = start == 1 and self.wake is not None
        addresses, total = _ordered(now, tree, keys, max(end, 1) if promises else DEEPEST_HIT)
        numbers = _numbers(now, addresses[start - 1 : end])
        if total <= most:
            return Found(numbers, total, None)
        name = f"{_digest(tree, keys)}.{now.state}"
        if not self.lists.has(name):
            if promises:
                self._promise(Promise(name, total, now.position, tuple(numbers), tree, keys), now)
            else:
                self.lists.keep(HitList(name, total, now.position, _numbers(now, addresses)))
        return Found(numbers, total, name)

    def kept(self, name: str) -> HitList | None:
        """The set of this name, whoever has found it; None where it is kept no longer. Raises `IndexAbsent`.

        Waits for a process that is about to keep it, seconds at most.
        """
        if (kept := self.lists.get(name)) is not None:
            return kept
        with self._lock:
            held = self._promised.get(name)
        if held is not None:
            return self._keep(held[0], held[1])
        until = time.monotonic() + OTHERS_SECONDS
        while (content := self.lists.promised(name)) is not None:
            promise, now = read(name, content), self.opened.now()
            if promise is not None and now is not None and name.endswith(f".{now.state}"):
                return self._keep(promise, now)
            if promise is None or time.monotonic() > until:  # whoever has promised it was killed
                self.lists.unpromise(name)
            else:
                time.sleep(_AGAIN_SECONDS)
        return self.lists.get(name)

    def due(self, *, ended: bool = False) -> list[Promised]:
        """What is to be kept now, the last that was promised first: what was promised of a state of the index that
        serves no longer. `ended`: all of it. What nobody may ask for any more is forgotten."""
        with self._lock:
            self._make_room(now=time.monotonic())
            held = list(self._promised.values())
        now = self.opened.known() if held and not ended else None
        return [each for each in reversed(held) if now is None or each[1].state != now.state]

    def keep(self, due: Sequence[Promised]) -> None:
        """Keep what was promised, unless another process has done so."""
        for promise, before, _ in due:
            try:
                if not self.lists.has(promise.name):
                    self._keep(promise, before)
                self.lists.unpromise(promise.name)
            except OSError as error:
                log.warning("a result set could not be kept", extra={"error": str(error)})
            with self._lock:
                self._drop(promise.name)

    @property
    def promises(self) -> bool:
        """Whether anything is promised that is not kept."""
        return bool(self._promised)

    def _promise(self, promise: Promise, now: Now) -> None:
        try:
            self.lists.promise(promise.name, written(promise))
        except ValueError:
            self._keep(promise, now)
            return
        with self._lock:
            is_first = not self._promised
            self._drop(promise.name)
            self._promised[promise.name] = promise, now, time.monotonic()
            self._bytes += promise.size
            self._make_room(now=time.monotonic())
        if is_first and self.wake is not None:
            self.wake()

    def _make_room(self, *, now: float) -> None:
        """Forget what was promised too long ago, and what there would be no room for: the first that was promised."""
        while self._promised:
            promise, _, asked_at = next(iter(self._promised.values()))
            if now - asked_at <= KEPT_SECONDS and self._bytes <= MOST_BYTES:
                break
            self._drop(promise.name)

    def _drop(self, name: str) -> None:
        if (held := self._promised.pop(name, None)) is not None:
            self._bytes -= held[0].size

    def _keep(self, promise: Promise, now: Now) -> HitList:
        """Find a set whole, in the state that it was promised of, and keep it; first what was shown already."""
        addresses, _ = _ordered(now, promise.tree, promise.keys, DEEPEST_HIT)
        shown = set(promise.shown)
        rest = (number for number in _numbers(now, addresses) if number not in shown)
        numbers = [*promise.shown, *islice(rest, DEEPEST_HIT - len(shown))]
        kept = HitList(promise.name, promise.total, promise.position, numbers)
        if not self.lists.has(promise.name):
            self.lists.keep(kept)
        with self._lock:
            self._drop(promise.name)
        self.lists.unpromise(promise.name)
        return kept


def page(kept: HitList, start: int, most: int) -> Found:
    """A page of a set that is kept."""
    return Found(kept.numbers[start - 1 : start - 1 + most], kept.total, kept.name)


async def keep_promises(sets: ResultSets) -> None:
    """Keep what was promised as the index changes, until cancelled; then all that is left."""
    loop, promised = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        loop.call_soon_threadsafe(promised.set)

    sets.wake = wake
    keeping = ThreadPoolExecutor(1, "result sets")  # those of everybody may all be waiting for a set
    try:
        while True:
            await promised.wait()
            await asyncio.sleep(LOOK_SECONDS)
            promised.clear()
            if due := sets.due():
                await loop.run_in_executor(keeping, sets.keep, due)
            if sets.promises:
                promised.set()
    finally:
        sets.wake = None
        keeping.shutdown()
        sets.keep(sets.due(ended=True))


def _digest(tree: Node, keys: tuple[SortKey, ...]) -> str:
    return digest("set", tree, keys)


def _ordered(now: Now, tree: Node, keys: Sequence[SortKey], most: int) -> tuple[Addresses, int]:
    query = filtered(compiled(tree, now.schema, now.filing), {}, schema=now.schema, with_suppressed=False)
    found = ordered(now.searcher, now.schema, query, keys, most)
    return found.addresses, found.total


def _numbers(now: Now, addresses: Addresses) -> list[int]:
    found: list[int] = now.searcher.fast_field_values("number", addresses)  # type: ignore[assignment]  # never empty
    return found
