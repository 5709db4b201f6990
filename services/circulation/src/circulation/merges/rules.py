"""What becomes of two registrations of one person: which values stay, which holds. Decisions only."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal, get_args
from uuid import UUID


class MergeRefusal(StrEnum):
    """Why registrations are not merged. Codes never change."""

    SELF = "merge-with-itself"
    UNKNOWN = "patron-unknown"
    NOT_AMONG_THEM = "patron-not-merged"


TEXTS: Final = {
    MergeRefusal.SELF: "A registration is not merged with itself.",
    MergeRefusal.UNKNOWN: "There is no such patron.",
    MergeRefusal.NOT_AMONG_THEM: "This value can only be kept of one of those that are merged.",
}

Scalar = Literal[
    "barcode",
    "external_id",
    "group",
    "family_name",
    "given_name",
    "preferred_name",
    "sort_name",
    "name_order",
    "email",
    "language",
    "library",
    "birth_on",
    "expires_at",
    "active",
]
SCALARS: Final[tuple[str, ...]] = get_args(Scalar)
"""Kept of one registration: the surviving one, unless it is said otherwise, or it has none."""
UNLIMITED: Final = frozenset({"expires_at"})
"""Here nothing is a value of its own: without end."""
LISTS: Final = ("name_forms", "emails", "phones", "addresses")


def values_after(
    survivor: Mapping[str, Any], merged: Sequence[Mapping[str, Any]], keep: Mapping[str, UUID]
) -> dict[str, Any]:
    """The surviving registration: its own values, what it lacks from the first who has it, lists together."""
    everybody = {each["id"]: each for each in (survivor, *merged)}
    after: dict[str, Any] = {}
    for name in SCALARS:
        if name in keep:
            after[name] = everybody[keep[name]][name]
        elif survivor[name] is not None or name in UNLIMITED:
            after[name] = survivor[name]
        else:
            after[name] = next((each[name] for each in merged if each[name] is not None), None)
    for name in LISTS:
        after[name] = _once(entry for each in (survivor, *merged) for entry in each[name])
    after["statistics"] = {}
    for each in reversed((survivor, *merged)):
        after["statistics"] |= each["statistics"]
    after["custom"] = {}
    for each in reversed((survivor, *merged)):
        after["custom"] |= each["custom"]
    after["tags"] = _once(tag for each in (survivor, *merged) for tag in each["tags"])
    after["note"] = "\n".join(each["note"] for each in (survivor, *merged) if each["note"]) or None
    return after


def _once(entries: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for entry in entries:
        if entry not in found:
            found.append(entry)
    return found


def differing(survivor: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Fields in which two registrations say different things: are they really one person?"""
    return [
        name
        for name in SCALARS
        if name not in ("barcode", "external_id")
        and None not in (survivor[name], other[name])
        and survivor[name] != other[name]
    ]


@dataclass(frozen=True, slots=True)
class OpenHold:
    """A hold of one of the registrations."""

    id: UUID
    patron_id: UUID
    title_id: UUID
    wanted: str | None
    """The volume or the item that is wanted; None: any copy of the title."""
    state: str
    kept: bool
    """A copy is kept on the shelf for it, to be fetched."""
    suspended: bool
    position: int


_FURTHEST: Final = {"ready": 0, "in-transit": 1, "waiting": 2}


def given_up(holds: Iterable[OpenHold]) -> list[OpenHold]:
    """Of holds for the same thing as many stay as one registration had: what lies ready, then what is on its way.

    Of those that wait the one for which a copy is kept stays, then one that is not suspended, then the first. A hold
    on another volume or item of the title is another wish, and stays.
    """
    alike: dict[tuple[UUID, str | None], list[OpenHold]] = {}
    for hold in holds:
        alike.setdefault((hold.title_id, hold.wanted), []).append(hold)
    ended = []
    for rivals in alike.values():
        most = max(Counter(hold.patron_id for hold in rivals).values())
        rivals.sort(key=lambda hold: (_FURTHEST[hold.state], not hold.kept, hold.suspended, hold.position))
        ended += rivals[most:]
    return ended
