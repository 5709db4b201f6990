"""Consents, and what was granted by them: codes, families of tokens, devices that wait."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Column, DateTime, ForeignKey, Index, LargeBinary, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from gateway.tables import Table

MOMENT = DateTime(timezone=True)


def _of(table: str, *, null: bool = False) -> Any:
    return Column(Uuid, ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=null)


def _scopes() -> Any:
    return Column(ARRAY(Text), nullable=False)


def _when(*, null: bool = False) -> Any:
    return Column(MOMENT, nullable=null)


def _hash() -> Any:
    return Column(LargeBinary, primary_key=True)


class Consent(Table, table=True):
    """What somebody lets a program do."""

    __tablename__ = "consent"
    __table_args__ = (
        Index("consent_one", "person_id", "client_id", unique=True),
        Index("consent_by_client", "client_id"),
    )

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    person_id: UUID = Field(sa_column=_of("person"))
    client_id: UUID = Field(sa_column=_of("client"))
    scopes: list[str] = Field(sa_column=_scopes())
    given_at: datetime = Field(sa_column=_when())


class TokenFamily(Table, table=True):
    """One sign-in to a program and every token that came of it."""

    __tablename__ = "token_family"
    __table_args__ = (
        Index("token_family_by_person", "person_id", "client_id"),
        Index("token_family_by_client", "client_id"),
        Index("token_family_by_session", "session_id", postgresql_where="session_id IS NOT NULL"),
        Index("token_family_ends", "ends_at"),
        Index("token_family_revoked", "revoked_at", postgresql_where="revoked_at IS NOT NULL"),
    )

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    client_id: UUID = Field(sa_column=_of("client"))
    person_id: UUID = Field(sa_column=_of("person"))
    session_id: UUID | None = Field(default=None, sa_column=_of("browser_session", null=True))
    """Where set, it ends with that session."""
    scopes: list[str] = Field(sa_column=_scopes())
    began_at: datetime = Field(sa_column=_when())
    ends_at: datetime = Field(sa_column=_when())
    revoked_at: datetime | None = Field(default=None, sa_column=_when(null=True))
    revoked_for: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


class RefreshToken(Table, table=True):
    """A refresh token, used or not; the family's newest is good."""

    __tablename__ = "refresh_token"
    __table_args__ = (
        Index("refresh_token_by_family", "family_id"),
        Index("refresh_token_used", "used_at", postgresql_where="used_at IS NOT NULL"),
    )

    token_hash: bytes = Field(sa_column=_hash())
    family_id: UUID = Field(sa_column=_of("token_family"))
    made_at: datetime = Field(sa_column=_when())
    used_at: datetime | None = Field(default=None, sa_column=_when(null=True))


class AuthorizationCode(Table, table=True):
    """What a program gets by way of the browser, and changes for tokens once."""

    __tablename__ = "authorization_code"
    __table_args__ = (
        Index("authorization_code_expires", "expires_at"),
        Index("authorization_code_by_person", "person_id"),
        Index("authorization_code_by_client", "client_id"),
        Index("authorization_code_by_session", "session_id"),
    )

    code_hash: bytes = Field(sa_column=_hash())
    client_id: UUID = Field(sa_column=_of("client"))
    person_id: UUID = Field(sa_column=_of("person"))
    session_id: UUID = Field(sa_column=_of("browser_session"))
    redirect_uri: str = Field(sa_column=Column(Text, nullable=False))
    challenge: str = Field(sa_column=Column(Text, nullable=False))
    scopes: list[str] = Field(sa_column=_scopes())
    expires_at: datetime = Field(sa_column=_when())
    used_at: datetime | None = Field(default=None, sa_column=_when(null=True))
    family_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    """What becomes of it; revoked when the code comes a second time."""


class PushedRequest(Table, table=True):
    """A request to authorize that a program has sent us itself (RFC 9126)."""

    __tablename__ = "pushed_request"
    __table_args__ = (
        Index("pushed_request_expires", "expires_at"),
        Index("pushed_request_by_client", "client_id"),
    )

    uri_hash: bytes = Field(sa_column=_hash())
    client_id: UUID = Field(sa_column=_of("client"))
    asked: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    expires_at: datetime = Field(sa_column=_when())


class DeviceRequest(Table, table=True):
    """A device without keyboard that waits until somebody signs in for it elsewhere (RFC 8628)."""

    __tablename__ = "device_request"
    __table_args__ = (
        Index("device_request_user_code", "user_code", unique=True),
        Index("device_request_expires", "expires_at"),
        Index("device_request_by_client", "client_id"),
        Index("device_request_by_person", "person_id", postgresql_where="person_id IS NOT NULL"),
        Index("device_request_by_session", "session_id", postgresql_where="session_id IS NOT NULL"),
        CheckConstraint("state IN ('waiting', 'allowed', 'denied', 'done')", name="device_request_state"),
    )

    device_hash: bytes = Field(sa_column=_hash())
    user_code: str = Field(sa_column=Column(Text, nullable=False))
    client_id: UUID = Field(sa_column=_of("client"))
    scopes: list[str] = Field(sa_column=_scopes())
    state: str = Field(default="waiting", sa_column=Column(Text, nullable=False))
    expires_at: datetime = Field(sa_column=_when())
    asked_at: datetime | None = Field(default=None, sa_column=_when(null=True))
    pause_seconds: int
    person_id: UUID | None = Field(default=None, sa_column=_of("person", null=True))
    session_id: UUID | None = Field(default=None, sa_column=_of("browser_session", null=True))
