"""Holds: one queue per title, positions dense from 1, a closed hold has none."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Column, Index, Integer, Text, UniqueConstraint, text
from sqlmodel import Field

from circulation.metadata import Table, big, count, key, ref, when, words

OPEN = "state IN ('waiting', 'in-transit', 'ready')"
FILLED_BY = "(h.level = 'title' OR h.item_id = i.id OR (h.level = 'volume' AND h.volume_key = i.volume_key))"
"""Whether a hold `h` on an item's title can be filled by the item `i`, for whoever asks in SQL."""


class Hold(Table, table=True):
    """A patron waits for a title or an item."""

    __tablename__ = "hold"
    __table_args__ = (
        UniqueConstraint(
            "title_id", "position", name="hold_one_per_position", deferrable=True, initially="DEFERRED"
        ),
        Index(
            "hold_one_open_by_number",
            "title_id",
            "patron_id",
            "nth",
            unique=True,
            postgresql_where=text(OPEN),
        ),
        Index(
            "hold_one_filled_by_item",
            "item_id",
            unique=True,
            postgresql_where=text("state IN ('in-transit', 'ready')"),
        ),
        Index("hold_by_patron", "patron_id", "id"),
        Index("hold_by_proxy", "proxy_id", postgresql_where=text("proxy_id IS NOT NULL")),
        Index("hold_by_pickup", "pickup_id", "state", "id"),
        Index("hold_open_by_patron", "patron_id", postgresql_where=text(OPEN)),
        Index("hold_open_by_item", "item_id", postgresql_where=text(OPEN)),
        Index("hold_waiting_by_expiry", "expires_at", postgresql_where=text("state = 'waiting'")),
        Index("hold_ready_by_expiry", "shelf_expires_at", postgresql_where=text("state = 'ready'")),
        Index(
            "hold_suspended_by_end",
            "suspended_until",
            postgresql_where=text("suspended_until IS NOT NULL"),
        ),
        Index(
            "hold_left_on_shelf",
            "pickup_id",
            "closed_at",
            postgresql_where=text("state IN ('cancelled', 'shelf-expired') AND ready_at IS NOT NULL"),
        ),
        CheckConstraint(f"(position IS NOT NULL) = ({OPEN})", name="hold_position_while_open"),
        CheckConstraint("kind IN ('hold', 'page', 'recall')", name="hold_kind"),
        Index("hold_to_retarget", "retarget_at", postgresql_where=text("retarget_at IS NOT NULL")),
        CheckConstraint("level IN ('title', 'volume', 'item')", name="hold_level"),
        CheckConstraint(
            "(fulfilment = 'delivery') = (delivery_address_type IS NOT NULL)", name="hold_delivered_somewhere"
        ),
        CheckConstraint("(level = 'volume') = (volume_key IS NOT NULL)", name="hold_names_volume"),
        CheckConstraint("state <> 'ready' OR shelf_expires_at IS NOT NULL", name="hold_ready_has_expiry"),
    )

    id: UUID = Field(sa_column=key())
    kind: str = Field(sa_column=words())
    level: str = Field(sa_column=words())
    title_id: UUID = Field(sa_column=ref())
    item_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    volume: str | None = Field(default=None, sa_column=words(null=True))
    """The volume that is wanted, as labels have it."""
    volume_key: str | None = Field(default=None, sa_column=words(null=True))
    """What labels of that volume have in common (items/volumes.py)."""
    patron_id: UUID = Field(sa_column=ref())
    nth: int = Field(default=1, sa_column=count(1))
    """Which of the patron's open holds on the title it is, where the policy allows several."""
    proxy_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """Who placed it for the patron, if somebody did."""
    pickup_id: UUID = Field(sa_column=ref())
    fulfilment: str = Field(
        default="hold-shelf", sa_column=Column(Text, nullable=False, server_default="hold-shelf")
    )
    """hold-shelf, or delivery from the pickup point to an address of the patron's."""
    delivery_address_type: str | None = Field(default=None, sa_column=words(null=True))
    state: str = Field(sa_column=words())
    position: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    policy: str = Field(sa_column=words())
    placed_at: datetime = Field(sa_column=when())
    expires_at: datetime | None = Field(default=None, sa_column=when(null=True))
    ready_at: datetime | None = Field(default=None, sa_column=when(null=True))
    shelf_expires_at: datetime | None = Field(default=None, sa_column=when(null=True))
    closed_at: datetime | None = Field(default=None, sa_column=when(null=True))
    reason: str | None = Field(default=None, sa_column=words(null=True))
    """The code of why it ended."""
    reason_text: str | None = Field(default=None, sa_column=words(null=True))
    """What was added to the code, for staff."""
    suspended_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """Since when it is passed over; it keeps its place."""
    suspended_until: datetime | None = Field(default=None, sa_column=when(null=True))
    """When it is resumed by itself."""
    retarget_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """When another copy is fetched unless the one that is looked for was found."""
    version: int = Field(default=1, sa_column=big(1))


class HoldMissed(Table, table=True):
    """A copy that was looked for in vain for a hold."""

    __tablename__ = "hold_missed"

    hold_id: UUID = Field(sa_column=key())
    item_id: UUID = Field(sa_column=key())
    missed_at: datetime = Field(sa_column=when())


class HoldQueue(Table, table=True):
    """A title's queue as a whole; there is a row once somebody had the queue for themselves."""

    __tablename__ = "hold_queue"

    title_id: UUID = Field(sa_column=key())
    version: int = Field(default=0, sa_column=big(0))
    """Reorderings told of."""
    guard: int = Field(default=0, sa_column=big(0))
    """Raised by whatever changes the queue; what a hold that is placed in one statement is guarded by."""


class HoldOverride(Table, table=True):
    """What was set aside when a hold was placed, and why: for staff, and no part of the hold."""

    __tablename__ = "hold_override"

    hold_id: UUID = Field(sa_column=key())
    refusals: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    comment: str = Field(sa_column=words())
    overridden_at: datetime = Field(sa_column=when())
    overridden_by: str = Field(sa_column=words())
