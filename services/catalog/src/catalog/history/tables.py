"""Steps of items and of holdings."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field

from catalog.metadata import Table, big, document, ref, when, words


class ItemStep(Table, table=True):
    """One change of an item: what each fact was, and what it became."""

    __tablename__ = "item_step"

    item_id: UUID = Field(sa_column=ref(primary=True))
    version: int = Field(sa_column=big(primary=True))
    """The version that the change made."""
    changes: dict[str, Any] = Field(sa_column=document("{}"))
    at: datetime = Field(sa_column=when())
    by: str = Field(sa_column=words())


class HoldingsStep(Table, table=True):
    """One change of holdings."""

    __tablename__ = "holdings_step"

    holdings_id: UUID = Field(sa_column=ref(primary=True))
    version: int = Field(sa_column=big(primary=True))
    changes: dict[str, Any] = Field(sa_column=document("{}"))
    at: datetime = Field(sa_column=when())
    by: str = Field(sa_column=words())
