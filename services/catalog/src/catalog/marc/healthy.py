"""Records with nothing to say about them, taken apart in one go: nearly all of them, so this is where time goes.

A healthy record costs one decode of its whole body, one split and one check of the directory against the pieces.
`healthy.pyx` says the same byte by byte, for where it can be compiled (docs/decisions/0027); tests hold the two
against each other, whatever the bytes.
"""

import re
from itertools import accumulate

from catalog.marc import marc8
from catalog.marc.record import LEADER_LENGTH, SUBFIELD, Record
from catalog.marc.text import CONTROL_BYTES, MULTIBYTE

_DIRECTORY = re.compile(rb"(?:00[0-9A-Za-z][0-9]{9})*((?:(?!00)[0-9A-Za-z]{3}[0-9]{9})*)")
"""Control fields first (00X), then data fields."""
_NUMBERS = re.compile(rb"...(.{9})", re.DOTALL)
_ODD_SUBFIELDS = re.compile(rb"\x1f(?![\x21-\x7e])")
_HEADLESS = re.compile(rb"\x1e(?![\x20-\x7e]{2}\x1f)")
"""A field that does not begin with two indicators and a subfield: every control field, no other."""
_LEADER = re.compile(rb"[0-9]{5}[\x20-\x7e]{5}22[0-9]{5}[\x20-\x7e]{3}45[\x20-\x7e]{2}")


def healthy(raw: bytes) -> Record | None:
    """A record with nothing to say about it; None for one that needs a closer look."""
    if not _LEADER.match(raw):
        return None
    base = int(raw[12:17])
    directory, data = raw[LEADER_LENGTH : base - 1], raw[base - 1 : -2]
    shape = _DIRECTORY.fullmatch(directory)
    if shape is None or not directory or data[:1] != b"\x1e" or raw[-2] != 0x1E:
        return None

    lengths = list(map(len, data.split(b"\x1e")))[1:]
    starts = accumulate(lengths, initial=0)
    said = list(map(int, _NUMBERS.findall(directory)))
    # "LLLLSSSSS" as one number; every length is one short, for want of its terminator.
    if said != [
        length * 100_000 + 100_000 + at + n
        for n, (length, at) in enumerate(zip(lengths, starts, strict=False))
    ]:
        return None
    if len(data.translate(None, CONTROL_BYTES)) != len(data) or _ODD_SUBFIELDS.search(data):
        return None

    controls = shape.start(1) // 12
    texts = _texts_of(data[1:], utf8=raw[9] == 0x61)
    if texts is None or len(_HEADLESS.findall(data)) != controls:
        return None
    for text in texts[:controls]:
        if SUBFIELD in text:
            return None
    leader = raw[:LEADER_LENGTH].decode("ascii")
    leader = leader if leader[9] == "a" else f"{leader[:9]}a{leader[10:]}"
    return Record.from_texts(leader, directory.decode("ascii"), texts, controls)


def _texts_of(data: bytes, *, utf8: bool) -> list[str] | None:
    """Every field's text; None when a byte is wrong or the leader lies about the encoding."""
    if 0x1B in data:
        return None
    if utf8:
        try:
            return data.decode("utf-8").split("\x1e")
        except UnicodeDecodeError:
            return None
    if b"&#x" in data:
        return None
    if data.isascii():
        return data.decode("ascii").split("\x1e")
    if MULTIBYTE.search(data):
        return None
    text, bad = marc8.decode_plain(data)
    return None if bad else text.split("\x1e")
