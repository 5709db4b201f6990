"""Macros."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from catalog.metadata import Table, big, when, words


class RecordMacro(Table, table=True):
    """A list of what is done with a record's fields."""

    __tablename__ = "record_macro"

    code: str = Field(sa_column=words(primary=True))
    version: int = Field(sa_column=big(1))
    name: str = Field(sa_column=words())
    document: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    updated_at: datetime = Field(sa_column=when())
    updated_by: str = Field(sa_column=words())
