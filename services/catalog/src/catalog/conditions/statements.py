"""A tree as SQL: values are always parameters; texts of statements are made here alone, from names that are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from catalog.conditions.vocabulary import Kind, of_field
from catalog.holdings.policy_rules import ASKED
from catalog.items.standing import lent_as, permanent, shelved_now
from chassis.conditions import All, Either, Leaf, Node, Not, Of, Some

_STANDS: Final[Mapping[str, str]] = {
    "holdings": shelved_now(),
    "item": "i.location_id",
}
"""Where each stands now."""
_CODE: Final = "(SELECT l.code FROM location l WHERE l.id = {0})"
_LIBRARY: Final = "(SELECT b.code FROM location l JOIN library b ON b.id = l.library_id WHERE l.id = {0})"
_COLUMNS: Final[Mapping[str, str]] = {
    "title.number": "t.hrid",
    "holdings.call_number": "nullif(h.call_number, '')",
    "holdings.described": "(h.record IS NOT NULL)",
    **{f"{entity}.location": _CODE.format(where) for entity, where in _STANDS.items()},
    **{f"{entity}.library": _LIBRARY.format(where) for entity, where in _STANDS.items()},
    **{f"{entity}.effective_location_id": where for entity, where in _STANDS.items()},
    "item.location_id": permanent("i"),
    "item.effective_loan_type": lent_as(),
    "item.call_number": "coalesce(i.call_number, nullif(h.call_number, ''))",
    **{
        f"{entity}.statistical_code": f"nullif(array_to_string({alias}.statistical_codes, ' '), '')"
        for entity, alias in (("title", "t"), ("holdings", "h"), ("item", "i"))
    },
    **{f"holdings.{name}": f"(h.policies ->> '{name}')" for name in ASKED},
    **{
        f"{entity}.other_call_numbers": (
            f"(SELECT string_agg(n ->> 'call_number', '; ') FROM jsonb_array_elements({alias}.other_call_numbers) n)"
        )
        for entity, alias in (("holdings", "h"), ("item", "i"))
    },
    "title.tag": "nullif(array_to_string(t.tags, '; '), '')",
    "item.tag": "nullif(array_to_string(i.tags, '; '), '')",
    "item.availability": "(SELECT a.state FROM item_availability a WHERE a.item_id = i.id)",
}
_PLACES: Final = {
    "location": "{0} IN (SELECT l.id FROM location l WHERE l.code = ANY ({1}::text[]))",
    "library": "{0} IN (SELECT l.id FROM location l JOIN library b ON b.id = l.library_id "
    "WHERE b.code = ANY ({1}::text[]))",
}
_SEVERAL: Final = {
    "statistical_code": "{0}.statistical_codes && {1}::text[]",
    "tag": "{0}.tags && {1}::text[]",
}
"""Of which a record may have more than one."""
_ALIAS: Final = {"title": "t", "holdings": "h", "item": "i"}
TABLES: Final[Mapping[Kind, str]] = {
    Kind.TITLES: "title t",
    Kind.HOLDINGS: "holdings h JOIN title t ON t.id = h.title_id",
    Kind.ITEMS: "item i JOIN holdings h ON h.id = i.holdings_id JOIN title t ON t.id = i.title_id",
}
TABLE: Final[Mapping[Kind, str]] = {Kind.TITLES: "title", Kind.HOLDINGS: "holdings", Kind.ITEMS: "item"}
ID: Final[Mapping[Kind, str]] = {Kind.TITLES: "t.id", Kind.HOLDINGS: "h.id", Kind.ITEMS: "i.id"}
HERE: Final[Mapping[Kind, str]] = {
    Kind.TITLES: "t.deleted_at IS NULL",
    Kind.HOLDINGS: "h.deleted_at IS NULL AND h.merged_into IS NULL",
    Kind.ITEMS: "i.base_state <> 'withdrawn'",
}
"""What is out of the catalogue is in no answer."""
_SOME: Final[Mapping[tuple[Kind, Kind], str]] = {
    (Kind.TITLES, Kind.ITEMS): "item i JOIN holdings h ON h.id = i.holdings_id WHERE i.title_id = t.id",
    (Kind.TITLES, Kind.HOLDINGS): "holdings h WHERE h.title_id = t.id",
    (Kind.HOLDINGS, Kind.ITEMS): "item i WHERE i.title_id = h.title_id AND i.holdings_id = h.id",
}
_TYPES: Final = {Of.ID: "uuid", Of.NUMBER: "bigint", Of.MOMENT: "timestamptz", Of.FLAG: "boolean"}


def column(name: str) -> str:
    """A field as an expression over the tables' short names."""
    entity, _, fact = name.partition(".")
    if fact.startswith("custom."):  # a code, which `of_field` has read
        return f"({_ALIAS[entity]}.custom ->> '{fact.removeprefix('custom.')}')"
    return _COLUMNS.get(name, f"{_ALIAS[entity]}.{fact}")


