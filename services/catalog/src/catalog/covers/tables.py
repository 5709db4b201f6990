"""Covers of titles."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from catalog.metadata import Table, big, content, count, ref, when, words


class Cover(Table, table=True):
    """A title's cover: JPEG, drawn anew from what was sent, with nothing of its file left."""

    __tablename__ = "cover"

    title_id: UUID = Field(sa_column=ref(to="title.id", primary=True))
    version: int = Field(sa_column=big(1))
    alternative: str | None = Field(default=None, sa_column=words(null=True))
    """What is to be seen on it, in words, where somebody has said so."""
    width: int = Field(sa_column=count(None))
    height: int = Field(sa_column=count(None))
    image: bytes = Field(sa_column=content())
    thumbnail: bytes = Field(sa_column=content())
    updated_at: datetime = Field(sa_column=when())
    updated_by: str = Field(sa_column=words())


class CoverGone(Table, table=True):
    """A cover that was taken away: the next one of its title begins behind its version, for caches that hold it."""

    __tablename__ = "cover_gone"

    title_id: UUID = Field(sa_column=ref(to="title.id", primary=True))
    version: int = Field(sa_column=big(None))
