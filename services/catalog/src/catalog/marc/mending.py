"""A record that does not agree with itself, taken apart as far as it can be, with a word on every repair.

Three witnesses tell where fields are: each directory entry's numbers, the numbers' chaining from entry to
entry, and the field terminators. Whichever tell one consistent story are believed.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

from catalog.marc import marc8
from catalog.marc.problems import Fault, Problem
from catalog.marc.record import LEADER_LENGTH, Field, Record
from catalog.marc.text import MULTIBYTE, REPLACEMENT, fit, is_unfit

_DESIGNATION = re.compile(rb"\x1b[$(),\-bgps]")
_RUN = re.compile(rb"[\x80-\xff]+")


@dataclass(slots=True)
class _Entry:
    tag: str
    length: int | None
    start: int | None


def mended(body: bytes, problems: list[Problem]) -> Record | None:
    """What is left of a record; adds to `problems` all that was done, or why nothing could be."""
    leader = _leader(body, problems)
    base = _base(body, problems)
    if base is None:
        problems.append(Problem(Fault.DIRECTORY, "No directory of fields can be found.", "directory"))
        return None
    entries = _entries(body[LEADER_LENGTH : base - 1], problems)
    data = body[base:]
    if data.endswith(b"\x1d"):
        data = data[:-1]
    pieces = _located(entries, data, problems)

    utf8, declared = _is_utf8(data, declared_utf8=body[9:10] == b"a"), body[9:10] == b"a"
    if utf8 != declared:
        says, has = ("UTF-8", "MARC-8") if declared else ("MARC-8", "UTF-8")
        problems.append(Problem(Fault.ENCODING, f"The leader says {says}, the text is {has}.", "leader/09"))
    fields = [_field(tag, piece, problems, utf8=utf8) for tag, piece in pieces]
    if not fields:
        problems.append(Problem(Fault.DIRECTORY, "Not one field can be found.", "directory"))
        return None
    return Record(f"{leader[:9]}a{leader[10:]}", fields)


def _leader(body: bytes, problems: list[Problem]) -> str:
    leader = "".join([chr(byte) if 0x20 <= byte < 0x7F else " " for byte in body[:LEADER_LENGTH]])
    if leader.encode("ascii") != body[:LEADER_LENGTH]:
        problems.append(
            Problem(Fault.LEADER, "The leader holds bytes that are not ASCII; blanks now.", "leader")
        )
    if leader[10:12] != "22" or leader[20:22] != "45":
        message = f"Leader positions 10, 11 and 20 to 23 are {leader[10:12]!r} and {leader[20:]!r}."
        problems.append(Problem(Fault.FIXED_POSITIONS, message, "leader"))
    return leader


def _base(body: bytes, problems: list[Problem]) -> int | None:
    """Where the fields begin: behind the directory's terminator, whatever the leader says."""
    said = int(body[12:17]) if body[12:17].isdigit() else None
    found = body.find(b"\x1e", LEADER_LENGTH) + 1
    if said is not None and said == found:
        return said
    if said is not None and LEADER_LENGTH < said <= len(body):
        fits = (said - LEADER_LENGTH - 1) % 12 == 0
        if fits and body[said - 1] == 0x1E and (found - LEADER_LENGTH - 1) % 12:
            return said
        if fits and body[LEADER_LENGTH : said - 1].isalnum():
            problems.append(Problem(Fault.DIRECTORY, "The directory has no terminator.", "directory"))
            return said
    if not found:
        return None
    message = f"The leader says that fields begin at {body[12:17]!r}, the directory ends at {found}."
    problems.append(Problem(Fault.BASE_ADDRESS, message, "leader/12-16"))
    return found


