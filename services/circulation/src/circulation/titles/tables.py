"""What became of titles that are no more."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field

from circulation.metadata import Table, key, ref, when


class MergedTitle(Table, table=True):
    """A title that was merged into another: whoever still names it means that one."""

    __tablename__ = "merged_title"
    __table_args__ = (Index("merged_title_into", "title_id"),)

    id: UUID = Field(sa_column=key())
    title_id: UUID = Field(sa_column=ref())
    merged_at: datetime = Field(sa_column=when())
