"""An XML document read as a stream, of which one piece at a time is a record.

Expat and not libxml2: it hands over one event at a time and builds nothing, tells the byte where each began,
and lets us turn away a DOCTYPE at its first word, before any entity in it exists. Nesting is counted, never
recursed into.
"""

from typing import Final
from xml.parsers import expat

from catalog.marc.framing import KEPT_OF_TOO_LONG
from catalog.marc.problems import Fault, Problem, Read
from catalog.marc.streams import CHUNK

MAX_DEPTH: Final = 64


class Refused(Exception):
    """Something in the document that we do not read on principle."""


class Document:
    """A parser over a stream, with the bytes of the record that is open."""

    def __init__(self, max_record: int, encoding: str | None = None, *, namespaces: bool = False) -> None:
        """With `namespaces` names are told as `NAMESPACE local`, else as they stand."""
        parser = expat.ParserCreate(encoding, " " if namespaces else None)
        parser.buffer_text = True
        parser.buffer_size = CHUNK
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._doctype
        parser.XmlDeclHandler = self._declaration
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self.characters
        self.parser = parser
        self.depth = 0
        self.found: list[Read] = []
        self.encoding = encoding
        self.is_blank = True
        self.is_too_long = False
        """Is the open record longer than is allowed?"""
        self.most = max_record
        self._window = bytearray()
        self._window_at = 0
        self._fed = 0
        self._opened_at: int | None = None

    def begins(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins, at `depth`."""

    def ends(self, name: str) -> None:
        """An element ends; `depth` is that of what it stands in."""

    def characters(self, text: str) -> None:
        """Text, in pieces of any size."""

    @property
    def position(self) -> int:
        """The byte that the parser is at."""
        return max(0, self.parser.CurrentByteIndex)

    @property
    def inside_record(self) -> bool:
        """Has a record begun that has not ended?"""
        return self._opened_at is not None

    def line(self) -> str:
        """Where the parser is, for a message."""
        return f"line {self.parser.CurrentLineNumber}"

    def feed(self, chunk: bytes) -> None:
        """Parse more; what has become complete is then in `taken`."""
        self.is_blank = self.is_blank and not chunk.strip()
        self._window += chunk
        self._fed += len(chunk)
        self.parser.Parse(chunk, False)
        if self.parser.CurrentByteIndex >= 0 and self._fed - self.parser.CurrentByteIndex > self.most:
            raise Refused(f"One piece of markup is longer than the {self.most} bytes allowed.")
        self._trim()

    def close(self) -> None:
        """The stream is at its end."""
        self.parser.Parse(b"", True)

    def taken(self) -> list[Read]:
        """What has been found since the last time."""
        found, self.found = self.found, []
        return found

    def unread(self) -> tuple[int, bytes]:
        """The open record and all behind it, or what lies behind the parser's place; and where that is."""
        at = self._opened_at if self._opened_at is not None else max(self.position, self._window_at)
        return at, bytes(self._window[max(0, at - self._window_at) :])

    def open_record(self, at: int | None = None) -> None:
        """A record begins with the element that does, or did at this byte."""
        self._opened_at = self.position if at is None else at
        self.is_too_long = False

    def close_record(self) -> tuple[int, bytes, list[Problem]]:
        """It ends with the element that does: where it began, its bytes, and, where those are too many, only the
        first of them and the fault."""
        at, self._opened_at = self._opened_at or 0, None
        if self.is_too_long:
            message = f"{self.position - at} bytes, more than the {self.most} allowed."
            return at, bytes(self._window[:KEPT_OF_TOO_LONG]), [Problem(Fault.TOO_LONG, message)]
        close = self._window.find(b">", max(0, self.position - self._window_at))
        return at, bytes(self._window[at - self._window_at : close + 1 if close >= 0 else None]), []

    def keep_from(self) -> int:
        """The first byte that may still be wanted, where no record is open."""
        return self.position

    def _trim(self) -> None:
        """Keep the bytes of the open record only, and no more than the beginning of one that is too long."""
        opened = self._opened_at
        if opened is not None and self._fed - opened > self.most:
            self.is_too_long = True
        keep_from = max(self._window_at, self.keep_from()) if opened is None else opened
        del self._window[: max(0, keep_from - self._window_at)]
        self._window_at = max(self._window_at, keep_from)
        if opened is not None and self.is_too_long and len(self._window) > 2 * KEPT_OF_TOO_LONG:
            del self._window[KEPT_OF_TOO_LONG : len(self._window) - KEPT_OF_TOO_LONG]

    def _doctype(self, *_: object) -> None:
        raise Refused("The document has a DOCTYPE; document types and entities are not read.")

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        self.encoding = self.encoding or encoding

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Refused(f"Elements are nested more than {MAX_DEPTH} deep.")
        self.begins(name, attributes)

    def _end(self, name: str) -> None:
        self.depth -= 1
        self.ends(name)
