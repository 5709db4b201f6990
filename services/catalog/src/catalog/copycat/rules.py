"""What is asked of an SRU server, and what its answer says. No network."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from xml.parsers import expat

Term = Literal["isbn", "issn", "lccn", "title", "author", "any"]
INDEXES: Final[Mapping[Term, str]] = {
    "isbn": "bath.isbn",
    "issn": "bath.issn",
    "lccn": "bath.lccn",
    "title": "dc.title",
    "author": "dc.creator",
    "any": "cql.serverChoice",
}
"""What a server is asked for unless its entry says otherwise (Bath profile 2.0, Dublin Core, CQL)."""
_OURS: Final = frozenset(
    {"operation", "version", "query", "recordSchema", "maximumRecords", "startRecord", "recordPacking"}
)
DEEPEST: Final = 64


class NoAnswer(ValueError):
    """What came is no answer, or the server says why there is none."""


def cql(terms: Mapping[Term, str], indexes: Mapping[Term, str]) -> str:
    """A search for all of these terms; a term is searched for as it is written, whatever signs are in it."""
    return " and ".join(f"{indexes[name]} = {quoted(value)}" for name, value in terms.items())


def quoted(term: str) -> str:
    """A term in quotes, in which nothing means anything (CQL 1.2: `*`, `?`, `^` are masks unless they are escaped)."""
    plain = " ".join(re.sub(r"[\x00-\x1f]", " ", term).split())
    return '"' + re.sub(r'([\\"*?^])', r"\\\1", plain) + '"'


def url_of(base: str, *, version: str, query: str, schema: str, most: int) -> str:
    """A search; what the address has in its own query (a database, a key) stays."""
    parts = urlsplit(base)
    own = [(name, value) for name, value in parse_qsl(parts.query) if name not in _OURS]
    told = {"query": query, "recordSchema": schema, "maximumRecords": str(most)}
    if version != "2.0":
        told = {"operation": "searchRetrieve", "version": version, "recordPacking": "xml"} | told
    return urlunsplit(parts._replace(query=urlencode([*own, *told.items()])))


@dataclass(slots=True)
class Answer:
    """What a server found."""

    total: int = 0
    records: list[bytes] = field(default_factory=list)
    """Each as an XML document of its own, in UTF-8."""


def answer(body: bytes) -> Answer:
    """Read an answer of SRU 1.1 to 2.0; `NoAnswer` when it is none. A document type is not read, and nothing is
    fetched or expanded (XML external entities, entity expansion)."""
    reading = _Reading()
    try:
        reading.read(body)
    except expat.ExpatError as error:
        raise NoAnswer(f"no well-formed XML: {expat.ErrorString(error.code)}") from None
    if reading.root != "searchRetrieveResponse":
        raise NoAnswer("no answer of SRU")
    told = reading.told
    if reading.messages and not told.records:
        raise NoAnswer(f"the server says: {'; '.join(reading.messages)[:300]}")
    if reading.number is None:
        raise NoAnswer("an answer that counts nothing")
    told.total = int(reading.number)
    return told


class _Reading:
    """One pass: elements are told apart by name alone, since servers of all versions differ in their namespaces."""

    def __init__(self) -> None:
        self.told = Answer()
        self.root: str | None = None
        self.number: str | None = None
        self.messages: list[str] = []
        self._path: list[str] = []
        self._inside: tuple[int, list[str]] | None = None
        """Within recordData: how deep it stands, and the pieces of what is in it."""
        self._escaped: list[str] = []
        self._text: list[str] = []
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        self._parser = parser

    def read(self, body: bytes) -> None:
        """The whole document."""
        self._parser.Parse(body, True)

    def _refuse(self, *_: Any) -> None:
        raise NoAnswer("a document with a document type")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if len(self._path) >= DEEPEST:
            raise NoAnswer("elements that lie too deep in each other")
        if self._inside is not None:
            told = "".join(
                f' {key}="{_markup(value)}"'
                for key, value in attributes.items()
                if not key.startswith("xmlns")
            )
            self._inside[1].append(f"<{local}{told}>")
        elif local == "recordData":
            self._inside, self._escaped = (len(self._path), []), []
        self._path.append(local)
        if self.root is None:
            self.root = local
        self._text = []

    def _end(self, name: str) -> None:
        local = name.rpartition(":")[2]
        self._path.pop()
        if self._inside is not None:
            depth, pieces = self._inside
            if len(self._path) > depth:
                pieces.append(f"</{local}>")
                return
            self._inside = None
            within = (
                "".join(pieces) if any(piece.startswith("<") for piece in pieces) else "".join(self._escaped)
            )
            if within.strip():
                self.told.records.append(within.strip().encode("utf-8", "replace"))
            return
        text = "".join(self._text).strip()
        if local == "numberOfRecords" and re.fullmatch(r"[0-9]{1,12}", text, re.ASCII):
            self.number = text
        elif local in ("message", "details") and "diagnostic" in self._path and text:
            self.messages.append(text[:300])
        self._text = []

    def _characters(self, text: str) -> None:
        if self._inside is not None:
            self._inside[1].append(_markup(text))
            self._escaped.append(text)
        else:
            self._text.append(text)


def _markup(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
