"""Files of copies; the content goes when its time is over, what became of it stays."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from ill.metadata import Table, count, digest, key, ref, when, words


class Document(Table, table=True):
    """A file, of one request."""

    __tablename__ = "document"
    __table_args__ = (
        Index("document_by_request", "request_id", "id"),
        Index("document_by_token", "token_hash", unique=True),
        Index("document_to_forget", "expires_at", postgresql_where=text("content IS NOT NULL")),
        CheckConstraint("downloads_left >= 0", name="document_downloads_count_down"),
    )

    id: UUID = Field(sa_column=key())
    request_id: UUID = Field(sa_column=ref(to="request.id"))
    content: bytes | None = Field(default=None, sa_column=digest(null=True))
    size: int = Field(sa_column=count())
    """Bytes."""
    sha256: bytes = Field(sa_column=digest())
    stored_at: datetime = Field(sa_column=when())
    stored_by: str = Field(sa_column=words())
    expires_at: datetime = Field(sa_column=when())
    downloads_left: int = Field(sa_column=count())
    fetched_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """Last, by whom it is meant for."""
    token_hash: bytes | None = Field(default=None, sa_column=digest(null=True))
    """Of the link that a partner was given."""
