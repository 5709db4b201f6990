"""One function derives an item's circulation state; nothing else does, so it cannot contradict itself.

The catalogue owns the base state; loan, transit, hold and withdrawal are ours.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """An item's circulation state, as every reader is told it."""

    AVAILABLE = "available"
    ON_LOAN = "on-loan"
    ON_HOLD_SHELF = "on-hold-shelf"
    IN_TRANSIT = "in-transit"
    PAGED = "paged"
    UNAVAILABLE = "unavailable"
    """The base state stands against it: missing, in process, withdrawn …"""
    WITHDRAWING = "withdrawing"
    LOST = "lost"
    """Declared lost or aged to lost; the loan is open still."""
    LOST_AND_PAID = "lost-and-paid"
    CLAIMED_RETURNED = "claimed-returned"
    """The patron says it was brought back."""
    RESHELVING = "reshelving"
    """To be had like an available one, and on its way from the desk back to its shelf: told, never stored."""


class Loss(StrEnum):
    """Why an item is not where it should be, as circulation knows; beside the catalogue's base state."""

    LOST = "lost"
    CLAIMED_RETURNED = "claimed-returned"
    LOST_AND_PAID = "lost-and-paid"
    MISSING = "missing"
    """Claimed as returned, and never found."""


LENDABLE_BASES: Final = frozenset({"active", "restricted", "in-process", "on-order", "damaged", "unknown"})
"""Base states in which an item that lies on the desk may be lent."""
SHELVED_BASES: Final = frozenset({"active", "restricted"})
"""Base states in which an item that is not out stands on its shelf."""
HOLDABLE_BASES: Final = frozenset({"active", "restricted", "in-process", "on-order", "missing", "damaged"})
GONE_BASES: Final = frozenset({"missing", "long-missing", "withdrawn"})
"""Base states of what the library no longer has, or cannot find: it is on its way nowhere."""
INTELLECTUAL: Final = "intellectual-item"
"""Our word for a record that stands for no single thing: it is neither lent nor held nor taken in."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What the state is derived from."""

    base: str
    on_loan: bool = False
    awaited_on_shelf: bool = False
    """A hold waits for its patron with this item on the hold shelf."""
    in_transit: bool = False
    paged: bool = False
    withdrawing: bool = False
    loss: str | None = None
    """One of `Loss`."""


def state_of(copy: Copy) -> State:
    """The one state."""
    if copy.on_loan:
        if copy.loss == Loss.LOST:
            return State.LOST
        return State.CLAIMED_RETURNED if copy.loss == Loss.CLAIMED_RETURNED else State.ON_LOAN
    if copy.withdrawing:
        return State.WITHDRAWING
    if copy.loss == Loss.LOST_AND_PAID:
        return State.LOST_AND_PAID
    if copy.loss is not None:
        return State.UNAVAILABLE
    if copy.awaited_on_shelf:
        return State.ON_HOLD_SHELF
    if copy.in_transit and copy.base not in GONE_BASES:
        return State.IN_TRANSIT
    if copy.base not in SHELVED_BASES:
        return State.UNAVAILABLE
    return State.PAGED if copy.paged else State.AVAILABLE


UNTIL_SCANNED: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""Nobody knows when it will stand on its shelf: left on a hold shelf, it stays there until somebody scans it."""


def shown(state: State, reshelving_until: datetime | None, *, now: datetime) -> State:
    """The state as it is told: what has just come in and may be had is on its way to its shelf for a while.

    So is what was left on a hold shelf, until it is scanned.
    """
    if state is State.AVAILABLE and reshelving_until is not None and reshelving_until > now:
        return State.RESHELVING
    return state


def requestable(copy: Copy, *, held: bool = True) -> frozenset[str]:
    """Kinds of hold that an item in this state takes; none, where the library has it not `held` in its base state.

    On its shelf it is paged (or held, when restricted); otherwise it is held; only a loan can be recalled.
    What is lost, or said to have been brought back, takes none.
    """
    if not held or copy.withdrawing or copy.loss is not None or copy.base not in HOLDABLE_BASES:
        return frozenset()
    state = state_of(copy)
    if state is State.AVAILABLE:
        return frozenset({"page", "hold"}) if copy.base == "restricted" else frozenset({"page"})
    if copy.base == "missing":
        return frozenset({"hold"})
    return frozenset({"hold", "recall"}) if state is State.ON_LOAN else frozenset({"hold"})


def matrix(bases: Iterable[str]) -> list[tuple[str, State, frozenset[str]]]:
    """Which kinds of hold each state takes: every base state, where an item of it can be."""
    told: dict[tuple[str, State], frozenset[str]] = {}
    for base in bases:
        for copy in (
            Copy(base),
            Copy(base, on_loan=True),
            Copy(base, on_loan=True, loss=Loss.LOST),
            Copy(base, on_loan=True, loss=Loss.CLAIMED_RETURNED),
            Copy(base, loss=Loss.LOST_AND_PAID),
            Copy(base, awaited_on_shelf=True),
            Copy(base, in_transit=True),
            Copy(base, paged=True),
            Copy(base, withdrawing=True),
        ):
            told.setdefault((base, state_of(copy)), requestable(copy))
    return [(base, state, kinds) for (base, state), kinds in told.items()]


class Obstacle(StrEnum):
    """Why an item cannot be withdrawn."""

    ON_LOAN = "on-loan"
    ON_HOLD_SHELF = "on-hold-shelf"
    IN_TRANSIT_FOR_HOLD = "in-transit-for-hold"
    ONLY_COPY_FOR_HOLDS = "only-copy-for-holds"
    HELD_ITSELF = "held-itself"


def withdrawal_obstacles(
    copy: Copy,
    *,
    transit_for_hold: bool,
    holds_on_item: int,
    title_holds: int,
    other_copies: int,
    volume_holds: int = 0,
    other_copies_of_volume: int = 0,
) -> list[Obstacle]:
    """Every reason not to let an item go; holds on a title or a volume that another copy can fill are none."""
    applies = {
        Obstacle.ON_LOAN: copy.on_loan,
        Obstacle.ON_HOLD_SHELF: copy.awaited_on_shelf,
        Obstacle.IN_TRANSIT_FOR_HOLD: transit_for_hold,
        Obstacle.HELD_ITSELF: holds_on_item > 0,
        Obstacle.ONLY_COPY_FOR_HOLDS: (title_holds > 0 and other_copies == 0)
        or (volume_holds > 0 and other_copies_of_volume == 0),
    }
    return [obstacle for obstacle, holds in applies.items() if holds]
