"""Uploads of a desk's actions, and what became of each."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, text
from sqlmodel import Field

from circulation.metadata import Table, count, document, key, ref, uuids, when, words


class OfflineUpload(Table, table=True):
    """A file of actions from one service point."""

    __tablename__ = "offline_upload"

    id: UUID = Field(sa_column=key())
    service_point_id: UUID = Field(sa_column=ref())
    action_ids: list[UUID] = Field(sa_column=uuids())
    """Those that an earlier upload brought already are among them."""
    uploaded_at: datetime = Field(sa_column=when())
    uploaded_by: dict[str, Any] = Field(sa_column=document())
    """The principal whose actions they are, as claims: it is decided by what they may."""
    override: dict[str, Any] = Field(sa_column=document())


class OfflineAction(Table, table=True):
    """One of them; its id is the desk's, and it is applied once, whichever file brings it."""

    __tablename__ = "offline_action"
    __table_args__ = (
        Index("offline_action_waiting", "upload_id", "place", postgresql_where=text("outcome = 'waiting'")),
        Index("offline_action_by_item", "upload_id", "item_barcode", "place"),
        CheckConstraint("kind IN ('check-out', 'check-in')", name="offline_action_kind"),
        CheckConstraint("outcome IN ('waiting', 'applied', 'conflict')", name="offline_action_outcome"),
    )

    id: UUID = Field(sa_column=key())
    upload_id: UUID = Field(sa_column=ref(to="offline_upload.id"))
    place: int = Field(sa_column=count())
    """In the order of their times."""
    kind: str = Field(sa_column=words())
    at: datetime = Field(sa_column=when())
    item_barcode: str = Field(sa_column=words())
    patron_barcode: str | None = Field(default=None, sa_column=words(null=True))
    """Forgotten once the action is applied."""
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """Of what was sent: the same id stands for the same action."""
    outcome: str = Field(default="waiting", sa_column=words())
    reasons: list[Any] = Field(sa_column=document())
    loan_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    left_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """When the item was last seen, as this action left it."""
    applied_at: datetime | None = Field(default=None, sa_column=when(null=True))
