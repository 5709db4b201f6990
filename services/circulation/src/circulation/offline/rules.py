"""Which desk actions are taken over after the line was down? Decisions only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID


class Kind(StrEnum):
    """What was done at the desk."""

    CHECK_OUT = "check-out"
    CHECK_IN = "check-in"


class Outcome(StrEnum):
    """What became of an action."""

    WAITING = "waiting"
    APPLIED = "applied"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Action:
    """One scan at the desk, with its own time and id."""

    id: UUID
    kind: Kind
    at: datetime
    item_barcode: str
    patron_barcode: str | None


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with an uploaded action: which, where in it, code, words."""

    place: int
    field: str
    code: str
    text: str


OLDEST: Final = timedelta(days=3650)


def flaws(actions: Sequence[Action], *, now: datetime) -> list[Flaw]:
    """Everything wrong with an upload as a whole; with a flaw nothing of it is taken."""
    found = []
    seen: set[UUID] = set()
    for place, action in enumerate(actions):
        if action.id in seen:
            found.append(Flaw(place, "id", "action-id-repeated", "Two actions of the file have this id."))
        seen.add(action.id)
        if not now - OLDEST <= action.at <= now:
            found.append(Flaw(place, "at", "moment-out-of-range", "It lies ahead, or ten years back."))
        if action.kind is Kind.CHECK_OUT and action.patron_barcode is None:
            found.append(Flaw(place, "patron_barcode", "patron-missing", "A check-out names its patron."))
        if action.kind is Kind.CHECK_IN and action.patron_barcode is not None:
            found.append(Flaw(place, "patron_barcode", "patron-unasked", "A check-in names no patron."))
    return found


def superseded(*, at: datetime, last_seen_at: datetime | None, left_at: datetime | None) -> bool:
    """Whether the item was at another desk after the action, so that its state is newer than the file's.

    `left_at` is when it was last seen as this very file left it: what the file itself did is no conflict.
    """
    return last_seen_at is not None and last_seen_at > at and last_seen_at != left_at
