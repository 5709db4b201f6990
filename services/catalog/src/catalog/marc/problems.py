"""What was wrong with a record that was read, in codes that do not change and words that may."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from catalog.marc.record import Record

Mode = Literal["strict", "lenient"]
"""Strict reading rejects every record that is not healthy; lenient reading mends what it can and says so."""


class Fault(StrEnum):
    """One kind of damage. Strict reading rejects a record for any of them but those in `HARMLESS`."""

    PADDING = "padding"
    GARBAGE = "garbage"
    RECORD_LENGTH = "record-length"
    RECORD_TERMINATOR = "record-terminator"
    TRUNCATED = "truncated"
    TOO_LONG = "too-long"
    LINE_BREAKS = "line-breaks"
    LEADER = "leader"
    FIXED_POSITIONS = "fixed-positions"
    BASE_ADDRESS = "base-address"
    DIRECTORY = "directory"
    FIELD_LENGTH = "field-length"
    FIELD_LOST = "field-lost"
    INDICATORS = "indicators"
    SUBFIELDS = "subfields"
    ENCODING = "encoding"
    CHARACTERS = "characters"
    SYNTAX = "syntax"
    FORBIDDEN = "forbidden"
    NOT_SAID = "not-said"


HARMLESS: Final = frozenset({Fault.PADDING, Fault.FIXED_POSITIONS})
"""Blank space between records, and leader positions that are the same in every MARC 21 record (10, 11,
20 to 23) but not in this one: nothing of a record's content is touched by them."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: what, in words, and where (a tag, a leader position, a line)."""

    code: Fault
    message: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


LOSSY: Final = frozenset({Fault.TRUNCATED, Fault.FIELD_LOST})
"""A record mended after these lacks something that it had: it must not overwrite a whole one."""


def acceptable(problems: list[Problem]) -> bool:
    """Would a strict reader let this pass?"""
    return all(problem.code in HARMLESS for problem in problems)


@dataclass(slots=True)
class Read:
    """What lay at one place of a stream: a record, or the reasons why there is none."""

    position: int
    """Byte offset in the stream."""
    ordinal: int
    """Counted from 0 over everything that was read, good or bad."""
    raw: bytes
    """The bytes as they came (for a record beyond the limit: their beginning)."""
    record: Record | None
    problems: list[Problem]
