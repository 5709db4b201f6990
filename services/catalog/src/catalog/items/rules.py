"""Which base states an item may be set to by hand, and what may change about it."""

from typing import Final

SETTABLE: Final = frozenset(
    {"on-order", "in-process", "active", "missing", "long-missing", "damaged", "restricted", "unknown"}
)
"""`withdrawn` is reached by a withdrawal alone, since circulation has a say in it."""


def state_refusal(*, before: str, after: str) -> str | None:
    """Why this change of base state is not made, as a code; None when it is."""
    if before == after:
        return None
    if before == "withdrawn":
        return "item-withdrawn"
    if after == "withdrawn":
        return "withdrawal-needed"
    return None if after in SETTABLE else "base-state-unknown"
