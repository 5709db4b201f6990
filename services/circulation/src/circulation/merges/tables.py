"""Registrations that were merged into another: their old ids, and what they were."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field

from circulation.metadata import Table, document, key, ref, when, words


class MergedPatron(Table, table=True):
    """A registration that is no more; its id leads to the one that took it up."""

    __tablename__ = "merged_patron"
    __table_args__ = (Index("merged_patron_by_patron", "patron_id", "id"),)

    id: UUID = Field(sa_column=key())
    patron_id: UUID = Field(sa_column=ref(to="patron.id"))
    registration: dict[str, Any] = Field(sa_column=document())
    """As it was."""
    merged_at: datetime = Field(sa_column=when())
    merged_by: str = Field(sa_column=words())
