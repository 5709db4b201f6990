"""Records that are described in MODS or Dublin Core, streamed out of whatever document they stand in, as MARC.

A `mods` element is one record, wherever it stands: in a collection, an answer of OAI-PMH, a METS document. Of Dublin
Core one record is whatever holds elements of it (`oai_dc:dc`, `metadata`, `rdf:Description`); where a METS document
says that it describes the same as a `mods` of its own, that is taken and this passed over. A document of MARCXML is
read as that. For what MARC has no place each record has its report: problems with the code `not-said`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final
from xml.parsers import expat

from catalog.marc import from_dublin_core, from_mods, marcxml
from catalog.marc.crosswalk import OAI_DC
from catalog.marc.framing import MAX_RECORD
from catalog.marc.from_dublin_core import NAMESPACES as DUBLIN_CORE
from catalog.marc.problems import Fault, Mode, Problem, Read, acceptable
from catalog.marc.record import Record
from catalog.marc.streams import CHUNK, ByteStream, chunks_of
from catalog.marc.tree import Node
from catalog.marc.xmlstream import Document, Refused
from catalog.marc.xmltext import quoted

_METS: Final = "http://www.loc.gov/METS/"
MOST_HELD: Final = 1000
"""Descriptions of one METS document that wait for its map; of a longer one all are taken."""
_MODS: Final = f"{from_mods.NAMESPACE} mods"
_WRAPPERS: Final = frozenset(
    (f"{OAI_DC} dc", "info:srw/schema/1/dc-schema dc", "info:srw/schema/1/dc-v1.1 dc")
)
_OF_MARC: Final = frozenset(("leader", "controlfield", "datafield"))
LONGEST_NAMESPACE: Final = 500
"""Characters: each element's name is told with its namespace."""
MOST_PREFIXES: Final = 50
"""Prefixes around a record that it takes along; where more are declared, none."""
_FIRST_NAME: Final = re.compile(rb"<[^\s/>]+")


class _Marc(Exception):
    """The document is one of MARCXML."""


def read(stream: ByteStream, mode: Mode = "lenient", *, max_record: int = MAX_RECORD) -> Iterator[Read]:
    """Every record of a document, in order, as soon as it has ended."""
    chunks = chunks_of(stream)
    seen: list[bytes] = []
    try:
        for ordinal, found in enumerate(_reads(chunks, seen, max_record)):
            found.ordinal = ordinal
            if mode == "strict" and not acceptable(found.problems):
                found.record = None
            yield found
    except _Marc:
        yield from marcxml.read(chain(seen, chunks), mode, max_record=max_record)


def _reads(chunks: Iterable[bytes], seen: list[bytes], max_record: int) -> Iterator[Read]:
    """`seen` holds what was read, for as long as it is not known of what kind the document is."""
    document = _Document(max_record)
    try:
        for chunk in chunks:
            if document.may_be_marc:
                seen.append(chunk)
            for start in range(0, len(chunk), CHUNK):
                document.feed(chunk[start : start + CHUNK])
                if not document.may_be_marc:
                    seen.clear()
                yield from document.taken()
        document.close()
    except (Refused, expat.ExpatError) as error:
        document.leave_mets()
        yield from document.taken()
        fault = Fault.FORBIDDEN if isinstance(error, Refused) else Fault.SYNTAX
        told = str(error) if isinstance(error, Refused) else f"{expat.ErrorString(error.code)}."
        message = f"Read up to here and no further: {told}"
        yield Read(document.position, 0, b"", None, [Problem(fault, message, document.line())])
        return
    yield from document.taken()
    if not document.is_known:
        message = "There is no record of MODS, Dublin Core or MARCXML in this document."
        yield Read(0, 0, b"", None, [Problem(Fault.SYNTAX, message)])


