"""Which copies may go to a partner? Decisions only: no clock, no database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a wanted title, as far as it matters whether it may go out."""

    item_id: UUID
    available: bool
    """It stands on its shelf, and nobody has it or is promised it."""
    loanable: bool
    """The loan policy for the partner's group lends it."""


def may_go(copies: Sequence[Copy]) -> list[UUID]:
    """The copies that may, in their order."""
    return [copy.item_id for copy in copies if copy.available and copy.loanable]


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
