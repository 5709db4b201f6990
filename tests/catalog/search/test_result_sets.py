"""A result set stays as it was found, whichever process is asked for it, and is written down only when it must be."""

import asyncio
import random
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from catalog.search import resultsets, weighing
from catalog.search.documents import SCHEMA_VERSION, TitleDocument
from catalog.search.engine import Reader
from catalog.search.folders import switch
from catalog.search.grammar import And, Everything, Listed, Or, QueryProblem, Term
from catalog.search.hitlists import HitList
from catalog.search.ordering import SortKey
from catalog.search.resultsets import Found, ResultSets, keep_promises, page
from catalog.search.writing import Writer
from chassis.ids import uuid7

NAME = f"v{SCHEMA_VERSION}-a"
ROME = Term("rome", "title")


class Shelf:
    """An index that grows: each title has the next number."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writer = Writer(folder, NAME)
        self.count = 0

    def grow(self, by: int = 1) -> None:
        """So many more titles, committed at once."""
        numbers = range(self.count + 1, self.count + by + 1)
        titles = [TitleDocument(uuid7(), number=each, title=f"Rome {each}") for each in numbers]
        self.count += by
        self.writer.apply(titles, [], self.count)

    def process(self) -> ResultSets:
        """The sets of another process, which promises."""
        sets = Reader(self.folder).sets
        sets.wake = lambda: None
        return sets

    def files(self) -> list[str]:
        """What is written down, without names."""
        folder = self.folder / "lists"
        return sorted(path.suffix[-6:] for path in folder.iterdir()) if folder.exists() else []


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path)
    made.grow(12)
    switch(tmp_path, NAME)
    yield made
    made.writer.close()


def keep_due(sets: ResultSets) -> None:
    """What is done in the background."""
    sets.keep(sets.due())


def whole(kept: HitList | None) -> list[int]:
    assert kept is not None
    assert kept.total == len(kept.numbers)
    return sorted(kept.numbers)


def test_a_set_is_found_whole_when_somebody_names_it(shelf: Shelf) -> None:
    sets = shelf.process()

    found = sets.find(ROME, (), most=5)
    promised = shelf.files()
    assert found.name is not None
    kept = sets.kept(found.name)

    assert (len(found.numbers), found.total) == (5, 12)
    assert promised == [".asked"]
    assert whole(kept) == list(range(1, 13))
    assert kept is not None
    assert list(kept.numbers[:5]) == list(found.numbers)
    assert ".asked" not in shelf.files()
    assert not sets.promises
    assert sets.find(ROME, (), most=5) == found
    assert len(shelf.files()) == 1


def test_a_set_that_is_promised_is_kept_when_the_index_changes(shelf: Shelf) -> None:
    sets = shelf.process()
    found = sets.find(ROME, (), most=5)
    assert found.name is not None

    keep_due(sets)
    before = shelf.files()
    shelf.grow()
    keep_due(sets)

    assert before == [".asked"]
    assert not sets.promises
    assert whole(shelf.process().kept(found.name)) == list(range(1, 13))
    assert sets.find(ROME, (), most=5).total == 13


def test_whoever_searches_the_new_index_first_leaves_the_promises_of_the_old_one(shelf: Shelf) -> None:
    sets = shelf.process()
    found = sets.find(ROME, (), most=5)
    shelf.grow()

    later = sets.find(ROME, (), most=5)
    keep_due(sets)

    assert found.name is not None
    assert later.name is not None
    assert whole(sets.lists.get(found.name)) == list(range(1, 13))
    assert sets.lists.get(later.name) is None
    assert whole(sets.kept(later.name)) == list(range(1, 14))


def test_what_is_little_is_found_at_once_unless_the_index_has_changed(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = shelf.process()
    unknown = sets.find_at_once(ROME, most=5)
    found = sets.find(ROME, (), most=5)
    known = sets.find_at_once(ROME, most=5)
    shelf.grow()
    changed = sets.find_at_once(ROME, most=5)
    sets.find(ROME, (), most=5)
    monkeypatch.setattr(weighing, "LITTLE", 12)

    assert (unknown, known, changed) == (None, found, None)
    assert sets.find_at_once(ROME, most=5) is None
    assert sets.find_at_once(Term("7", "title"), most=5) == Found([7], 1, None)


def test_another_process_finds_a_set_as_long_as_the_index_is_the_same(shelf: Shelf) -> None:
    one, other = shelf.process(), shelf.process()
    by_title = (SortKey("added", descending=True),)

    found = one.find(ROME, by_title, most=5)
    assert found.name is not None
    kept = other.kept(found.name)
    shelf.grow()
    keep_due(one)

    assert kept is not None
    assert list(kept.numbers) == list(range(12, 0, -1))
    again = one.kept(found.name)
    assert again is not None
    assert list(again.numbers) == list(kept.numbers)
    assert not one.promises


def test_another_process_waits_for_whoever_keeps_a_set_of_the_index_as_it_was(shelf: Shelf) -> None:
    one, other = shelf.process(), shelf.process()
    found = one.find(ROME, (), most=5)
    assert found.name is not None
    shelf.grow()
    keeping = threading.Timer(0.1, keep_due, (one,))
    keeping.start()

    kept = other.kept(found.name)
    keeping.join()

    assert whole(kept) == list(range(1, 13))


def test_a_set_is_gone_with_the_process_that_was_killed_before_it_kept_it(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resultsets, "OTHERS_SECONDS", 0.1)
    found = shelf.process().find(ROME, (), most=5)
    assert found.name is not None
    shelf.grow()
    other = shelf.process()

    assert other.kept(found.name) is None
    began = time.monotonic()
    assert other.kept(found.name) is None
    assert time.monotonic() - began < 0.1
    assert other.find(ROME, (), start=6, most=5).total == 13


def test_who_goes_on_without_a_name_goes_on_in_the_set_that_was_found_last(shelf: Shelf) -> None:
    one, other = shelf.process(), shelf.process()
    first = one.find(ROME, (), most=5)
    rest = other.find(ROME, (), start=6, most=5)
    shelf.grow()
    last = one.find(ROME, (), start=11, most=5)

    assert sorted([*first.numbers, *rest.numbers, *last.numbers]) == list(range(1, 13))
    assert {first.name, rest.name, last.name} == {first.name}


def test_nothing_is_promised_where_nobody_would_keep_it_or_nothing_is_left(shelf: Shelf) -> None:
    alone = Reader(shelf.folder).sets
    found = alone.find(ROME, (), most=5)
    shelf.grow()

    assert found.name is not None
    assert whole(alone.kept(found.name)) == list(range(1, 13))
    assert shelf.process().find(ROME, (), most=13).name is None
    assert len(shelf.files()) == 1
    assert ResultSets(alone.lists, Reader(Path("/nowhere")).sets.opened).find(ROME, (), most=5).total == 0
    with pytest.raises(QueryProblem):
        alone.find(ROME, (), start=9_999, most=3)


def test_a_set_can_be_searched_in_and_a_query_of_numbers_be_promised(shelf: Shelf) -> None:
    sets = shelf.process()
    found = sets.find(ROME, (), most=5)
    assert found.name is not None
    kept = sets.kept(found.name)
    assert kept is not None
    shelf.grow()

    narrowed = sets.find(And((Listed(tuple(kept.numbers)), ROME)), (), most=2)

    assert narrowed.name is not None
    assert whole(shelf.process().kept(narrowed.name)) == list(range(1, 13))


def test_a_set_of_what_is_no_unicode_is_kept_at_once(shelf: Shelf) -> None:
    sets = shelf.process()

    found = sets.find(Or((ROME, Term("\ud800", "title"))), (), most=5)

    assert found.name is not None
    assert not sets.promises
    assert whole(sets.lists.get(found.name)) == list(range(1, 13))


def test_the_first_promises_are_forgotten_where_there_is_no_room_or_their_time_is_over(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = shelf.process()
    monkeypatch.setattr(resultsets, "MOST_BYTES", 2 * (28 + 8 * 12))
    names = [sets.find(And((ROME, Everything())), (SortKey(key),), most=1).name for key in ("added", "year")]
    again = sets.find(And((ROME, Everything())), (SortKey("added"),), most=1).name
    last = sets.find(ROME, (), most=1).name
    held = [promise.name for promise, _, _ in sets.due(ended=True)]
    monkeypatch.setattr(resultsets, "KEPT_SECONDS", -1)

    assert again == names[0]
    assert held == [last, again]
    assert sets.due(ended=True) == []
    assert not sets.promises


def test_a_set_that_cannot_be_written_down_is_gone_and_nothing_else(shelf: Shelf) -> None:
    sets = shelf.process()
    sets.find(ROME, (), most=5)
    shutil.rmtree(shelf.folder / "lists")
    (shelf.folder / "lists").write_text("no folder")
    shelf.grow()

    keep_due(sets)

    assert not sets.promises


async def test_whoever_ends_keeps_what_was_promised(shelf: Shelf) -> None:
    sets = Reader(shelf.folder).sets
    keeping = asyncio.create_task(keep_promises(sets))
    await asyncio.sleep(0)
    found = sets.find(ROME, (), most=5)
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping
    shelf.grow()

    assert found.name is not None
    assert whole(shelf.process().kept(found.name)) == list(range(1, 13))


async def test_sets_stay_while_titles_are_written_and_several_processes_answer(shelf: Shelf) -> None:
    """Whoever pages through a set, in whichever process, gets the titles that were there when it was found: each once,
    and no other."""
    processes = [Reader(shelf.folder).sets for _ in range(3)]
    keeping = [asyncio.create_task(keep_promises(each)) for each in processes]

    def write() -> None:
        for _ in range(60):
            shelf.grow()

    writing = asyncio.get_running_loop().run_in_executor(None, write)
    chance, totals = random.Random(5), set()
    await asyncio.sleep(0)

    async def read_through() -> None:
        while not writing.done():
            first = await asyncio.to_thread(chance.choice(processes).find, ROME, (), most=7)
            seen = list(first.numbers)
            assert first.name is not None
            while len(seen) < first.total:
                await asyncio.sleep(chance.choice((0, 0, 0.02, 0.1)))
                kept = await asyncio.to_thread(chance.choice(processes).kept, first.name)
                assert kept is not None
                seen += page(kept, len(seen) + 1, 7).numbers
            assert sorted(seen) == list(range(1, first.total + 1))
            totals.add(first.total)

    await asyncio.gather(*(read_through() for _ in range(4)))
    await writing
    for each in keeping:
        each.cancel()
    await asyncio.gather(*keeping, return_exceptions=True)

    assert len(totals) > 3
