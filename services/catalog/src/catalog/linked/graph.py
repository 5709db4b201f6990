"""Statements of RDF 1.1: who, what, whom. What cannot be said in one of the forms is made fit before it is stated."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from catalog.marc.text import REPLACEMENT

PREFIXES: Final = {
    "bf": "http://id.loc.gov/ontologies/bibframe/",
    "bflc": "http://id.loc.gov/ontologies/bflc/",
    "dcterms": "http://purl.org/dc/terms/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "schema": "http://schema.org/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
A: Final = "rdf:type"
_UNFIT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_IRI: Final = re.compile(r"https?://[^\s/?#<>\"{}|\\^`\x00-\x20]+[^\s<>\"{}|\\^`\x00-\x20]*")
_TAG: Final = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True, slots=True)
class Iri:
    """Something that has a name on the web."""

    iri: str


@dataclass(frozen=True, slots=True)
class Blank:
    """Something without a name, by its number in this graph."""

    number: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, with its language (BCP 47) or its datatype, of which only one can be told."""

    text: str
    lang: str | None = None
    datatype: str | None = None


Node = Iri | Blank
Value = Iri | Blank | Literal


def web_address(text: str | None) -> Iri | None:
    """An address of the web that can stand in every form; None for anything else."""
    told = (text or "").strip()
    return Iri(told) if _IRI.fullmatch(told) and _UNFIT.search(told) is None else None


def full(name: str) -> str:
    """The IRI of a name with a prefix."""
    prefix, _, local = name.partition(":")
    return PREFIXES[prefix] + local


@dataclass(slots=True)
class Graph:
    """Statements in the order in which they were made, each once."""

    statements: dict[tuple[Node, str, Value], None] = field(default_factory=dict)
    _blanks: int = 0

    def blank(self, kind: str | None = None) -> Blank:
        """Something new without a name, of a kind (`bf:Title`)."""
        self._blanks += 1
        node = Blank(self._blanks)
        if kind is not None:
            self.kind(node, kind)
        return node

    def kind(self, node: Node, *kinds: str) -> None:
        """What it is."""
        for each in kinds:
            self.say(node, A, Iri(full(each)))

    def say(self, node: Node, what: str, value: Value | str | None, lang: str | None = None) -> None:
        """One statement; nothing where there is no value."""
        if value is None or value == "":
            return
        if isinstance(value, str):
            value = Literal(value, lang if lang and _TAG.fullmatch(lang) else None)
        if isinstance(value, Literal):
            fit = _UNFIT.sub(REPLACEMENT, value.text).replace("\r", " ")
            if not fit.strip():
                return
            value = Literal(fit, value.lang, value.datatype)
        self.statements[node, what, value] = None

    def by_subject(self) -> Iterator[tuple[Node, list[tuple[str, Value]]]]:
        """All that is said of each, in the order in which each was first spoken of."""
        found: dict[Node, list[tuple[str, Value]]] = {}
        for node, what, value in self.statements:
            found.setdefault(node, []).append((what, value))
        yield from found.items()

    def prefixes(self) -> dict[str, str]:
        """Those that are used."""
        used = {what.partition(":")[0] for _, what, _ in self.statements} | {"rdf"}
        kinds = [value.iri for _, what, value in self.statements if what == A and isinstance(value, Iri)]
        used |= {name for name, base in PREFIXES.items() if any(kind.startswith(base) for kind in kinds)}
        used |= (
            {"xsd"}
            if any(isinstance(each, Literal) and each.datatype for *_, each in self.statements)
            else set()
        )
        return {name: base for name, base in PREFIXES.items() if name in used}
