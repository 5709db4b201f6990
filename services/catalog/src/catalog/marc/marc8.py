"""MARC-8 to Unicode and back (Library of Congress, "MARC-8 Encoding Environment").

The tables are pymarc's; the reading is ours. MARC-8 puts combining marks before their letter, Unicode after
it. Text without escape sequences (nearly all of it) goes through one regular expression and a memo of the
few hundred letter-and-mark pairs that occur in any library's file.
"""

import re
import unicodedata
from typing import Final

from pymarc import marc8_mapping

REPLACEMENT: Final = "\ufffd"
_ESCAPE: Final = 0x1B
_LATIN, _ANSEL, _EACC = 0x42, 0x45, 0x31
_C1: Final = {0x88: "\x98", 0x89: "\x9c", 0x8D: "\u200d", 0x8E: "\u200c"}
"""Non-sorting marks and joiners: control characters, the same in every set."""

_Set = dict[int, tuple[str, bool]]

_SETS: Final[dict[int, _Set]] = {
    final: {code & 0x7F: (chr(point), bool(mark)) for code, (point, mark) in table.items()}
    for final, table in marc8_mapping.CODESETS.items()
    if final != _EACC
}
"""Every single-byte set by its final character, keyed by the low seven bits: a set serves as G0 or as G1."""

_EACC_SET: Final[dict[int, str]] = {
    code: chr(point) for code, (point, _) in marc8_mapping.CODESETS[_EACC].items()
} | {code: chr(point) for code, point in marc8_mapping.ODD_MAP.items()}

_SPACING: Final = {0x80 | low: char for low, (char, mark) in _SETS[_ANSEL].items() if not mark and low > 0x20}
_MARKS: Final = {0x80 | low: char for low, (char, mark) in _SETS[_ANSEL].items() if mark}

_HIGH = re.compile(r"[\xe0-\xfe]+[\x20-\x7e\x80-\xdf\xff]?|[\x80-\xdf\xff]")
_REFERENCE = re.compile(r"&#x([0-9A-Fa-f]{2,6});")
_MARKED_REFERENCE = re.compile(rb"([\xe0-\xfe]+)(&#x[0-9A-Fa-f]{2,6};)")
_TECHNIQUE_1: Final = {0x67: 0x67, 0x62: 0x62, 0x70: 0x70, 0x73: _LATIN}
"""ESC g, b, p and s: Greek symbols, subscript, superscript and back to ASCII, without an intermediate byte."""


def decode(text: bytes) -> tuple[str, int]:
    """Unicode in NFC, and how many bytes or characters could not be read (each became U+FFFD)."""
    if text.isascii() and _ESCAPE not in text:
        return _dereferenced(text.decode("ascii")), 0
    if b"&#x" in text:
        text = _MARKED_REFERENCE.sub(_marks_behind, text)
    unicode, bad = _decode_escaped(text) if _ESCAPE in text else decode_plain(text)
    return unicodedata.normalize("NFC", _dereferenced(unicode)), bad


def decode_plain(text: bytes) -> tuple[str, int]:
    """Text in the default sets, no escape in it. Subfield and field marks may stand between."""
    unicode = _HIGH.sub(_spelled, text.decode("latin-1"))
    return unicode, unicode.count(REPLACEMENT)


def _marks_behind(match: re.Match[bytes]) -> bytes:
    """Marks before a reference belong to the character that it stands for; behind it they are its own."""
    return match[2] + b"".join([b"&#x%04X;" % ord(_MARKS.get(mark, REPLACEMENT)) for mark in match[1]])


def _dereferenced(text: str) -> str:
    """`&#xXXXX;` says in MARC-8 what MARC-8 cannot; ASCII (but "&"), surrogates, nonsense stay as written."""
    return _REFERENCE.sub(_referenced, text) if "&#x" in text else text


def _referenced(match: re.Match[str]) -> str:
    point = int(match[1], 16)
    if (point < 0x80 and point != 0x26) or 0xD800 <= point <= 0xDFFF or point > 0x10FFFF:
        return match[0]
    return chr(point)


class _Spellings(dict[str, str]):
    """A run of high bytes with the letter it sits on → Unicode, kept once it has been worked out."""

    def __missing__(self, run: str) -> str:
        base = run[-1]
        marks = run
        if ord(base) < 0xE0:
            marks = run[:-1]
            base = base if base < "\x80" else _SPACING.get(ord(base)) or _C1.get(ord(base), REPLACEMENT)
        else:
            base = REPLACEMENT  # marks with no letter behind them
        combining = "".join([_MARKS.get(ord(mark), REPLACEMENT) for mark in marks])
        spelled = unicodedata.normalize("NFC", base + combining)
        if len(self) < 10_000:
            self[run] = spelled
        return spelled


_SPELLINGS: Final = _Spellings()


def _spelled(match: re.Match[str]) -> str:
    return _SPELLINGS[match[0]]


def _designated(text: bytes, at: int) -> tuple[int, int, int] | None:
    """An escape sequence at this place: (its length, 0 or 1 for G0 or G1, the set), None when it is none."""
    follow = text[at + 1 : at + 4]
    if not follow:
        return None
    if follow[0] in _TECHNIQUE_1:
        return 2, 0, _TECHNIQUE_1[follow[0]]
    side, rest = 0, follow[1:]
    multibyte = follow[0] == 0x24
    if multibyte:
        if rest[:1] in (b",", b")", b"-"):
            side, rest = (0 if rest[:1] == b"," else 1), rest[1:]
    elif follow[0] in b"(,":
        side = 0
    elif follow[0] in b")-":
        side = 1
    else:
        return None
    if rest[:1] == b"!" and text[at + len(follow) - len(rest) + 2 : at + len(follow) - len(rest) + 3] == b"E":
        return len(follow) - len(rest) + 3, side, _ANSEL  # ANSEL's final is two characters, "!E"
    if not rest or (rest[0] not in _SETS and rest[0] != _EACC):
        return None
    return len(follow) - len(rest) + 2, side, rest[0]


