"""From when to when is a title open? Dates as lists tell them, moving walls, what is left of both on a day.

Both days of a span are included. Nothing here knows the clock: `today` is the library's date.
"""

import calendar
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final, Literal

Unit = Literal["D", "M", "Y"]
_DAY: Final = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)
_WALLS: Final = re.compile(r"(?:R([1-9]\d{0,3})([DMY]))?(;)?(?:P([1-9]\d{0,3})([DMY]))?", re.ASCII)
_NUMBER: Final = re.compile(r"\d+", re.ASCII)
_DAY_AFTER: Final = timedelta(days=1)


class NotADay(ValueError):
    """It is no date of the form YYYY, YYYY-MM or YYYY-MM-DD."""


class NotAnEmbargo(ValueError):
    """It is no embargo of the form `R10Y;P30D` (KBART 6.6.13)."""


@dataclass(frozen=True, slots=True)
class Span:
    """Days from the first to the last; None: open at that end."""

    first: date | None
    last: date | None

    def within(self, other: "Span") -> "Span | None":
        """What lies in both; None: nothing does."""
        firsts = [each for each in (self.first, other.first) if each is not None]
        lasts = [each for each in (self.last, other.last) if each is not None]
        first, last = max(firsts, default=None), min(lasts, default=None)
        return None if first is not None and last is not None and last < first else Span(first, last)


ALWAYS: Final = Span(None, None)


@dataclass(frozen=True, slots=True)
class Wall:
    """So many days, months or years before today."""

    n: int
    unit: Unit

    def before(self, today: date) -> date:
        """The day at which the wall stands; a month's end stays within its month."""
        if self.unit == "D":
            return today - timedelta(days=min(self.n, today.toordinal() - 1))
        months = today.year * 12 + today.month - 1 - self.n * (12 if self.unit == "Y" else 1)
        year, month = divmod(months, 12)
        if year < 1:
            return date.min
        return date(year, month + 1, min(today.day, calendar.monthrange(year, month + 1)[1]))


@dataclass(frozen=True, slots=True)
class Embargo:
    """Moving walls: `R` is how far back it goes, `P` what is too new yet."""

    start: Wall | None
    end: Wall | None

    def __str__(self) -> str:
        told = ((letter, wall) for letter, wall in (("R", self.start), ("P", self.end)) if wall is not None)
        return ";".join(f"{letter}{wall.n}{wall.unit}" for letter, wall in told)


def read_embargo(told: str) -> Embargo:
    """`P12M`, `R2Y`, `R10Y;P30D`; `NotAnEmbargo`."""
    found = _WALLS.fullmatch(told)
    if found is None or bool(found[3]) != bool(found[1] and found[4]) or not (found[1] or found[4]):
        raise NotAnEmbargo(told)
    start = Wall(int(found[1]), _unit(found[2])) if found[1] else None
    end = Wall(int(found[4]), _unit(found[5])) if found[4] else None
    return Embargo(start, end)


def _unit(told: str) -> Unit:
    return "D" if told == "D" else "M" if told == "M" else "Y"


@lru_cache(maxsize=4096)
def first_day(told: str) -> date:
    """The first day of a year, of a month, or the day itself; `NotADay`."""
    year, month, day = _parts(told)
    return _date(told, year, 1 if month is None else month, 1 if day is None else day)


@lru_cache(maxsize=4096)
def last_day(told: str) -> date:
    """The last day of a year, of a month, or the day itself; `NotADay`."""
    year, month, day = _parts(told)
    if month is None:
        return _date(told, year, 12, 31)
    if day is None:
        return _date(told, year, month, calendar.monthrange(year, month)[1] if 1 <= month <= 12 else 0)
    return _date(told, year, month, day)


def _parts(told: str) -> tuple[int, int | None, int | None]:
    found = _DAY.fullmatch(told)
    if found is None or found[1] == "0000":
        raise NotADay(told)
    year, month, day = (None if part is None else int(part) for part in found.groups())
    return year or 0, month, day


