"""A CQL query as a tree (CQL 1.1, 1.2; OASIS searchRetrieve part 5)."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Modifier:
    """Of a relation, a boolean or a sort key: `/name`, or `/name=value` with any comparison."""

    name: str
    comparison: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Clause:
    """A term, sought in an index by a relation. A term alone has `cql.serverChoice` and `=`.

    Backslashes stand in the term as they were written: they tell a `*` that masks from one that is meant.
    """

    term: str
    index: str = "cql.serverChoice"
    relation: str = "="
    modifiers: tuple[Modifier, ...] = ()
    prefixes: tuple[tuple[str, str], ...] = ()
    """Context sets as the query names them here: (prefix, URI); an empty prefix is the default set."""


@dataclass(frozen=True, slots=True)
class Boolean:
    """Two queries joined; from left to right, no operator binds closer than another."""

    operator: str
    """and, or, not, prox."""
    left: "Node"
    right: "Node"
    modifiers: tuple[Modifier, ...] = ()


Node = Clause | Boolean


@dataclass(frozen=True, slots=True)
class SortKey:
    """What the result is to be ordered by."""

    index: str
    modifiers: tuple[Modifier, ...] = ()
    prefixes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query."""

    root: Node
    sort: tuple[SortKey, ...] = ()


def clauses(node: Node) -> Iterator[Clause]:
    """Every clause, from left to right."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if isinstance(found, Clause):
            yield found
        else:
            waiting += [found.right, found.left]


def written(query: Query) -> str:
    """A query that reads as the same tree. (Prefixes are said where they hold: in a parenthesis of each clause.)"""
    told = _written(query.root)
    if query.sort:
        told += " sortBy " + " ".join(quoted(key.index) + _modifiers(key.modifiers) for key in query.sort)
    return told


def _written(node: Node) -> str:
    if isinstance(node, Boolean):
        joint = f"{node.operator}{_modifiers(node.modifiers)}"
        return f"({_written(node.left)}) {joint} ({_written(node.right)})"
    told = f"{quoted(node.index)} {node.relation}{_modifiers(node.modifiers)} {quoted(node.term)}"
    if not node.prefixes:
        return told
    named = " ".join(
        f"> {quoted(name)} = {quoted(uri)}" if name else f"> {quoted(uri)}" for name, uri in node.prefixes
    )
    return f"({named} {told})"


def _modifiers(modifiers: tuple[Modifier, ...]) -> str:
    return "".join(
        f" / {quoted(each.name)}" + (f" {each.comparison} {quoted(each.value)}" if each.comparison else "")
        for each in modifiers
    )


def quoted(text: str) -> str:
    """Text as a query holds it: its backslashes are its own already, a bare quotation mark gets one."""
    out, escaped = [], False
    for char in text:
        if char == '"' and not escaped:
            out.append("\\")
        out.append(char)
        escaped = char == "\\" and not escaped
    return '"' + "".join(out) + ("\\" if escaped else "") + '"'
