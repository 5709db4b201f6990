"""What libraries say otherwise than what is shipped."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from catalog.metadata import Table, big, when, words


class RecordSpecification(Table, table=True):
    """A specification that was written here; one that is shipped has no row until it is changed."""

    __tablename__ = "record_specification"
    __table_args__ = (
        Index(
            "record_specification_on_save", "kind", unique=True, postgresql_where=text("on_save <> 'nothing'")
        ),
    )

    code: str = Field(sa_column=words(primary=True))
    version: int = Field(sa_column=big(1))
    kind: str = Field(sa_column=words())
    on_save: str = Field(sa_column=words())
    document: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    updated_at: datetime = Field(sa_column=when())
    updated_by: str = Field(sa_column=words())
