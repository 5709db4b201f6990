"""A question as SQL: values are always parameters; texts of statements are made here alone, from known names."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from chassis.conditions import All, Either, Leaf, Node, Not, Of, Some
from circulation.questions.vocabulary import ENTITY, Kind, asks_patrons

_ALIAS: Final = {"patron": "p", "loan": "l", "hold": "h", "fee": "f", "item": "i"}
_COLUMNS: Final[Mapping[str, str]] = {
    "patron.group": "p.group_code",
    "patron.tag": "nullif(array_to_string(p.tags, '; '), '')",
    "patron.block_template": (
        "(SELECT string_agg(b.template, '; ' ORDER BY b.template) FROM patron_block b WHERE b.patron_id = p.id "
        "AND (b.expires_at IS NULL OR b.expires_at > {now}))"
    ),
    "patron.blocked": (
        "EXISTS (SELECT FROM patron_block b WHERE b.patron_id = p.id "
        "AND (b.expires_at IS NULL OR b.expires_at > {now}))"
    ),
    "loan.open": "l.returned_at IS NULL",
    "loan.service_point": "(SELECT s.code FROM service_point s WHERE s.id = l.service_point_id)",
    "loan.recalled": "l.recalled_at IS NOT NULL",
    "loan.lost": "l.lost_at IS NOT NULL",
    "loan.claimed": "l.claimed_at IS NOT NULL",
    "hold.open": "h.state IN ('waiting', 'in-transit', 'ready')",
    "hold.pickup": "(SELECT s.code FROM service_point s WHERE s.id = h.pickup_id)",
    "hold.suspended": "h.suspended_at IS NOT NULL",
    "fee.open": "f.state = 'open'",
    "item.title": "i.short_title",
    "item.author": "i.short_author",
}
_ITEM: Final = "LEFT JOIN item i ON i.id = {0}.item_id"
_PATRON: Final = "LEFT JOIN patron p ON p.id = {0}.patron_id"
_JOINS: Final[Mapping[Kind, Mapping[str, str]]] = {
    Kind.PATRONS: {},
    Kind.LOANS: {"i": _ITEM.format("l"), "p": _PATRON.format("l")},
    Kind.HOLDS: {"i": _ITEM.format("h"), "p": _PATRON.format("h")},
    Kind.FEES: {"i": _ITEM.format("f"), "p": _PATRON.format("f")},
    Kind.ITEMS: {},
}
"""What is joined where it is asked of."""
TABLE: Final[Mapping[Kind, str]] = {
    Kind.PATRONS: "patron",
    Kind.LOANS: "loan",
    Kind.HOLDS: "hold",
    Kind.FEES: "fee",
    Kind.ITEMS: "item",
}
ID: Final[Mapping[Kind, str]] = {
    Kind.PATRONS: "p.id",
    Kind.LOANS: "l.id",
    Kind.HOLDS: "h.id",
    Kind.FEES: "f.id",
    Kind.ITEMS: "i.id",
}
_SOME: Final[Mapping[tuple[Kind, Kind], str]] = {
    (Kind.PATRONS, Kind.LOANS): "loan l JOIN item i ON i.id = l.item_id WHERE l.patron_id = p.id",
    (Kind.PATRONS, Kind.HOLDS): "hold h LEFT JOIN item i ON i.id = h.item_id WHERE h.patron_id = p.id",
    (Kind.PATRONS, Kind.FEES): "fee f LEFT JOIN item i ON i.id = f.item_id WHERE f.patron_id = p.id",
    (Kind.LOANS, Kind.FEES): "fee f WHERE f.loan_id = l.id",
    (Kind.ITEMS, Kind.LOANS): "loan l LEFT JOIN patron p ON p.id = l.patron_id WHERE l.item_id = i.id",
}
_TYPES: Final = {Of.ID: "uuid", Of.NUMBER: "bigint", Of.MOMENT: "timestamptz", Of.FLAG: "boolean"}
_SIGNS: Final = {"is": "=", "from": ">=", "to": "<=", "before": "<"}


@dataclass(slots=True)
class Statement:
    """A question being written. `libraries`: whose patrons the asker may see; None: everybody's."""

    kind: Kind
    parameters: list[Any]
    now: datetime
    libraries: Collection[str] | None
    _now: str | None = None
    _asked: set[str] = field(default_factory=set)
    """Tables that something is asked of, by their short names."""

    @property
    def tables(self) -> str:
        """What the question is about, with what is asked beside it."""
        joins = [join for alias, join in _JOINS[self.kind].items() if alias in self._asked]
        return " ".join([f"{TABLE[self.kind]} {_ALIAS[ENTITY[self.kind]]}", *joins])

    def put(self, value: Any) -> str:
        """A parameter."""
        self.parameters.append(value)
        return f"${len(self.parameters)}"

    def column(self, name: str) -> str:
        """A field as an expression over the tables' short names."""
        entity, _, fact = name.partition(".")
        self._asked.add(_ALIAS[entity])
        own, _, code = fact.partition(".")
        if code:  # a code that the vocabulary has read
            return f"(p.{own} ->> '{code}')"
        told = _COLUMNS.get(name, f"{_ALIAS[entity]}.{fact}")
        if "{now}" in told:
            self._now = self._now or f"{self.put(self.now)}::timestamptz"
        return told.format(now=self._now)

    def where(self, node: Node | None) -> str:
        """What answers, of what the asker may see."""
        seen = self.seen(self.kind)
        return seen if node is None else f"{seen} AND {self._node(node, self.kind, denied=False)}"

    def seen(self, kind: Kind, node: Node | None = None) -> str:
        """Of things of a kind, those of patrons whom the asker may see; of items every one."""
        if kind is Kind.ITEMS:
            return "i.base <> 'withdrawn'"
        if self.libraries is None or (node is not None and not asks_patrons(node)):
            return "true"
        self._asked.add("p")
        return f"(p.library IS NULL OR p.library = ANY ({self.put(sorted(self.libraries))}::text[]))"

    def _node(self, node: Node, kind: Kind, *, denied: bool) -> str:
        """`denied`: below some not, where nothing known must count as no."""
        if isinstance(node, Leaf):
            told = self._leaf(node)
            return f"(({told}) IS TRUE)" if denied else f"({told})"
        if isinstance(node, Not):
            return f"(NOT {self._node(node.part, kind, denied=True)})"
        if isinstance(node, Some):
            some = Kind(node.kind)
            inner = self._node(node.where, some, denied=denied)
            return f"EXISTS (SELECT FROM {_SOME[kind, some]} AND {self.seen(some, node.where)} AND {inner})"
        assert isinstance(node, All | Either)
        parts = [self._node(part, kind, denied=denied) for part in node.parts]
        return f"({(' AND ' if isinstance(node, All) else ' OR ').join(parts)})"

    def _leaf(self, leaf: Leaf) -> str:
        expression = self.column(leaf.field)
        if leaf.of is Of.FLAG:
            return expression if leaf.values[0] else f"NOT ({expression})"
        if leaf.op == "known":
            return f"{expression} IS {'NOT ' if leaf.values[0] else ''}NULL"
        if leaf.field == "patron.tag":
            return f"p.tags <> '{{}}' AND p.tags && {self.put(list(leaf.values))}::text[]"
        if leaf.field == "patron.block_template":
            return (
                "EXISTS (SELECT FROM patron_block b WHERE b.patron_id = p.id AND (b.expires_at IS NULL OR "
                f"b.expires_at > {self._now}) AND b.template = ANY ({self.put(list(leaf.values))}::text[]))"
            )
        sql_type = _TYPES.get(leaf.of, "text")
        if leaf.op == "in":
            return f"{expression} = ANY ({self.put(list(leaf.values))}::{sql_type}[])"
        value = f"{self.put(leaf.values[0])}::{sql_type}"
        if leaf.op == "starts":
            return f"starts_with(lower({expression}), lower({value}))"
        if leaf.op == "contains":
            return f"position(lower({value}) IN lower({expression})) > 0"
        return f"{expression} {_SIGNS[leaf.op]} {value}"


