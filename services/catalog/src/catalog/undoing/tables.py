"""Imports that are taken back, and what came of each record."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, Integer, text
from sqlmodel import Field

from catalog.metadata import Table, big, count, document, key, ref, when, words


class ImportUndo(Table, table=True):
    """An import to be taken back, and how far that has come. There is one of an import; asked for again, it tries
    again what could not be taken back."""

    __tablename__ = "import_undo"
    __table_args__ = (
        Index("import_undo_one_per_import", "import_id", unique=True),
        Index("import_undo_open", "id", postgresql_where=text("state IN ('queued', 'running', 'waiting')")),
    )

    id: UUID = Field(sa_column=key())
    version: int = Field(sa_column=big(1))
    import_id: UUID = Field(sa_column=ref())
    state: str = Field(sa_column=words(default="queued"))
    requested_by: str = Field(sa_column=words())
    position: int = Field(sa_column=count())
    """The last outcome of the import that has been seen to."""
    created_at: datetime = Field(sa_column=when())
    started_at: datetime | None = Field(default=None, sa_column=when(null=True))
    finished_at: datetime | None = Field(default=None, sa_column=when(null=True))


class ImportUndoOutcome(Table, table=True):
    """What became of a record's title and items."""

    __tablename__ = "import_undo_outcome"
    __table_args__ = (Index("import_undo_outcome_kind", "undo_id", "outcome", "ordinal"),)

    undo_id: UUID = Field(sa_column=ref(primary=True))
    ordinal: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    title_id: UUID = Field(sa_column=ref())
    outcome: str = Field(sa_column=words())
    reasons: list[dict[str, Any]] = Field(default_factory=list, sa_column=document("[]"))
