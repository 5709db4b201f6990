"""MARCXML (MARC21 slim), streamed in and out.

Names are compared without their prefix, so that a file that forgot its namespace can be read.

Where a document stops being well-formed, the rest of it is taken record by record (`_fragments`): each is
parsed alone, once more with its wrong characters replaced, and the healthy ones lose nothing.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from catalog.marc.framing import KEPT_OF_TOO_LONG, MAX_RECORD
from catalog.marc.problems import Fault, Mode, Problem, Read, acceptable
from catalog.marc.record import LEADER_LENGTH, Field, Record
from catalog.marc.streams import CHUNK, ByteStream, Feed, chunks_of
from catalog.marc.text import REPLACEMENT, fit, is_unfit
from catalog.marc.xmlstream import Document, Refused

NAMESPACE: Final = "http://www.loc.gov/MARC21/slim"

_OPENS = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?record(?=[\s>/])")
_OPENS_OR_CLOSES = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?record(?=[\s>/])|</(?:[A-Za-z_][\w.-]*:)?record\s*>")
_CONTENT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?(?:leader|controlfield|datafield)[\s>/]")
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9A-Fa-f]+);)")
_REFERENCE = re.compile(r"&#(?:x([0-9A-Fa-f]+)|([0-9]+));")
_UNWRITTEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


_CUT_SHORT: Final = Problem(Fault.TRUNCATED, "The record does not end.", "record")


_SEVERAL_DOCUMENTS: Final = expat.errors.codes[expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT]


class _Unclosed(Exception):
    """A record begins inside another one, which was never closed."""


def read(stream: ByteStream, mode: Mode = "lenient", *, max_record: int = MAX_RECORD) -> Iterator[Read]:
    """Every record of a document or collection, in order, as soon as it has ended."""
    for ordinal, found in enumerate(_reads(stream, mode, max_record)):
        found.ordinal = ordinal
        if mode == "strict" and not acceptable(found.problems):
            found.record = None
        yield found


def _reads(stream: ByteStream, mode: Mode, max_record: int) -> Iterator[Read]:
    document = _Document(max_record)
    chunks = chunks_of(stream)
    try:
        for chunk in chunks:
            for start in range(0, len(chunk), CHUNK):
                document.feed(chunk[start : start + CHUNK])
                yield from document.taken()
        document.close()
        yield from document.taken()
    except Refused as refusal:
        yield from document.taken()
        yield Read(document.position, 0, b"", None, [Problem(Fault.FORBIDDEN, str(refusal), document.line())])
    except _Unclosed:
        yield from document.taken()
        at, rest = document.unread()
        yield from _fragments(at, _joined(rest, chunks), document.encoding, _CUT_SHORT, mode, max_record)
    except expat.ExpatError as error:
        yield from document.taken()
        at, rest = document.unread()
        fault = Problem(
            Fault.SYNTAX, f"Not well-formed XML: {expat.ErrorString(error.code)}.", document.line()
        )
        rest_of_it = _fragments(at, _joined(rest, chunks), document.encoding, fault, mode, max_record)
        if document.inside_record:
            yield from rest_of_it
        elif error.code == _SEVERAL_DOCUMENTS and (first := next(rest_of_it, None)) is not None:
            first.problems.insert(0, fault)
            yield first
            yield from rest_of_it
        elif not document.is_blank:
            yield Read(document.position, 0, b"", None, [fault])
            yield from rest_of_it


def _joined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


class _Document(Document):
    """Records of MARCXML; names are compared without their prefix."""

    def __init__(self, max_record: int, encoding: str | None = None) -> None:
        super().__init__(max_record, encoding)
        self._parts: _Parts | None = None

    def begins(self, name: str, attributes: dict[str, str]) -> None:
        """A record, or a part of one."""
        local = name.rpartition(":")[2]
        if local == "record":
            if self._parts is not None and self._parts.has_content:
                raise _Unclosed
            self._parts = _Parts()  # a record around it (OAI-PMH has one) is only a wrapper
            self.open_record()
        elif self._parts is not None:
            self._parts.start(local, attributes)

    def ends(self, name: str) -> None:
        """A record is complete, or a part of one."""
        if self._parts is None:
            return
        local = name.rpartition(":")[2]
        if local != "record":
            self._parts.end(local)
            return
        parts, self._parts = self._parts, None
        at, raw, faults = self.close_record()
        if faults:
            self.found.append(Read(at, 0, raw, None, faults))
        else:
            self.found.append(Read(at, 0, raw, parts.record(), parts.problems))

    def characters(self, text: str) -> None:
        """A value's."""
        if self._parts is not None and not self.is_too_long:
            self._parts.text.append(text)


