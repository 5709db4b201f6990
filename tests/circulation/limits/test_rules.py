"""How many of what a patron may have, and how long a new item stays at home."""

from datetime import UTC, datetime, timedelta

import pytest

from circulation.calendars.rules import always_open
from circulation.limits.rules import Out, out_by_rule, reached, too_new
from circulation.policies.rules import Criterion, NewItems, Rule

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
BERLIN = always_open("Europe/Berlin")
BOOKS = Out({"library": "MAIN", "material_type": "book", "loan_type": "normal"}, 4)
VIDEOS = Out({"library": "MAIN", "material_type": "video", "loan_type": "normal"}, 2)
LAW_VIDEOS = Out({"library": "LAW", "material_type": "video", "loan_type": "short"}, 1)
OUT = (BOOKS, VIDEOS, LAW_VIDEOS)


def rule(max_loans: int | None, **criteria: Criterion) -> Rule:
    return Rule(1, criteria, "month", "daily", "usual", max_loans=max_loans)


def of(*values: str, negated: bool = False) -> Criterion:
    return Criterion(frozenset(values), negated)


@pytest.mark.parametrize(
    ("limited", "count"),
    [
        (rule(5, material_type=of("video")), 3),
        (rule(5, material_type=of("book")), 4),
        (rule(5, material_type=of("video"), loan_type=of("short")), 1),
        (rule(5, loan_type=of("short", negated=True)), 6),
        (rule(5, material_type=of("video"), library=of("LAW")), 1),
        # The group chose the rule; it is the same patron's for all that is out.
        (rule(5, material_type=of("video"), patron_group=of("student")), 3),
        (rule(5, material_type=of("map")), 0),
    ],
    ids=["videos", "books", "short videos", "not short", "law videos", "students' videos", "maps"],
)
def test_a_limit_counts_only_the_combination_that_its_rule_names(limited: Rule, count: int) -> None:
    assert out_by_rule(limited, OUT) == count


@pytest.mark.parametrize(
    ("limited", "by_library", "library", "told"),
    [
        (rule(None, material_type=of("video")), {}, "MAIN", []),
        (rule(4, material_type=of("video")), {}, "MAIN", []),
        (rule(3, material_type=of("video")), {}, "MAIN", [("rule-loan-limit", 3, 3)]),
        (rule(0, material_type=of("map")), {}, "MAIN", [("rule-loan-limit", 0, 0)]),
        (rule(None), {"LAW": 1}, "LAW", [("library-loan-limit", 1, 1)]),
        (rule(None), {"LAW": 1}, "MAIN", []),
        (rule(None), {"LAW": 2, "MAIN": 6}, "MAIN", [("library-loan-limit", 6, 6)]),
        (rule(None), {"LAW": 1}, None, []),
        (
            rule(2, material_type=of("video")),
            {"LAW": 0},
            "LAW",
            [("rule-loan-limit", 3, 2), ("library-loan-limit", 1, 0)],
        ),
    ],
    ids=[
        "no limit",
        "room for one",
        "reached",
        "none at all",
        "a library's",
        "another library's",
        "the item's own library's",
        "an item of no library",
        "both",
    ],
)
def test_one_loan_more_is_told_against_every_limit(
    limited: Rule, by_library: dict[str, int], library: str | None, told: list[tuple[str, int, int]]
) -> None:
    found = reached(limited, by_library, library, OUT)

    assert [(each.code, each.value, each.limit) for each in found] == told


@pytest.mark.parametrize(
    ("policy", "since", "local", "age"),
    [
        (None, NOW, False, None),
        (NewItems(30), NOW, False, 0),
        (NewItems(30), NOW, True, None),
        (NewItems(30), NOW - timedelta(days=29), False, 29),
        (NewItems(30), NOW - timedelta(days=30), False, None),
        # Late in the evening it is the next day already in Berlin.
        (NewItems(1), NOW - timedelta(hours=9, minutes=30), False, 0),
        (NewItems(1), NOW - timedelta(hours=10, minutes=30), False, None),
        (NewItems(30), None, False, None),
    ],
    ids=[
        "no rule",
        "today",
        "at home",
        "the last day",
        "over",
        "since midnight",
        "since yesterday",
        "unknown",
    ],
)
def test_a_new_item_stays_at_home_for_as_many_days(
    policy: NewItems | None, since: datetime | None, local: bool, age: int | None
) -> None:
    found = too_new(policy, BERLIN, new_since=since, local=local, now=NOW)

    assert (found.value if found else None) == age
