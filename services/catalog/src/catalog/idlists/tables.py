"""Lists of ids that were asked for."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field

from catalog.metadata import Table, big, document, flag, key, when, words


class IdList(Table, table=True):
    """What was asked, and how far its file has come. The file lies in the data folder and is as long as `written`
    says, once that is committed."""

    __tablename__ = "id_list"
    __table_args__ = (
        Index("id_list_open", "id", postgresql_where=text("state <> 'done'")),
        Index("id_list_by_asker", "requested_by", "id"),
        Index("id_list_by_age", "expires_at"),
    )

    id: UUID = Field(sa_column=key())
    query: str = Field(sa_column=words())
    filters: dict[str, Any] = Field(sa_column=document("{}"))
    with_suppressed: bool = Field(sa_column=flag(default=False))
    requested_by: str = Field(sa_column=words())
    state: str = Field(sa_column=words(default="queued"))
    written: int = Field(sa_column=big(0))
    """Ids in the file."""
    last_number: int = Field(sa_column=big(0))
    """The number in the catalogue of the last one."""
    position: int | None = Field(default=None, sa_column=big(null=True))
    """How far the index had followed the changes when the last ids were read."""
    created_at: datetime = Field(sa_column=when())
    finished_at: datetime | None = Field(default=None, sa_column=when(null=True))
    expires_at: datetime = Field(sa_column=when())
