"""How a vendor's fields become those of an order: taken, translated, told step by step. Decisions only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, get_args

OrderField = Literal[
    "order_key",
    "order_type",
    "account_number",
    "currency",
    "exchange_rate",
    "order_note",
    "title",
    "author",
    "publisher",
    "year",
    "isbn",
    "title_id",
    "receipt",
    "location",
    "material_type",
    "loan_type",
    "call_number",
    "quantity",
    "list_price",
    "discount_percent",
    "additional",
    "tax_percent",
    "expected_on",
    "fund",
    "expense_class",
    "note",
]
FIELDS: Final[tuple[OrderField, ...]] = get_args(OrderField)
"""Of an order with one line, in the order in which they are told."""
OTHERWISE: Final = "*"
"""In a table: what everything else becomes."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Where a field comes from."""

    sources: Sequence[str] = ()
    """Paths in what the vendor posts, tried in turn."""
    default: str | None = None
    """Where none of them says anything; it is not translated."""
    table: str | None = None
    """By which it is translated."""
    join: str | None = None
    """What stands between several values; none: the first one counts."""
    required: bool = False


class Came(StrEnum):
    """How a field came by its value."""

    POSTED = "posted"
    DEFAULT = "default"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Step:
    """What became of a field."""

    field: str
    came: Came
    path: str | None = None
    """Where the vendor said it."""
    posted: str | None = None
    table: str | None = None
    value: str | None = None
    flaw: str | None = None
    """`value-missing`: it is needed; `value-not-in-table`: the table does not know what was posted."""


def step_of(
    field: str,
    rule: Rule,
    posted: Mapping[str, Sequence[str]],
    tables: Mapping[str, Mapping[str, str]],
) -> Step:
    """One field by its rule."""
    path = next((path for path in rule.sources if any(posted.get(path, ()))), None)
    if path is None:
        came = Came.NOWHERE if rule.default is None else Came.DEFAULT
        flaw = "value-missing" if rule.default is None and rule.required else None
        return Step(field, came, value=rule.default, flaw=flaw)
    values = [value for value in posted[path] if value]
    told = values[0] if rule.join is None else rule.join.join(values)
    if rule.table is None:
        return Step(field, Came.POSTED, path, told, value=told)
    table = tables.get(rule.table, {})
    value = table.get(told, table.get(OTHERWISE))
    flaw = None if value is not None else "value-not-in-table"
    return Step(field, Came.POSTED, path, told, rule.table, value, flaw)


def mapped(
    rules: Mapping[str, Rule],
    posted: Mapping[str, Sequence[str]],
    tables: Mapping[str, Mapping[str, str]],
) -> list[Step]:
    """Every field that has a rule, in the order of an order's fields."""
    return [step_of(field, rules[field], posted, tables) for field in FIELDS if field in rules]
