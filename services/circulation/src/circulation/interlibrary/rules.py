"""Which copies may go to a partner? Decisions only: no clock, no database."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from circulation.holds.rules import HoldRefusal
from circulation.patrons.rules import Beyond


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a wanted title, as far as it matters whether it may go out."""

    item_id: UUID
    available: bool
    """It stands on its shelf, and nobody has it or is promised it."""
    loanable: bool
    """The loan policy for the partner's group lends it."""
    library: str | None = None
    """The branch at which it is."""


def may_go(copies: Sequence[Copy]) -> list[UUID]:
    """The copies that may, in their order."""
    return [copy.item_id for copy in copies if copy.available and copy.loanable]


def to_be_tried(copies: Sequence[Copy], *, library: str | None, besides: Collection[UUID]) -> list[Copy]:
    """The copies of one branch, where one is named, without those that were looked for in vain."""
    return [
        copy
        for copy in copies
        if copy.item_id not in besides and (library is None or copy.library == library)
    ]


def stops_patron(
    *,
    active: bool,
    expires_at: datetime | None,
    blocked: bool,
    beyond: Sequence[Beyond],
    now: datetime,
) -> list[str]:
    """What stops a patron from having something brought from elsewhere: what would stop a hold of theirs, as codes."""
    applies = {
        HoldRefusal.CARD_EXPIRED: expires_at is not None and expires_at <= now,
        HoldRefusal.PATRON_INACTIVE: not active,
        HoldRefusal.PATRON_BLOCKED: blocked,
    }
    return [str(refusal) for refusal, holds in applies.items() if holds] + [each.code for each in beyond]


def why_none(copies: Mapping[UUID, Sequence[Copy]]) -> list[str]:
    """Why no copy of these titles may go: the reasons of all of them, each once."""
    every = [copy for found in copies.values() for copy in found]
    if not every:
        return ["not-held"]
    reasons = []
    if any(copy.loanable for copy in every):
        reasons.append("none-on-shelf")
    if any(not copy.loanable for copy in every):
        reasons.append("not-for-loan")
    return reasons