@dataclass(slots=True)
class Statement:
    """A tree being written: `found` has for each leaf of the index the numbers of titles that answer it; a leaf that is
    not among them is left open: what it may let in is in."""

    kind: Kind
    parameters: list[Any]
    found: Mapping[Leaf, Sequence[int]] = field(default_factory=dict)

    def put(self, value: Any) -> str:
        """A parameter."""
        self.parameters.append(value)
        return f"${len(self.parameters)}"

    def where(self, node: Node | None) -> str:
        """What answers, and is in the catalogue."""
        here = HERE[self.kind]
        return here if node is None else f"{here} AND {self._node(node, self.kind, denied=False, wide=True)}"

    def _node(self, node: Node, kind: Kind, *, denied: bool, wide: bool) -> str:
        """`denied`: below some not, where nothing known must count as no; `wide`: what is left open lets in."""
        if isinstance(node, Leaf):
            told = self._leaf(node, wide)
            return f"(({told}) IS TRUE)" if denied else f"({told})"
        if isinstance(node, Not):
            return f"(NOT {self._node(node.part, kind, denied=True, wide=not wide)})"
        if isinstance(node, Some):
            some = Kind(node.kind)
            inner = self._node(node.where, some, denied=denied, wide=wide)
            return f"EXISTS (SELECT FROM {_SOME[kind, some]} AND {HERE[some]} AND {inner})"
        assert isinstance(node, All | Either)
        parts = [self._node(part, kind, denied=denied, wide=wide) for part in node.parts]
        return f"({(' AND ' if isinstance(node, All) else ' OR ').join(parts)})"

    def _leaf(self, leaf: Leaf, wide: bool) -> str:
        of = of_field(leaf.field)
        assert of is not None
        if leaf.asks_index:
            if leaf not in self.found:
                return "true" if wide else "false"
            return f"t.hrid = ANY ({self.put(list(self.found[leaf]))}::bigint[])"
        entity, _, fact = leaf.field.partition(".")
        expression = column(leaf.field)
        if leaf.op == "known":
            return f"{expression} IS {'NOT ' if leaf.values[0] else ''}NULL"
        if fact in _PLACES:
            return _PLACES[fact].format(_STANDS[entity], self.put(list(leaf.values)))
        if fact in _SEVERAL:
            return _SEVERAL[fact].format(_ALIAS[entity], self.put(list(leaf.values)))
        sql_type = _TYPES.get(of, "text")
        if leaf.op == "in":
            return f"{expression} = ANY ({self.put(list(leaf.values))}::{sql_type}[])"
        value = f"{self.put(leaf.values[0])}::{sql_type}"
        if leaf.op == "starts":
            return f"starts_with(lower({expression}), lower({value}))"
        if leaf.op == "contains":
            return f"position(lower({value}) IN lower({expression})) > 0"
        return f"{expression} {_SIGNS[leaf.op]} {value}"


_SIGNS: Final = {"is": "=", "from": ">=", "to": "<=", "before": "<"}


def answers(statement: Statement, where: str, *, upto: str | None) -> str:
    """Ids of what answers, behind $1, $2 of them at most: found first, then put in order, so that a rare answer is
    not looked for along the primary key."""
    kind = statement.kind
    bound = f" AND {ID[kind]} <= {upto}" if upto is not None else ""
    return f"""
WITH found AS MATERIALIZED (
    SELECT {ID[kind]} AS id FROM {TABLES[kind]} WHERE {ID[kind]} > $1{bound} AND {where} LIMIT $2
) SELECT id FROM found ORDER BY id
"""


def next_rows(kind: Kind) -> str:
    """The ids behind $1, $2 of them, whatever they are."""
    return f"SELECT id FROM {TABLE[kind]} WHERE id > $1 ORDER BY id LIMIT $2"


def numbers(kind: Kind, where: str) -> str:
    """The titles that a slice is about, by their numbers."""
    return f"""
SELECT DISTINCT t.hrid FROM {TABLES[kind]} WHERE {ID[kind]} > $1 AND {ID[kind]} <= $2 AND {where}
"""


def facts(kind: Kind, columns: Sequence[str]) -> str:
    """What columns say of each of these that is still in the catalogue."""
    told = "".join(f', {column(name)} AS "{name}"' for name in columns)
    return f"""
SELECT {ID[kind]} AS id{told} FROM {TABLES[kind]}
WHERE {ID[kind]} = ANY ($1::uuid[]) AND {HERE[kind]} ORDER BY {ID[kind]}
"""
