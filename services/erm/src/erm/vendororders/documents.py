"""The mapping of a vendor's fields as it is edited, and what it begins with."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from erm.vendororders.rules import FIELDS, OrderField, Rule
from erm.wire import Strict

Format = Literal["json", "xml"]
Path = Annotated[str, Field(min_length=1, max_length=200)]
Value = Annotated[str, Field(min_length=1, max_length=500)]
TableName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
NEEDED: Final = ("order_key", "title", "list_price", "currency", "fund")
"""What no order can do without."""


class FieldRuleIn(Strict):
    """Where a field of the order comes from."""

    paths: list[Path] = Field(default_factory=list, max_length=10)
    """In what the vendor posts, tried in turn: `fund_code`, `OrderDetail.FundCode`, `marc.245.a`,
    `OrderDetail.LocalData.Selector`."""
    default: Value | None = None
    """Where none of them says anything; as it is, not translated."""
    table: TableName | None = None
    """By which what was posted is translated; what it does not know is refused."""
    join: Annotated[str, Field(max_length=10)] | None = None
    """What stands between several values; none: the first counts."""
    required: bool = False

    @model_validator(mode="after")
    def _comes_from_somewhere(self) -> "FieldRuleIn":
        if not self.paths and self.default is None:
            raise ValueError("a field comes from a path or has a default")
        return self

    @property
    def rule(self) -> Rule:
        """As the rules take it."""
        return Rule(self.paths, self.default, self.table, self.join, self.required)


class MappingIn(Strict):
    """How what a vendor posts becomes an order with one line."""

    fields: dict[OrderField, FieldRuleIn] = Field(max_length=len(FIELDS))
    tables: dict[TableName, Annotated[dict[Value, Value], Field(max_length=2000)]] = Field(
        default_factory=dict, max_length=20
    )
    """What vendors' codes are here: of funds their codes, of locations their ids; `*` stands for all that is not
    named."""

    @model_validator(mode="after")
    def _is_whole(self) -> "MappingIn":
        if missing := [field for field in NEEDED if field not in self.fields]:
            raise ValueError(f"an order needs {', '.join(missing)}")
        unknown = {rule.table for rule in self.fields.values() if rule.table} - self.tables.keys()
        if unknown:
            raise ValueError(f"there is no table {', '.join(sorted(unknown))}")
        return self

    @property
    def rules(self) -> dict[str, Rule]:
        """As the rules take them."""
        return {str(field): rule.rule for field, rule in self.fields.items()}


RECEIPTS: Final = {
    "listed-electronic-monograph": "none",
    "listed-electronic-serial": "none",
    "unlisted-electronic-monograph": "none",
    "unlisted-electronic-serial": "none",
    "*": "count",
}
"""Of what is electronic nothing comes; the rest is counted until a location is named for it."""
TYPES: Final = {
    "listed-electronic-serial": "subscription",
    "listed-print-serial": "subscription",
    "unlisted-electronic-serial": "subscription",
    "unlisted-print-serial": "subscription",
    "*": "one-time",
}
_KIND: Final = {
    "receipt": {"paths": ["kind"], "table": "receipts"},
    "order_type": {"paths": ["kind"], "table": "order-types"},
}
_TABLES: Final = {"receipts": RECEIPTS, "order-types": TYPES}
_JSON: Final[dict[str, Any]] = {
    "order_key": {"paths": ["order_key"], "required": True},
    "title": {"paths": ["title"], "required": True},
    "author": {"paths": ["contributor"], "join": "; "},
    "publisher": {"paths": ["publisher"]},
    "year": {"paths": ["year"]},
    "isbn": {"paths": ["isbn"]},
    "quantity": {"paths": ["quantity"], "default": "1"},
    "list_price": {"paths": ["list_price.amount"], "required": True},
    "currency": {"paths": ["list_price.currency"], "required": True},
    "fund": {"paths": ["fund_code"], "required": True},
    "account_number": {"paths": ["account_number"]},
    "note": {"paths": ["note"]},
    **_KIND,
}
_XML: Final[dict[str, Any]] = {
    "order_key": {"paths": ["OrderDetail.YBPOrderKey"], "required": True},
    "title": {"paths": ["marc.245.a"], "required": True},
    "author": {"paths": ["marc.100.a", "marc.110.a", "marc.700.a"], "join": "; "},
    "publisher": {"paths": ["marc.264.b", "marc.260.b"]},
    "year": {"paths": ["marc.264.c", "marc.260.c"]},
    "isbn": {"paths": ["marc.020.a"]},
    "quantity": {"paths": ["OrderDetail.Quantity"], "default": "1"},
    "list_price": {"paths": ["OrderDetail.ListPrice.Amount"], "required": True},
    "currency": {"paths": ["OrderDetail.ListPrice.Currency"], "required": True},
    "fund": {"paths": ["OrderDetail.FundCode"], "required": True},
    "account_number": {"paths": ["CustomerDetail.SubAccount", "CustomerDetail.BaseAccount"]},
    "note": {"paths": ["OrderDetail.OrderNotes"]},
    **_KIND,
}


def usual(told: Format) -> MappingIn:
    """What an account begins with: to be edited, above all its tables."""
    return MappingIn.model_validate({"fields": _JSON if told == "json" else _XML, "tables": _TABLES})
