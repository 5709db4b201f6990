"""The parser of CQL. Everything is bounded; what it raises carries the number of its SRU diagnostic.

    query    = clauses [ "sortby" key { key } ]
    clauses  = { ">" [ prefix "=" ] uri } clause { boolean { modifier } clause }
    clause   = "(" clauses ")" | [ index relation { modifier } ] term
    relation = "=" | "==" | "<" | ">" | "<=" | ">=" | "<>" | name
    modifier = "/" name [ comparison value ]

Operators and `sortby` are read in any case. Two names before a term are an index and a named relation.
"""

from dataclasses import dataclass
from typing import Final

from catalog.cql.tree import Boolean, Clause, Modifier, Node, Query, SortKey

LONGEST: Final = 2000
DEEPEST: Final = 24
MOST_CLAUSES: Final = 64
MOST_PREFIXES: Final = 16
MOST_MODIFIERS: Final = 16
BOOLEANS: Final = frozenset(("and", "or", "not", "prox"))
SYMBOLS: Final = ("<>", "<=", ">=", "==", "=", "<", ">")
_SPECIAL: Final = frozenset('()/<>="')


class CqlProblem(ValueError):
    """What is wrong with a query: a diagnostic's number (info:srw/diagnostic/1/), its details, words."""

    def __init__(self, number: int, details: str, message: str = "") -> None:
        super().__init__(message or details)
        self.number, self.details, self.message = number, details, message


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    """word, quoted, symbol, or the character itself."""
    text: str
    at: int


def parse(text: str) -> Query:
    """A query's tree. Raises `CqlProblem` and nothing else."""
    if len(text) > LONGEST:
        raise CqlProblem(12, str(LONGEST), f"A query may have {LONGEST} characters.")
    parser = _Parser(_lexed(text), text)
    root = parser.clauses((), 0)
    sort = parser.sort_keys()
    parser.end()
    return Query(root, sort)


