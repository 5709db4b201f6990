"""What is restored of an item or of holdings."""

from typing import Any

import pytest

from catalog.history.rules import as_changes, known


@pytest.mark.parametrize(
    ("version", "steps", "is_known"),
    [
        (1, set(), False),
        (1, {2, 4}, True),
        (2, {2, 4}, True),
        (3, {2, 4}, False),
        (3, {5}, False),
        (4, {5}, True),
    ],
)
def test_only_what_was_kept_is_known(version: int, steps: set[int], is_known: bool) -> None:
    assert known(version, steps) is is_known


@pytest.mark.parametrize(
    ("earlier", "now", "changes"),
    [
        ({"note": "old", "title_id": "t", "holdings_id": "h"}, {}, {"note": "old"}),
        ({"custom": {"a": 1}}, {"custom": {"a": 2, "b": 3}}, {"custom": {"a": 1, "b": None}}),
        ({"custom": {}}, {"custom": {"b": 3}}, {"custom": {"b": None}}),
        ({"deleted_at": "2027-01-01", "merged_into": None}, {}, {}),
    ],
)
def test_what_stood_there_comes_back_and_what_came_since_goes(
    earlier: dict[str, Any], now: dict[str, Any], changes: dict[str, Any]
) -> None:
    assert as_changes(earlier, now) == changes
