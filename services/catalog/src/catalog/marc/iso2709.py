"""ISO 2709 (MARC 21 transmission format): records out of a stream of bytes, healthy or damaged, and into one.

`framing.py` finds where a record begins and ends; `decode` here takes one apart. A healthy record costs one
decode of its whole body, one split and one check of the directory against the pieces; a record that fails
that check goes to `mending.py`, which walks it entry by entry.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import accumulate
from typing import Literal

from catalog.marc import marc8
from catalog.marc.framing import MAX_RECORD, Frame, frames
from catalog.marc.mending import CONTROL_BYTES, MULTIBYTE, mended
from catalog.marc.problems import Fault, Problem, Read, acceptable
from catalog.marc.record import LEADER_LENGTH, SUBFIELD, Field, Record
from catalog.marc.streams import ByteStream

Mode = Literal["strict", "lenient"]

Charset = Literal["utf-8", "marc-8"]

_NUMBERS = re.compile(rb"...(\d{9})", re.DOTALL)
_ODD_SUBFIELDS = re.compile(rb"\x1f(?=[\x1f\x1e]|[^\x21-\x7e])")
_MAX_LENGTH, _MAX_FIELD = 99_999, 9_999
_LEADER = re.compile(rb"\d{5}[\x20-\x7e]{5}22\d{5}[\x20-\x7e]{3}45[\x20-\x7e]{2}", re.DOTALL)


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
    record = _healthy(frame.body) if acceptable(problems) else None
    if record is None:
        record = mended(frame.body, problems)
    return Read(frame.position, 0, frame.raw, record, problems)


def loads(raw: bytes, mode: Mode = "lenient") -> Read:
    """The first thing in these bytes; a problem if there is nothing."""
    for found in read([raw], mode):
        return found
    return Read(0, 0, raw, None, [Problem(Fault.TRUNCATED, "There is no record in this.")])


def _healthy(raw: bytes) -> Record | None:
    """A record with nothing to say about it; None for one that needs a closer look."""
    if not _LEADER.match(raw):
        return None
    base = int(raw[12:17])
    directory, data = raw[LEADER_LENGTH : base - 1], raw[base:-2]
    count, rest = divmod(len(directory), 12)
    if rest or not count or raw[base - 1] != 0x1E or raw[-2] != 0x1E or not directory.isalnum():
        return None

    pieces = data.split(b"\x1e")
    lengths = [len(piece) + 1 for piece in pieces]
    starts = accumulate(lengths, initial=0)
    expected = [length * 100_000 + start for length, start in zip(lengths, starts, strict=False)]
    if [int(number) for number in _NUMBERS.findall(directory)] != expected:
        return None
    if len(data.translate(None, CONTROL_BYTES)) != len(data) or _ODD_SUBFIELDS.search(data):
        return None

    text = _text_of(data, utf8=raw[9] == 0x61)
    if text is None:
        return None
    names = directory.decode("ascii")
    fields = []
    at = 0
    for piece in text.split("\x1e"):
        tag = names[at : at + 3]
        at += 12
        if tag[:2] == "00":
            if SUBFIELD in piece:
                return None
            fields.append(Field(tag, piece, False))
        elif piece[2:3] == SUBFIELD and piece.find(SUBFIELD, 0, 2) < 0:
            fields.append(Field(tag, piece, None))
        else:
            return None
    leader = raw[:LEADER_LENGTH].decode("ascii")
    return Record(leader if leader[9] == "a" else f"{leader[:9]}a{leader[10:]}", fields)


def _text_of(data: bytes, *, utf8: bool) -> str | None:
    """All fields at once; None when a byte is wrong, or one mark could slip over a border between subfields."""
    if data.isascii():
        return None if 0x1B in data or (not utf8 and b"&#x" in data) else data.decode("ascii")
    if utf8:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            return None
        return text if 0x1B not in data and unicodedata.is_normalized("NFC", text) else None
    if 0x1B in data or b"&#x" in data or MULTIBYTE.search(data):
        return None
    text, bad = marc8.decode_plain(data)
    return None if bad or not unicodedata.is_normalized("NFC", text) else text


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
        if charset == "utf-8" or text.isascii():
            return (text if charset == "utf-8" else text.replace("&#x", "&#x26;#x")).encode("utf-8") + b"\x1e"
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
    subfields = field.subfields
    if (
        text.count(SUBFIELD) != len(subfields)
        or len(field.indicators) != 2
        or "\x1e" in text
        or "\x1d" in text
        or not field.indicators.isascii()
        or any(len(code) != 1 or not "!" <= code <= "~" for code, _ in subfields)
    ):
        raise Inexpressible(f"Field {field.tag} holds marks that ISO 2709 keeps for itself, or odd codes.")


_MARKS = re.compile("[\x1d-\x1f]")
