"""MARC-in-JSON (`application/marc+json`): one object, an array, or one object after another, streamed.

A scanner over brackets and strings finds where each object ends without building anything; an object is then
read whole. A record that never closes ends where the next one begins (`{"leader":`).
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson

from catalog.marc.framing import KEPT_OF_TOO_LONG, MAX_RECORD
from catalog.marc.problems import Fault, Mode, Problem, Read, acceptable
from catalog.marc.record import LEADER_LENGTH, Field, Record
from catalog.marc.streams import ByteStream, Feed
from catalog.marc.text import fit, is_unfit, replaced

MAX_DEPTH: Final = 64

_START = re.compile(rb'\{\s*"(?:leader|fields)"\s*:')
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_TOKEN = re.compile(_STRING.pattern + rb'(?=\s*(?:[,:}\]]|\Z))|[{}\[\]"]', re.DOTALL)
"""A bracket, or a string with what may follow one. Without that a string was never closed, and this is the
stretch from its neighbour's closing quote to the next one's opening quote."""
_BETWEEN = re.compile(rb"[\s,\[\]\x1e\xef\xbb\xbf]*")
"""White space, an array's own marks, RFC 7464's record separator, a byte order mark."""


def read(stream: ByteStream, mode: Mode = "lenient", *, max_record: int = MAX_RECORD) -> Iterator[Read]:
    """Every record, in order, as soon as it has ended."""
    feed = Feed(stream)
    ordinal = 0
    while (found := _next(feed, max_record)) is not None:
        found.ordinal = ordinal
        if mode == "strict" and not acceptable(found.problems):
            found.record = None
        ordinal += 1
        yield found


def _next(feed: Feed, max_record: int) -> Read | None:
    """The next object, or stretch of bytes that is none; None at the end."""
    while True:
        match = _BETWEEN.match(feed.buffer, feed.at)
        feed.at = match.end() if match else feed.at
        if feed.at < len(feed.buffer):
            break
        if feed.ended:
            return None
        feed.more()

    if feed.buffer[feed.at : feed.at + 1] != b"{":
        return _garbage(feed)
    depth, at = 0, feed.at
    deepest = 0
    while True:
        token = _TOKEN.search(feed.buffer, at)
        if token is None or token[0] == b'"':
            if token is not None and _STRING.match(feed.buffer, token.start()):
                return _damaged(feed, "A string does not end.")
            if feed.ended:
                return _damaged(feed, "The text ends inside a record.", Fault.TRUNCATED)
            if len(feed.buffer) - feed.at > max_record:
                return _damaged(feed, f"More than the {max_record} bytes allowed.", Fault.TOO_LONG)
            at = (token.start() if token else len(feed.buffer)) - feed.at
            feed.more()
            at += feed.at
            continue
        mark = token[0]
        at = token.end()
        if mark[0] == 0x22:
            continue
        if mark in (b"{", b"["):
            depth += 1
            deepest = max(deepest, depth)
            if depth > 1 and mark == b"{" and _START.match(feed.buffer, token.start()):
                return _damaged(feed, "Another record begins before this one ends.")
        elif mark in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                break
    raw = feed.buffer[feed.at : at]
    position = feed.position
    if len(raw) > max_record:
        return _damaged(feed, f"More than the {max_record} bytes allowed.", Fault.TOO_LONG)
    if deepest > MAX_DEPTH:
        feed.at = at
        fault = Problem(Fault.FORBIDDEN, f"Nested more than {MAX_DEPTH} deep.")
        return Read(position, 0, raw[:KEPT_OF_TOO_LONG], None, [fault])
    problems: list[Problem] = []
    told = _loaded(raw, problems)
    if told is None:
        return _damaged(feed, problems[-1].message, end=at)
    feed.at = at
    return Read(position, 0, raw, _record(told, problems), problems)


def _garbage(feed: Feed) -> Read:
    """Bytes up to the next thing that could be a record."""
    position = feed.position
    kept = feed.buffer[feed.at : feed.at + KEPT_OF_TOO_LONG]
    while (found := feed.buffer.find(b"{", feed.at)) < 0:
        feed.at = len(feed.buffer)
        if feed.ended:
            break
        feed.more()
    else:
        feed.at = found
    size = feed.position - position
    return Read(position, 0, kept[:size], None, [Problem(Fault.GARBAGE, f"{size} bytes that are no record.")])


def _damaged(feed: Feed, message: str, fault: Fault = Fault.SYNTAX, end: int | None = None) -> Read:
    """A record that cannot be read. It ends at its end if it has one, in any case where another begins."""
    position = feed.position
    kept = feed.buffer[feed.at : feed.at + KEPT_OF_TOO_LONG]
    feed.at += 1
    while True:
        other = _START.search(feed.buffer, feed.at, end if end is not None else len(feed.buffer))
        if other is not None:
            feed.at = other.start()
            break
        if end is not None:
            feed.at = end
            break
        if feed.ended:
            feed.at = len(feed.buffer)
            break
        feed.at = max(feed.at, len(feed.buffer) - 64)
        feed.more()
    size = feed.position - position
    return Read(position, 0, kept[:size], None, [Problem(fault, message)])


def _loaded(raw: bytes, problems: list[Problem]) -> Any:
    """The object; wrong bytes and half surrogates replaced and said. None when it is no JSON."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    try:
        told = json.loads(raw.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError) as error:
        problems.append(Problem(Fault.SYNTAX, f"Not JSON: {error}."))
        return None
    problems.append(
        Problem(
            Fault.CHARACTERS,
            "Bytes or characters that JSON does not allow; U+FFFD where they have no meaning.",
        )
    )
    return told


