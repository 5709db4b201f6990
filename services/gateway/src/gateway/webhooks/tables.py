"""Subscriptions, their secrets, where each stands in the feeds, and what was sent."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    LargeBinary,
    Text,
    Uuid,
    text,
)
from sqlmodel import Field

from gateway.tables import Table

MOMENT = DateTime(timezone=True)


class Webhook(Table, table=True):
    """A subscription."""

    __tablename__ = "webhook"
    __table_args__ = (
        Index("webhook_by_owner", "owner_kind", "owner_ref", "id"),
        CheckConstraint(
            "state IN ('unverified', 'active', 'paused', 'disabled', 'deleted')", name="webhook_state"
        ),
        CheckConstraint("payload <> 'full' OR data_agreement IS NOT NULL", name="webhook_full_by_agreement"),
    )

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    owner_kind: str = Field(sa_column=Column(Text, nullable=False))
    owner_ref: str = Field(sa_column=Column(Text, nullable=False))
    owner_id: UUID | None = Field(default=None, sa_column=Column(Uuid, nullable=True))
    """The client's or account's id; none of the operator, whose key stands in no table."""
    description: str = Field(default="", sa_column=Column(Text, nullable=False))
    url: str = Field(sa_column=Column(Text, nullable=False))
    types: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    libraries: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text), nullable=True))
    locations: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text), nullable=True))
    keys: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text), nullable=True))
    payload: str = Field(default="thin", sa_column=Column(Text, nullable=False))
    data_agreement: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    signature: str = Field(default="v1", sa_column=Column(Text, nullable=False))
    concurrency: int
    state: str = Field(default="unverified", sa_column=Column(Text, nullable=False))
    reason: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    """Why it is disabled, or could not be verified."""
    challenge: str = Field(sa_column=Column(Text, nullable=False))
    """What the receiver echoes to show that it wants to hear."""
    created_at: datetime = Field(sa_column=Column(MOMENT, nullable=False))
    verified_at: datetime | None = Field(default=None, sa_column=Column(MOMENT, nullable=True))
    failures: int = 0
    """In a row, of whatever delivery."""
    failing_since: datetime | None = Field(default=None, sa_column=Column(MOMENT, nullable=True))
    last_tried_at: datetime | None = Field(default=None, sa_column=Column(MOMENT, nullable=True))
    rests_until: datetime | None = Field(default=None, sa_column=Column(MOMENT, nullable=True))
    warned: int = 0
    announced: int = 0
    """Events told of it; the sequence of the last."""
    version: int = 1


class WebhookSecret(Table, table=True):
    """What signs a subscription's deliveries, sealed."""

    __tablename__ = "webhook_secret"
    __table_args__ = (Index("webhook_secret_of", "webhook_id"),)

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    webhook_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    public: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    created_at: datetime = Field(sa_column=Column(MOMENT, nullable=False))
    expires_at: datetime | None = Field(default=None, sa_column=Column(MOMENT, nullable=True))


class WebhookFeed(Table, table=True):
    """How far a service's change feed has been read for all subscriptions that are level with it."""

    __tablename__ = "webhook_feed"

    source: str = Field(sa_column=Column(Text, primary_key=True))
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    generation: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """Raised when a subscription becomes level: what was read without it is read again."""


class WebhookPlace(Table, table=True):
    """Where a subscription that is not level with a feed stands in it."""

    __tablename__ = "webhook_place"

    webhook_id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    source: str = Field(sa_column=Column(Text, primary_key=True))
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    again: bool = False
    """Whether what was sent before is sent again."""


class WebhookDelivery(Table, table=True):
    """One event for one subscription."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index("webhook_delivery_once", "webhook_id", "message_id", unique=True),
        Index("webhook_delivery_due", "webhook_id", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("webhook_delivery_leased", "webhook_id", postgresql_where=text("leased_until IS NOT NULL")),
        Index(
            "webhook_delivery_in_order",
            "webhook_id",
            "key",
            "position",
            postgresql_where=text("state = 'pending'"),
        ),
        Index("webhook_delivery_log", "webhook_id", "id"),
        Index("webhook_delivery_log_by_state", "webhook_id", "state", "id"),
        Index("webhook_delivery_by_age", "created_at"),
        CheckConstraint(
            "state IN ('pending', 'delivered', 'failed', 'skipped')", name="webhook_delivery_state"
        ),
        CheckConstraint("state = 'pending' OR due_at IS NULL", name="webhook_delivery_due_while_pending"),
    )

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    webhook_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    """event, verification or test."""
    message_id: str = Field(sa_column=Column(Text, nullable=False))
    """The header `webhook-id`, the same at every try."""
    type: str = Field(sa_column=Column(Text, nullable=False))
    key: str = Field(sa_column=Column(Text, nullable=False))
    """Deliveries of one key go one after another."""
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    traceparent: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    created_at: datetime = Field(sa_column=Column(MOMENT, nullable=False))
    state: str = Field(default="pending", sa_column=Column(Text, nullable=False))
    due_at: datetime | None = Field(default=None, sa_column=Column(MOMENT, nullable=True))
    """None while it waits behind another of its key, and when it is done with."""
    leased_until: datetime | None = Field(default=None, sa_column=Column(MOMENT, nullable=True))
    since: datetime = Field(sa_column=Column(MOMENT, nullable=False))
    """When the first try of this round was due."""
    tries: int = 0
    """In all; the number of the last one."""
    failures: int = 0
    """Of this round."""
    ended_at: datetime | None = Field(default=None, sa_column=Column(MOMENT, nullable=True))


class WebhookTry(Table, table=True):
    """One try of a delivery and what came of it."""

    __tablename__ = "webhook_try"
    __table_args__ = (Index("webhook_try_by_age", "at"),)

    delivery_id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    number: int = Field(primary_key=True)
    at: datetime = Field(sa_column=Column(MOMENT, nullable=False))
    took_ms: int
    status: int | None = None
    error: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    answer: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    """Its first bytes; for the owner alone."""
