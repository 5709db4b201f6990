"""Import profiles that were written here."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from catalog.metadata import Table, big, when, words


class ImportProfile(Table, table=True):
    """A profile; one that is shipped has no row until it is changed."""

    __tablename__ = "import_profile"

    code: str = Field(sa_column=words(primary=True))
    version: int = Field(sa_column=big(1))
    document: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    updated_at: datetime = Field(sa_column=when())
    updated_by: str = Field(sa_column=words())
