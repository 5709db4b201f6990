"""Rollovers, and what became of each budget and each order."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from erm.metadata import Table, document, key, minor, ref, version, when, words


class Rollover(Table, table=True):
    """A ledger goes over from one year into another: first looked at, then done, once."""

    __tablename__ = "rollover"
    __table_args__ = (
        Index("rollover_once", "ledger_id", "from_year_id", unique=True, postgresql_where="state = 'done'"),
        Index("rollover_by_ledger", "ledger_id", "id"),
        CheckConstraint("state IN ('previewed', 'done')", name="rollover_state"),
        CheckConstraint("from_year_id <> to_year_id", name="rollover_into_another_year"),
    )

    id: UUID = Field(sa_column=key())
    ledger_id: UUID = Field(sa_column=ref(to="ledger.id"))
    from_year_id: UUID = Field(sa_column=ref(to="fiscal_year.id"))
    to_year_id: UUID = Field(sa_column=ref(to="fiscal_year.id"))
    state: str = Field(sa_column=words())
    rules: dict[str, Any] = Field(sa_column=document())
    """As they were told on the wire."""
    orders: dict[str, int] = Field(sa_column=document())
    """How many came to each outcome."""
    created_at: datetime = Field(sa_column=when())
    created_by: str = Field(sa_column=words())
    done_at: datetime | None = Field(default=None, sa_column=when(null=True))
    done_by: str | None = Field(default=None, sa_column=words(null=True))
    version: int = Field(default=1, sa_column=version())


class RolloverBudget(Table, table=True):
    """What the next year's budget of a fund got, in minor units of the ledger's currency."""

    __tablename__ = "rollover_budget"

    rollover_id: UUID = Field(sa_column=ref(to="rollover.id", primary=True))
    fund_id: UUID = Field(sa_column=ref(to="fund.id", primary=True))
    allocated: int = Field(sa_column=minor())
    """Given anew."""
    carried: int = Field(sa_column=minor())
    """Come along from the year before."""
    released: int = Field(sa_column=minor())
    """Not set aside any more in the year before."""
    encumbered: int = Field(sa_column=minor())
    """Set aside in the next one."""
    reasons: list[dict[str, Any]] = Field(sa_column=document())


class RolloverOrder(Table, table=True):
    """What became of an order."""

    __tablename__ = "rollover_order"
    __table_args__ = (
        Index("rollover_order_by_order", "order_id"),
        Index("rollover_order_by_outcome", "rollover_id", "outcome", "order_id"),
        CheckConstraint("outcome IN ('rolled', 'waiting', 'failed', 'left')", name="rollover_order_outcome"),
    )

    rollover_id: UUID = Field(sa_column=ref(to="rollover.id", primary=True))
    order_id: UUID = Field(sa_column=ref(to="purchase_order.id", primary=True))
    outcome: str = Field(sa_column=words())
    released: int = Field(sa_column=minor())
    encumbered: int = Field(sa_column=minor())
    lines: list[dict[str, Any]] = Field(sa_column=document())
    """Each place of each line: order line, fund, what was set aside and what is."""
    reasons: list[dict[str, Any]] = Field(sa_column=document())