def _three(text: bytes, at: int) -> int:
    """The three bytes of an East Asian character as its code; 0 at the end of the text."""
    three = text[at : at + 3]
    return (three[0] & 0x7F) << 16 | (three[1] & 0x7F) << 8 | three[2] & 0x7F if len(three) == 3 else 0


def _decode_escaped(text: bytes) -> tuple[str, int]:
    sides = [_LATIN, _ANSEL]
    out: list[str] = []
    marks: list[str] = []
    bad = 0
    at, end = 0, len(text)
    while at < end:
        byte = text[at]
        if byte == _ESCAPE:
            if (designated := _designated(text, at)) is None:
                out.append(REPLACEMENT)
                bad += 1
                at += 1
            else:
                length, side, chosen = designated
                sides[side] = chosen
                at += length
            continue
        if marks and (byte < 0x20 or byte == 0x7F):
            out += [REPLACEMENT, *marks]  # marks with no letter behind them
            marks.clear()
            bad += 1
        if sides[byte >> 7] == _EACC and (known := _EACC_SET.get(_three(text, at))) is not None:
            char, mark, at = known, False, at + 3
        elif byte <= 0x20 or 0x7F <= byte <= 0xA0:
            char, mark, at = (chr(byte) if byte < 0x80 else _C1.get(byte, REPLACEMENT)), False, at + 1
        elif (chosen := sides[byte >> 7]) == _EACC:
            char, mark, at = REPLACEMENT, False, at + 1
        else:
            char, mark = _SETS[chosen].get(byte & 0x7F, (REPLACEMENT, False))
            at += 1
        if mark:
            marks.append(char)
            continue
        bad += char == REPLACEMENT
        out.append(char)
        if marks:
            out += marks
            marks.clear()
    if marks:
        out += [REPLACEMENT, *marks]
        bad += 1
    return "".join(out), bad


# ---- Unicode to MARC-8

_ORDER: Final = (_LATIN, _ANSEL, 0x4E, 0x51, 0x53, 0x32, 0x33, 0x34, 0x67, 0x62, 0x70)
_ENTER: Final = {_LATIN: b"\x1b(B", 0x67: b"\x1bg", 0x62: b"\x1bb", 0x70: b"\x1bp", _EACC: b"\x1b$1"} | {
    final: b"\x1b(" + bytes([final]) for final in (0x4E, 0x51, 0x53, 0x32, 0x33, 0x34)
}
_WRITTEN: Final[dict[str, tuple[int, bytes, bool]]] = {}
"""Character → (set, bytes, whether it is a mark). ANSEL lives in G1, everything else is called into G0."""

for _code, _char in sorted(_EACC_SET.items(), reverse=True):
    if all(0x21 <= _low <= 0x7E for _low in _code.to_bytes(3, "big")):  # some are only met, never written
        _WRITTEN[_char] = (_EACC, _code.to_bytes(3, "big"), False)
for _final in reversed(_ORDER):
    for _low, (_char, _mark) in _SETS[_final].items():
        if _low > 0x20:
            _WRITTEN[_char] = (_final, bytes([_low | 0x80 if _final == _ANSEL else _low]), _mark)
for _byte, _char in _C1.items():
    _WRITTEN[_char] = (_ANSEL, bytes([_byte]), False)


def encode(text: str) -> bytes:
    """MARC-8, in ASCII and ANSEL again at its end; what it has no sign for becomes `&#xXXXX;`."""
    if "&#x" in text:
        text = text.replace("&#x", "&#x26;#x")
    if text.isascii():
        return text.encode("ascii")
    out = bytearray()
    chosen = _LATIN
    for base, marks in _letters(text):
        for char in (*marks, base):
            final, written, mark = _WRITTEN.get(char) or (_LATIN, _reference(char), False)
            if mark and char is base:
                final, written = _LATIN, _reference(char)
            if final not in (_ANSEL, chosen) and char > " ":
                chosen = final
                out += _ENTER[final]
            out += written
    if chosen != _LATIN:
        out += _ENTER[_LATIN]
    return bytes(out)


def _reference(char: str) -> bytes:
    return char.encode("ascii") if char < "\x80" else b"&#x%04X;" % ord(char)


def _letters(text: str) -> list[tuple[str, list[str]]]:
    """Each character with the marks that MARC-8 writes before it; a mark that cannot go there is a base."""
    letters: list[tuple[str, list[str]]] = []
    takes_marks = False
    for char in _taken_apart(text):
        known = _WRITTEN.get(char)
        if known is not None and known[2] and takes_marks:
            letters[-1][1].append(char)
            continue
        letters.append((char, []))
        takes_marks = " " <= char < "\x7f" or (known is not None and not known[2] and char not in _CONTROLS)
    return letters


_CONTROLS: Final = frozenset(_C1.values())


def _taken_apart(text: str) -> str:
    """Precomposed letters that MARC-8 lacks, as letter and marks."""
    if all(char < "\x80" or char in _WRITTEN for char in text):
        return text
    out: list[str] = []
    for char in text:
        if char < "\x80" or char in _WRITTEN:
            out.append(char)
            continue
        pieces = unicodedata.decomposition(char)
        if not pieces or pieces.startswith("<"):
            out.append(char)
        else:
            out.append(_taken_apart("".join([chr(int(piece, 16)) for piece in pieces.split()])))
    return "".join(out)
