"""Works found: counted exactly, each once, page by page, whatever is written meanwhile."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalog.search import byworks
from catalog.search.byworks import FoundWorks, find
from catalog.search.documents import SCHEMA_VERSION, TitleDocument
from catalog.search.engine import ListGone, Reader, SearchRequest
from catalog.search.folders import switch
from catalog.search.grammar import QueryProblem
from catalog.search.writing import Writer
from chassis.ids import uuid7

NAME = f"v{SCHEMA_VERSION}-a"


def title(number: int, eldest: int | None = None, **more: Any) -> TitleDocument:
    told = {"title": f"Rome {number}", "stored": str(number).encode(), "format": "book"} | more
    return TitleDocument(title_id=uuid7(), number=number, eldest=eldest, **told)


def drawn(chance: random.Random, count: int) -> list[TitleDocument]:
    """Titles, half of which share their work with one or several others."""
    works = [chance.choice((None, None, "a", "b", "c", "d", "e")) for _ in range(count)]
    eldest: dict[str | None, int] = {}
    for number, work in enumerate(works, 1):
        eldest.setdefault(work, number)
    return [
        title(
            number,
            eldest[work] if work is not None and works.count(work) > 1 else None,
            title=f"Rome {chance.choice(('and Carthage', 'alone', 'rome rome', ''))} {number}",
            format=chance.choice(("book", "map", "journal")),
            languages=tuple(chance.sample(("eng", "ger", "fre"), chance.randint(0, 2))),
            year=chance.choice((None, 1854, 1910, 1910)),
            suppressed=chance.random() < 0.1,
        )
        for number, work in enumerate(works, 1)
    ]


def work_of(each: TitleDocument) -> int:
    return each.number if each.eldest is None else each.eldest


def indexed(folder: Path, titles: Sequence[TitleDocument]) -> Reader:
    writer = Writer(folder, NAME)
    writer.apply(titles, [], 7)
    writer.close()
    switch(folder, NAME)
    return Reader(folder)


def changed(folder: Path, titles: Sequence[TitleDocument], gone: Sequence[TitleDocument] = ()) -> Reader:
    """The same index, later, as another process reads it."""
    writer = Writer(folder, NAME)
    writer.apply(titles, [each.title_id for each in gone], 8)
    writer.close()
    return Reader(folder)


def numbers(found: FoundWorks) -> list[int | None]:
    """The best title of each work."""
    return [int(each.best.stored) if each is not None else None for each in found.places]


def pages(reader: Reader, asked: SearchRequest) -> list[FoundWorks]:
    told = [find(reader, asked)]
    while (seen := sum(len(each.places) for each in told)) < told[0].total:
        told.append(find(reader, replace(asked, offset=seen, list_name=told[0].list_name)))
    return told


@pytest.mark.parametrize("seed", range(12))
def test_works_are_found_once_and_counted_as_they_are(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    titles = drawn(chance, 40)
    reader = indexed(tmp_path, titles)
    for query in ("rome", "carthage", "format:map OR language:ger", "nothing"):
        for sort in ("relevance", "title", "-year,title"):
            asked = SearchRequest(query, sort=sort, limit=200)
            hits = [int(hit.stored) for hit in reader.search(asked).hits]
            works: dict[int, list[int]] = defaultdict(list)
            for number in hits:
                works[work_of(titles[number - 1])].append(number)

            told = pages(reader, replace(asked, limit=3, facets=("format", "language")))

            assert [number for each in told for number in numbers(each)] == [own[0] for own in works.values()]
            assert [
                [titles.index(one) + 1 for one in titles if one.title_id in each.title_ids]
                for page in told
                for each in page.places
                if each is not None
            ] == [sorted(own) for own in works.values()]
            assert {(each.total, each.titles_total) for each in told} == {(len(works), len(hits))}
            for name in ("format", "language"):
                counts: dict[str, set[int]] = defaultdict(set)
                for number in hits:
                    one = titles[number - 1]
                    for value in (one.format,) if name == "format" else one.languages:
                        counts[value].add(work_of(one))
                assert dict(told[0].facets[name]) == {value: len(own) for value, own in counts.items()}
                shown = [count for _, count in told[0].facets[name]]
                assert shown == sorted(shown, reverse=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MOST_NAMED", 0),
        ("EVERY", {"size": "more than the engine takes"}),
    ],
)
def test_facets_count_the_same_however_many_titles_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    reader = indexed(tmp_path, drawn(random.Random(7), 60))
    asked = SearchRequest("rome", facets=("format", "language", "decade"))
    few = find(reader, asked).facets

    monkeypatch.setattr(byworks, name, value)

    assert find(reader, asked).facets == few
    assert few["format"] != reader.search(asked).facets["format"]


def test_who_may_see_hidden_titles_finds_their_works(tmp_path: Path) -> None:
    reader = indexed(tmp_path, [title(1, 1, suppressed=True), title(2, 1), title(3, suppressed=True)])

    assert numbers(find(reader, SearchRequest("rome", sort="added"))) == [2]
    assert numbers(find(reader, SearchRequest("rome", sort="added", with_suppressed=True))) == [1, 3]


def test_works_that_become_one_while_somebody_pages_are_shown_once(tmp_path: Path) -> None:
    titles = [title(number) for number in range(1, 7)]
    asked = SearchRequest("rome", sort="added", limit=2)
    first = find(indexed(tmp_path, titles), asked)

    joined = [replace(titles[0], eldest=1), replace(titles[3], eldest=1)]
    reader = changed(tmp_path, [*joined, title(7)])
    rest = [find(reader, replace(asked, offset=offset, list_name=first.list_name)) for offset in (2, 4)]

    assert (numbers(first), first.total) == ([1, 2], 6)
    assert [numbers(each) for each in rest] == [[3, None], [5, 6]]
    assert numbers(find(reader, replace(asked, limit=10))) == [1, 2, 3, 5, 6, 7]


def test_a_work_is_found_again_by_another_number_and_by_its_other_titles(tmp_path: Path) -> None:
    old, second, third = title(2, 2), title(3, 2), title(5, 2)
    others = [title(1), title(4)]
    asked = SearchRequest("rome", sort="added", limit=1)
    first = find(indexed(tmp_path, [old, second, third, *others]), asked)

    without_eldest = changed(tmp_path, [replace(second, eldest=3), replace(third, eldest=3)])
    numbered = find(without_eldest, replace(asked, offset=1, list_name=first.list_name))
    gone = changed(tmp_path, [replace(second, eldest=3), replace(third, eldest=3)], [old])
    left_out = find(gone, replace(asked, offset=1, list_name=first.list_name))
    hidden = changed(
        tmp_path, [replace(old, suppressed=True), replace(second, eldest=2), replace(third, eldest=2)]
    )
    by_others = find(hidden, replace(asked, offset=1, list_name=first.list_name))

    assert (numbers(first), first.total, first.titles_total) == ([1], 3, 5)
    assert numbers(numbered) == [2]
    assert numbers(left_out) == [None], (
        "neither its eldest nor its best title is there to tell what it is now"
    )
    assert numbers(by_others) == [3]


def test_a_title_that_answers_no_more_stands_for_its_work(tmp_path: Path) -> None:
    titles = [title(1), title(2), title(3)]
    asked = SearchRequest("rome", sort="added", limit=1)
    first = find(indexed(tmp_path, titles), asked)

    reader = changed(tmp_path, [replace(titles[1], title="Athens")], [titles[2]])
    rest = find(reader, replace(asked, offset=1, limit=2, list_name=first.list_name))

    assert numbers(rest) == [2, None]


def test_who_reads_on_beyond_what_was_pinned_neither_skips_a_work_nor_sees_one_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(byworks, "PINNED", 2)
    titles = [title(number, year=1900 + number) for number in range(1, 8)]
    asked = SearchRequest("rome", sort="year", limit=2)
    first = find(indexed(tmp_path, titles), asked)

    forward = replace(titles[5], year=1800, eldest=2)  # it comes forward, and its work is one that was seen
    reader = changed(tmp_path, [forward, replace(titles[1], eldest=2), title(9, year=1801)])
    second = find(reader, replace(asked, offset=2, list_name=first.list_name))
    third = find(reader, replace(asked, offset=4, list_name=first.list_name))
    fourth = find(reader, replace(asked, offset=6, list_name=first.list_name))

    assert (numbers(first), first.total) == ([1, 2], 7)
    assert [numbers(each) for each in (second, third, fourth)] == [[9, 3], [4, 5], [7]]
    assert second.total == third.total == 7


def test_a_list_of_works_goes_on_in_no_other_search(tmp_path: Path) -> None:
    reader = indexed(tmp_path, [title(number) for number in range(1, 5)])
    asked = SearchRequest("rome", limit=1)
    works = find(reader, asked).list_name
    titles = reader.search(replace(asked, paged=True)).list_name

    for other in (replace(asked, query="carthage"), replace(asked, sort="title")):
        with pytest.raises(ListGone):
            find(reader, replace(other, offset=1, list_name=works))
    with pytest.raises(ListGone):
        find(reader, replace(asked, offset=1, list_name=titles))
    with pytest.raises(ListGone):
        reader.search(replace(asked, paged=True, offset=1, list_name=works))


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    assert find(Reader(tmp_path), SearchRequest("rome", facets=("format",))) == FoundWorks(
        [], 0, 0, {"format": []}, 0
    )
    with pytest.raises(QueryProblem):
        find(Reader(tmp_path), SearchRequest("rome", offset=9_999, limit=2))