def _date(told: str, year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise NotADay(told) from None


def window(embargo: Embargo, *, today: date) -> Span:
    """What the walls leave open today: `P12M` on 2026-03-31 ends with 2025-03-31, `R2Y` begins with 2024-03-31."""
    return Span(
        None if embargo.start is None else embargo.start.before(today),
        None if embargo.end is None else embargo.end.before(today),
    )


@dataclass(frozen=True, slots=True)
class Statement:
    """What a list says of a title's coverage, once."""

    span: Span
    start_volume: str | None = None
    start_issue: str | None = None
    end_volume: str | None = None
    end_issue: str | None = None
    depth: str = "fulltext"
    embargo: Embargo | None = None
    access_type: str = "P"
    note: str | None = None


def open_on(statement: Statement, *, today: date) -> Span | None:
    """What of it is open today; None: nothing is, all lies behind the walls."""
    if statement.embargo is None:
        return statement.span
    return statement.span.within(window(statement.embargo, today=today))


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans of several lists as one history: joined where they overlap or follow each other, gaps kept."""
    told = sorted(spans, key=lambda each: each.first or date.min)
    whole: list[Span] = []
    for span in told:
        if whole and _touches(whole[-1], span):
            before = whole[-1]
            last = None if before.last is None or span.last is None else max(before.last, span.last)
            whole[-1] = Span(before.first, last)
        else:
            whole.append(span)
    return whole


def _touches(before: Span, after: Span) -> bool:
    if before.last is None or after.first is None or before.last == date.max:
        return True
    return after.first <= before.last + _DAY_AFTER


def in_force(local: Sequence[Statement], listed: Sequence[Statement]) -> Sequence[Statement]:
    """What the library says itself goes before what the list says; nothing of its own: the list's again."""
    return local or listed


def surely_overlap(one: Statement, other: Statement) -> bool:
    """Whether two statements of one title claim the same days, access and depth. Of dates that are told by the year
    only the days are counted that cannot be meant otherwise (`starts` late, `ends` early): see `narrowest`.
    """
    if (one.access_type, one.depth) != (other.access_type, other.depth):
        return False
    return one.span.within(other.span) is not None


def narrowest(starts: str | None, ends: str | None) -> Span | None:
    """The days that are meant for sure: 1990 to 1994 is at least the last day of 1990 to the first of 1994.

    None: it may be no day at all.
    """
    first = None if starts is None else last_day(starts)
    last = None if ends is None else first_day(ends)
    return None if first is not None and last is not None and last < first else Span(first, last)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for: a day, or a year's first and last; volume and issue as they are cited."""

    first: date | None
    last: date | None
    volume: str | None = None
    issue: str | None = None


class Verdict(StrEnum):
    """Whether what is asked for is there."""

    COVERED = "covered"
    PERHAPS = "perhaps"
    """Only part of what was asked for is certain: a year that began before the coverage did, or no date at all."""
    IN_A_GAP = "in-a-gap"
    EMBARGOED = "embargoed"
    """Newer or older than the moving walls let through today."""
    BEFORE_COVERAGE = "before-coverage"
    AFTER_COVERAGE = "after-coverage"


def verdict(statement: Statement, asked: Asked, *, today: date) -> Verdict:
    """What one statement says. The date counts; where the citation has none, the volume does."""
    if asked.first is None and asked.last is None:
        return _by_volume(statement, asked, today=today)
    span = Span(asked.first, asked.last)
    common = statement.span.within(span)
    if common is None:
        first = statement.span.first
        early = first is not None and asked.last is not None and asked.last < first
        return Verdict.BEFORE_COVERAGE if early else Verdict.AFTER_COVERAGE
    left = open_on(statement, today=today)
    if left is None or (common := left.within(span)) is None:
        return Verdict.EMBARGOED
    if common == span:
        return Verdict.COVERED
    return _at_the_edge(statement, asked)


def _at_the_edge(statement: Statement, asked: Asked) -> Verdict:
    """Part of the time asked for is covered: the volume may tell on which side it lies."""
    place = _place(statement, asked)
    if place < 0:
        return Verdict.BEFORE_COVERAGE
    return Verdict.AFTER_COVERAGE if place > 0 else Verdict.PERHAPS


def _by_volume(statement: Statement, asked: Asked, *, today: date) -> Verdict:
    place = _place(statement, asked)
    if place < 0:
        return Verdict.BEFORE_COVERAGE
    if place > 0:
        return Verdict.AFTER_COVERAGE
    if open_on(statement, today=today) is None:
        return Verdict.EMBARGOED
    if statement.span == ALWAYS and statement.embargo is None and not statement.start_volume:
        return Verdict.COVERED
    known = _number(asked.volume) is not None and _number(statement.start_volume) is not None
    return Verdict.COVERED if known and statement.embargo is None else Verdict.PERHAPS


def _place(statement: Statement, asked: Asked) -> int:
    """-1 before the first volume, 1 after the last, 0 within or not known (volumes that are no numbers)."""
    wanted = (_number(asked.volume), _number(asked.issue))
    if wanted[0] is None:
        return 0
    begin = (_number(statement.start_volume), _number(statement.start_issue))
    end = (_number(statement.end_volume), _number(statement.end_issue))
    if begin[0] is not None and _earlier(wanted, begin):
        return -1
    return 1 if end[0] is not None and _earlier(end, wanted) else 0


def _earlier(one: tuple[int | None, int | None], other: tuple[int | None, int | None]) -> bool:
    """By volume; within one volume by issue, where both are known."""
    if one[0] != other[0]:
        return one[0] is not None and other[0] is not None and one[0] < other[0]
    return one[1] is not None and other[1] is not None and one[1] < other[1]


def _number(told: str | None) -> int | None:
    found = _NUMBER.fullmatch(told.strip()[:12]) if told else None
    return int(found[0]) if found else None


_ORDER: Final = tuple(Verdict)


def best(statements: Sequence[Statement], asked: Asked, *, today: date) -> Verdict:
    """Over all that is said of a title: whatever lets it through; between two statements it lies in a gap."""
    found = {verdict(each, asked, today=today) for each in statements}
    if not found:
        return Verdict.AFTER_COVERAGE
    if found == {Verdict.BEFORE_COVERAGE, Verdict.AFTER_COVERAGE}:
        return Verdict.IN_A_GAP
    return min(found, key=_ORDER.index)
