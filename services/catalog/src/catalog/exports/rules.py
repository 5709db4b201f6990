"""What an export is: its formats, its states, its bounds, and what is said of a title that is gone. No I/O."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from catalog.marc.record import Field, Record

KEPT: Final = timedelta(days=7)
"""A file is kept so long after it was finished."""
MOST_OPEN: Final = 20
"""Exports of one asker that may wait or be written at a time."""
SLICE: Final = 500
"""Records from one commit of the job to the next."""
FOUND: Final = 5000
"""Hits of a query from one commit to the next."""
TURN: Final = 20
"""Slices of one export before the next one has its turn."""
NUMBERS: Final = ("001", "003", "010", "020", "022", "024", "035")
"""Fields by which whoever has a record knows it again."""


class Format(StrEnum):
    """How titles are written."""

    MARC = "marc"
    MARCXML = "marcxml"
    MARC_JSON = "marc-json"
    MARC_LINES = "marc-ndjson"
    DUBLIN_CORE = "dc"
    MODS = "mods"
    METS = "mets"
    RIS = "ris"
    CSV = "csv"


TELLS_GONE: Final = frozenset({Format.MARC, Format.MARCXML, Format.MARC_JSON, Format.MARC_LINES})
"""Formats in which a record can say that it was deleted (leader/05 `d`)."""


TELLS_HOLDINGS: Final = TELLS_GONE | {Format.METS}
"""Formats in which a title tells of its holdings and items, too, where that is wanted."""


class Mode(StrEnum):
    """Whether everything is given, or what has changed since the schedule's last export."""

    FULL = "full"
    DELTA = "delta"


class State(StrEnum):
    """How far an export has come."""

    QUEUED = "queued"
    SELECTING = "selecting"
    WRITING = "writing"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Outcome(StrEnum):
    """What became of a title: given, told to be gone, or not to be said in this format."""

    GIVEN = "given"
    GONE = "gone"
    LEFT_OUT = "left-out"


OPEN: Final = frozenset({State.QUEUED, State.SELECTING, State.WRITING})


def gone(record: Record) -> Record:
    """A record that says it is deleted (MARC 21, leader/05), by its numbers alone: the rest is nobody's any more."""
    leader = record.leader
    return Record(leader[:5] + "d" + leader[6:], record.fields(*NUMBERS))


def identified(record: Record, title_id: UUID, agency: str) -> Record:
    """The record with the title's id as a system control number (035), in parentheses whose number it is."""
    return record.having(Field.data("035", "  ", ("a", f"({agency}){title_id}")))


def next_at(due: datetime, every: timedelta, *, now: datetime) -> datetime:
    """The first moment after `now` in the schedule's rhythm; runs that were missed are not caught up with."""
    missed = max(0, (now - due) // every)
    return due + (missed + 1) * every


def first_at(every_hours: int | None, starts_at: datetime | None, *, now: datetime) -> datetime | None:
    """When a schedule that was just written has its first run; never where only somebody's asking makes one."""
    if every_hours is None:
        return None
    starts = starts_at or now
    return starts if starts >= now else next_at(starts, timedelta(hours=every_hours), now=now)