class _Parts:
    """A record as it comes together from events."""

    __slots__ = (
        "_code",
        "_fields",
        "_indicators",
        "_leader",
        "_subfields",
        "_tag",
        "problems",
        "text",
    )

    def __init__(self) -> None:
        self._leader: str | None = None
        self._fields: list[Field] = []
        self._tag = ""
        self._indicators = ("", "")
        self._code = ""
        self._subfields: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.problems: list[Problem] = []

    @property
    def has_content(self) -> bool:
        """Has anything of a MARC record been seen? A wrapper has nothing."""
        return self._leader is not None or bool(self._fields)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins; text before it in a field stands outside every subfield."""
        if name == "subfield":
            self._stray(self._tag)
            self._code = self._one(attributes.get("code"), f"{self._tag}: a subfield's code", Fault.SUBFIELDS)
        elif name in ("datafield", "controlfield"):
            self._stray("record")
            self._tag = fit(attributes.get("tag", ""))
            if len(self._tag) != 3:
                self.problems.append(
                    Problem(Fault.DIRECTORY, f"A field has the tag {self._tag!r}.", self._tag)
                )
            self._subfields = []
            if name == "datafield":
                self._indicators = (
                    self._one(attributes.get("ind1"), f"{self._tag}: indicator 1", Fault.INDICATORS),
                    self._one(attributes.get("ind2"), f"{self._tag}: indicator 2", Fault.INDICATORS),
                )
        elif name == "leader":
            self._stray("record")
        else:
            self.problems.append(Problem(Fault.SYNTAX, f"MARCXML has no element {name!r}.", self._tag))

    def end(self, name: str) -> None:
        """An element ends, and what it held is complete."""
        if name == "subfield":
            self._subfields.append((self._code, self._value()))
        elif name == "datafield":
            self._stray(self._tag)
            self._fields.append(Field.from_parts(self._tag, *self._indicators, self._subfields))
        elif name == "controlfield":
            self._fields.append(Field.control(self._tag, self._value()))
        elif name == "leader":
            self._leader = "".join(self.text)
            self.text.clear()
        else:
            self._stray(name)

    def record(self) -> Record | None:
        """The record; None if there is nothing in it."""
        self._stray("record")
        leader = self._leader
        if leader is None and not self._fields:
            self.problems.append(Problem(Fault.SYNTAX, "The record is empty.", "record"))
            return None
        if leader is None or len(leader) != LEADER_LENGTH or is_unfit(leader):
            said = "no leader" if leader is None else f"a leader of {len(leader)} characters"
            self.problems.append(Problem(Fault.LEADER, f"The record has {said}.", "leader"))
        return Record(fit(f"{leader or '':24.24}"), self._fields)

    def _value(self) -> str:
        text = "".join(self.text)
        self.text.clear()
        return fit(text)

    def _stray(self, where: str) -> None:
        """Text where none belongs is lost, and said."""
        if not self.text:
            return
        text = "".join(self.text).strip()
        self.text.clear()
        if text:
            self.problems.append(Problem(Fault.SUBFIELDS, f"Text outside any value: {text[:40]!r}.", where))

    def _one(self, value: str | None, what: str, fault: Fault) -> str:
        if value is not None and len(value) == 1:
            return value
        self.problems.append(Problem(fault, f"{what} is {value!r}, not one character.", self._tag))
        return value[0] if value else " "


def _fragments(
    at: int, stream: Iterable[bytes], encoding: str | None, fault: Problem, mode: Mode, max_record: int
) -> Iterator[Read]:
    """The records of a broken document, one by one: from `<record` to the next one's beginning or its own end."""
    feed = Feed(stream)
    while True:
        opening = _OPENS.search(feed.buffer, feed.at)
        if opening is None:
            if feed.ended:
                return
            feed.at = max(feed.at, len(feed.buffer) - 128)
            feed.more()
            continue
        feed.at = opening.start()
        end: int | None = None
        closed = False
        while True:
            mark = _OPENS_OR_CLOSES.search(feed.buffer, feed.at + len(opening[0]))
            if mark is not None:
                closed = mark[0].startswith(b"</")
                end = mark.end() if closed else mark.start()
                break
            if feed.ended or len(feed.buffer) - feed.at > max_record:
                break
            feed.more()
        size = (end if end is not None else len(feed.buffer)) - feed.at
        raw, position = feed.buffer[feed.at : feed.at + size], at + feed.position
        feed.at += size
        if size > max_record:
            message = f"More than the {max_record} bytes allowed."
            yield Read(position, 0, raw[:KEPT_OF_TOO_LONG], None, [Problem(Fault.TOO_LONG, message)])
        elif closed or _CONTENT.search(raw):
            yield _fragment(position, raw, encoding, fault if closed else _CUT_SHORT, mode)


