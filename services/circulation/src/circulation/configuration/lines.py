"""Rules as text, one a line: `patron_group = student | staff & loan_type != short : loan=month fine=daily hold=usual`.

Left of the colon the criteria, all of which must hold: a name, `=` (one of these) or `!=` (none of these), and
values; `*` stands for no criteria, the fallback. Right of it the policies, and a limit if there is one: `max_loans=3`.
A value or code that is not one plain word is written as a JSON string. `#` begins a comment; comments above a rule and
behind it are its note.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from circulation.policies.documents import NotDoc, RuleDoc

POLICIES: Final = tuple(name for name in RuleDoc.model_fields if name not in ("when", "note"))
"""What a rule decides, in the order of its line: its policies, and its limit."""
_PLAIN: Final = re.compile(r'[^\s&|:=!"#*]+')
_SPACE: Final = re.compile(r"[^\S\n]*")
_JSON: Final = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: lines and columns are counted from 1, columns in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a text, and where."""

    at: Place
    code: str
    text: str


@dataclass(slots=True)
class Parsed:
    """What a text says: the rules, where each part of them stands, and what is wrong."""

    rules: list[RuleDoc] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    """By pointer into the document: `/rules/3/loan`."""
    wrong: list[Wrong] = field(default_factory=list)

    def place_of(self, pointer: str) -> Place:
        """Where what a pointer names stands, or the nearest thing around it."""
        while pointer and pointer not in self.places:
            pointer = pointer.rpartition("/")[0]
        return self.places.get(pointer, Place(1, 1))


class _Unreadable(Exception):
    def __init__(self, column: int, code: str, text: str) -> None:
        self.column, self.code, self.text = column, code, text


@dataclass(slots=True)
class _Line:
    """One line, read from left to right."""

    words: str
    at: int = 0

    def skip(self) -> str:
        """Pass blanks; the character that follows, or nothing at the end and before a comment."""
        self.at = _SPACE.match(self.words, self.at).end()  # type: ignore[union-attr]  # matches the empty text
        following = self.words[self.at : self.at + 1]
        return "" if following == "#" else following

    def take(self, *marks: str) -> str | None:
        """One of these marks, if it is what follows."""
        self.skip()
        for mark in marks:
            if self.words.startswith(mark, self.at):
                self.at += len(mark)
                return mark
        return None

    def word(self, what: str) -> tuple[str, int]:
        """A plain word or a JSON string, and its column."""
        following, column = self.skip(), self.at + 1
        if following == '"':
            try:
                told, self.at = _JSON.raw_decode(self.words, self.at)
            except json.JSONDecodeError as error:
                raise _Unreadable(column, "string-unreadable", "This is no JSON string.") from error
            return str(told), column
        found = _PLAIN.match(self.words, self.at)
        if found is None or not following:
            seen = repr(following) if following else "the end of the line"
            raise _Unreadable(column, "word-missing", f"Here {what} is expected, not {seen}.")
        self.at = found.end()
        return found[0], column


def parsed(text: str) -> Parsed:
    """Read a text; every line that cannot be read is told, with its line and column."""
    told = Parsed()
    notes: list[str] = []
    for number, words in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        line = _Line(words)
        if not line.skip():
            if line.at < len(words):
                notes.append(_note(words[line.at :]))
            continue
        try:
            _rule(told, line, number, notes)
        except _Unreadable as error:
            told.wrong.append(Wrong(Place(number, error.column), error.code, error.text))
        notes = []
    if notes and told.rules:
        last = told.rules[-1]
        last.note = "\n".join([*([last.note] if last.note is not None else []), *notes])
    return told


def _note(comment: str) -> str:
    return comment.removeprefix("#").removeprefix(" ")


def _rule(told: Parsed, line: _Line, number: int, notes: Sequence[str]) -> None:
    pointer = f"/rules/{len(told.rules)}"
    places = {pointer: Place(number, line.at + 1)}
    when: dict[str, list[str] | NotDoc] = {}
    if line.take("*") is None:
        while True:
            name, column = line.word("a criterion")
            if name in when:
                raise _Unreadable(column, "criterion-repeated", f"{name} is there already.")
            places[f"{pointer}/when/{name}"] = Place(number, column)
            mark = line.take("!=", "=")
            if mark is None:
                raise _Unreadable(line.at + 1, "mark-missing", f"Here = or != is expected behind {name}.")
            values = [line.word("a value")[0]]
            while line.take("|"):
                values.append(line.word("a value")[0])
            when[name] = values if mark == "=" else NotDoc.model_construct(none_of=values)
            if line.take("&") is None:
                break
    if line.take(":") is None:
        raise _Unreadable(
            line.at + 1, "mark-missing", "Here & and a criterion, or : and the policies are expected."
        )
    chosen: dict[str, str] = {}
    while line.skip():
        name, column = line.word("a kind of policy")
        if name not in POLICIES:
            raise _Unreadable(column, "policy-kind-unknown", f"{name!r} is none of {', '.join(POLICIES)}.")
        if name in chosen:
            raise _Unreadable(column, "policy-kind-repeated", f"{name} is there already.")
        if line.take("=") is None:
            raise _Unreadable(line.at + 1, "mark-missing", f"Here = is expected behind {name}.")
        chosen[name], column = line.word("the code of a policy")
        places[f"{pointer}/{name}"] = Place(number, column)
    end = line.at + 1
    if line.at < len(line.words):
        notes = [*notes, _note(line.words[line.at :])]
    told.places |= places
    _take(told, pointer, Place(number, end), when, chosen, "\n".join(notes) if notes else None)


def _take(
    told: Parsed,
    pointer: str,
    end: Place,
    when: Mapping[str, list[str] | NotDoc],
    chosen: Mapping[str, str],
    note: str | None,
) -> None:
    plain: dict[str, Any] = {
        name: {"none_of": value.none_of} if isinstance(value, NotDoc) else value
        for name, value in when.items()
    }
    try:
        told.rules.append(RuleDoc.model_validate({"when": plain, **chosen, "note": note}))
    except ValidationError as error:
        for each in error.errors():
            path = "".join(f"/{part}" for part in each["loc"])
            missing = each["type"] == "missing"
            at = end if missing else told.place_of(pointer + path)
            text = f"{each['loc'][-1]}= is missing." if missing else str(each["msg"])
            told.wrong.append(Wrong(at, str(each["type"]).replace("_", "-"), text))


def text_of(rules: Iterable[RuleDoc]) -> str:
    """Rules as text; read again, they are the same."""
    lines = []
    for rule in rules:
        if rule.note is not None:
            lines += [f"# {line}" for line in rule.note.split("\n")]
        criteria = [
            f"{_word(name)} != {_words(told.none_of)}"
            if isinstance(told, NotDoc)
            else f"{_word(name)} = {_words(told)}"
            for name, told in rule.when.items()
        ]
        policies = [(name, getattr(rule, name)) for name in POLICIES]
        chosen = " ".join(f"{name}={_word(str(code))}" for name, code in policies if code is not None)
        lines.append(f"{' & '.join(criteria) or '*'} : {chosen}")
    return "\n".join(lines) + "\n"


def _words(values: Iterable[str]) -> str:
    return " | ".join(map(_word, values))


def _word(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False)
