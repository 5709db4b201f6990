"""When will a hold probably be ready? One formula, wherever it is shown.

The queue is played through as if everybody kept to the rules. Each copy has a moment at which it is next
free: on its shelf or on its way, now; on loan, its due time; overdue, as much later as it is late already, at
most thirty days. A copy that nobody can tell of (missing, withdrawing, not for loan) is left out. Whoever
stands first takes the copy that is free first among those that can fill the hold, and keeps it for the loan
period of that copy and a day of handling. Suspended holds take none. When it is this hold's turn, it is
ready a day of handling after its copy is free; a suspended one not before it is resumed.
"""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from circulation.policies.rules import Period, Unit

HANDLING: Final = timedelta(days=1)
"""From the shelf, the book drop or the road to the hold shelf."""
LATEST_GUESS: Final = timedelta(days=30)

_LENGTHS: Final = {
    Unit.MINUTE: timedelta(minutes=1),
    Unit.HOUR: timedelta(hours=1),
    Unit.DAY: timedelta(days=1),
    Unit.WEEK: timedelta(days=7),
    Unit.MONTH: timedelta(days=30),
}


def length(period: Period) -> timedelta:
    """About how long a loan lasts; a month counts thirty days."""
    return period.amount * _LENGTHS[period.unit]


@dataclass(frozen=True, slots=True)
class Prospect:
    """A copy, when it is next free, and for how long each patron keeps it."""

    item_id: UUID
    free_at: datetime
    kept_for: timedelta
    volume: str | None = None
    """What labels of its volume have in common."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A hold in the queue: for one copy, for any of a volume, or for whichever comes first."""

    item_id: UUID | None = None
    suspended: bool = False
    suspended_until: datetime | None = None
    volume: str | None = None


def back_at(due_at: datetime, now: datetime) -> datetime:
    """When a loan will probably end: when it is due; overdue, as much later as it is late already."""
    return due_at if due_at > now else now + min(now - due_at, LATEST_GUESS)


def estimated_ready_at(
    ahead: Sequence[Claim], own: Claim, copies: Iterable[Prospect], *, now: datetime
) -> datetime | None:
    """When this hold will probably be ready; None when nobody can tell."""
    by_id = {copy.item_id: copy for copy in copies}
    free = {copy.item_id: max(copy.free_at, now) for copy in by_id.values()}
    earliest = [(at, item_id) for item_id, at in free.items()]
    heapq.heapify(earliest)

    def first(claim: Claim) -> UUID | None:
        if claim.item_id is not None:
            return claim.item_id if claim.item_id in free else None
        if claim.volume is not None:
            of_volume = [copy.item_id for copy in by_id.values() if copy.volume == claim.volume]
            return min(of_volume, key=lambda item_id: (free[item_id], item_id), default=None)
        while earliest and free[earliest[0][1]] != earliest[0][0]:
            heapq.heappop(earliest)
        return earliest[0][1] if earliest else None

    for claim in ahead:
        taken = None if claim.suspended else first(claim)
        if taken is not None:
            free[taken] += by_id[taken].kept_for + HANDLING
            heapq.heappush(earliest, (free[taken], taken))
    found = first(own)
    if found is None or (own.suspended and own.suspended_until is None):
        return None
    ready = free[found] + HANDLING
    return max(ready, own.suspended_until) if own.suspended_until is not None else ready
