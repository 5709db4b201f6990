"""What a list of ids is: its states, its bounds, and the lines of its file. No I/O."""

from datetime import timedelta
from enum import StrEnum
from typing import Final

KEPT: Final = timedelta(hours=24)
"""A list is kept so long after it was asked for."""
MOST_KEPT: Final = 20
"""Lists that one asker may have at a time."""
SLICE: Final = 5000
"""Ids from one commit of the job to the next."""
LINE: Final = len(b'{"id":"00000000-0000-0000-0000-000000000000"}\n')
"""Bytes of a line, all of which are as long: whoever was cut off knows where to go on."""


class ListState(StrEnum):
    """How far a list has come."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"


def line(title_id: str) -> bytes:
    """A title's line (NDJSON)."""
    return b'{"id":"%s"}\n' % title_id.encode()
