"""A batch as the university's books read it: the same document as JSON and as XML."""

from collections.abc import Iterator
from typing import Any, Final

import orjson

from chassis import markup

NAMESPACE: Final = "urn:carrel:voucher-batch:1"
_ONE_OF: Final = {"totals": "total", "vouchers": "voucher", "lines": "line", "identifiers": "identifier"}
"""What stands in a list."""
_ORDER: Final = [
    "id",
    "group",
    "number",
    "kind",
    "reverses",
    "created_at",
    "voucher_count",
    "totals",
    "vouchers",
    "invoice_id",
    "vendor",
    "code",
    "name",
    "identifiers",
    "value",
    "vendor_invoice_number",
    "invoiced_on",
    "invoice_currency",
    "invoice_total",
    "exchange_rate",
    "account_number",
    "fund",
    "fiscal_year",
    "expense_class",
    "currency",
    "amount",
    "lines",
]
"""Of names in a document: a voucher that lay in the database has lost it."""


def _in_order(told: Any) -> Any:
    if isinstance(told, dict):
        return {name: _in_order(told[name]) for name in sorted(told, key=_ORDER.index)}
    return [_in_order(each) for each in told] if isinstance(told, list) else told


def as_json(document: dict[str, Any]) -> bytes:
    """Amounts and dates as texts; what is not there is null."""
    return orjson.dumps(_in_order(document))


def as_xml(document: dict[str, Any]) -> bytes:
    """An element for each name, in the same order; what is not there has none."""
    told = "".join(_inside(_in_order(document)))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<batch xmlns="{NAMESPACE}">{told}</batch>\n'.encode()


def _inside(told: dict[str, Any]) -> Iterator[str]:
    for name, value in told.items():
        if value is not None:
            yield f"<{name}>{_content(name, value)}</{name}>"


def _content(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return "".join(_inside(value))
    if isinstance(value, list):
        one = _ONE_OF[name]
        return "".join(f"<{one}>{_content(one, each)}</{one}>" for each in value)
    return markup.text(str(value))
