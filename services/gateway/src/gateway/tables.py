"""Every table of the gateway, on its own metadata (SQLModel's default one is shared by all in one box)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Column, DateTime, Index, LargeBinary, Text, Uuid
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class Table(SQLModel, registry=registry()):
    """What all of the gateway's tables share: their metadata."""


def _when(*, null: bool = False) -> Any:
    return Column(DateTime(timezone=True), nullable=null)


def _texts(*, null: bool = False) -> Any:
    return Column(ARRAY(Text), nullable=null)


class SigningKey(Table, table=True):
    """A key pair, the private part sealed."""

    __tablename__ = "signing_key"

    kid: str = Field(sa_column=Column(Text, primary_key=True))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    signs_from: datetime = Field(sa_column=_when())
    signs_until: datetime = Field(sa_column=_when())


class Account(Table, table=True):
    """A person who signs in here."""

    __tablename__ = "account"
    __table_args__ = (
        Index("account_username", "username", unique=True),
        CheckConstraint("username = lower(username)", name="account_username_folded"),
    )

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    username: str = Field(sa_column=Column(Text, nullable=False))
    password_hash: str = Field(sa_column=Column(Text, nullable=False))
    roles: list[str] = Field(sa_column=_texts())
    patron_id: UUID | None = Field(default=None, sa_column=Column(Uuid, nullable=True))
    libraries: list[str] | None = Field(default=None, sa_column=_texts(null=True))
    service_point_id: UUID | None = Field(default=None, sa_column=Column(Uuid, nullable=True))
    disabled: bool = Field(default=False)
    failures: int = Field(default=0)
    locked_until: datetime | None = Field(default=None, sa_column=_when(null=True))
    version: int = Field(default=1)
    created_at: datetime = Field(sa_column=_when())


class Client(Table, table=True):
    """A machine: an OAuth2 client, or the holder of an API key."""

    __tablename__ = "client"
    __table_args__ = (CheckConstraint("kind IN ('oauth2', 'api-key')", name="client_kind"),)

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    secret_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    scopes: list[str] = Field(sa_column=_texts())
    libraries: list[str] | None = Field(default=None, sa_column=_texts(null=True))
    service_point_id: UUID | None = Field(default=None, sa_column=Column(Uuid, nullable=True))
    expires_at: datetime | None = Field(default=None, sa_column=_when(null=True))
    revoked_at: datetime | None = Field(default=None, sa_column=_when(null=True))
    created_at: datetime = Field(sa_column=_when())
    created_by: str = Field(sa_column=Column(Text, nullable=False))


class AuditEntry(Table, table=True):
    """A request that changed something, or was turned away at the door."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("audit_entry_by_actor", "actor", "id"),
        Index("audit_entry_addressed", "at", postgresql_where="address IS NOT NULL"),
    )

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    at: datetime = Field(sa_column=_when())
    actor: str = Field(sa_column=Column(Text, nullable=False))
    method: str = Field(sa_column=Column(Text, nullable=False))
    path: str = Field(sa_column=Column(Text, nullable=False))
    status: int
    took_ms: int
    traceparent: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    address: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    """Where it came from; forgotten after a month."""
