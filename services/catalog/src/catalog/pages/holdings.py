"""What a title's page says of its holdings: what is held, and whether they are lent, copied and digitised. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from catalog.holdings.policy_rules import policies
from catalog.holdings.rules import statements
from catalog.marc.storage import unpack
from catalog.pages.rendering import Tongue

UNSAID = "unknown"
"""Of which a reader learns nothing."""


def held_shown(rows: Sequence[Any], say: Tongue) -> list[dict[str, Any]]:
    """Each place with the lines that tell something of it; places of which nothing is told are left out."""
    told = []
    for row in rows:
        record = unpack(row.record) if row.record is not None else None
        lines = _held(record, say) if record is not None else []
        lines += _policies(policies(record) if record is not None else {}, say)
        if row.digitisation:
            lines.append(say("digitised", name=row.digitisation))
        if lines:
            told.append({"row": row, "lines": lines})
    return told


def _held(record: Any, say: Tongue) -> list[str]:
    """In the words of the record; supplements and indexes say that they are such."""
    told = []
    for each in statements(record):
        text = each.text if each.kind == "basic" else say(f"held-{each.kind}", text=each.text)
        told.append(" ".join([text, *(f"({note.strip()})" for note in each.notes if note.strip())]))
    return told


def _policies(known: Mapping[str, Any], say: Tongue) -> list[str]:
    names = ("lending_policy", "reproduction_policy")
    return [say(f"policy-{known[name]}") for name in names if known.get(name, UNSAID) != UNSAID]
