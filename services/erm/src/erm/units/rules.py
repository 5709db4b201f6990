"""Who may do what with records that belong to acquisition units. Decisions only: no clock, no database."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID


class Act(StrEnum):
    """What is done with a record."""

    READ = "read"
    CREATE = "create"
    """Enter it as the unit's."""
    UPDATE = "update"
    DELETE = "delete"
    """End it for good: cancel an order, a line or an invoice; take an interface of a vendor's away."""


@dataclass(frozen=True, slots=True)
class Unit:
    """An acquisition unit: a part of the staff, and which acts it keeps to itself."""

    id: UUID
    name: str
    protects: frozenset[Act] = frozenset()


@dataclass(frozen=True, slots=True)
class Standing:
    """Which units there are, and which of them somebody is in."""

    units: Mapping[UUID, Unit] = field(default_factory=dict)
    mine: frozenset[UUID] = frozenset()
    unlimited: bool = False
    """Units do not hold them back."""

    def open_to(self, act: Act) -> list[UUID]:
        """Units that leave the act to everybody."""
        return sorted(unit.id for unit in self.units.values() if act not in unit.protects)

    def against(self, act: Act, assigned: Collection[UUID]) -> list[UUID]:
        """The units that keep somebody from an act on a record of these units; none: they may.

        A record is open when none of its units protects the act; else to the members of any of its units. A unit that
        is not known here counts as protecting: it was made a moment ago.
        """
        if self.unlimited or not self.mine.isdisjoint(assigned):
            return []
        free = set(self.open_to(act))
        return [unit_id for unit_id in assigned if unit_id not in free]

    def lets(self, act: Act, assigned: Collection[UUID]) -> bool:
        """Whether somebody may."""
        return not self.against(act, assigned)

    def left_out(self, act: Act) -> list[UUID]:
        """Units whose records somebody may not do this with, if the records are in no other unit."""
        return [unit_id for unit_id in self.units if self.against(act, [unit_id])]

    def name(self, unit_id: UUID) -> str:
        """What a unit is called."""
        return self.units[unit_id].name if unit_id in self.units else str(unit_id)


UNLIMITED: Final = Standing(unlimited=True)
"""The service itself, and whoever units do not hold back."""


def entered_against(standing: Standing, units: Iterable[UUID]) -> list[UUID]:
    """The units that somebody may not enter a new record into: those that protect it and that they are not in."""
    return [unit_id for unit_id in units if standing.against(Act.CREATE, [unit_id])]


def moved_against(
    standing: Standing, *, before: Collection[UUID], after: Collection[UUID], manager: bool
) -> list[UUID]:
    """The units that somebody may not put a record into, or take it out of: those that they are not in.

    Whoever manages units may, for they could make themselves a member.
    """
    if manager or standing.unlimited:
        return []
    return sorted((set(before) ^ set(after)) - standing.mine)
