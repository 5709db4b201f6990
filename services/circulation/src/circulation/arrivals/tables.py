"""Uses in the house, one row each: numbers only, of nobody."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field

from circulation.metadata import Table, key, ref, when, words


class InHouseUse(Table, table=True):
    """Somebody used an item in the house; where it belonged then is kept for statistics."""

    __tablename__ = "in_house_use"
    __table_args__ = (
        Index("in_house_use_by_item", "item_id", "id"),
        Index("in_house_use_by_service_point", "service_point_id", "id"),
        Index("in_house_use_by_time", "used_at"),
    )

    id: UUID = Field(sa_column=key())
    item_id: UUID = Field(sa_column=ref())
    title_id: UUID = Field(sa_column=ref())
    service_point_id: UUID = Field(sa_column=ref())
    library: str | None = Field(default=None, sa_column=words(null=True))
    location: str | None = Field(default=None, sa_column=words(null=True))
    material_type: str = Field(sa_column=words())
    used_at: datetime = Field(sa_column=when())
