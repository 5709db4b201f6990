"""What holdings are received, kept and lent by: MARC 21 Holdings, 008/06 to 21, as facts. No I/O."""

from typing import Any, Final

from catalog.fixedfields.rules import FILL, NOT_CODED, layouts, take_apart
from catalog.marc.record import Record

ASKED: Final = (
    "receipt_status",
    "acquisition_method",
    "retention",
    "completeness",
    "lending_policy",
    "reproduction_policy",
)
"""Facts that questions may ask for."""
_TOLD: Final = (
    *ASKED,
    "acquisition_ends",
    "retention_of",
    "retention_units",
    "retention_unit",
    "copies",
)
_NOTHING: Final = ("", NOT_CODED, "not-specified")


def policies(record: Record) -> dict[str, Any]:
    """By name, in the words of `catalog.fixedfields`; what is not coded, or not by the format, is left out. A field
    that is too short is read as far as it goes."""
    value = record.control("008") or ""
    layout = layouts()["008", "holdings"]
    found, faults = take_apart(layout, f"{value:{FILL}<{layout.length}}"[: layout.length])
    wrong = {each.name for each in faults}
    told = {name: found[name] for name in _TOLD if found[name] not in _NOTHING and name not in wrong}
    return {
        name: int(value) if name in ("copies", "retention_units") else value for name, value in told.items()
    }
