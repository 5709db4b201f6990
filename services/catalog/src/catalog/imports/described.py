"""What records seldom tell of an item: numbers, condition, pieces, notes, statistical codes, and where it stands for a
time. Most items have none."""

from collections.abc import Container, Mapping
from typing import Any, Final

from catalog.imports.rules import reason
from catalog.items.rules import DESCRIBED as SELDOM
from catalog.items.rules import LISTS
from catalog.items.standing import permanent

DESCRIBED: Final = ("pieces", "pieces_text", *SELDOM, "temporary_location_id", "temporary_location_ends_at")
NOT_DESCRIBED: Final[tuple[Any, ...]] = tuple([] if name in LISTS else None for name in DESCRIBED)
DESCRIBED_FACTS: Final = "jsonb_strip_nulls(jsonb_build_object({}))".format(
    ", ".join(
        f"'{name}', " + (f"nullif(i.{name}, '{{}}')" if name in LISTS else f"i.{name}") for name in DESCRIBED
    )
)
"""As JSON, those that an item has."""
ITEM_FACTS: Final = f"""(jsonb_build_object('holdings_id', i.holdings_id, 'location_id', {permanent("i")},
    'material_type', i.material_type, 'loan_type', i.loan_type, 'call_number', i.call_number,
    'call_number_scheme', i.call_number_scheme, 'shelving_key', i.shelving_key, 'volume', i.volume,
    'copy_number', i.copy_number, 'note', i.note, 'purchase_minor', i.purchase_minor,
    'purchase_currency', i.purchase_currency, 'replacement_minor', i.replacement_minor,
    'replacement_currency', i.replacement_currency) || {DESCRIBED_FACTS})"""
"""What an import changes of an item. What most items have none of stands there only where there is some: what was kept
before there were such facts still compares."""
AS_WRITTEN: Final = frozenset(
    {"accession_number", "enumeration", "chronology", "year_caption", "pieces_text", "missing_pieces_text"}
)


def described(
    told: Mapping[str, str], known: Container[tuple[str, str]]
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """What a record tells of an item beside the usual, as columns, and why some of it is left out. `known` has the
    conditions and statistical codes of the configuration, each with what it is one of."""
    columns: dict[str, Any] = {name: told[name] for name in told if name in AS_WRITTEN}
    reasons = []
    if (pieces := told.get("pieces")) is not None:
        if pieces.isascii() and pieces.isdecimal() and len(pieces) < 6 and 1 <= int(pieces) <= 10_000:
            columns["pieces"] = int(pieces)
        else:
            reasons.append(reason("pieces-unreadable", f"An item has {pieces!r} pieces."))
    for name in ("check_out_note", "check_in_note"):
        if name in told:
            columns[f"{name}s"] = [told[name]]
    if (status := told.get("damaged_status")) is not None:
        if ("damaged_status", status) in known:
            columns["damaged_status"] = status
        else:
            reasons.append(reason("damaged-status-unknown", f"There is no condition {status!r}."))
    counted = set(told.get("statistical_code", "").split())
    if codes := sorted(code for code in counted if ("statistical_code", code) in known):
        columns["statistical_codes"] = codes
    reasons += [
        reason("statistical-code-unknown", f"There is no statistical code {code!r}.")
        for code in sorted(counted.difference(codes))
    ]
    return columns, reasons


def as_columns(told: Mapping[str, Any]) -> tuple[Any, ...]:
    """In the order of `DESCRIBED`."""
    return tuple(told.get(name, nothing) for name, nothing in zip(DESCRIBED, NOT_DESCRIBED, strict=True))
