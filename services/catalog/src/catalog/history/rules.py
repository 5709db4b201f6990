"""What may be restored of an item or of holdings, and what that is. No I/O."""

from collections.abc import Collection, Mapping
from typing import Any, Final

STAYS: Final = frozenset({"title_id", "holdings_id", "deleted_at", "merged_into"})
"""Where something hangs, and whether it is there: a restoration leaves that as it is (moves and deletions do it)."""


def known(version: int, steps: Collection[int]) -> bool:
    """Whether it is known what stood there in a version: one that a step made, or the one before the first step."""
    return bool(steps) and (version in steps or version == min(steps) - 1)


def as_changes(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as they were, as a merge patch of how they are: of the library's own facts those that were not there
    then are cleared."""
    told = {name: value for name, value in earlier.items() if name not in STAYS}
    if "custom" in told:
        told["custom"] = dict.fromkeys(now.get("custom") or {}) | (told["custom"] or {})
    return told