class _Document(Document):
    """Builds a record's tree while it is open. A record's bytes get the prefixes that they take from around it."""

    def __init__(self, max_record: int) -> None:
        super().__init__(max_record, namespaces=True)
        self.parser.StartNamespaceDeclHandler = self._prefix_begins
        self.parser.EndNamespaceDeclHandler = self._prefix_ends
        self.is_known = False
        """Has there been a record?"""
        self._scope: dict[str, list[str]] = {}
        self._own: set[str] = set()
        self._latest: tuple[int, str, dict[str, str], set[str]] | None = None
        """The element around what comes, if nothing has ended in it."""
        self._mets_at: int | None = None
        """How deep the METS document lies that is open."""
        self._mets_section: str | None = None
        self._mets_held: list[tuple[Read, str | None, bool]] = []
        """Records of it, each with the id of its `dmdSec`, and whether it is of MODS."""
        self._mets_same: list[frozenset[str]] = []
        """Ids that describe the same part."""
        self._nodes: list[Node] = []
        self._borrowed: dict[str, str] = {}

    def keep_from(self) -> int:
        """The element around may turn out to be a record of Dublin Core, unless it would be too long a one."""
        if self._latest is not None and self.position - self._latest[0] > self.most:
            self._latest = None
        return self._latest[0] if self._latest is not None else self.position

    @property
    def may_be_marc(self) -> bool:
        """Whether it may still show that the document is one of MARCXML: not behind a record, nor far inside."""
        return not self.is_known and self.position <= self.most

    def begins(self, name: str, attributes: dict[str, str]) -> None:
        """A record, something in one, or something around them."""
        own, self._own = self._own, set()
        if not self._nodes:
            namespace, _, local = name.rpartition(" ")
            if local in _OF_MARC and self.may_be_marc and namespace in ("", marcxml.NAMESPACE):
                raise _Marc
            if name == _MODS or name in _WRAPPERS:
                self._begin(self.position, name, attributes, own)
                return
            self._of_mets(name, attributes)
            if namespace not in DUBLIN_CORE:
                self._latest = (self.position, name, attributes, own)
                return
            self._begin(*(self._latest or (self.position, "", {}, own)))
        node = Node(name, attributes)
        if not self.is_too_long:
            self._nodes[-1].children.append(node)
        self._nodes.append(node)

    def ends(self, name: str) -> None:
        """A record is complete, or something in one."""
        self._latest = None
        if not self._nodes:
            if self.depth + 1 == self._mets_at:
                self.leave_mets()
            return
        node = self._nodes.pop()
        if self._nodes:
            return
        at, raw, faults = self.close_record()
        if faults:
            self._take(node, Read(at, 0, raw, None, faults))
            return
        if not node.name:  # its parent's beginning was not kept
            raw = b"<collection>" + raw[: raw.rfind(b"</")] + b"</collection>"
        record, problems = described(node)
        self._take(node, Read(at, 0, self._whole(raw), record, problems))

    def _take(self, node: Node, read: Read) -> None:
        """A record is found; in a METS document it waits for the map that says what describes the same."""
        if self._mets_at is None:
            self.found.append(read)
            return
        self._mets_held.append((read, self._mets_section, node.namespace == from_mods.NAMESPACE))
        if len(self._mets_held) > MOST_HELD:
            self._let_go()

    def _of_mets(self, name: str, attributes: dict[str, str]) -> None:
        """A METS document begins, a description in one, or a part of its map."""
        namespace, _, local = name.rpartition(" ")
        if namespace != _METS:
            return
        if local == "mets" and self._mets_at is None:
            self._mets_at = self.depth
            self._mets_same.clear()
        elif local == "dmdSec":
            self._mets_section = attributes.get("ID")
        elif local == "div" and len(self._mets_same) < MOST_HELD:
            self._mets_same.append(frozenset(attributes.get("DMDID", "").split()))

    def leave_mets(self) -> None:
        """A METS document ends, or nothing more of it can be read."""
        self._mets_at = None
        self._let_go()

    def _let_go(self) -> None:
        of_mods = {section for _, section, is_mods in self._mets_held if is_mods}
        for read, section, is_mods in self._mets_held:
            if is_mods or not any(section in same and same & of_mods for same in self._mets_same):
                self.found.append(read)
        self._mets_held.clear()

    def characters(self, text: str) -> None:
        """A value's."""
        if self._nodes and not self.is_too_long:
            self._nodes[-1].add(text)

    def _begin(self, at: int, name: str, attributes: dict[str, str], own: set[str]) -> None:
        self.is_known = True
        around = self._scope if len(self._scope) <= MOST_PREFIXES else {}
        self._borrowed = {prefix: uris[-1] for prefix, uris in around.items() if prefix not in own}
        self._nodes = [Node(name, attributes)]
        self.open_record(at)

    def _prefix_begins(self, prefix: str | None, uri: str | None) -> None:
        if len(uri or "") > LONGEST_NAMESPACE:
            raise Refused(f"A namespace's name is longer than {LONGEST_NAMESPACE} characters.")
        self._scope.setdefault(prefix or "", []).append(uri or "")
        self._own.add(prefix or "")

    def _prefix_ends(self, prefix: str | None) -> None:
        uris = self._scope[prefix or ""]
        uris.pop()
        if not uris:
            del self._scope[prefix or ""]

    def _whole(self, raw: bytes) -> bytes:
        """The record as it came, so that it can stand alone."""
        told = "".join(
            f" xmlns{':' if prefix else ''}{prefix}={quoted(uri)}" for prefix, uri in self._borrowed.items()
        ).encode()
        return _FIRST_NAME.sub(lambda found: found[0] + told, raw, count=1) if told else raw


def described(node: Node) -> tuple[Record | None, list[Problem]]:
    """A description as MARC, and what of it MARC does not say; None for one that says nothing."""
    if not node.children:
        return None, [Problem(Fault.SYNTAX, "The record is empty.", node.name)]
    record = (from_mods if node.namespace == from_mods.NAMESPACE else from_dublin_core).record(node)
    return record, lost(node)


def lost(node: Node) -> list[Problem]:
    """What was not taken, a problem for each kind of it."""
    told = list(node.lost())
    times = Counter(path for path, _ in told)
    values: dict[str, str] = {}
    for path, value in told:
        values.setdefault(path, value)
    return [
        Problem(
            Fault.NOT_SAID,
            f"Not taken over: {value[:120]!r}"
            + (f" and {times[path] - 1} more." if times[path] > 1 else "."),
            path[:200],
        )
        for path, value in values.items()
    ]