def _fragment(position: int, raw: bytes, encoding: str | None, fault: Problem, mode: Mode) -> Read:
    """One record alone: as it is, or with wrong characters replaced."""
    for source in (raw,) if mode == "strict" else (raw, _mended(raw, encoding)):
        document = _Document(max(len(source), 1), None if source is not raw else encoding)
        try:
            for start in range(0, len(source), CHUNK):
                document.feed(source[start : start + CHUNK])
            document.close()
        except (expat.ExpatError, Refused):
            continue
        for found in document.taken():
            if source is not raw:
                message = "Characters that XML does not allow were replaced."
                found.problems.insert(0, Problem(Fault.CHARACTERS, message))
            return Read(position, 0, raw, found.record, found.problems)
    return Read(position, 0, raw, None, [fault])


def _mended(raw: bytes, encoding: str | None) -> bytes:
    try:
        text = raw.decode(encoding or "utf-8", "replace")
    except LookupError:
        text = raw.decode("utf-8", "replace")

    def reference(match: re.Match[str]) -> str:
        point = int(match[1], 16) if match[1] else int(match[2])
        return REPLACEMENT if point > 0x10FFFF or _UNWRITTEN.match(chr(point)) else match[0]

    return _BARE_AMPERSAND.sub("&amp;", _REFERENCE.sub(reference, _UNWRITTEN.sub(REPLACEMENT, text))).encode(
        "utf-8"
    )


def dumps(record: Record, *, namespace: bool = True) -> bytes:
    """One `<record>`; U+FFFD stands for characters that XML cannot hold."""
    out = [f'<record xmlns="{NAMESPACE}">' if namespace else "<record>"]
    out.append(f"<leader>{_told(record.leader)}</leader>")
    for field in record:
        tag = _quoted(field.tag)
        if field.is_control:
            out.append(f"<controlfield tag={tag}>{_told(field.value)}</controlfield>")
            continue
        out.append(f"<datafield tag={tag} ind1={_quoted(field.ind1)} ind2={_quoted(field.ind2)}>")
        for code, value in field.subfields:
            out.append(f"<subfield code={_quoted(code)}>{_told(value)}</subfield>")
        out.append("</datafield>")
    out.append("</record>")
    return "".join(out).encode("utf-8")


def write(records: Iterable[Record]) -> Iterator[bytes]:
    """A whole document, a piece per record."""
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<collection xmlns="{NAMESPACE}">\n'.encode()
    for record in records:
        yield dumps(record, namespace=False) + b"\n"
    yield b"</collection>\n"


def _told(text: str) -> str:
    return escape(_UNWRITTEN.sub(REPLACEMENT, text), {"\r": "&#13;"})


def _quoted(text: str) -> str:
    if len(text) <= 3 and text.isalnum():
        return f'"{text}"'
    return quoteattr(_UNWRITTEN.sub(REPLACEMENT, text), {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;"})
