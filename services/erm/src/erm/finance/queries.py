"""Budgets under their locks, which budget a fund has, and encumbrances of order lines."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from chassis.database import Connection
from erm.finance.rules import SUMS, Encumbered, Facts, Totals, until

_LOCK = "SELECT id FROM budget WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE"
_FACTS = """
SELECT b.*, y.state AS year_state, y.code AS year_code, f.code AS fund_code, f.active AS fund_active,
    f.acquisition_unit_ids,
    y.ends_on, y.order_grace_days, y.invoice_grace_days, l.currency AS currency, l.id AS ledger_id
FROM budget b JOIN fiscal_year y ON y.id = b.fiscal_year_id JOIN fund f ON f.id = b.fund_id
JOIN ledger l ON l.id = f.ledger_id WHERE b.id = ANY ($1::uuid[])
"""
_OF_FUNDS = """
SELECT f.id AS fund_id, w.year_id, f.code AS fund_code, f.acquisition_unit_ids, l.currency, b.id AS budget_id
FROM unnest($1::uuid[], $2::uuid[]) w (fund_id, year_id) JOIN fund f ON f.id = w.fund_id
JOIN ledger l ON l.id = f.ledger_id
LEFT JOIN fiscal_year y ON y.series = l.series AND CASE WHEN coalesce(w.year_id, $3::uuid) IS NULL
    THEN y.state = 'open' AND $4::date BETWEEN y.starts_on AND y.ends_on ELSE y.id = coalesce(w.year_id, $3::uuid) END
LEFT JOIN budget b ON b.fund_id = f.id AND b.fiscal_year_id = y.id
"""
_ENCUMBRANCES = """
SELECT e.*, b.fund_id FROM encumbrance e JOIN budget b ON b.id = e.budget_id
WHERE e.order_line_id = ANY ($1::uuid[]) ORDER BY e.id FOR UPDATE OF e
"""
Bearer = tuple[UUID, UUID | None]
"""A fund, and the year whose money it is; none: the year that is meant."""


@dataclass(frozen=True, slots=True)
class Locked:
    """A budget that nobody else changes meanwhile."""

    id: UUID
    fund_id: UUID
    fund_code: str
    year_code: str
    currency: str
    facts: Facts
    units: tuple[UUID, ...] = ()
    """The acquisition units of its fund."""


@dataclass(frozen=True, slots=True)
class OfFund:
    """A fund, and its budget in the year that is meant; none: it has none."""

    fund_id: UUID
    code: str
    currency: str
    budget_id: UUID | None
    units: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """An encumbrance under its budget's lock."""

    id: UUID
    order_line_id: UUID
    budget_id: UUID
    expense_class_id: UUID | None
    released_by: UUID | None
    sums: Encumbered
    fund_id: UUID | None = None
    rollover_id: UUID | None = None
    """It went over into the next year."""

    @property
    def place(self) -> tuple[UUID, UUID, UUID | None]:
        """What there is one active of."""
        return self.order_line_id, self.budget_id, self.expense_class_id


async def lock_budgets(
    connection: Connection, ids: Collection[UUID], *, lock: bool = True
) -> dict[UUID, Locked]:
    """Lock in one order everywhere, then read: facts read before the lock could be stale. Without `lock` only to look
    at them.
    """
    wanted = sorted(set(ids))
    if lock:
        await connection.fetch(_LOCK, wanted)
    return {row["id"]: _locked(row) for row in await connection.fetch(_FACTS, wanted)}


def _locked(row: Any) -> Locked:
    facts = Facts(
        totals=Totals(*(row[name] for name in SUMS)),
        state=row["state"],
        year_state=row["year_state"],
        fund_active=row["fund_active"],
        encumbrance_percent=row["encumbrance_percent"],
        expenditure_percent=row["expenditure_percent"],
        expense_classes=frozenset(row["expense_classes"]),
        orders_until=until(row["ends_on"], row["order_grace_days"]),
        invoices_until=until(row["ends_on"], row["invoice_grace_days"]),
        rolled_over=row["rollover_id"] is not None,
    )
    return Locked(
        row["id"],
        row["fund_id"],
        row["fund_code"],
        row["year_code"],
        row["currency"],
        facts,
        tuple(row["acquisition_unit_ids"]),
    )


async def budgets_of(
    connection: Connection, bearers: Collection[Bearer], *, fiscal_year_id: UUID | None, today: date
) -> dict[Bearer, OfFund]:
    """Each fund's budget in its own year, else in this one, else in the open year that today lies in; unknown funds
    are left out.
    """
    told = list(bearers)
    rows = await connection.fetch(
        _OF_FUNDS, [fund for fund, _ in told], [year for _, year in told], fiscal_year_id, today
    )
    return {
        (row["fund_id"], row["year_id"]): OfFund(
            row["fund_id"],
            row["fund_code"],
            row["currency"],
            row["budget_id"],
            tuple(row["acquisition_unit_ids"]),
        )
        for row in rows
    }


async def encumbrances(connection: Connection, line_ids: Collection[UUID]) -> list[Held]:
    """All encumbrances of these lines, oldest first. Their budgets are locked before they are changed."""
    rows = await connection.fetch(_ENCUMBRANCES, list(line_ids))
    return [
        Held(
            row["id"],
            row["order_line_id"],
            row["budget_id"],
            row["expense_class_id"],
            row["released_by"],
            Encumbered(
                row["initial"], row["awaiting"], row["expended"], row["credited"], row["state"] == "active"
            ),
            row["fund_id"],
            row["rollover_id"],
        )
        for row in rows
    ]


async def classes(connection: Connection, ids: Collection[UUID]) -> dict[UUID, tuple[str, bool]]:
    """Code and whether it is active, of each expense class that is known."""
    rows = await connection.fetch(
        "SELECT id, code, active FROM expense_class WHERE id = ANY ($1::uuid[])", list(ids)
    )
    return {row["id"]: (row["code"], row["active"]) for row in rows}
