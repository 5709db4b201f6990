"""The language of `query=` (docs/search-query.md): words, "phrases", field:term, AND OR NOT, ( ), prefix*.

    query   = or
    or      = and { "OR" and }
    and     = not { [ "AND" ] not }
    not     = [ "NOT" | "-" ] primary
    primary = "(" or ")" | [ field ":" ] ( "(" or ")" | term )
    term    = word | word "*" | '"' phrase '"' | from ".." to

Operators are in capitals. A backslash takes the next character as it is. Everything is bounded, since the
engine has no time limit of its own.
"""

from dataclasses import dataclass
from typing import Final

from catalog.search.headings import SEARCHED

FIELDS: Final = frozenset(
    {
        "any",
        "title",
        "author",
        "subject",
        "series",
        "publisher",
        "isbn",
        "issn",
        "identifier",
        "year",
        "language",
        "format",
        "call_number",
        "barcode",
        "library",
        "location",
        "genre",
        *SEARCHED,
    }
)
LONGEST: Final = 2000
MOST_TERMS: Final = 64
DEEPEST: Final = 12
SHORTEST_PREFIX: Final = 2


class QueryProblem(ValueError):
    """A query that cannot be understood: a code, words, and the place (characters from 0)."""

    def __init__(self, code: str, message: str, position: int) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.position = position


@dataclass(frozen=True, slots=True)
class Term:
    """A word, a phrase (several words together) or a prefix, in one field or in any."""

    text: str
    field: str = "any"
    phrase: bool = False
    prefix: bool = False
    begins: bool = False
    """It stands at the beginning of the field (CQL has this; this language does not) …"""
    ends: bool = False
    """… or at its end."""


@dataclass(frozen=True, slots=True)
class Near:
    """Two words or phrases of one field with fewer than `distance` words between them. CQL has it."""

    left: str
    right: str
    distance: int
    ordered: bool = False
    """Whether the left one stands first."""
    field: str = "any"


