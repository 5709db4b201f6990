"""Where does each record begin and end, in a stream that may lie about it?

A record is healthy when its first terminator stands where its leader says. Where it does not, three signs are
weighed: the terminator, the length in the leader, and anything that looks like the start of another record
(24 characters of leader and a directory entry). A record ends at the first start of another, so that damage
stays where it is and no healthy neighbour is swallowed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from catalog.marc.problems import Fault, Problem
from catalog.marc.streams import ByteStream, Feed

MAX_RECORD: Final = 10_000_000
"""Bytes. Real records reach some hundred thousand; what is longer is no record but an attack or an accident."""
KEPT_OF_TOO_LONG: Final = 1 << 16

_END: Final = b"\x1d"
_START = re.compile(rb"[0-9]{5}[\x20-\x7e]{5}22[0-9]{5}[\x20-\x7e]{3}45[\x20-\x7e]{2}[0-9A-Za-z]{3}[0-9]{9}")
_NOISE = re.compile(rb"[\r\n\t \x00\x1a]*")
_LINE_BREAKS: Final = b"\r\n"
_WINDOW: Final = 100_100
"""No declared length reaches further than this, nor does a leader behind it."""


@dataclass(slots=True)
class Frame:
    """One record's bytes as they came (`raw`) and as they are to be read (`body`)."""

    position: int
    raw: bytes
    body: bytes
    problems: list[Problem] = field(default_factory=list)
    unreadable: bool = False


def frames(stream: ByteStream, *, max_record: int = MAX_RECORD) -> Iterator[Frame]:
    """Cut a stream into records; everything in it but blank space lands in some frame."""
    feed = Feed(stream)
    padding: list[Problem] = []
    while True:
        buffer, at = feed.buffer, feed.at
        end = buffer.find(_END, at)
        if end >= 0 and _declared(buffer, at) == end - at + 1 <= max_record:
            raw = buffer[at : end + 1]
            feed.at = end + 1
            yield Frame(feed.position - len(raw), raw, raw, padding)
            padding = []
            continue
        if end < 0 and not feed.ended and len(buffer) - at <= max_record:
            feed.more()
            continue
        if end >= 0 and len(buffer) - at < _WINDOW and not feed.ended:
            feed.reach(_WINDOW)
            continue
        if blank := _padding(feed):
            padding = [
                Problem(Fault.PADDING, f"{blank} bytes of blank space or line breaks before the record.")
            ]
            continue
        if feed.at >= len(feed.buffer) and feed.ended:
            return
        yield _damaged(feed, end, padding, max_record)
        padding = []


def _declared(buffer: bytes, at: int) -> int | None:
    """The length in the leader."""
    digits = buffer[at : at + 5]
    return int(digits) if len(digits) == 5 and digits.isdigit() else None


def _padding(feed: Feed) -> int:
    """Skip blank space if a record or nothing follows; damaged leaders may begin with blanks of their own."""
    match = _NOISE.match(feed.buffer, feed.at)
    after = match.end() if match else feed.at
    if after == feed.at:
        return 0
    if after < len(feed.buffer) and _declared(feed.buffer, after) is None:
        return 0
    skipped = after - feed.at
    feed.at = after
    return skipped


def _damaged(feed: Feed, end: int, padding: list[Problem], max_record: int) -> Frame:
    """One frame from a place where terminator and leader disagree. `end` is the terminator, -1 for none."""
    buffer, at, position = feed.buffer, feed.at, feed.position
    stop = end + 1 if end >= 0 else len(buffer)
    starts = bool(_START.match(buffer, at))
    declared = _declared(buffer, at)

    if other := _START.search(buffer, at + 1, stop):
        stop = other.start()
        body = raw = buffer[at:stop]
        feed.at = stop
        if not starts and declared is None:
            return _garbage(position, raw, padding)
        if declared is not None and declared in (stop - at, stop - at + 1):
            body = raw[: declared - 1]
            fault = Problem(Fault.RECORD_TERMINATOR, "The record has no terminator.", "end of record")
        else:
            fault = Problem(
                Fault.TRUNCATED, f"The record breaks off after {stop - at} bytes.", "end of record"
            )
        return Frame(position, raw, body, [*padding, fault])

    if stop - at > max_record:
        return _too_long(feed, end, padding, max_record)

    if (
        declared is not None
        and end >= 0
        and declared > stop - at
        and buffer[at + declared - 1 : at + declared] == _END
        and _record_follows(feed, at + declared)
        and not _record_follows(feed, stop)
    ):
        stop = at + declared
        raw = buffer[at:stop]
        feed.at = stop
        fault = Problem(Fault.RECORD_TERMINATOR, "A record terminator stands inside the record.")
        return Frame(position, raw, raw, [*padding, fault])

    raw = buffer[at:stop]
    feed.at = stop
    return _mislabelled(position, raw, declared, padding, ended=end >= 0)


