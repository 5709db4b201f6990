"""Result sets of an association: what was asked, and the list of hits that was found by then.

Sets are those that SRU goes on in (`catalog.search.resultsets`): there for a quarter of an hour after they were last
read, and no longer than there is room for them.
"""

from dataclasses import dataclass
from uuid import UUID

from catalog.search.engine import Reader, SearchRequest
from catalog.search.grammar import Listed, Node, QueryProblem
from catalog.search.hitlists import DEEPEST_HIT, HitList
from catalog.search.ordering import SortKey
from catalog.z3950.rules import Diagnosed


@dataclass(frozen=True, slots=True)
class ResultSet:
    """What a search has found."""

    tree: Node | None
    """What was asked, where that has found more than a list holds."""
    total: int
    list_name: str | None


def found(reader: Reader, tree: Node, order: tuple[SortKey, ...]) -> ResultSet:
    """Search. Takes as long as the engine does. Raises `Diagnosed`."""
    try:
        result = reader.sets.find(tree, order, most=0)
    except QueryProblem as problem:
        raise Diagnosed(3, problem.message) from problem
    return ResultSet(tree if result.total > DEEPEST_HIT else None, result.total, result.name)


def _kept(reader: Reader, named: ResultSet) -> HitList:
    kept = reader.sets.kept(named.list_name) if named.list_name is not None else None
    if kept is None:
        raise Diagnosed(27)
    return kept


def as_query(reader: Reader, named: ResultSet) -> Node:
    """The set as a part of another query: its titles, or where there are more than a list has, what was asked."""
    if named.tree is not None:
        return named.tree
    return Listed(tuple(_kept(reader, named).numbers) if named.total else ())


def page(reader: Reader, named: ResultSet, start: int, number: int) -> list[UUID | None]:
    """So many titles from a place on, counted from 1; None for one that has gone or been hidden since."""
    if start < 1 or number < 0 or start + number - 1 > named.total:
        raise Diagnosed(13, f"{named.total}")
    if start + number - 1 > DEEPEST_HIT:
        raise Diagnosed(13, f"records are given up to the {DEEPEST_HIT}th")
    if not number:
        return []
    asked = SearchRequest(limit=number, offset=start - 1, paged=True)
    result = reader.page(_kept(reader, named), asked)
    return [hit.title_id if hit is not None else None for hit in result.places]
