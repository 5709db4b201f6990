"""What may be asked of patrons, loans, holds, fees and items, and which scopes that takes.

Of a loan, a hold or a fee its patron and its item may be asked, too; of a patron whether *some* of their loans, holds
or fees answer all that is asked at once, of an item whether some of its loans do.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from chassis import conditions
from chassis.conditions import All, Fault, Leaf, Node, Not, Of, Some, Vocabulary, leaves


class Kind(StrEnum):
    """What is asked for."""

    PATRONS = "patrons"
    LOANS = "loans"
    HOLDS = "holds"
    FEES = "fees"
    ITEMS = "items"


FIELDS: Final[Mapping[str, Of]] = {
    "patron.id": Of.ID,
    "patron.barcode": Of.TEXT,
    "patron.external_id": Of.TEXT,
    "patron.group": Of.CODE,
    "patron.family_name": Of.TEXT,
    "patron.given_name": Of.TEXT,
    "patron.email": Of.TEXT,
    "patron.language": Of.CODE,
    "patron.library": Of.CODE,
    "patron.expires_at": Of.MOMENT,
    "patron.created_at": Of.MOMENT,
    "patron.active": Of.FLAG,
    "patron.blocked": Of.FLAG,
    "patron.block_template": Of.CODE,
    "patron.tag": Of.CODE,
    "patron.note": Of.TEXT,
    "patron.open_loans": Of.NUMBER,
    "patron.owed": Of.NUMBER,
    "patron.claims": Of.NUMBER,
    "loan.id": Of.ID,
    "loan.open": Of.FLAG,
    "loan.lent_at": Of.MOMENT,
    "loan.due_at": Of.MOMENT,
    "loan.returned_at": Of.MOMENT,
    "loan.renewals": Of.NUMBER,
    "loan.policy": Of.CODE,
    "loan.patron_group": Of.CODE,
    "loan.service_point": Of.CODE,
    "loan.recalled": Of.FLAG,
    "loan.lost": Of.FLAG,
    "loan.claimed": Of.FLAG,
    "loan.ended": Of.CODE,
    "hold.id": Of.ID,
    "hold.open": Of.FLAG,
    "hold.kind": Of.CODE,
    "hold.level": Of.CODE,
    "hold.state": Of.CODE,
    "hold.position": Of.NUMBER,
    "hold.pickup": Of.CODE,
    "hold.suspended": Of.FLAG,
    "hold.placed_at": Of.MOMENT,
    "hold.expires_at": Of.MOMENT,
    "hold.ready_at": Of.MOMENT,
    "hold.shelf_expires_at": Of.MOMENT,
    "hold.closed_at": Of.MOMENT,
    "hold.reason": Of.CODE,
    "fee.id": Of.ID,
    "fee.open": Of.FLAG,
    "fee.kind": Of.CODE,
    "fee.state": Of.CODE,
    "fee.status": Of.CODE,
    "fee.owner": Of.CODE,
    "fee.amount": Of.NUMBER,
    "fee.remaining": Of.NUMBER,
    "fee.currency": Of.CODE,
    "fee.charged_at": Of.MOMENT,
    "fee.closed_at": Of.MOMENT,
    "item.id": Of.ID,
    "item.barcode": Of.TEXT,
    "item.library": Of.CODE,
    "item.location": Of.CODE,
    "item.material_type": Of.CODE,
    "item.loan_type": Of.CODE,
    "item.call_number": Of.TEXT,
    "item.title": Of.TEXT,
    "item.author": Of.TEXT,
    "item.state": Of.CODE,
    "item.loss": Of.CODE,
    "item.new_since": Of.MOMENT,
    "item.last_seen_at": Of.MOMENT,
}
SEEN_FROM: Final[Mapping[str, tuple[str, ...]]] = {
    Kind.PATRONS: ("patron",),
    Kind.LOANS: ("loan", "patron", "item"),
    Kind.HOLDS: ("hold", "patron", "item"),
    Kind.FEES: ("fee", "patron", "item"),
    Kind.ITEMS: ("item",),
}
OWN: Final = re.compile(r"patron\.(?:custom|statistics)\.[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
"""A fact of the library's own, or a statistical category."""
ENTITY: Final[Mapping[str, str]] = {
    Kind.PATRONS: "patron",
    Kind.LOANS: "loan",
    Kind.HOLDS: "hold",
    Kind.FEES: "fee",
    Kind.ITEMS: "item",
}
VOCABULARY: Final = Vocabulary(
    fields=FIELDS,
    seen_from=SEEN_FROM,
    some={
        Kind.PATRONS: (Kind.LOANS, Kind.HOLDS, Kind.FEES),
        Kind.LOANS: (Kind.FEES,),
        Kind.HOLDS: (),
        Kind.FEES: (),
        Kind.ITEMS: (Kind.LOANS,),
    },
    kinds={entity: kind for kind, entity in ENTITY.items()},
    own=OWN,
)
SCOPES: Final[Mapping[str, str]] = {
    "patron": "patrons:read",
    "loan": "loans:read",
    "hold": "holds:read",
    "fee": "fees:read",
}
"""What reading such facts one by one takes. Items are known to everybody."""
_FOUND_BY: Final = frozenset(
    {
        "patron.id", "patron.barcode", "patron.external_id", "patron.group", "patron.tag", "patron.expires_at",
        "loan.id", "loan.open", "hold.id", "hold.open", "fee.id", "fee.open", "item.id", "item.barcode",
    }
)  # fmt: skip
"""Fields with an index of their own."""


def read(told: Any, kind: Kind, *, now: datetime, at: str = "") -> tuple[Node | None, list[Fault]]:
    """The tree, or everything that is wrong with it; None asks for everything there is."""
    return (None, []) if told is None else conditions.read(told, kind, VOCABULARY, at=at, now=now)


def scopes(kind: Kind, node: Node | None, columns: Iterable[str]) -> list[str]:
    """What somebody needs to ask this."""
    named = [*columns, *(leaf.field for leaf in leaves(node))] if node is not None else list(columns)
    entities = (
        {name.partition(".")[0] for name in named} | {ENTITY[kind]} | {ENTITY[each] for each in _kinds(node)}
    )
    return sorted({SCOPES[each] for each in entities if each in SCOPES})


def _kinds(node: Node | None) -> set[str]:
    """Of what there is to be some."""
    if node is None or isinstance(node, Leaf):
        return set()
    if isinstance(node, Some):
        return {node.kind} | _kinds(node.where)
    if isinstance(node, Not):
        return _kinds(node.part)
    return {kind for part in node.parts for kind in _kinds(part)}


def asks_patrons(node: Node) -> bool:
    """Whether anything of a patron is asked."""
    return any(leaf.field.startswith("patron.") for leaf in leaves(node))


def found_by_index(node: Node | None) -> bool:
    """Whether an index leads to what answers, so that the rest need not be looked at."""
    if isinstance(node, All):
        return any(found_by_index(part) for part in node.parts)
    if not isinstance(node, Leaf) or node.field not in _FOUND_BY:
        return False
    return node.values == (True,) if node.of is Of.FLAG else node.op in ("is", "in", "from", "before")