def _mislabelled(
    position: int, raw: bytes, declared: int | None, padding: list[Problem], *, ended: bool
) -> Frame:
    """A stretch of bytes up to a terminator (or the end of the stream) whose leader says something else."""
    if len(raw) < 24 or b"\x1e" not in raw:
        if declared is not None and not ended:
            fault = Problem(
                Fault.TRUNCATED, f"The record breaks off after {len(raw)} bytes.", "end of record"
            )
            return Frame(position, raw, raw, [*padding, fault], unreadable=True)
        return _garbage(position, raw, padding)
    if declared is None:
        if not raw[12:17].isdigit() and not _plausible_directory(raw):
            return _garbage(position, raw, padding)
        message = "The leader does not begin with a number of five digits."
        return Frame(position, raw, raw, [*padding, Problem(Fault.RECORD_LENGTH, message, "leader/00-04")])

    body = raw
    faults: list[Problem] = []
    if len(raw) != declared and (raw.find(b"\n") >= 0 or raw.find(b"\r") >= 0):
        unwrapped = raw.translate(None, _LINE_BREAKS)
        if declared - len(unwrapped) in ((0,) if ended else (0, 1)):
            body = unwrapped
            faults.append(
                Problem(Fault.LINE_BREAKS, f"{len(raw) - len(body)} line breaks inside the record.")
            )
    if not ended:
        if len(body) in (declared - 1, declared):
            body = body[: declared - 1]
            faults.append(Problem(Fault.RECORD_TERMINATOR, "The record has no terminator.", "end of record"))
        else:
            message = f"The stream ends {len(body)} bytes into a record of {declared}."
            faults.append(Problem(Fault.TRUNCATED, message, "end of record"))
    elif len(body) != declared:
        message = f"The leader says {declared} bytes, the record has {len(body)}."
        faults.append(Problem(Fault.RECORD_LENGTH, message, "leader/00-04"))
    return Frame(position, raw, body, [*padding, *faults])


def _plausible_directory(raw: bytes) -> bool:
    end = raw.find(b"\x1e", 24)
    return end > 24 and (end - 24) % 12 == 0 and raw[27:36].isdigit()


def _garbage(position: int, raw: bytes, padding: list[Problem]) -> Frame:
    fault = Problem(Fault.GARBAGE, f"{len(raw)} bytes that are no record.")
    return Frame(position, raw, raw, [*padding, fault], unreadable=True)


def _record_follows(feed: Feed, at: int) -> bool:
    """Is this a place where a record could end: another's leader, or the end of the stream?"""
    match = _NOISE.match(feed.buffer, at)
    after = match.end() if match else at
    if after >= len(feed.buffer):
        return feed.ended
    return _START.match(feed.buffer, after) is not None


def _too_long(feed: Feed, end: int, padding: list[Problem], max_record: int) -> Frame:
    """Keep the beginning, skip to the next terminator or start, whichever comes first; memory stays bounded."""
    position = feed.position
    kept = feed.buffer[feed.at : feed.at + KEPT_OF_TOO_LONG]
    if end >= 0:
        feed.at = end + 1
    else:
        feed.at += 1
        while True:
            end = feed.buffer.find(_END, feed.at)
            other = _START.search(feed.buffer, feed.at, end if end >= 0 else len(feed.buffer))
            if other or end >= 0:
                feed.at = other.start() if other else end + 1
                break
            if feed.ended:
                feed.at = len(feed.buffer)
                break
            feed.at = max(feed.at, len(feed.buffer) - 40)
            feed.more()
    fault = Problem(Fault.TOO_LONG, f"{feed.position - position} bytes, more than the {max_record} allowed.")
    return Frame(position, kept, kept, [*padding, fault], unreadable=True)
