"""Questions that wait for the index, which is not where events are heard."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field

from catalog.metadata import Table, big, document, key, when


class Lookup(Table, table=True):
    """What interlibrary loan asks; gone when it was answered."""

    __tablename__ = "lookup"
    __table_args__ = (Index("lookup_by_age", "asked_at"),)

    request_id: UUID = Field(sa_column=key())
    asked: int = Field(sa_column=big())
    sought: dict[str, Any] = Field(sa_column=document("{}"))
    asked_at: datetime = Field(sa_column=when())
