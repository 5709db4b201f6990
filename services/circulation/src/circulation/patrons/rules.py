"""What a patron may still do: the group's limits against what is out, late, lost and owed. Decisions only."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Measure(StrEnum):
    """What limits count. The value is the code of the block that comes of it; codes never change."""

    ITEMS_OUT = "group-loan-limit"
    BALANCE = "fees-owed"
    OVERDUE_ITEMS = "overdue-items"
    OVERDUE_RECALLS = "overdue-recalls"
    RECALL_OVERDUE_DAYS = "recall-overdue-days"
    LOST_ITEMS = "lost-items"
    WARDS_BALANCE = "wards-owe"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a patron stands at one moment."""

    items_out: int = 0
    balance: int = 0
    """Minor units, all open fees."""
    overdue_items: int = 0
    overdue_recalls: int = 0
    recall_overdue_seconds: int = 0
    """Of the recalled loan that is overdue longest."""
    lost_items: int = 0
    """Declared lost or aged to lost, neither found nor settled."""
    wards_balance: int = 0
    """Minor units, all open fees of those for whom the patron answers."""

    def of(self, measure: Measure) -> int:
        """One of the counts; of an overdue recall the days begun."""
        counts = {
            Measure.ITEMS_OUT: self.items_out,
            Measure.BALANCE: self.balance,
            Measure.OVERDUE_ITEMS: self.overdue_items,
            Measure.OVERDUE_RECALLS: self.overdue_recalls,
            Measure.LOST_ITEMS: self.lost_items,
            Measure.WARDS_BALANCE: self.wards_balance,
            Measure.RECALL_OVERDUE_DAYS: -(-self.recall_overdue_seconds // 86400),
        }
        return counts[measure]


@dataclass(frozen=True, slots=True)
class Beyond:
    """A limit that stands in the way: what it counts, how much there is, how much is allowed."""

    measure: Measure
    value: int
    limit: int

    @property
    def code(self) -> str:
        """Of the block that comes of it."""
        return self.measure.value

    @property
    def text(self) -> str:
        """For the desk and the patron."""
        return _TEXTS[self.measure].format(value=self.value, limit=self.limit)


_TEXTS: Final = {
    Measure.ITEMS_OUT: "The patron has {value} items out; the group allows {limit}.",
    Measure.BALANCE: "The patron owes {value} minor units; the group allows {limit}.",
    Measure.OVERDUE_ITEMS: "The patron has {value} overdue items; the group allows {limit}.",
    Measure.OVERDUE_RECALLS: "The patron has {value} overdue recalled items; the group allows {limit}.",
    Measure.LOST_ITEMS: "The patron has {value} lost items; the group allows {limit}.",
    Measure.WARDS_BALANCE: "Those the patron answers for owe {value} minor units; the group allows {limit}.",
    Measure.RECALL_OVERDUE_DAYS: "A recalled item is overdue in its day {value}; the group allows {limit}.",
}

Limits = Mapping[Measure, int]
NO_LIMITS: Final[Limits] = MappingProxyType({})


def beyond(standing: Standing, limits: Limits, *, action: str) -> tuple[Beyond, ...]:
    """Every limit that stands in the way of an action (L86).

    A limit is the most that is allowed. A loan to come counts among the items out: with as many as the limit
    nothing more is lent, while renewals and holds go on.
    """
    coming = {Measure.ITEMS_OUT: 1} if action == "borrow" else {}
    return tuple(
        Beyond(measure, standing.of(measure), limits[measure])
        for measure in Measure
        if measure in limits and standing.of(measure) + coming.get(measure, 0) > limits[measure]
    )


def stricter(one: Limits, other: Limits) -> Limits:
    """Both limits together: of each measure the lower."""
    return {
        measure: min(limits[measure] for limits in (one, other) if measure in limits)
        for measure in Measure
        if measure in one or measure in other
    }
