"""Legacy ids, by the system that gave them."""

from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, Text
from sqlmodel import Field

from catalog.metadata import Table, ref, words


class LegacyId(Table, table=True):
    """What a title or an item was known by."""

    __tablename__ = "legacy_id"
    __table_args__ = (
        Index("legacy_id_by_record", "record_id"),
        CheckConstraint("kind IN ('title', 'item')", name="legacy_id_kind"),
    )

    source: str = Field(sa_column=words(primary=True))
    kind: str = Field(sa_column=words(primary=True))
    legacy_id: str = Field(sa_column=Column(Text(collation="C"), primary_key=True))
    """In the order of its bytes, as everybody sorts it who compares."""
    record_id: UUID = Field(sa_column=ref())
    import_id: UUID = Field(sa_column=ref())
    """The import that brought it."""
