"""Questions that are kept."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Column, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from circulation.metadata import Table, big, key, texts, when, words


class SavedQuestion(Table, table=True):
    """A question, to be asked again. Its answers are nowhere but in what they are about."""

    __tablename__ = "saved_question"
    __table_args__ = (
        Index("saved_question_by_owner", "owner", "id"),
        Index("saved_question_shared", "id", postgresql_where=text("shared")),
    )

    id: UUID = Field(sa_column=key())
    version: int = Field(default=1, sa_column=big(1))
    kind: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    note: str | None = Field(default=None, sa_column=words(null=True))
    owner: str = Field(sa_column=words())
    shared: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false"))
    )
    condition: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    """Null: everything there is."""
    columns: list[str] = Field(default_factory=list, sa_column=texts())
    """What is told of each answer; the usual where empty."""
    created_at: datetime = Field(sa_column=when())
    updated_at: datetime = Field(sa_column=when())