def _entries(directory: bytes, problems: list[Problem]) -> list[_Entry]:
    if odd := len(directory) % 12:
        message = f"The directory is not made of entries of 12 characters: {odd} are left over."
        problems.append(Problem(Fault.DIRECTORY, message, "directory"))
    entries = []
    for at in range(0, len(directory) - odd, 12):
        tag, length, start = directory[at : at + 3], directory[at + 3 : at + 7], directory[at + 7 : at + 12]
        if not tag.isalnum():
            message = f"A directory entry has the tag {tag!r}."
            problems.append(Problem(Fault.DIRECTORY, message, "directory"))
        if not (length + start).isdigit():
            message = f"The directory entry of field {tag!r} has no numbers but {length + start!r}."
            problems.append(Problem(Fault.DIRECTORY, message, "directory"))
        entries.append(
            _Entry(
                "".join([chr(byte) if 0x20 <= byte < 0x7F else REPLACEMENT for byte in tag]),
                int(length) if length.isdigit() else None,
                int(start) if start.isdigit() else None,
            )
        )
    return entries


def _located(entries: list[_Entry], data: bytes, problems: list[Problem]) -> list[tuple[str, bytes]]:
    """Each entry with its bytes, without terminators."""
    if _chained(entries, len(data)):
        return _by_numbers(entries, data, problems)
    whole = data.endswith(b"\x1e")
    pieces = data.split(b"\x1e")[: -1 if whole else None]
    if len(pieces) == len(entries):
        if all(_is_exact(entry, data) for entry in entries):
            return _by_numbers(entries, data, problems)  # fields need not stand in the directory's order
        if not whole:
            message = "The last field has no terminator."
            problems.append(Problem(Fault.FIELD_LENGTH, message, entries[-1].tag if entries else ""))
        lying = _lying(entries, pieces)
        if lying:
            message = f"Fields were found by their terminators; the directory lies about {', '.join(lying)}."
            problems.append(Problem(Fault.FIELD_LENGTH, message, "directory"))
        return [(entry.tag, piece) for entry, piece in zip(entries, pieces, strict=True)]
    return _salvaged(entries, data, problems)


def _chained(entries: list[_Entry], size: int) -> bool:
    """Do the numbers alone tell one story, each field beginning where the last one ended, to the very end?"""
    at = 0
    for entry in entries:
        if entry.start != at or not entry.length:
            return False
        at += entry.length
    return at == size


def _is_exact(entry: _Entry, data: bytes) -> bool:
    if entry.start is None or not entry.length:
        return False
    end = entry.start + entry.length
    begins = entry.start == 0 or data[entry.start - 1 : entry.start] == b"\x1e"
    return begins and end <= len(data) and data.find(b"\x1e", entry.start) == end - 1


def _by_numbers(entries: list[_Entry], data: bytes, problems: list[Problem]) -> list[tuple[str, bytes]]:
    pieces = []
    for entry in entries:
        start = entry.start or 0
        piece = data[start : start + (entry.length or 0)]
        if not piece.endswith(b"\x1e"):
            problems.append(Problem(Fault.FIELD_LENGTH, "The field has no terminator.", entry.tag))
        pieces.append((entry.tag, piece[:-1]))
    return pieces


def _lying(entries: list[_Entry], pieces: list[bytes]) -> list[str]:
    at = 0
    tags: dict[str, None] = {}
    for entry, piece in zip(entries, pieces, strict=True):
        if (entry.start, entry.length) != (at, len(piece) + 1):
            tags[entry.tag] = None
        at += len(piece) + 1
    return list(tags)


def _salvaged(entries: list[_Entry], data: bytes, problems: list[Problem]) -> list[tuple[str, bytes]]:
    """Neither numbers nor terminators agree: each field by its own best evidence, none read twice."""
    bounds = [0, *[place.end() for place in re.finditer(b"\x1e", data)]]
    ends = dict(pairwise(bounds))
    exact = {entry.start for entry in entries if _is_exact(entry, data)}
    starts = {entry.start for entry in entries}
    read: set[int] = set()
    found: list[tuple[str, bytes]] = []
    next_at = 0
    for entry in entries:
        at = entry.start if entry.start in ends and entry.start not in read else None
        if at is None and next_at in ends and next_at not in exact and next_at not in read:
            at = next_at
        if at is None:
            problems.append(Problem(Fault.FIELD_LOST, "Named in the directory, not found.", entry.tag))
            continue
        end = ends[at]
        said = at + (entry.length or 0)
        if (
            at == entry.start
            and said != end
            and said in ends.values()
            and starts.isdisjoint(range(at + 1, said))
        ):
            end = said  # a terminator inside the field: the text shows U+FFFD there
        if (entry.start, entry.length) != (at, end - at):
            problems.append(Problem(Fault.FIELD_LENGTH, "Found by its terminator.", entry.tag))
        read.update(bound for bound in bounds if at <= bound < end)
        found.append((entry.tag, data[at : end - 1]))
        next_at = end
    unread = [ends[at] - at for at in ends if at not in read]
    cut = len(data) - bounds[-1]
    if unread or cut:
        message = f"{sum(unread) + cut} bytes belong to no field that the directory names."
        problems.append(Problem(Fault.FIELD_LOST, message, "directory"))
    return found


