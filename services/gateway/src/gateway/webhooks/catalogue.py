"""The events that one may subscribe to, read off their classes: what each tells, and by what it can be filtered."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import contracts.catalog
import contracts.circulation
import contracts.gateway
import contracts.ill
from contracts.events import event_types
from gateway.webhooks.rules import scope_of

KNOWN = (contracts.catalog, contracts.circulation, contracts.gateway, contracts.ill)
"""Modules whose import fills the registry."""
OURS = ("catalog.", "circulation.", "erm.", "gateway.", "ill.")


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of event."""

    type: str
    told: str
    """What it tells, in a sentence."""
    scope: str
    """What reads it."""
    libraries: bool
    """Whether it can name a library."""
    locations: bool
    lists: bool
    """Whether it tells of many things at once, of several libraries perhaps."""


@cache
def kinds() -> Mapping[str, Kind]:
    """Every type by its name."""
    found = {}
    for event in event_types():
        if KNOWN and event.type.startswith(OURS):
            names = set(_names(event.model_json_schema(mode="serialization")))
            found[event.type] = Kind(
                event.type,
                (event.__doc__ or "").strip().partition("\n")[0],
                scope_of(event.type),
                "library" in names,
                any(name == "location" or name.endswith("location_id") for name in names),
                "[]" in names,
            )
    return found


def _names(schema: Mapping[str, Any]) -> Iterator[str]:
    """The names of all fields, however deep; `[]` where there are lists of objects."""
    defined = schema.get("$defs", {})
    for part in (schema, *defined.values()):
        for name, kind in part.get("properties", {}).items():
            yield name
            if "$ref" in kind.get("items", {}):
                yield "[]"