@dataclass(frozen=True, slots=True)
class Listed:
    """Titles by their numbers: a list of hits that another search is narrowed by. CQL has it."""

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Naming:
    """Titles whose linking entries name another by one of these keys (`catalog.relations.rules.named`). No language
    says it."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Masked:
    """A folded word with gaps: `*` stands for any characters, `?` for one. CQL has it; this language does not."""

    pattern: str
    field: str = "any"


@dataclass(frozen=True, slots=True)
class Range:
    """Years from and to, both included; None: open."""

    low: int | None
    high: int | None
    field: str = "year"


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """Everything else."""

    part: "Node"


@dataclass(frozen=True, slots=True)
class Everything:
    """No condition."""


Node = Term | Near | Listed | Naming | Masked | Range | And | Or | Not | Everything


def parse(text: str) -> Node:
    """The tree of a query; an empty one means everything. Raises `QueryProblem` and nothing else."""
    if len(text) > LONGEST:
        raise QueryProblem("query-too-long", f"A query may have {LONGEST} characters.", LONGEST)
    parser = _Parser(_lexed(text), len(text))
    if parser.at_end():
        return Everything()
    node = parser.either("any", 0)
    if not parser.at_end():
        raise QueryProblem("parenthesis-unopened", "A ) closes nothing.", parser.place())
    return node


@dataclass(frozen=True, slots=True)
class Piece:
    """A word or phrase of a query, and where it stands in it: from `at` until before `end`."""

    text: str
    field: str
    phrase: bool
    at: int
    end: int


def pieces(text: str) -> list[Piece]:
    """What a query looks for, word by word, in their order; not what it goes on with, nor what it is to be without."""
    parser = _Parser(_lexed(text), len(text))
    if not parser.at_end():
        parser.either("any", 0)
    return parser.pieces


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int
    end: int


_BREAKS: Final = frozenset(' \t\r\n\f\v()":')


def _lexed(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char.isspace():
            at += 1
        elif char in "()":
            found.append(_Token(char, char, at, at + 1))
            at += 1
        elif char == ":":
            found.append(_Token("colon", char, at, at + 1))
            at += 1
        elif char == '"':
            phrase, end = _quoted(text, at)
            found.append(_Token("phrase", phrase, at, end))
            at = end
        elif (
            char == "-"
            and at + 1 < len(text)
            and (at == 0 or text[at - 1] in " \t\r\n(")
            and text[at + 1] not in " \t\r\n)"
        ):
            found.append(_Token("minus", char, at, at + 1))
            at += 1
        else:
            word, starred, end = _word(text, at)
            found.append(_Token("prefix" if starred else "word", word, at, end))
            at = end
    return found


def _quoted(text: str, start: int) -> tuple[str, int]:
    kept = []
    at = start + 1
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            kept.append(text[at + 1])
            at += 2
        elif text[at] == '"':
            return "".join(kept), at + 1
        else:
            kept.append(text[at])
            at += 1
    raise QueryProblem("quote-unclosed", 'A " is never closed.', start)


def _word(text: str, start: int) -> tuple[str, bool, int]:
    kept = []
    at = start
    starred = False
    while at < len(text) and text[at] not in _BREAKS and not text[at].isspace():
        if text[at] == "\\" and at + 1 < len(text):
            kept.append(text[at + 1])
            at += 2
            continue
        if text[at] == "*" and (at + 1 == len(text) or text[at + 1] in _BREAKS or text[at + 1].isspace()):
            starred = True
            at += 1
            break
        kept.append(text[at])
        at += 1
    return "".join(kept), starred, max(at, start + 1)


class _Parser:
    def __init__(self, lexed: list[_Token], length: int) -> None:
        self._tokens, self._at, self._length = lexed, 0, length
        self._terms = 0
        self.pieces: list[Piece] = []

    def at_end(self) -> bool:
        return self._at >= len(self._tokens)

    def place(self) -> int:
        return self._length if self.at_end() else self._tokens[self._at].at

    def _peek(self) -> _Token | None:
        return None if self.at_end() else self._tokens[self._at]

    def _operator(self) -> str | None:
        token = self._peek()
        return token.text if token and token.kind == "word" and token.text in ("AND", "OR", "NOT") else None

    def either(self, field: str, depth: int) -> Node:
        parts = [self.both(field, depth)]
        while self._operator() == "OR":
            self._at += 1
            parts.append(self.both(field, depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def both(self, field: str, depth: int) -> Node:
        parts = [self.negated(field, depth)]
        while True:
            token = self._peek()
            if token is None or token.kind == ")" or self._operator() == "OR":
                break
            if self._operator() == "AND":
                self._at += 1
            parts.append(self.negated(field, depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def negated(self, field: str, depth: int) -> Node:
        token = self._peek()
        if token is not None and (token.kind == "minus" or self._operator() == "NOT"):
            self._at += 1
            before = len(self.pieces)
            without = self.primary(field, depth)
            del self.pieces[before:]
            return Not(without)
        return self.primary(field, depth)

    def primary(self, field: str, depth: int) -> Node:
        if depth > DEEPEST:
            raise QueryProblem("too-deep", f"Parentheses may be nested {DEEPEST} deep.", self.place())
        token = self._peek()
        if token is None:
            raise QueryProblem("term-missing", "Something to search for is missing here.", self.place())
        if token.kind == "(":
            return self._group(field, depth)
        if token.kind in (")", "colon", "minus") or self._operator() is not None:
            raise QueryProblem("term-missing", "Something to search for is missing here.", token.at)
        following = self._tokens[self._at + 1] if self._at + 1 < len(self._tokens) else None
        if token.kind == "word" and following is not None and following.kind == "colon":
            name = token.text.casefold()
            if name not in FIELDS:
                raise QueryProblem(
                    "field-unknown",
                    f"There is no field {token.text!r}: {', '.join(sorted(FIELDS))}.",
                    token.at,
                )
            self._at += 2
            token = self._peek()
            if token is None:
                raise QueryProblem("term-missing", f"What is searched for in {name}?", self.place())
            if token.kind == "(":
                return self._group(name, depth)
            if token.kind not in ("word", "phrase", "prefix"):
                raise QueryProblem("term-missing", f"What is searched for in {name}?", token.at)
            field = name
        return self._term(token, field)

    def _group(self, field: str, depth: int) -> Node:
        opened = self.place()
        self._at += 1
        node = self.either(field, depth + 1)
        token = self._peek()
        if token is None or token.kind != ")":
            raise QueryProblem("parenthesis-unclosed", "A ( is never closed.", opened)
        self._at += 1
        return node

    def _term(self, token: _Token, field: str) -> Node:
        self._at += 1
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise QueryProblem("too-many-terms", f"A query may have {MOST_TERMS} terms.", token.at)
        if field == "year":
            return _years(token)
        if token.kind == "prefix" and len(token.text) < SHORTEST_PREFIX:
            raise QueryProblem(
                "prefix-too-short", f"Before a * stand {SHORTEST_PREFIX} characters or more.", token.at
            )
        if token.kind == "prefix" and field in SEARCHED:
            raise QueryProblem("heading-whole", f"In {field} a heading is told whole, in quotes.", token.at)
        if token.kind != "prefix":
            self.pieces.append(Piece(token.text, field, token.kind == "phrase", token.at, token.end))
        return Term(token.text, field, token.kind == "phrase", token.kind == "prefix")


def _years(token: _Token) -> Range:
    """A year, or from..to with either side open."""
    low, dots, high = token.text.partition("..")
    try:
        first = int(low) if low else None
        last = (int(high) if high else None) if dots else first
    except ValueError:
        first = last = None
    if (first is None and last is None) or any(y is not None and abs(y) > 9999 for y in (first, last)):
        raise QueryProblem("year-wrong", "A year is a number, or a range such as 1990..2000.", token.at)
    return Range(first, last)


def rendered(node: Node) -> str:
    """A query that parses to the same tree; `ValueError` for what this language cannot say."""
    if isinstance(node, (Masked, Near, Listed, Naming)) or (
        isinstance(node, Term) and (node.begins or node.ends)
    ):
        raise ValueError("CQL alone can say this")
    if isinstance(node, Everything):
        return ""
    if isinstance(node, Range):
        if node.low == node.high:
            return f"year:{node.low}"
        return f"year:{'' if node.low is None else node.low}..{'' if node.high is None else node.high}"
    if isinstance(node, Term):
        if node.phrase:
            text = '"' + node.text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        else:
            text = "".join("\\" + char for char in node.text) + ("*" if node.prefix else "")
        return text if node.field == "any" else f"{node.field}:{text}"
    if isinstance(node, Not):
        return f"NOT ({rendered(node.part)})"
    word = " AND " if isinstance(node, And) else " OR "
    return "(" + word.join(f"({rendered(part)})" for part in node.parts) + ")"
