"""Which fees go to the bursar. Decisions only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

Id = TypeVar("Id")


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a fee and its patron must be for the fee to be handed over; what is left out does not matter."""

    older_than_days: int = 0
    kinds: frozenset[str] | None = None
    owners: frozenset[str] | None = None
    patron_groups: frozenset[str] | None = None
    least_total: int = 0
    """Minor units: patrons of whom less would be handed over are left alone."""


@dataclass(frozen=True, slots=True)
class OpenFee(Generic[Id]):
    """An open fee, as far as the bursar is concerned."""

    id: Id
    kind: str
    owner: str | None
    charged_at: datetime
    remaining: int


def handed_over(criteria: Criteria, fees: Sequence[OpenFee[Id]], *, group: str, now: datetime) -> list[Id]:
    """Those of one patron's open fees that go, oldest first; none when they are too few."""
    if criteria.patron_groups is not None and group not in criteria.patron_groups:
        return []
    before = now - timedelta(days=criteria.older_than_days)
    chosen = [
        fee
        for fee in fees
        if fee.charged_at <= before
        and (criteria.kinds is None or fee.kind in criteria.kinds)
        and (criteria.owners is None or fee.owner in criteria.owners)
    ]
    if sum(fee.remaining for fee in chosen) < max(criteria.least_total, 1):
        return []
    return [fee.id for fee in sorted(chosen, key=lambda fee: fee.charged_at)]
