"""A graph as Turtle (W3C Recommendation, 2014), RDF/XML (2014) and JSON-LD 1.1 (2020)."""

import re
from typing import Any, Final

import orjson

from catalog.linked.graph import PREFIXES, A, Blank, Graph, Iri, Literal, Node, Value, full
from catalog.marc.xmltext import quoted, told

_LOCAL: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_ESCAPED: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}
_TABLE: Final = str.maketrans(_ESCAPED)


def turtle(graph: Graph) -> bytes:
    """One paragraph for each thing."""
    lines = [f"@prefix {name}: <{base}> ." for name, base in graph.prefixes().items()]
    for node, said in graph.by_subject():
        told_of = [f"{'a' if what == A else what} {_turtle(value)}" for what, value in said]
        lines += ["", f"{_turtle(node)} " + " ;\n    ".join(told_of) + " ."]
    return ("\n".join(lines) + "\n").encode()


def _turtle(value: Value) -> str:
    if isinstance(value, Blank):
        return f"_:b{value.number}"
    if isinstance(value, Iri):
        return _short(value.iri) or f"<{value.iri}>"
    text = f'"{value.text.translate(_TABLE)}"'
    if value.lang:
        return f"{text}@{value.lang}"
    return f"{text}^^{value.datatype}" if value.datatype else text


def _short(iri: str) -> str | None:
    for name, base in PREFIXES.items():
        if iri.startswith(base) and _LOCAL.fullmatch(iri[len(base) :]) and name != "dcterms":
            return f"{name}:{iri[len(base) :]}"
    return None


def rdf_xml(graph: Graph) -> bytes:
    """One `rdf:Description` for each thing."""
    prefixes = {"rdf": PREFIXES["rdf"], **graph.prefixes()}
    spaces = "".join(f" xmlns:{name}={quoted(base)}" for name, base in prefixes.items())
    parts = [f'<?xml version="1.0" encoding="UTF-8"?>\n<rdf:RDF{spaces}>\n']
    for node, said in graph.by_subject():
        parts.append(f"<rdf:Description {_named(node, 'about')}>\n")
        for what, value in said:
            if isinstance(value, Literal):
                datatype = f" rdf:datatype={quoted(full(value.datatype))}" if value.datatype else ""
                lang = f" xml:lang={quoted(value.lang)}" if value.lang else ""
                parts.append(f"  <{what}{lang}{datatype}>{told(value.text)}</{what}>\n")
            else:
                parts.append(f"  <{what} {_named(value, 'resource')}/>\n")
        parts.append("</rdf:Description>\n")
    parts.append("</rdf:RDF>\n")
    return "".join(parts).encode()


def _named(node: Node, attribute: str) -> str:
    if isinstance(node, Blank):
        return f'rdf:nodeID="b{node.number}"'
    return f"rdf:{attribute}={quoted(node.iri)}"


def json_ld(graph: Graph) -> bytes:
    """Every thing beside each other in `@graph`, with the prefixes as context; nothing of it has to be fetched."""
    things: list[dict[str, Any]] = []
    for node, said in graph.by_subject():
        thing: dict[str, Any] = {"@id": _id(node)}
        for what, value in said:
            if what == A and isinstance(value, Iri):
                thing.setdefault("@type", []).append(_short(value.iri) or value.iri)
            else:
                thing.setdefault(what, []).append(_json(value))
        things.append(thing)
    return orjson.dumps({"@context": graph.prefixes(), "@graph": things})


def _id(node: Node) -> str:
    return f"_:b{node.number}" if isinstance(node, Blank) else node.iri


def _json(value: Value) -> dict[str, str]:
    if not isinstance(value, Literal):
        return {"@id": _id(value)}
    if value.lang:
        return {"@value": value.text, "@language": value.lang}
    return {"@value": value.text} | ({"@type": value.datatype} if value.datatype else {})
