"""What may be done with a volume that is bound, and with the shipment it goes in. Decisions only."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID


class BindingState(StrEnum):
    """Where a volume stands; the last is final."""

    ASKED = "asked"
    """The catalogue takes the issues' items out; circulation has a say in each."""
    WAITING = "waiting"
    """Some of them stay: they are lent, or somebody waits for them."""
    READY = "ready"
    """It is an item of its own, in process, to be bound here or sent."""
    AT_BINDERY = "at-bindery"
    BOUND = "bound"
    UNDOING = "undoing"
    """The catalogue makes issues of it again."""
    UNDONE = "undone"


class Action(StrEnum):
    """What staff do with a volume."""

    ASK_AGAIN = "ask-again"
    BIND = "bind"
    """It was bound in the house."""
    UNDO = "undo"
    """It does not become a volume, or is taken apart."""


MOVES: Final = {
    (BindingState.WAITING, Action.ASK_AGAIN): BindingState.ASKED,
    (BindingState.READY, Action.BIND): BindingState.BOUND,
    (BindingState.WAITING, Action.UNDO): BindingState.UNDOING,
    (BindingState.READY, Action.UNDO): BindingState.UNDOING,
    (BindingState.BOUND, Action.UNDO): BindingState.UNDOING,
}
"""What may be done in which state; what is not here is refused. One at the bindery comes back first."""


class Answer(StrEnum):
    """What the catalogue answers."""

    MADE = "made"
    REFUSED = "refused"
    UNDONE = "undone"
    STAYS = "stays"


ANSWERS: Final = {
    (BindingState.ASKED, Answer.MADE): BindingState.READY,
    (BindingState.ASKED, Answer.REFUSED): BindingState.WAITING,
    (BindingState.UNDOING, Answer.UNDONE): BindingState.UNDONE,
    (BindingState.UNDOING, Answer.STAYS): BindingState.BOUND,
}
"""What comes of an answer; another one is late, and changes nothing."""


class ShipmentState(StrEnum):
    """Where a shipment to a bindery stands; the last is final."""

    SENT = "sent"
    RETURNED = "returned"
    """All of it has come back."""


@dataclass(frozen=True, slots=True)
class Issue:
    """A piece that is to become part of a volume."""

    piece_id: UUID
    state: str
    of_line: bool
    bound: bool
    """It is in a volume already, or about to be."""
    goes_round: bool
    """Readers have it, one after the other."""


BINDABLE: Final = ("counted", "in-process")
"""States of a piece: it has come, and whatever item it is to have is there."""


def refusals(issues: Sequence[Issue]) -> list[tuple[int, str]]:
    """Why issues cannot be bound together: their place and a code, all of them."""
    found = []
    seen: set[UUID] = set()
    for at, issue in enumerate(issues):
        applies = {
            "piece-of-other-line": not issue.of_line,
            "piece-twice": issue.piece_id in seen,
            "piece-bound": issue.bound,
            "piece-goes-round": issue.goes_round,
            "piece-not-there": issue.of_line and issue.state not in BINDABLE,
        }
        found += [(at, code) for code, holds in applies.items() if holds]
        seen.add(issue.piece_id)
    return found


def volume(enumeration: str, chronology: str | None) -> str:
    """What stands on the spine: `12, 1–6 (2027 Jan–Jun)`."""
    return f"{enumeration} ({chronology})" if chronology else enumeration
