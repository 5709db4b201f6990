"""Lists of hits are kept for a while, and only so many of them."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.search import hitlists
from catalog.search.hitlists import KEPT_SECONDS, HitList, HitLists, digest, state

ONE = HitList(f"{digest('rome')}.{state(7, 'a')}", 3, 7, [5, 2**40, 9], [3.5, 2.0, 0.25])


def test_a_list_is_read_as_it_was_kept(tmp_path: Path) -> None:
    HitLists(tmp_path / "lists").keep(ONE)

    told = HitLists(tmp_path / "lists").get(ONE.name)

    assert told is not None
    assert (list(told.numbers), list(told.scores)) == (ONE.numbers, ONE.scores)
    assert (told.total, told.position) == (3, 7)


def test_who_reads_on_first_says_for_all_what_follows(tmp_path: Path) -> None:
    one, other = HitLists(tmp_path), HitLists(tmp_path)
    one.keep(ONE)
    longer = replace(ONE, numbers=[*ONE.numbers, 11, 12], scores=[*ONE.scores, 0.1, 0.1], total=5)

    told = [one.keep_on(longer), other.keep_on(replace(longer, numbers=[*ONE.numbers, 12, 11]))]

    kept = one.get(ONE.name)
    assert kept is not None
    assert [list(each.numbers) for each in (*told, kept)] == [[5, 2**40, 9, 11, 12]] * 3
    assert kept.total == 5
    newest = other.newest(digest("rome"))
    assert newest is not None
    assert list(newest.numbers) == longer.numbers


@pytest.mark.parametrize(
    "name", ["", "..", "../../CURRENT", "0" * 32 + ".", f"{digest('x')}.{state(7, 'a')}"]
)
def test_no_other_name_reads_anything(tmp_path: Path, name: str) -> None:
    lists = HitLists(tmp_path / "lists")
    lists.keep(ONE)

    assert lists.get(name) is None


def test_the_newest_list_is_of_the_latest_state_whoever_read_an_older_one_since(tmp_path: Path) -> None:
    lists = HitLists(tmp_path)
    lists.keep(ONE)
    later = HitList(f"{digest('rome')}.{state(80, 'a')}", 1, 80, [1])
    lists.keep(later)

    lists.get(ONE.name)

    told = lists.newest(digest("rome"))
    assert told is not None
    assert told.name == later.name
    assert lists.newest(digest("athens")) is None


def test_a_list_goes_a_quarter_of_an_hour_after_it_was_read(tmp_path: Path) -> None:
    lists = HitLists(tmp_path)
    lists.keep(ONE)
    old = time.time() - KEPT_SECONDS - 1
    os.utime(tmp_path / ONE.name, (old, old))

    assert lists.get(ONE.name) is None
    lists.sweep(now=time.time())
    assert not lists.has(ONE.name)


def test_the_lists_take_no_more_room_than_they_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hitlists, "MOST_BYTES", 30_000)
    lists = HitLists(tmp_path)
    names = [f"{digest(number)}.{state(number, 'a')}" for number in range(100)]
    for age, name in zip(range(99, -1, -1), names, strict=True):
        lists.keep(HitList(name, 100, 1, range(100)))
        os.utime(tmp_path / name, (time.time() - age, time.time() - age))

    lists.sweep(now=time.time())

    kept = [name for name in names if lists.has(name)]
    assert 0 < sum(path.stat().st_size for path in tmp_path.iterdir()) <= 30_000
    assert kept == names[-len(kept) :]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) + 900 > 30_000


def test_a_promise_is_read_until_it_is_kept_and_no_longer_than_a_list(tmp_path: Path) -> None:
    one, other = HitLists(tmp_path / "lists"), HitLists(tmp_path / "lists")
    one.promise(ONE.name, b"what was asked")
    path = tmp_path / "lists" / f"{ONE.name}.asked"
    told = [other.promised(ONE.name), other.promised("../CURRENT"), other.get(ONE.name)]
    newest = other.newest_name(digest("rome"))
    old = time.time() - KEPT_SECONDS - 1
    os.utime(path, (old, old))
    late = other.promised(ONE.name)
    one.promise(ONE.name, b"what was asked")
    again = other.promised(ONE.name)
    one.unpromise(ONE.name)
    other.unpromise(ONE.name)

    assert told == [b"what was asked", None, None]
    assert newest == ONE.name
    assert (late, again) == (None, b"what was asked")
    assert other.promised(ONE.name) is None
    assert other.newest_name(digest("rome")) is None
    assert list((tmp_path / "lists").iterdir()) == []
