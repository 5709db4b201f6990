"""Who gets an issue next, until when, and what may be done with its round. Decisions only: no clock, no database."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final
from uuid import UUID


class RoundState(StrEnum):
    """Where an issue's round stands; the last two are final."""

    UNDER_WAY = "under-way"
    ENDED = "ended"
    """Everybody has had it."""
    CANCELLED = "cancelled"
    """It was called back before."""


class LegState(StrEnum):
    """One reader's turn."""

    WAITING = "waiting"
    HERE = "here"
    """The issue is with them."""
    DONE = "done"
    SKIPPED = "skipped"


class Action(StrEnum):
    """What is done with a round."""

    HAND_ON = "hand-on"
    """Who had the issue has done with it."""
    SKIP = "skip"
    """Who would have it now does not read it."""
    CANCEL = "cancel"


MOVES: Final = {
    (RoundState.UNDER_WAY, Action.HAND_ON): LegState.DONE,
    (RoundState.UNDER_WAY, Action.SKIP): LegState.SKIPPED,
    (RoundState.UNDER_WAY, Action.CANCEL): None,
}
"""What may be done in which state, and what becomes of the turn that it ends; what is not here is refused."""


@dataclass(frozen=True, slots=True)
class Away:
    """Days, both included, on which somebody is not there."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Leg:
    """A turn: whose, how long, and how it stands."""

    position: int
    name: str
    patron_ref: UUID | None
    """None: a room."""
    keep_days: int
    away: Away | None = None
    state: LegState = LegState.WAITING
    got_on: date | None = None
    due_on: date | None = None
    leaver: bool = False
    """They have left the library while the issue is with them: it is to be fetched."""


def is_away(leg: Leg, day: date) -> bool:
    """Whether they are not there on a day."""
    return leg.away is not None and leg.away.first <= day <= leg.away.last


def due_on(day: date, keep_days: int) -> date:
    """The day on which it is to be handed on, as far as there are dates."""
    return date.fromordinal(min(date.max.toordinal(), day.toordinal() + keep_days))


def goes_on(legs: Sequence[Leg], *, ends: LegState | None, day: date) -> tuple[list[Leg], RoundState]:
    """The turns after the present one has ended so (none is present at the start), and where the round then stands.

    Whoever is away that day is passed over, and stays so: an issue does not come back.
    """
    told = []
    given = False
    for leg in legs:
        if leg.state is LegState.HERE:
            told.append(replace(leg, state=ends or LegState.DONE))
        elif leg.state is not LegState.WAITING or given:
            told.append(leg)
        elif is_away(leg, day):
            told.append(replace(leg, state=LegState.SKIPPED))
        else:
            given = True
            told.append(replace(leg, state=LegState.HERE, got_on=day, due_on=due_on(day, leg.keep_days)))
    return told, RoundState.UNDER_WAY if given else RoundState.ENDED


def left(legs: Sequence[Leg], patron_ref: UUID, *, day: date) -> list[Leg]:
    """The turns without somebody who has left the library; if the issue is with them, it is due at once."""
    told = []
    for leg in legs:
        if leg.patron_ref != patron_ref:
            told.append(leg)
        elif leg.state is LegState.HERE:
            told.append(replace(leg, leaver=True, due_on=min(day, leg.due_on or day)))
    return told


def twice(refs: Sequence[UUID | None]) -> list[int]:
    """Places on a list at which somebody stands who was on it before."""
    seen: set[UUID] = set()
    found = []
    for at, ref in enumerate(refs):
        if ref is not None and ref in seen:
            found.append(at)
        elif ref is not None:
            seen.add(ref)
    return found


def slip(*, title: str, issue: str, back_to: str, legs: Sequence[Leg]) -> str:
    """The slip that goes with the issue: plain text, a line for each who is to have it."""
    lines = [title, issue, ""]
    lines += [
        f"{leg.position:>2}  {leg.name:<40}  {leg.keep_days:>3} days  got ________  handed on ________"
        for leg in legs
        if leg.state in (LegState.WAITING, LegState.HERE)
    ]
    return "\n".join([*lines, "", f"Then back to: {back_to}", ""])
