"""Exports to the bursar."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from circulation.metadata import Table, big, count, document, key, ref, when, words


class BursarExport(Table, table=True):
    """One handing-over: by which criteria, how far it is, what it came to."""

    __tablename__ = "bursar_export"
    __table_args__ = (
        Index(
            "bursar_export_one_at_a_time",
            "account",
            unique=True,
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
        CheckConstraint("state IN ('queued', 'running', 'done', 'cancelled')", name="bursar_export_state"),
    )

    id: UUID = Field(sa_column=key())
    account: str = Field(sa_column=words())
    criteria: dict[str, Any] = Field(sa_column=document())
    state: str = Field(sa_column=words())
    after_patron: UUID | None = Field(default=None, sa_column=ref(null=True))
    """Patrons up to this one are done: where a killed process goes on."""
    patrons: int = Field(default=0, sa_column=count())
    lines: int = Field(default=0, sa_column=count())
    amount: int = Field(default=0, sa_column=big(0))
    """Handed over less given back, minor units."""
    currency: str = Field(sa_column=words())
    created_at: datetime = Field(sa_column=when())
    created_by: str = Field(sa_column=words())
    ended_at: datetime | None = Field(default=None, sa_column=when(null=True))