def _record(told: Any, problems: list[Problem]) -> Record | None:
    fields: list[Field] = []
    given = told.get("fields") if isinstance(told, dict) else None
    if not isinstance(given, list):
        problems.append(Problem(Fault.SYNTAX, "The object has no list of fields."))
        return None
    for place, entry in enumerate(given):
        if not isinstance(entry, dict) or not entry:
            problems.append(
                Problem(Fault.FIELD_LOST, f"Field {place} is {_shown(entry)}.", f"fields[{place}]")
            )
            continue
        if len(entry) > 1:
            problems.append(Problem(Fault.SYNTAX, f"Field {place} has several tags.", f"fields[{place}]"))
        for tag, content in entry.items():
            if (field := _field(tag, content, problems)) is not None:
                fields.append(field)
    leader = told.get("leader")
    if not isinstance(leader, str) or len(leader) != LEADER_LENGTH or is_unfit(leader):
        problems.append(Problem(Fault.LEADER, f"The leader is {_shown(leader)}.", "leader"))
        leader = f"{leader if isinstance(leader, str) else '':24.24}"
    return Record(fit(leader), fields)


def _field(tag: str, content: Any, problems: list[Problem]) -> Field | None:
    if len(tag) != 3:
        problems.append(Problem(Fault.DIRECTORY, f"A field has the tag {tag!r}.", tag))
    tag = fit(tag)
    if isinstance(content, str):
        return Field.control(tag, _value(content, tag, problems))
    if not isinstance(content, dict) or not isinstance(content.get("subfields"), list):
        problems.append(Problem(Fault.FIELD_LOST, f"The field is {_shown(content)}.", tag))
        return None
    subfields: list[tuple[str, str]] = []
    for entry in content["subfields"]:
        if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
            problems.append(Problem(Fault.FIELD_LOST, f"A subfield is {_shown(entry)}.", tag))
            continue
        for code, value in entry.items():
            if len(code) != 1:
                problems.append(Problem(Fault.SUBFIELDS, f"A subfield has the code {code!r}.", tag))
            subfields.append((fit(code)[:1] or " ", _value(value, f"{tag}${code}", problems)))
    return Field.from_parts(
        tag, _indicator(content, "ind1", tag, problems), _indicator(content, "ind2", tag, problems), subfields
    )


def _indicator(content: dict[str, Any], name: str, tag: str, problems: list[Problem]) -> str:
    given = content.get(name)
    if isinstance(given, str) and len(given) == 1:
        return fit(given)
    problems.append(Problem(Fault.INDICATORS, f"{name} is {_shown(given)}, not one character.", tag))
    return fit(given[0]) if isinstance(given, str) and given else " "


def _value(text: str, where: str, problems: list[Problem]) -> str:
    if is_unfit(text):
        problems.append(Problem(Fault.CHARACTERS, "Characters that no text holds became U+FFFD.", where))
    return fit(text)


def _shown(value: object) -> str:
    return repr(value)[:60]


def dumps(record: Record) -> bytes:
    """One object, UTF-8; U+FFFD stands for half a surrogate pair."""
    fields: list[dict[str, Any]] = []
    for field in record:
        if field.is_control:
            fields.append({field.tag: field.value})
        else:
            subfields = [{code: value} for code, value in field.subfields]
            fields.append({field.tag: {"ind1": field.ind1, "ind2": field.ind2, "subfields": subfields}})
    told = {"leader": record.leader, "fields": fields}
    try:
        return orjson.dumps(told)
    except TypeError:
        return replaced(json.dumps(told, ensure_ascii=False)).encode("utf-8")


def write(records: Iterable[Record], *, lines: bool = False) -> Iterator[bytes]:
    """An array, or one object a line; a piece per record."""
    if lines:
        for record in records:
            yield dumps(record) + b"\n"
        return
    before = b"["
    for record in records:
        yield before + dumps(record)
        before = b",\n"
    yield b"[]\n" if before == b"[" else b"]\n"
