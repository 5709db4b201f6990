"""Past loans and holds judged by two configurations: what would have been otherwise. No clock, no database.

Compared are the two configurations with each other, not either with what was done then: an item's facts are
those of today, and cards, limits, overrides and recalls are left out, so that only the rules make the difference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from circulation.calendars.rules import Calendar, NeverOpen, always_open
from circulation.fees.rules import FinePolicy, Money, known_price, overdue_fine
from circulation.loans.rules import due_at
from circulation.places.library import Library
from circulation.policies.rules import HoldPolicy, LoanPolicy, OutsideSchedule, Rule

FACTS: Final = ("patron_group", "location", "library", "campus", "institution", "material_type", "loan_type")
KEY: Final = len(FACTS) + 1
"""A row begins with the facts and the service point: what is decided once for all rows that share them."""
MEMORY: Final = 200_000
"""Decisions remembered at most."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one configuration says of loans with some facts at some desk."""

    rule: Rule
    loan: LoanPolicy
    fine: FinePolicy
    hold: HoldPolicy
    calendar: Calendar
    pickup_code: str | None

    @property
    def by_day(self) -> bool:
        """Whether all loans of one day are due together."""
        return self.loan.fixed or not self.loan.period.unit.short

    def same_loan(self, other: "Side") -> bool:
        """Whether nothing could come out otherwise for a loan."""
        return (self.loan, self.fine, self.calendar) == (other.loan, other.fine, other.calendar)

    def due(self, lent_at: datetime) -> datetime | None:
        """When it would be due; None where it would not be lent."""
        if not self.loan.loanable:
            return None
        try:
            return due_at(self.loan, self.calendar, lent_at=lent_at, expires_at=None)
        except (NeverOpen, OutsideSchedule):
            return None

    def fined(self, due: datetime | None, returned_at: datetime, price: Money | None = None) -> int:
        """What would be charged for an item of this price, in minor units."""
        if due is None or returned_at <= due:
            return 0
        return overdue_fine(self.fine, self.calendar, due_at=due, at=returned_at, price=price).minor

    def renews(self, times: int) -> bool:
        """Whether a loan could be renewed so often, as far as the policy counts them."""
        most = self.loan.max_renewals
        return not times or (self.loan.renewable and (most is None or times <= most))

    def takes_hold(self, kind: str, level: str, *, several_volumes: bool = False) -> bool:
        """Whether the hold could be placed; one on a title may have to name a volume, where there are several."""
        if several_volumes and level == "title" and self.hold.volume_required:
            return False
        points = self.hold.pickup_points
        reached = self.pickup_code is not None and (points is None or self.pickup_code in points)
        return kind in self.hold.kinds and level in self.hold.levels and reached


LOAN_COUNTS: Final = (
    "loans",
    "due_earlier",
    "due_later",
    "refused",
    "allowed",
    "renewals_refused",
    "renewals_allowed",
    "fines_compared",
    "fines_changed",
    "fines_before_minor",
    "fines_after_minor",
)
HOLD_COUNTS: Final = ("holds", "holds_refused", "holds_allowed", "shelf_days_changed", "waiting_days_changed")