def rare(statement: Statement, where: str) -> str:
    """Ids of what answers behind $1, $2 of them at most: found by whatever index leads there, then put in order."""
    id_ = ID[statement.kind]
    return f"""
WITH found AS MATERIALIZED (SELECT {id_} AS id FROM {statement.tables} WHERE {id_} > $1 AND {where} LIMIT $2)
SELECT id FROM found ORDER BY id
"""


def within(statement: Statement, where: str, upto: str | None) -> str:
    """Ids of what answers behind $1 and up to there, in order, $2 of them at most."""
    id_ = ID[statement.kind]
    bound = f" AND {id_} <= {upto}" if upto is not None else ""
    return f"""
SELECT {id_} AS id FROM {statement.tables} WHERE {id_} > $1{bound} AND {where} ORDER BY {id_} LIMIT $2
"""


def slice_end(kind: Kind) -> str:
    """The last id of the $2 rows behind $1; none where there are fewer."""
    return f"SELECT id FROM {TABLE[kind]} WHERE id > $1 ORDER BY id OFFSET $2 - 1 LIMIT 1"


def facts(statement: Statement, columns: Sequence[str]) -> str:
    """What columns say of each of these ($1) that the asker may see."""
    id_ = ID[statement.kind]
    told = "".join(f', {statement.column(name)} AS "{name}"' for name in columns)
    seen = statement.seen(statement.kind)
    return f"""
SELECT {id_} AS id{told} FROM {statement.tables} WHERE {id_} = ANY ($1::uuid[]) AND {seen} ORDER BY {id_}
"""
