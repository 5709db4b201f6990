"""ISO 2709 (MARC 21 transmission format): records out of a stream of bytes, healthy or damaged, and into one.

`framing.py` finds where a record begins and ends. A healthy record is taken apart in one go by `healthy.py`; any
other goes to `mending.py`, which walks it entry by entry.
"""

import re
from collections.abc import Iterator
from typing import Literal

from catalog.marc import marc8
from catalog.marc.framing import MAX_RECORD, Frame, frames
from catalog.marc.healthy import healthy
from catalog.marc.mending import mended
from catalog.marc.problems import Fault, Mode, Problem, Read, acceptable
from catalog.marc.record import LEADER_LENGTH, Field, Record
from catalog.marc.streams import ByteStream

Charset = Literal["utf-8", "marc-8"]

_MAX_LENGTH, _MAX_FIELD = 99_999, 9_999


def read(stream: ByteStream, mode: Mode = "lenient", *, max_record: int = MAX_RECORD) -> Iterator[Read]:
    """Everything in a stream, in order. A strict reader gives no record for anything but a healthy one."""
    for ordinal, frame in enumerate(frames(stream, max_record=max_record)):
        found = decode(frame)
        if mode == "strict" and not acceptable(found.problems):
            found.record = None
        found.ordinal = ordinal
        yield found


def decode(frame: Frame) -> Read:
    """Take one framed record apart, mending what can be mended and saying so."""
    problems = list(frame.problems)
    if frame.unreadable:
        return Read(frame.position, 0, frame.raw, None, problems)
    record = healthy(frame.body) if acceptable(problems) else None
    if record is None:
        record = mended(frame.body, problems)
    return Read(frame.position, 0, frame.raw, record, problems)


def loads(raw: bytes, mode: Mode = "lenient") -> Read:
    """The first thing in these bytes; a problem if there is nothing."""
    for found in read([raw], mode):
        return found
    return Read(0, 0, raw, None, [Problem(Fault.TRUNCATED, "There is no record in this.")])


class Inexpressible(ValueError):
    """ISO 2709 has no way to say this record."""


class TooLong(Inexpressible):
    """Longer than five digits for the record, or four for a field, can say. MARCXML has no such limit."""


def dumps(record: Record, charset: Charset = "utf-8") -> bytes:
    """The record in ISO 2709, lengths, base address and leader/09 as they must be; or `Inexpressible`."""
    pieces: list[bytes] = []
    directory: list[str] = []
    start = 0
    for field in record:
        tag = field.tag
        if len(tag) != 3 or not tag.isascii() or not tag.isprintable():
            raise Inexpressible(f"A tag has three printable ASCII characters, not {tag!r}.")
        piece = _written(field, charset)
        if len(piece) > _MAX_FIELD:
            raise TooLong(f"Field {tag} has {len(piece)} bytes; ISO 2709 allows {_MAX_FIELD}.")
        directory.append(f"{tag}{len(piece):04d}{start:05d}")
        pieces.append(piece)
        start += len(piece)
    base = LEADER_LENGTH + 12 * len(pieces) + 1
    total = base + start + 1
    if total > _MAX_LENGTH:
        raise TooLong(f"The record has {total} bytes; ISO 2709 allows {_MAX_LENGTH}.")
    leader = "".join([char if " " <= char <= "~" else " " for char in f"{record.leader:24.24}"])
    coding = "a" if charset == "utf-8" else " "
    head = f"{total:05d}{leader[5:9]}{coding}22{base:05d}{leader[17:20]}4500{''.join(directory)}\x1e"
    return head.encode("ascii") + b"".join(pieces) + b"\x1d"


def _written(field: Field, charset: Charset) -> bytes:
    """A field with its terminator."""
    if field.is_control:
        text = field.value
        if _MARKS.search(text) or (field.tag[:2] != "00"):
            raise Inexpressible(f"Field {field.tag} cannot be a control field with this value.")
    else:
        if field.tag[:2] == "00":
            raise Inexpressible(f"Field {field.tag} has subfields; ISO 2709 gives it none.")
        text = field.text()
        _check(field, text)
    try:
        coded_utf8 = text.encode("utf-8") + b"\x1e"
        if charset == "utf-8":
            return coded_utf8
        if field.is_control:
            return marc8.encode(text) + b"\x1e"
        coded = [code.encode("ascii") + marc8.encode(value) for code, value in field.subfields]
        return b"\x1f".join([field.indicators.encode("ascii"), *coded]) + b"\x1e"
    except UnicodeEncodeError as error:
        raise Inexpressible(
            f"Field {field.tag} has characters that cannot be written: {error.reason}."
        ) from error


def _check(field: Field, text: str) -> None:
    """Would a reader find the same subfields again?"""
    if (
        not field.is_plain
        or not field.indicators.isascii()
        or "\x1e" in text
        or "\x1d" in text
        or any(not "!" <= code <= "~" for code, _ in field.subfields)
    ):
        raise Inexpressible(f"Field {field.tag} holds marks that ISO 2709 keeps for itself, or odd codes.")


_MARKS = re.compile("[\x1d-\x1f]")