def _lexed(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char.isspace():
            at += 1
            continue
        if char in "()/":
            token = _Token(char, char, at)
        elif char in "<>=":
            symbol = next(each for each in SYMBOLS if text.startswith(each, at))
            token = _Token("symbol", symbol, at)
        elif char == '"':
            token, end = _quoted(text, at)
            found.append(token)
            at = end
            continue
        else:
            end = at
            while end < len(text) and not text[end].isspace() and text[end] not in _SPECIAL:
                end += 2 if text[end] == "\\" and end + 1 < len(text) else 1
            token = _Token("word", text[at:end], at)
        found.append(token)
        at += len(token.text)
    return found


def _quoted(text: str, start: int) -> tuple[_Token, int]:
    at = start + 1
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            at += 2
        elif text[at] == '"':
            return _Token("quoted", text[start + 1 : at], start), at + 1
        else:
            at += 1
    raise CqlProblem(14, text[start:][:200], 'A " is never closed.')


Prefixes = tuple[tuple[str, str], ...]


class _Parser:
    def __init__(self, lexed: list[_Token], text: str) -> None:
        self._tokens, self._text, self._at, self._clauses = lexed, text, 0, 0

    def _peek(self, ahead: int = 0) -> _Token | None:
        place = self._at + ahead
        return self._tokens[place] if place < len(self._tokens) else None

    def _wrong(self, expected: str) -> CqlProblem:
        token = self._peek()
        if token is None:
            return CqlProblem(10, self._text[-200:], f"{expected} is missing at the end.")
        words = f"{expected} is expected at character {token.at + 1}."
        return CqlProblem(10, self._text[token.at :][:200], words)

    def _is_word(self, token: _Token | None, *words: str) -> bool:
        return token is not None and token.kind == "word" and token.text.casefold() in words

    def end(self) -> None:
        token = self._peek()
        if token is not None and token.kind == ")":
            raise CqlProblem(13, self._text[token.at :][:200], "A ) closes nothing.")
        if token is not None:
            raise self._wrong("A boolean operator")

    def clauses(self, prefixes: Prefixes, depth: int) -> Node:
        prefixes = self._prefixes(prefixes)
        node = self._clause(prefixes, depth)
        while self._is_word(token := self._peek(), *BOOLEANS):
            assert token is not None
            self._at += 1
            modifiers = self._modifiers()
            node = Boolean(token.text.casefold(), node, self._clause(prefixes, depth), modifiers)
        return node

    def _prefixes(self, before: Prefixes) -> Prefixes:
        told = dict(before)
        while (token := self._peek()) is not None and token.kind == "symbol" and token.text == ">":
            self._at += 1
            name = self._text_of("A context set")
            after = self._peek()
            if after is not None and after.kind == "symbol" and after.text == "=":
                self._at += 1
                told[name.casefold()] = self._text_of("The URI of a context set")
            else:
                told[""] = name
            if len(told) > MOST_PREFIXES:
                raise CqlProblem(48, str(MOST_PREFIXES), f"A query may name {MOST_PREFIXES} context sets.")
        return tuple(told.items())

    def _text_of(self, what: str) -> str:
        token = self._peek()
        if token is None or token.kind not in ("word", "quoted"):
            raise self._wrong(what)
        self._at += 1
        return token.text

    def _clause(self, prefixes: Prefixes, depth: int) -> Node:
        token = self._peek()
        if token is not None and token.kind == "(":
            if depth == DEEPEST:
                raise CqlProblem(13, str(DEEPEST), f"Parentheses may be nested {DEEPEST} deep.")
            self._at += 1
            node = self.clauses(prefixes, depth + 1)
            if (closing := self._peek()) is None:
                raise CqlProblem(13, self._text[token.at :][:200], "A ( is never closed.")
            if closing.kind != ")":
                raise self._wrong("A boolean operator or a )")
            self._at += 1
            return node
        self._clauses += 1
        if self._clauses > MOST_CLAUSES:
            raise CqlProblem(38, str(MOST_CLAUSES - 1), f"A query may have {MOST_CLAUSES} clauses.")
        if self._is_word(token, *BOOLEANS, "sortby") and not self._is_relation(self._peek(1)):
            raise self._wrong("Something to search for")
        first = self._text_of("Something to search for")
        relation = self._peek()
        if relation is None or not self._is_relation(relation):
            return Clause(first, prefixes=prefixes)
        self._at += 1
        modifiers = self._modifiers()
        if self._is_word(self._peek(), *BOOLEANS, "sortby"):
            raise self._wrong("A term (in quotation marks, if it is an operator)")
        term = self._text_of("A term")
        return Clause(term, first, relation.text.casefold(), modifiers, prefixes)

    def _is_relation(self, token: _Token | None) -> bool:
        """A comparison; or a name that is no operator, and has a term (or modifiers) behind it."""
        if token is None:
            return False
        if token.kind == "symbol":
            return True
        if token.kind == "quoted":  # CQL 1.2: namedComparitor ::= identifier, which may be quoted
            return True
        return token.kind == "word" and not self._is_word(token, *BOOLEANS, "sortby")

    def _modifiers(self) -> tuple[Modifier, ...]:
        found: list[Modifier] = []
        while (token := self._peek()) is not None and token.kind == "/":
            self._at += 1
            name = self._text_of("A modifier")
            comparison, value = "", ""
            after = self._peek()
            if after is not None and after.kind == "symbol":
                self._at += 1
                comparison, value = after.text, self._text_of("A modifier's value")
            found.append(Modifier(name.casefold(), comparison, value))
            if len(found) > MOST_MODIFIERS:
                raise CqlProblem(20, str(MOST_MODIFIERS), f"Up to {MOST_MODIFIERS} modifiers may follow.")
        return tuple(found)

    def sort_keys(self) -> tuple[SortKey, ...]:
        if not self._is_word(self._peek(), "sortby"):
            return ()
        self._at += 1
        keys: list[SortKey] = []
        while (token := self._peek()) is not None and token.kind in ("word", "quoted"):
            self._at += 1
            keys.append(SortKey(token.text, self._modifiers()))
        if not keys:
            raise self._wrong("What to sort by")
        return tuple(keys)
