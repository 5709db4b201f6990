"""A query as it comes, in the catalogue's own terms: by way of CQL, so that SRU and Z39.50 find the same."""

from collections.abc import Callable
from typing import Final

from catalog.cql import parsing
from catalog.cql.parsing import MOST_CLAUSES, CqlProblem
from catalog.cql.tree import Boolean, Clause, Node
from catalog.marc import marc8
from catalog.search import grammar
from catalog.search.ordering import SortKey
from catalog.sru import rules as sru
from catalog.z3950 import rules
from catalog.z3950.rules import Diagnosed
from contracts.z3950.charsets import Charset
from contracts.z3950.query import BIB1, CqlQuery, Joined, Named, Operand, OtherQuery, Query, Rpn

Sets = Callable[[str], grammar.Node]
"""A result set in the catalogue's terms, by its name; raises `Diagnosed` for one that is not there."""
MOST_LEAVES: Final = 256
"""Terms of a query with the queries of the sets that it names …"""
MOST_LISTED: Final = 20_000
"""… and titles of these sets."""


def wanted(query: Query, sets: Sets, charset: Charset | None) -> tuple[grammar.Node, tuple[SortKey, ...]]:
    """The query's tree, and the order that it asks for. Raises `Diagnosed`."""
    try:
        if isinstance(query, CqlQuery):
            told = parsing.parse(query.text)
            tree, order = sru.compiled(told.root, sets), sru.order_of(told.sort)
        elif isinstance(query, OtherQuery):
            raise Diagnosed(107, str(query.type))
        else:
            node = _Reading(query.attribute_set, charset).node(query.root)
            tree, order = sru.compiled(node, sets), ()
    except CqlProblem as problem:
        raise rules.diagnosed(problem) from problem
    _check_size(tree)
    return tree, order


def clause_of(operand: Operand, attribute_set: str, charset: Charset | None) -> Clause:
    """A term with its attributes as a clause of CQL. Raises `Diagnosed`."""
    if attribute_set != BIB1:
        raise Diagnosed(121, attribute_set)
    for each in operand.attributes:
        if each.set is not None and each.set != BIB1:
            raise Diagnosed(121, each.set)
    if operand.odd:
        raise Diagnosed(229)
    text = str(operand.term) if isinstance(operand.term, int) else read(operand.term or b"", charset)
    return rules.clause([(each.type, each.value) for each in operand.attributes], text)


def read(text: bytes, charset: Charset | None) -> str:
    """What somebody has written, in the characters that were agreed on; in UTF-8 or else Latin-1 where none were."""
    if charset == "marc-8":
        return marc8.decode(text)[0]
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1" if charset is None else "utf-8", "replace")


class _Reading:
    def __init__(self, attribute_set: str, charset: Charset | None) -> None:
        self._set, self._charset = attribute_set, charset
        self._left = MOST_CLAUSES

    def node(self, rpn: Rpn) -> Node:
        if isinstance(rpn, Joined):
            return self._joined(rpn)
        self._left -= 1
        if self._left < 0:
            raise Diagnosed(6, str(MOST_CLAUSES - 1))
        if isinstance(rpn, Named):
            if rpn.attributes:
                raise Diagnosed(245)
            return Clause(rules.escaped(rpn.name), "cql.resultSetId")
        return clause_of(rpn, self._set, self._charset)

    def _joined(self, rpn: Joined) -> Boolean:
        left, right = self.node(rpn.left), self.node(rpn.right)
        near = rpn.proximity
        if near is None:
            return Boolean("not" if rpn.operator == "and-not" else rpn.operator, left, right)
        if isinstance(rpn.left, Named) or isinstance(rpn.right, Named):
            raise Diagnosed(129)
        modifiers = rules.near(
            exclusion=near.exclusion,
            distance=near.distance,
            ordered=near.ordered,
            relation=near.relation,
            unit=near.unit,
        )
        return Boolean("prox", left, right, modifiers)


def _check_size(tree: grammar.Node) -> None:
    leaves, listed, waiting = 0, 0, [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (grammar.And, grammar.Or)):
            waiting += node.parts
        elif isinstance(node, grammar.Not):
            waiting.append(node.part)
        else:
            leaves += 1
            listed += len(node.numbers) if isinstance(node, grammar.Listed) else 0
        if leaves > MOST_LEAVES or listed > MOST_LISTED:
            raise Diagnosed(
                31, f"{MOST_LEAVES} terms and {MOST_LISTED} titles, with those of the result sets"
            )
