"""What is asked is read with every fault at once, by what circulation knows; moments may count from now."""

from datetime import timedelta
from typing import Any

import pytest

from chassis.conditions import Leaf
from circulation.questions.sheets import chosen
from circulation.questions.vocabulary import Kind, found_by_index, read, scopes
from support.desk import NOW

OPEN = {"field": "loan.open", "is": True}
STUDENTS = {"field": "patron.group", "is": "student"}
LATE = {"field": "loan.due_at", "before": "now-30d"}


@pytest.mark.parametrize(
    ("told", "kind", "faults"),
    [
        (None, Kind.FEES, []),
        ({"some": "loans", "where": {"all": [OPEN, LATE]}}, Kind.PATRONS, []),
        ({"field": "patron.custom.hall", "is": "north"}, Kind.HOLDS, []),
        ({"field": "patron.statistics.Fac.x-1", "known": True}, Kind.PATRONS, []),
        ({"field": "patron.expires_at", "known": False}, Kind.PATRONS, []),
        (OPEN, Kind.PATRONS, [("field-elsewhere", "/field")]),
        (STUDENTS, Kind.ITEMS, [("field-elsewhere", "/field")]),
        ({"some": "patrons", "where": STUDENTS}, Kind.LOANS, [("some-unknown", "/some")]),
        ({"some": "holds", "where": STUDENTS}, Kind.ITEMS, [("some-unknown", "/some")]),
        ({"field": "patron.name_key", "is": "x"}, Kind.PATRONS, [("field-unknown", "/field")]),
        ({"field": "patron.custom.a'b", "is": "x"}, Kind.PATRONS, [("field-unknown", "/field")]),
        ({"field": "loan.due_at", "before": "now-x"}, Kind.LOANS, [("value-wrong", "/before")]),
        ({"field": "loan.due_at", "before": "now+9999999d"}, Kind.LOANS, [("value-wrong", "/before")]),
        ({"field": "patron.owed", "from": True}, Kind.FEES, [("value-wrong", "/from")]),
        ({"all": [OPEN, {"any": []}, {"field": "x"}]}, Kind.LOANS,
         [("condition-malformed", "/all/1/any"), ("field-unknown", "/all/2/field")]),
    ],
)  # fmt: skip
def test_every_fault_is_told_with_its_place(told: Any, kind: Kind, faults: list[tuple[str, str]]) -> None:
    _, found = read(told, kind, now=NOW)

    assert [(each.code, each.pointer) for each in found] == faults


def test_a_kept_question_counts_from_when_it_is_asked() -> None:
    today, _ = read(LATE, Kind.LOANS, now=NOW)
    later, _ = read(LATE, Kind.LOANS, now=NOW + timedelta(days=1))

    assert today == Leaf("loan.due_at", "before", (NOW - timedelta(days=30),))
    assert later == Leaf("loan.due_at", "before", (NOW - timedelta(days=29),))


@pytest.mark.parametrize(
    ("told", "kind", "columns", "needed"),
    [
        (None, Kind.ITEMS, (), []),
        ({"some": "loans", "where": {"field": "loan.open", "is": True}}, Kind.ITEMS, (), ["loans:read"]),
        ({"some": "loans", "where": STUDENTS}, Kind.ITEMS, (), ["loans:read", "patrons:read"]),
        (None, Kind.FEES, ("fee.kind",), ["fees:read"]),
        (None, Kind.FEES, ("patron.barcode",), ["fees:read", "patrons:read"]),
        (
            {"not": {"any": [{"some": "holds", "where": {"field": "hold.open", "is": True}}, STUDENTS]}},
            Kind.PATRONS,
            (),
            ["holds:read", "patrons:read"],
        ),
    ],
)
def test_a_question_takes_what_each_of_its_facts_would_take(
    told: Any, kind: Kind, columns: tuple[str, ...], needed: list[str]
) -> None:
    node, _ = read(told, kind, now=NOW)

    assert scopes(kind, node, columns) == needed


@pytest.mark.parametrize(
    ("told", "kind", "found"),
    [
        (OPEN, Kind.LOANS, True),
        ({"field": "loan.open", "is": False}, Kind.LOANS, False),
        ({"all": [{"field": "item.location", "is": "Z"}, OPEN]}, Kind.LOANS, True),
        ({"any": [OPEN, STUDENTS]}, Kind.LOANS, False),
        ({"not": OPEN}, Kind.LOANS, False),
        ({"field": "patron.barcode", "starts": "2"}, Kind.PATRONS, False),
        (None, Kind.PATRONS, False),
    ],
)
def test_only_what_everybody_must_answer_leads_there_by_an_index(told: Any, kind: Kind, found: bool) -> None:
    node, _ = read(told, kind, now=NOW)

    assert found_by_index(node) is found


def test_columns_are_those_that_may_be_asked() -> None:
    usual, _ = chosen(None, Kind.LOANS, at="/columns")
    names, faults = chosen(
        ["patron.custom.hall", "item.title", "item.title", "hold.id"], Kind.LOANS, at="/columns"
    )
    _, own = chosen(["patron.custom.hall"], Kind.ITEMS, at="/columns")

    assert usual[0] == "patron.barcode"
    assert names == ("patron.custom.hall", "item.title", "hold.id")
    assert [each.code for each in (*faults, *own)] == ["column-unknown", "column-unknown"]
