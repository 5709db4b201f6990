"""A result set that was promised and that nobody has named again yet: what was asked, instead of what was found.

The same state of the index answers the same in every process, so whoever is asked for the set first can find it whole
as long as that state serves. A promise is written as JSON: it goes from one process to another, through a folder.
"""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from catalog.search import grammar
from catalog.search.grammar import And, Node, Not, Or
from catalog.search.hitlists import size_of
from catalog.search.ordering import SortKey

_MARK: Final = "ASK1"
_KINDS: Final[dict[str, type[Any]]] = {
    kind.__name__: kind
    for kind in (
        *(And, Or, Not, grammar.Everything, grammar.Term, grammar.Masked),
        *(grammar.Near, grammar.Range, grammar.Listed, grammar.Naming),
    )
}


@dataclass(frozen=True, slots=True)
class Promise:
    """What a set will hold."""

    name: str
    total: int
    position: int
    """How far the index had followed the changes."""
    shown: tuple[int, ...]
    """The numbers of titles that the first answer gave already: they come first in the set."""
    tree: Node
    keys: tuple[SortKey, ...]

    @property
    def size(self) -> int:
        """Bytes that the list of its hits will take."""
        return size_of(self.total)


def written(promise: Promise) -> bytes:
    """A promise as it is kept. Raises `ValueError` where the query holds what is no Unicode."""
    keys = [[key.name, key.descending, key.unknown_first] for key in promise.keys]
    told = [_MARK, promise.total, promise.position, promise.shown, _told(promise.tree), keys]
    try:
        return orjson.dumps(told)
    except TypeError as error:
        raise ValueError("a query with text that is not Unicode cannot be kept") from error


def read(name: str, content: bytes) -> Promise | None:
    """The promise again; None for what this release did not write."""
    try:
        mark, total, position, shown, tree, keys = orjson.loads(content)
        if mark != _MARK:
            return None
        return Promise(
            name, total, position, tuple(shown), _node(tree), tuple(SortKey(*each) for each in keys)
        )
    except (ValueError, TypeError, KeyError):
        return None


def _told(node: Node) -> list[Any]:
    kind = type(node).__name__
    if isinstance(node, And | Or):
        return [kind, *map(_told, node.parts)]
    if isinstance(node, Not):
        return [kind, _told(node.part)]
    return [kind, *(getattr(node, name) for name in node.__slots__)]


def _node(told: list[Any]) -> Node:
    kind, *rest = told
    made = _KINDS[kind]
    if made in (And, Or):
        node: Node = made(tuple(map(_node, rest)))
    elif made is Not:
        node = Not(_node(rest[0]))
    else:
        node = made(*(tuple(each) if isinstance(each, list) else each for each in rest))
    return node
