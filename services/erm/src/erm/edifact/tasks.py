"""What applying a message works with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import ValidationError

from chassis.database import Connection
from chassis.problems import Reason
from erm.edifact.documents import Line
from erm.edifact.matching import Found, order_lines
from erm.finance.commands import Books
from erm.orders import queries as orders
from erm.orders.queries import Order
from erm.units.rules import UNLIMITED, Act, Standing
from erm.units.standing import demand_units
from erm.wire import ShareIn


class Held(Exception):
    """Somebody has to look, for these reasons."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        super().__init__("; ".join(reason.code for reason in reasons))
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class LineTold:
    """What somebody says of a message's line."""

    order_line_id: UUID | None = None
    shares: Sequence[ShareIn] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody says of a message that was held; nothing of one that has just come."""

    accept: frozenset[str] = frozenset()
    lines: Mapping[str, LineTold] = field(default_factory=dict)
    fiscal_year_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a message made: columns of its row, and what is to be said of it all the same."""

    values: Mapping[str, UUID] = field(default_factory=dict)
    warnings: Sequence[Reason] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """A message to be applied."""

    connection: Connection
    message: Mapping[str, Any]
    account: asyncpg.Record
    told: Told
    actor: str
    now: datetime
    standing: Standing = UNLIMITED
    """Of whoever applies it; the service itself may do everything."""
    named: set[UUID] = field(default_factory=set)
    """The orders that it speaks of."""

    @property
    def vendor_id(self) -> UUID:
        """Whose message it is."""
        told: UUID = self.account["organisation_id"]
        return told

    @property
    def vendor_units(self) -> list[UUID]:
        """The acquisition units of whose message it is: what is made of it is theirs, unless it is for orders that
        have some."""
        told: list[UUID] = self.account["acquisition_unit_ids"]
        return told

    def books(self, note: str) -> Books:
        """The budgets, for something that this message brings about."""
        return Books(self.connection, self.actor, self.now, note, standing=self.standing)

    def hold(self, reasons: Sequence[Reason]) -> None:
        """Raise `Held` unless all of it was accepted."""
        if left := [reason for reason in reasons if reason.code not in self.told.accept]:
            raise Held(left)

    def currency(self, named: str | None) -> str:
        """Of the message, else the vendor's; `Held` where neither is known."""
        found: str | None = named or self.account["organisation_currency"]
        if found is None:
            mend = "Say what the vendor's prices are in (currency of the organisation)."
            raise Held([Reason("currency-missing", "The message names no currency (CUX).", None, mend)])
        return found

    async def found(
        self, lines: Sequence[Line], *, order_number: str | None
    ) -> tuple[dict[int, Found], dict[str, Order]]:
        """What `order_lines` finds, and what somebody has said instead; `UnitsForbid` for orders that whoever applies
        it may not change."""
        found, by_number = await order_lines(self.connection, lines, order_number=order_number)
        self.named.update(order.id for order in by_number.values())
        for order in by_number.values():
            demand_units(self.standing, Act.UPDATE, order.units)
        return await self._corrected(lines, found), by_number

    async def _corrected(self, lines: Sequence[Line], found: dict[int, Found]) -> dict[int, Found]:
        """With the order lines that somebody has named instead; `Held` for one that there is not."""
        wanted = {
            line.segment: told.order_line_id
            for line in lines
            if (told := self.told.lines.get(line.number)) is not None and told.order_line_id is not None
        }
        if not wanted:
            return found
        ids = await orders.orders_of(self.connection, list(set(wanted.values())))
        whole = await orders.orders(self.connection, ids, lock=True)
        named = {
            line.id: Found(order, line)
            for order in whole.values()
            if self.standing.lets(Act.READ, order.units)
            for line in order.lines
        }
        if missing := [line_id for line_id in wanted.values() if line_id not in named]:
            raise Held(
                [
                    Reason("order-line-unknown", f"There is no order line {each}.", "/lines")
                    for each in missing
                ]
            )
        for line_id in wanted.values():
            demand_units(self.standing, Act.UPDATE, named[line_id].order.units)
            self.named.add(named[line_id].order.id)
        return found | {segment: named[line_id] for segment, line_id in wanted.items()}


def flaws_of(error: ValidationError, pointer: str) -> list[Reason]:
    """What cannot stand in an order or invoice, as reasons."""
    return [
        Reason(
            "value-not-taken",
            f"{'/'.join(map(str, each['loc'])) or 'It'}: {each['msg']}.",
            pointer + "".join(f"/{step}" for step in each["loc"]),
        )
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    ]
