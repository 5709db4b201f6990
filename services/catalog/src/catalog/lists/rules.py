"""What a saved list is: its states, its bounds, and how lists become another. No I/O."""

from datetime import timedelta
from enum import StrEnum
from typing import Final

MOST_LISTS: Final = 500
"""Lists that somebody keeps at a time."""
MOST_FILLING: Final = 10
"""Lists of one asker that wait or are filled at a time."""
MOST_MEMBERS: Final = 2_000_000
MOST_TOLD: Final = 50_000
"""Ids, barcodes and numbers in one call."""
MOST_UNKNOWN_KEPT: Final = 1000
"""Of those that are not here, so many are told by name; all are counted."""
MOST_COMBINED: Final = 10
SLICE: Final = 20_000
"""Members from one commit to the next where lists are combined."""
TURN: Final = 5
"""Slices of one list before the next one has its turn."""
PASSING_KEPT: Final = timedelta(days=90)
"""A list that was made for one bulk edit is kept so long."""


class State(StrEnum):
    """How far a list is filled."""

    QUEUED = "queued"
    FILLING = "filling"
    READY = "ready"
    FAILED = "failed"


OPEN: Final = frozenset({State.QUEUED, State.FILLING})


class Combining(StrEnum):
    """How several lists become one."""

    UNION = "union"
    INTERSECTION = "intersection"
    DIFFERENCE = "difference"
    """What is in the first, and in none of the others."""
