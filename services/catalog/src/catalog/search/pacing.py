"""When what the index's writer holds is committed: at once, but for the new titles of an import that goes on.

Each commit leaves a segment of its own, and what many small ones leave is merged again and again: that costs as much as
to index it. Whoever imports does not look for each title as it comes; whoever changes one does.
"""

from typing import Final

NEW_SECONDS: Final = 4.0
"""So long new titles of an import wait for others that come with them …"""
OTHERS_SECONDS: Final = 0.8
"""… so long whatever else has changed meanwhile …"""
AWAITED_SECONDS: Final = 0.3
"""… and so long what somebody waits for, …"""
AWAITED: Final = "awaited"
"""… who says so on the channel that tells of changes."""
MOST_NEW: Final = 10_000
"""Titles that are many enough: the engine has the like of a commit by itself wait for seven others before it merges."""


def is_due(*, held: int, others: bool, seconds: float, goes_on: bool, awaited: bool) -> bool:
    """Whether it is time to commit.

    `held`: titles that wait for it, with `others` than new ones of an import among them; `seconds` since the last
    commit; `goes_on`: whether an import brings more; `awaited`: whether somebody waits to find what is written.
    """
    if not held:
        return False
    longest = AWAITED_SECONDS if awaited else OTHERS_SECONDS if others else NEW_SECONDS
    return not goes_on or held >= MOST_NEW or seconds >= longest
