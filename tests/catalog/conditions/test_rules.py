"""Trees of conditions are read with every fault at once, and written as SQL that holds no value."""

from datetime import UTC, datetime
from typing import Any

import pytest

from catalog.conditions.statements import Statement
from catalog.conditions.vocabulary import Kind, read
from chassis.conditions import (
    DEEPEST,
    MOST_LEAVES,
    MOST_SEARCHES,
    All,
    Either,
    Leaf,
    Not,
    Some,
    leaves,
    selective,
)

MISSING = {"field": "item.base_state", "is": "missing"}
FRENCH = {"field": "title.language", "is": "fre"}
OLD = {"field": "item.created_at", "before": "2020-01-01"}


def deep(levels: int) -> dict[str, Any]:
    told: dict[str, Any] = MISSING
    for _ in range(levels - 1):
        told = {"not": told}
    return told


def test_a_tree_is_read_as_it_is_told() -> None:
    node, faults = read({"all": [MISSING, {"any": [FRENCH, {"not": OLD}]}]}, Kind.ITEMS)

    old = Leaf("item.created_at", "before", (datetime(2020, 1, 1, tzinfo=UTC),))
    assert faults == []
    assert node == All(
        (
            Leaf("item.base_state", "is", ("missing",)),
            Either((Leaf("title.language", "is", ("fre",)), Not(old))),
        )
    )


@pytest.mark.parametrize(
    ("told", "kind", "faults"),
    [
        ([], Kind.ITEMS, [("condition-malformed", "")]),
        ({}, Kind.ITEMS, [("condition-malformed", "")]),
        ({"all": []}, Kind.ITEMS, [("condition-malformed", "/all")]),
        ({"all": [MISSING], "any": [MISSING]}, Kind.ITEMS, [("condition-malformed", "")]),
        ({"field": "item.colour", "is": "red"}, Kind.ITEMS, [("field-unknown", "/field")]),
        ({"field": ["item.barcode"], "is": "1"}, Kind.ITEMS, [("field-unknown", "/field")]),
        (MISSING, Kind.TITLES, [("field-elsewhere", "/field")]),
        ({"field": "item.barcode", "before": "1"}, Kind.ITEMS, [("condition-malformed", "")]),
        ({"field": "item.barcode", "is": "1", "in": ["1"]}, Kind.ITEMS, [("condition-malformed", "")]),
        ({"field": "item.barcode", "is": 7}, Kind.ITEMS, [("value-wrong", "/is")]),
        ({"field": "item.barcode", "is": "a\0"}, Kind.ITEMS, [("value-wrong", "/is")]),
        ({"field": "item.barcode", "in": ["1", 2, None]}, Kind.ITEMS,
         [("value-wrong", "/in/1"), ("value-wrong", "/in/2")]),
        ({"field": "item.barcode", "in": []}, Kind.ITEMS, [("value-wrong", "/in")]),
        ({"field": "item.pieces", "from": True}, Kind.ITEMS, [("value-wrong", "/from")]),
        ({"field": "item.pieces", "from": 10**30}, Kind.ITEMS, [("value-wrong", "/from")]),
        ({"field": "item.created_at", "before": "2026-02-30"}, Kind.ITEMS, [("value-wrong", "/before")]),
        ({"field": "item.created_at", "before": "2026-02-03T10:00:00"}, Kind.ITEMS, [("value-wrong", "/before")]),
        ({"field": "item.created_at", "from": "0001-01-01T00:00:00+14:00"}, Kind.ITEMS, [("value-wrong", "/from")]),
        ({"field": "item.suppressed", "is": "yes"}, Kind.ITEMS, [("value-wrong", "/is")]),
        ({"field": "item.note", "known": 1}, Kind.ITEMS, [("value-wrong", "/known")]),
        ({"field": "title.id", "is": "x"}, Kind.TITLES, [("value-wrong", "/is")]),
        ({"field": "title.language", "is": 'fre" OR x'}, Kind.TITLES, [("value-wrong", "/is")]),
        ({"field": "title.search", "finds": '"open'}, Kind.TITLES, [("value-wrong", "/finds")]),
        ({"some": "titles", "where": MISSING}, Kind.TITLES, [("some-unknown", "/some")]),
        ({"some": "items", "where": MISSING}, Kind.ITEMS, [("some-unknown", "/some")]),
        ({"some": "items", "where": {"some": "items", "where": MISSING}}, Kind.TITLES,
         [("some-unknown", "/where/some")]),
        ({"all": [{"field": "x", "is": 1}, {"not": 3}, MISSING]}, Kind.ITEMS,
         [("field-unknown", "/all/0/field"), ("condition-malformed", "/all/1/not")]),
        (deep(DEEPEST), Kind.ITEMS, []),
        (deep(DEEPEST + 1), Kind.ITEMS, [("too-deep", "/not" * DEEPEST)]),
        ({"any": [MISSING] * MOST_LEAVES}, Kind.ITEMS, []),
        ({"any": [MISSING] * (MOST_LEAVES + 1)}, Kind.ITEMS, [("too-many-conditions", "/any")]),
        ({"any": [FRENCH] * (MOST_SEARCHES + 1)}, Kind.ITEMS, [("too-many-searches", "")]),
    ],
)  # fmt: skip
def test_every_fault_is_told_with_its_place(told: Any, kind: Kind, faults: list[tuple[str, str]]) -> None:
    node, found = read(told, kind)

    assert [(each.code, each.pointer) for each in found] == faults
    assert (node is None) == bool(faults)


EVIL = "'; DROP TABLE item; --"


def test_no_value_stands_in_a_statement() -> None:
    told = {
        "all": [
            {"field": "item.barcode", "starts": EVIL},
            {"field": "item.note", "contains": EVIL},
            {"field": "item.location", "in": [EVIL]},
            {"not": {"field": "title.author", "is": EVIL}},
            {"field": "item.pieces", "from": 3},
        ]
    }
    node, _ = read(told, Kind.ITEMS)
    made = Statement(Kind.ITEMS, [])

    where = made.where(node)

    assert "DROP" not in where
    assert made.parameters == [EVIL, EVIL, [EVIL], EVIL, 3]


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (FRENCH, "true"),
        ({"not": FRENCH}, "false"),
        ({"not": {"not": FRENCH}}, "true"),
    ],
)
def test_what_the_index_has_not_said_yet_keeps_nothing_out(told: Any, kept: str) -> None:
    node, _ = read(told, Kind.ITEMS)

    where = Statement(Kind.ITEMS, []).where(node)

    assert f"({kept})" in where or f"(({kept}) IS TRUE)" in where


def test_a_question_is_selective_only_where_nothing_else_can_answer() -> None:
    node, _ = read({"all": [FRENCH, MISSING]}, Kind.ITEMS)
    other, _ = read({"any": [FRENCH, MISSING]}, Kind.ITEMS)
    assert node is not None
    assert other is not None
    few = [leaf for leaf in leaves(node) if leaf.asks_index]

    assert selective(node, few)
    assert not selective(node, [])
    assert not selective(other, few)


def test_some_asks_all_of_it_of_one_item() -> None:
    node, _ = read({"some": "items", "where": {"all": [MISSING, OLD]}}, Kind.TITLES)

    assert isinstance(node, Some)
    assert Statement(Kind.TITLES, []).where(node).count("EXISTS") == 1
