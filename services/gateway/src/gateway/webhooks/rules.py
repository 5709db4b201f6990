"""Who may hear which events, which of them pass a filter, and what is told of one. Decisions only."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

READS_ALL: Final = "changes:read"
"""The scope of the change feed: whoever holds it reads every event anyway."""
READ_BY: Final = (
    ("catalog.title", "titles:read"),
    ("catalog.item", "items:read"),
    ("catalog.location-", "items:read"),
    ("catalog.import-", "imports:read"),
    ("circulation.loan-", "loans:read"),
    ("circulation.desk-session-", "loans:read"),
    ("circulation.item-claim", "loans:read"),
    ("circulation.item-declared-lost.", "loans:read"),
    ("circulation.item-lost-and-paid.", "loans:read"),
    ("circulation.item-", "items:read"),
    ("circulation.availability-", "items:read"),
    ("circulation.hold-", "holds:read"),
    ("circulation.pickup-appointment-", "holds:read"),
    ("circulation.fee-", "fees:read"),
    ("circulation.patron-", "patrons:read"),
    ("circulation.rules-", "configuration:read"),
    ("circulation.calendar-", "configuration:read"),
    ("circulation.borrowed-item-", "ill:read"),
    ("ill.", "ill:read"),
    ("gateway.webhook-", "webhooks:manage"),
)
"""The scope that reads what an event tells, by how its type begins; the first that fits. Of a type that stands
nowhere here, only the change feed's readers hear."""


def scope_of(type_name: str) -> str:
    """The scope that reads what events of this type tell."""
    return next((scope for beginning, scope in READ_BY if type_name.startswith(beginning)), READS_ALL)


def may_hear(scopes: Collection[str], type_name: str) -> bool:
    """Whether somebody with these scopes may read what events of this type tell."""
    return bool({"*", READS_ALL, scope_of(type_name)} & set(scopes))


@dataclass(frozen=True, slots=True)
class Owner:
    """What a subscription's owner may at present."""

    there: bool
    """Neither revoked nor expired nor disabled."""
    scopes: frozenset[str]
    libraries: frozenset[str] | None
    """Library codes they work for; None: all."""


def unheard(owner: Owner, types: Sequence[str], libraries: Sequence[str] | None) -> str | None:
    """Why a subscription has to end: owner-gone, scope-lost or library-lost; None while all is well."""
    if not owner.there:
        return "owner-gone"
    if not all(may_hear(owner.scopes, name) for name in types):
        return "scope-lost"
    if owner.libraries is not None and not (libraries and owner.libraries.issuperset(libraries)):
        return "library-lost"
    return None


@dataclass(frozen=True, slots=True)
class Filter:
    """What a subscription hears. None: whatever it is."""

    types: frozenset[str]
    libraries: frozenset[str] | None = None
    locations: frozenset[str] | None = None
    """Codes or ids."""
    keys: frozenset[str] | None = None
    """Subjects, or the keys that events are ordered by."""


def places(told: Any) -> Iterator[tuple[str, str]]:
    """Every library and location that data names: ("library", code), ("location", code or id)."""
    if isinstance(told, Mapping):
        for name, value in told.items():
            if isinstance(value, str):
                if name == "library":
                    yield "library", value
                elif name == "location" or name.endswith("location_id"):
                    yield "location", value
            else:
                if name == "location" and isinstance(value, Mapping) and "code" in value:
                    yield "location", str(value["code"])
                yield from places(value)
    elif isinstance(told, list | tuple):
        for part in told:
            yield from places(part)


def passes(wanted: Filter, envelope: Mapping[str, Any]) -> bool:
    """Whether a subscription hears of an event. Every filter that is set must fit; one place of several is enough.

    What only some members of staff may see (an order of an acquisition unit) nobody is sent: the change feed asks
    whoever reads it who they are, an address does not.
    """
    if envelope["type"] not in wanted.types or envelope["data"].get("members_only"):
        return False
    if wanted.keys is not None and not wanted.keys & {envelope["subject"], envelope["partitionkey"]}:
        return False
    if wanted.libraries is None and wanted.locations is None:
        return True
    named = set(places(envelope["data"]))
    return (wanted.libraries is None or any(("library", code) in named for code in wanted.libraries)) and (
        wanted.locations is None or any(("location", told) in named for told in wanted.locations)
    )


def thin(data: Mapping[str, Any]) -> dict[str, Any]:
    """The ids in an event's data and nothing else: no patron, no state. Of lists, each member's ids."""
    kept: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, str) and name.endswith("_id") and not name.startswith("patron"):
            kept[name] = value
        elif isinstance(value, list) and value and all(isinstance(part, Mapping) for part in value):
            kept[name] = [thin(part) for part in value]
    return kept


def payload(envelope: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
    """What is sent (Standard Webhooks: type, timestamp, data), with what orders it."""
    told = {
        "type": envelope["type"],
        "timestamp": envelope["time"],
        "id": envelope["id"],
        "source": envelope["source"],
        "subject": envelope["subject"],
        "sequence": envelope["sequence"],
        "epoch": envelope["epoch"],
        "data": envelope["data"] if whole else thin(envelope["data"]),
    }
    return told | {"partitionkey": envelope["partitionkey"]} if whole else told


SECRETS_AT_ONCE: Final = 2
"""Live secrets: the one in use and, while receivers change over, its predecessor."""
EACH_OWNER: Final = 50
"""Subscriptions that one owner may have."""
