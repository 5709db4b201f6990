"""Templates."""

from datetime import datetime

from sqlmodel import Field

from catalog.metadata import Table, big, content, when, words


class RecordTemplate(Table, table=True):
    """A record that others are begun with."""

    __tablename__ = "record_template"

    code: str = Field(sa_column=words(primary=True))
    version: int = Field(sa_column=big(1))
    name: str = Field(sa_column=words())
    record: bytes = Field(sa_column=content())
    updated_at: datetime = Field(sa_column=when())
    updated_by: str = Field(sa_column=words())
