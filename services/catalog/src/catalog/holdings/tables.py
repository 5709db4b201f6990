"""Holdings records as they were."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from catalog.metadata import Table, big, content, ref, when, words


class HoldingsVersion(Table, table=True):
    """A holdings record as it was before it was changed."""

    __tablename__ = "holdings_version"

    holdings_id: UUID = Field(sa_column=ref(to="holdings.id", primary=True))
    version: int = Field(sa_column=big(primary=True))
    record: bytes = Field(sa_column=content())
    replaced_at: datetime = Field(sa_column=when())
    replaced_by: str = Field(sa_column=words())
