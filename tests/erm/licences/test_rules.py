"""What a term's value may be, and what a licence says on a day."""

from datetime import date
from typing import Any

import pytest

from erm.licences.rules import Said, Text, differing, effective, stretches, value_flaw

MAY, JUNE = date(2027, 5, 1), date(2027, 6, 1)
LICENCE = Text(0, "active", date(2027, 1, 1), None, (Said("ill-print", use="permitted"),))
LATER = Text(
    1, "active", JUNE, None, (Said("ill-print", use="prohibited"), Said("ai-search", use="permitted"))
)


@pytest.mark.parametrize(
    ("kind", "value", "fits"),
    [
        ("text", "anything", True),
        ("text", " ", False),
        ("text", 3, False),
        ("integer", 3, True),
        ("integer", True, False),
        ("integer", 10**30, False),
        ("decimal", "7.5", True),
        ("decimal", "1e3", False),
        ("decimal", 7.5, False),
        ("date", "2027-02-28", True),
        ("date", "2027-02-29", False),
        ("date", "20270228", False),
        ("money", {"amount": "12.50", "currency": "EUR"}, True),
        ("money", {"amount": 12.5, "currency": "EUR"}, False),
        ("money", {"amount": "12.50"}, False),
        ("boolean", False, True),
        ("boolean", "no", False),
        ("choice", "a", True),
        ("choice", "c", False),
        ("choice", ["a"], False),
        ("multi-choice", ["a", "b"], True),
        ("multi-choice", [], False),
        ("multi-choice", [["a"]], False),
    ],
)
def test_a_value_is_of_its_terms_kind(kind: str, value: Any, fits: bool) -> None:
    assert (value_flaw(kind, ["a", "b"], value) is None) is fits


def test_an_amendment_that_begins_next_month_changes_the_term_then_and_not_now() -> None:
    now, then = effective([LICENCE, LATER], MAY), effective([LICENCE, LATER], JUNE)

    assert now is not None
    assert then is not None
    assert (now["ill-print"].use, now["ill-print"].source) == ("permitted", 0)
    assert (then["ill-print"].use, then["ill-print"].source) == ("prohibited", 1)
    assert "ai-search" not in now


@pytest.mark.parametrize(
    ("texts", "on", "use"),
    [
        ([Text(0, "draft", None, None, LICENCE.said)], MAY, None),
        ([Text(0, "active", None, date(2027, 4, 30), LICENCE.said)], MAY, None),
        ([Text(0, "active", None, MAY, LICENCE.said)], MAY, "permitted"),
        ([LICENCE], date(2026, 12, 31), None),
        ([LICENCE, Text(1, "draft", None, None, LATER.said)], JUNE, "permitted"),
        ([LICENCE, Text(2, "active", None, None, LICENCE.said), LATER], JUNE, "permitted"),
        ([LICENCE, Text(1, "active", None, MAY, LATER.said)], JUNE, "permitted"),
    ],
    ids=[
        "draft",
        "over",
        "its last day",
        "not begun",
        "amendment in draft",
        "the higher number",
        "amendment over",
    ],
)
def test_only_what_is_in_force_counts(texts: list[Text], on: date, use: str | None) -> None:
    told = effective(texts, on)

    assert (told["ill-print"].use if told else None) == use


def test_what_counts_is_told_for_every_day_at_once() -> None:
    limited = Text(1, "active", MAY, date(2027, 5, 31), LATER.said)
    told = [
        (stretch.said.term, stretch.said.use, stretch.starts_on, stretch.ends_on)
        for stretch in stretches([LICENCE, limited])
    ]

    assert told == [
        ("ai-search", "permitted", MAY, date(2027, 5, 31)),
        ("ill-print", "permitted", date(2027, 1, 1), date(2027, 4, 30)),
        ("ill-print", "prohibited", MAY, date(2027, 5, 31)),
        ("ill-print", "permitted", JUNE, None),
    ]


def test_every_stretch_says_what_counts_on_its_days() -> None:
    ends = Text(0, "active", None, date(2027, 9, 1), (Said("ill-print", use="silent"), Said("x", value=1)))
    texts = [ends, LATER, Text(2, "active", date(2027, 7, 1), date(2027, 7, 9), (Said("x", value=2),))]
    found = stretches(texts)

    for day in (
        date(2020, 1, 1),
        JUNE,
        date(2027, 7, 5),
        date(2027, 7, 10),
        date(2027, 9, 1),
        date(2027, 9, 2),
    ):
        told = {
            one.said.term: one.said
            for one in found
            if (one.starts_on or date.min) <= day <= (one.ends_on or date.max)
        }
        assert told == (effective(texts, day) or {}), day
    assert stretches([Text(0, "closed", None, None, LICENCE.said)]) == []
    assert [
        (one.starts_on, one.ends_on) for one in stretches([Text(0, "active", None, None, LICENCE.said)])
    ] == [(None, None)]


def test_licences_differ_where_a_value_or_a_use_does() -> None:
    one = {"a": Said("a", use="permitted", public_note="x"), "b": Said("b", value=1)}
    other = {
        "a": Said("a", use="permitted", public_note="y"),
        "b": Said("b", value=2),
        "c": Said("c", value=0),
    }

    assert differing([one, other]) == ["b", "c"]
    assert differing([one, None]) == ["a", "b"]
