"""Budgets: the document, and what was used in this minute."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Column, DateTime, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from gateway.tables import Table

MOMENT = DateTime(timezone=True)


class BudgetDocument(Table, table=True):
    """How much each sort of asker may ask: one document."""

    __tablename__ = "budget_document"
    __table_args__ = (CheckConstraint("one", name="budget_document_only_one"),)

    one: bool = Field(default=True, sa_column=Column(Boolean, primary_key=True))
    version: int = Field(default=1)
    document: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    applied_at: datetime | None = Field(default=None, sa_column=Column(MOMENT, nullable=True))
    applied_by: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


class BudgetUse(Table, table=True):
    """What all processes have let in of a budget in one window; unlogged."""

    __tablename__ = "budget_use"
    __table_args__ = (Index("budget_use_starts", "starts"), {"prefixes": ["UNLOGGED"]})

    key: str = Field(sa_column=Column(Text, primary_key=True))
    starts: datetime = Field(sa_column=Column(MOMENT, primary_key=True))
    used: int