def _is_utf8(data: bytes, *, declared_utf8: bool) -> bool:
    """Believe the leader unless the text speaks clearly against it."""
    if data.isascii():
        return declared_utf8 and not _DESIGNATION.search(data)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        if not declared_utf8 or MULTIBYTE.search(data):
            return declared_utf8
        # One odd byte is damage; a record full of well-formed MARC-8 is MARC-8.
        return len(_RUN.findall(data)) < 2 or marc8.decode_plain(data)[1] > 0
    return declared_utf8 or b"\x1b" not in data


def _field(tag: str, piece: bytes, problems: list[Problem], *, utf8: bool) -> Field:
    if tag[:2] == "00":
        if b"\x1f" in piece:
            problems.append(
                Problem(Fault.SUBFIELDS, "A control field has subfields; their text is kept.", tag)
            )
            head, *rest = piece.split(b"\x1f")
            piece = b" ".join([part[1:] for part in rest]) if len(head) <= 2 else piece.replace(b"\x1f", b" ")
        return Field.control(tag, _text(piece, tag, problems, utf8=utf8))

    head, *parts = piece.split(b"\x1f")
    subfields: list[tuple[str, str]] = []
    ahead = b""
    if len(head) != 2:
        message = f"Before its first subfield the field has {head[:40]!r} instead of two indicators."
        problems.append(Problem(Fault.INDICATORS, message, tag))
        if len(head) > 2:
            looks_right = all(byte in b" 0123456789" for byte in head[:2])
            head, ahead = (head[:2], head[2:]) if looks_right else (b"  ", head)
    if ahead.strip():
        subfields.append(("a", _text(ahead, tag, problems, utf8=utf8)))
    indicators = (
        _text(head, tag, problems, utf8=utf8) if len(head) != 2 or not head.isalnum() else head.decode()
    )
    for part in parts:
        if not part:
            problems.append(Problem(Fault.SUBFIELDS, "A subfield is empty and has no code.", tag))
            continue
        if 0x21 <= part[0] < 0x7F:
            subfields.append((chr(part[0]), _text(part[1:], f"{tag}${chr(part[0])}", problems, utf8=utf8)))
            continue
        text = _text(part, tag, problems, utf8=utf8)
        problems.append(Problem(Fault.SUBFIELDS, f"A subfield has the code {text[:1]!r}.", tag))
        subfields.append((text[:1], text[1:]))
    if len(indicators) != len(head):
        problems.append(Problem(Fault.INDICATORS, "An indicator is not one ASCII character.", tag))
    indicators = f"{indicators:2.2}"
    return Field.from_parts(tag, indicators[0], indicators[1], subfields)


def _text(value: bytes, where: str, problems: list[Problem], *, utf8: bool) -> str:
    """Unicode in NFC; every byte that has no meaning is U+FFFD, and said."""
    if utf8:
        text = value.decode("utf-8", "replace")
        bad = value.decode("utf-8", "ignore") != text
    else:
        text, wrong = marc8.decode(value)
        bad = wrong > 0
    if bad or is_unfit(text):
        problems.append(Problem(Fault.CHARACTERS, "Bytes without meaning were replaced by U+FFFD.", where))
    return fit(text)
