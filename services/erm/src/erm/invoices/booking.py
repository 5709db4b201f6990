"""What an invoice does to budgets and encumbrances: approved, paid, cancelled. Planned here, judged and written by
the books."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any
from uuid import UUID

from erm.finance.commands import Entry
from erm.finance.queries import Bearer, Held
from erm.finance.rules import Act, Encumbered, Totals
from erm.invoices.queries import Charge, Invoice
from erm.money.rules import apportion, converted
from erm.orders.encumbering import Kept, bearer
from erm.orders.queries import Order

Place = tuple[int, UUID, UUID | None]
"""Position of a line, budget, expense class."""


@dataclass(frozen=True, slots=True)
class Borne:
    """What one budget bears of a line, in the ledger's currency."""

    charge: Charge
    budget_id: UUID
    expense_class_id: UUID | None
    amount: int


def shares_of_line(charge: Charge, orders: Iterable[Order]) -> list[dict[str, Any]]:
    """Its own, or its order line's."""
    if charge.shares or charge.order_line_id is None:
        return charge.shares
    return next(line.shares for order in orders for line in order.lines if line.id == charge.order_line_id)


def borne(
    invoice: Invoice, orders: Sequence[Order], budgets: Mapping[Bearer, UUID], ledger_currency: str
) -> list[Borne]:
    """Who bears what; together the invoice's total in the ledger's currency, exactly."""
    totals = [charge.row["total"] for charge in invoice.lines]
    if invoice.row["currency"] != ledger_currency:
        rate = Fraction(invoice.row["exchange_rate"])
        totals = converted(totals, rate, source=invoice.row["currency"], target=ledger_currency)
    amounts: defaultdict[Place, int] = defaultdict(int)
    for charge, total in zip(invoice.lines, totals, strict=True):
        shares = shares_of_line(charge, orders)
        parts = apportion(total, [abs(share["bears"]) for share in shares])
        for share, part in zip(shares, parts, strict=True):
            place = (charge.row["position"], budgets[bearer(share)], share["expense_class_id"])
            amounts[place] += part
    by_position = {charge.row["position"]: charge for charge in invoice.lines}
    return [
        Borne(by_position[position], budget_id, class_id, amount)
        for (position, budget_id, class_id), amount in amounts.items()
    ]


class Drawing:
    """Encumbrances as an invoice goes through them, with the transactions that tell of it."""

    def __init__(self, held: Sequence[Held], invoice_id: UUID) -> None:
        self.invoice_id = invoice_id
        self.before = {each.id: each for each in held}
        self.now = {each.id: each.sums for each in held}
        self.released_by = {each.id: each.released_by for each in held}
        self.entries: list[Entry] = []

    @property
    def kept(self) -> list[Kept]:
        """Encumbrances that are not as they were."""
        return [
            (each, self.now[each.id], self.released_by[each.id])
            for each in self.before.values()
            if (each.sums, each.released_by) != (self.now[each.id], self.released_by[each.id])
        ]

    def of(self, order_line_id: UUID | None, budget_id: UUID, class_id: UUID | None) -> Held | None:
        """The active encumbrance of a place, else its newest."""
        found = [each for each in self.before.values() if each.place == (order_line_id, budget_id, class_id)]
        return max(found, key=lambda each: (self.now[each.id].active, each.id), default=None)

    def move(self, held: Held | None, after: Encumbered | None) -> int:
        """Put an encumbrance into another state; by how much less or more is set aside."""
        if held is None or after is None:
            return 0
        before, self.now[held.id] = self.now[held.id].amount, after
        return after.amount - before

    def approve(self, told: Borne) -> None:
        """It is to be paid: what was set aside for it is used first."""
        charge = told.charge
        held = self.of(charge.order_line_id, told.budget_id, told.expense_class_id)
        sums = None if held is None else self.now[held.id]
        after = None if sums is None else replace(sums, awaiting=sums.awaiting + told.amount)
        change = Totals(awaiting=told.amount, encumbered=self.move(held, after))
        self._enter(Act.APPROVE, told.budget_id, change, held, charge.row, told.expense_class_id)

    def _enter(
        self,
        act: Act,
        budget_id: UUID,
        change: Totals,
        held: Held | None,
        line: Mapping[str, Any],
        class_id: UUID | None,
    ) -> None:
        self.entries.append(
            Entry(
                act,
                budget_id,
                change,
                encumbrance_id=held.id if held else None,
                order_line_id=line["order_line_id"],
                invoice_id=self.invoice_id,
                invoice_line_id=line["id"],
                expense_class_id=class_id,
                pointer=f"/lines/{line['position']}",
            )
        )

    def release(self, charge: Charge) -> None:
        """No other invoice is to come: let go of what is left of its order line."""
        for held in self.before.values():
            sums = self.now[held.id]
            if held.order_line_id == charge.order_line_id and sums.active:
                self.released_by[held.id] = self.invoice_id
                change = Totals(encumbered=self.move(held, sums.released()))
                self._enter(Act.RELEASE, held.budget_id, change, held, charge.row, held.expense_class_id)

    def pay(self, row: Mapping[str, Any], line: Mapping[str, Any]) -> None:
        """What was approved is paid; a credit has come."""
        amount = row["awaiting"]
        spent, back = max(0, amount), max(0, -amount)
        held = self.before.get(row["encumbrance_id"])
        after = None
        if held is not None:
            sums = self.now[held.id]
            after = replace(
                sums,
                awaiting=sums.awaiting - amount,
                expended=sums.expended + spent,
                credited=sums.credited + back,
            )
        change = Totals(awaiting=-amount, expended=spent, credited=back, encumbered=self.move(held, after))
        self._enter(Act.PAY, row["budget_id"], change, held, line, row["expense_class_id"])

    def cancel(self, row: Mapping[str, Any], line: Mapping[str, Any], *, paid: bool) -> None:
        """The exact reverse of what was approved, or paid."""
        amount = row["awaiting"]
        awaiting, spent, back = (0, max(0, amount), max(0, -amount)) if paid else (amount, 0, 0)
        held = self.before.get(row["encumbrance_id"])
        after = None
        if held is not None:
            sums = self.now[held.id]
            after = replace(
                sums,
                awaiting=sums.awaiting - awaiting,
                expended=sums.expended - spent,
                credited=sums.credited - back,
            )
        change = Totals(
            awaiting=-awaiting, expended=-spent, credited=-back, encumbered=self.move(held, after)
        )
        self._enter(Act.CANCEL, row["budget_id"], change, held, line, row["expense_class_id"])

    def restore(self, ended: Collection[UUID]) -> None:
        """What this invoice had let go of is set aside again, but for order lines that have ended otherwise."""
        for held in self.before.values():
            if held.released_by != self.invoice_id or self.now[held.id].active:
                continue
            self.released_by[held.id] = None
            if held.rollover_id is not None or held.order_line_id in ended or self._another_is_active(held):
                continue
            change = Totals(encumbered=self.move(held, self.now[held.id].restored()))
            line = {"order_line_id": held.order_line_id, "id": None, "position": 0}
            self._enter(Act.CANCEL, held.budget_id, change, held, line, held.expense_class_id)

    def _another_is_active(self, held: Held) -> bool:
        return any(each.place == held.place and self.now[each.id].active for each in self.before.values())