@dataclass(slots=True)
class Judge:
    """Two configurations, and what came of comparing them so far. Memory stays bounded however many rows come."""

    before: Library
    after: Library
    examples_wanted: int
    by_rule: dict[tuple[int, int], dict[str, int]] = field(default_factory=dict)
    """By the line that wins before and the one that wins after."""
    examples: list[dict[str, Any]] = field(default_factory=list)
    _sides: dict[tuple[Any, ...], tuple[Side, Side, bool]] = field(default_factory=dict)
    _dues: dict[tuple[Any, ...], tuple[datetime | None, datetime | None]] = field(default_factory=dict)

    def sides(self, key: tuple[Any, ...], zone: str) -> tuple[Side, Side, bool]:
        """What both say of these facts at this desk, and whether that is the same for every loan."""
        found = self._sides.get(key)
        if found is None:
            facts = dict(zip(FACTS, key, strict=False))
            desk: UUID = key[len(FACTS)]
            before, after = (_side(library, facts, desk, zone) for library in (self.before, self.after))
            found = before, after, before.same_loan(after)
            if len(self._sides) < MEMORY:
                self._sides[key] = found
        return found

    def loan(self, row: Sequence[Any]) -> None:
        """One past loan: its key, then id, lent, returned, renewals, zone, the item's price."""
        key = tuple(row[:KEY])
        loan_id, lent_at, returned_at, renewals, zone, *price = row[KEY:]
        before, after, same = self.sides(key, zone)
        rules = self._of_rules(before, after)
        rules["loans"] += 1
        if same:
            if returned_at is not None and not renewals:
                rules["fines_compared"] += 1
            return
        was, becomes = self._due(key, before, after, lent_at)
        changed = False
        if was is None or becomes is None:
            if was != becomes:
                rules["refused" if becomes is None else "allowed"] += 1
                changed = True
        elif was != becomes:
            rules["due_earlier" if becomes < was else "due_later"] += 1
            changed = True
        if was is not None and becomes is not None and before.renews(renewals) != after.renews(renewals):
            rules["renewals_allowed" if after.renews(renewals) else "renewals_refused"] += 1
            changed = True
        fines = (0, 0)
        if returned_at is not None and not renewals:
            rules["fines_compared"] += 1
            fines = (
                before.fined(was, returned_at, known_price(*price, ours=self.before.currency)),
                after.fined(becomes, returned_at, known_price(*price, ours=self.after.currency)),
            )
            rules["fines_before_minor"] += fines[0]
            rules["fines_after_minor"] += fines[1]
            if fines[0] != fines[1]:
                rules["fines_changed"] += 1
                changed = True
        if changed and len(self.examples) < self.examples_wanted:
            self.examples.append(
                _example("loan", loan_id, key, before, after)
                | {"lent_at": lent_at, "due_before": was, "due_after": becomes, "renewals": renewals}
                | {"fine_before_minor": fines[0], "fine_after_minor": fines[1]}
            )

    def _due(
        self, key: tuple[Any, ...], before: Side, after: Side, lent_at: datetime
    ) -> tuple[datetime | None, datetime | None]:
        if not (before.by_day and after.by_day):
            return before.due(lent_at), after.due(lent_at)
        remembered = (*key, before.calendar.day_of(lent_at), after.calendar.day_of(lent_at))
        found = self._dues.get(remembered)
        if found is None:
            if len(self._dues) >= MEMORY:
                self._dues.clear()
            found = self._dues[remembered] = before.due(lent_at), after.due(lent_at)
        return found

    def hold(self, row: Sequence[Any]) -> None:
        """One past hold: its key (the desk is its pickup point), then id, kind, level, several volumes or not."""
        key = tuple(row[:KEY])
        hold_id, kind, level, several = row[KEY:]
        before, after, _ = self.sides(key, "UTC")
        rules = self._of_rules(before, after)
        rules["holds"] += 1
        was, becomes = (side.takes_hold(kind, level, several_volumes=several) for side in (before, after))
        changed = was != becomes
        if changed:
            rules["holds_allowed" if becomes else "holds_refused"] += 1
        elif was:
            shelf = before.hold.shelf_days != after.hold.shelf_days
            waiting = before.hold.expires_after_days != after.hold.expires_after_days
            rules["shelf_days_changed"] += shelf
            rules["waiting_days_changed"] += waiting
            changed = shelf or waiting
        if changed and len(self.examples) < self.examples_wanted:
            self.examples.append(
                _example("hold", hold_id, key, before, after)
                | {"kind_of_hold": kind, "level": level, "allowed_before": was, "allowed_after": becomes}
            )

    def _of_rules(self, before: Side, after: Side) -> dict[str, int]:
        lines = before.rule.line, after.rule.line
        found = self.by_rule.get(lines)
        if found is None:
            found = self.by_rule[lines] = dict.fromkeys((*LOAN_COUNTS, *HOLD_COUNTS), 0)
        return found

    def summed(self) -> dict[str, int]:
        """All rules together."""
        return {
            name: sum(told[name] for told in self.by_rule.values()) for name in (*LOAN_COUNTS, *HOLD_COUNTS)
        }


def _side(library: Library, facts: Mapping[str, str | None], desk_id: UUID, zone: str) -> Side:
    rules = library.rules
    rule = rules.winning(facts)
    desk = library.desks.get(desk_id)
    return Side(
        rule,
        rules.loan[rule.loan],
        rules.fine[rule.fine],
        rules.hold[rule.hold],
        desk.calendar if desk else always_open(zone),
        desk.code if desk and desk.pickup else None,
    )


def _example(kind: str, subject: UUID, key: tuple[Any, ...], before: Side, after: Side) -> dict[str, Any]:
    return {
        "subject": kind,
        "id": subject,
        "facts": dict(zip(FACTS, key, strict=False)),
        "line_before": before.rule.line,
        "line_after": after.rule.line,
    }
