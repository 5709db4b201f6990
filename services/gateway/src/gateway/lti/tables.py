"""Platforms that may launch us, what was launched, courses and who is in them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Boolean, Column, DateTime, ForeignKey, Index, LargeBinary, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from gateway.tables import Table

MOMENT = DateTime(timezone=True)


def _text(*, null: bool = False, key: bool = False) -> Any:
    return Column(Text, nullable=null, primary_key=key)


def _texts() -> Any:
    return Column(ARRAY(Text), nullable=False)


def _when(*, null: bool = False) -> Any:
    return Column(MOMENT, nullable=null)


def _of(table: str, deleted: str, *, null: bool = False, key: bool = False) -> Any:
    return Column(Uuid, ForeignKey(f"{table}.id", ondelete=deleted), nullable=null, primary_key=key)


class LtiPlatform(Table, table=True):
    """A learning management system that we are registered with."""

    __tablename__ = "lti_platform"
    __table_args__ = (Index("lti_platform_client", "issuer", "client_id", unique=True),)

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    issuer: str = Field(sa_column=_text())
    client_id: str = Field(sa_column=_text())
    label: str = Field(sa_column=_text())
    authorization_url: str = Field(sa_column=_text())
    token_url: str = Field(sa_column=_text())
    jwks_url: str = Field(sa_column=_text())
    token_audience: str | None = Field(default=None, sa_column=_text(null=True))
    """Whom an assertion for the token address is for, where the platform wants another name than the address."""
    origins: list[str] = Field(sa_column=_texts())
    """Where its pages are: they may hold ours in a frame."""
    deployments: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    attributes: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    scopes: list[str] = Field(sa_column=_texts())
    """What it may say after an @."""
    suspended: bool = Field(sa_column=Column(Boolean, nullable=False))
    version: int = Field(default=1)
    made_at: datetime = Field(sa_column=_when())
    made_by: str = Field(sa_column=_text())


class LtiInvitation(Table, table=True):
    """An address at which one platform registers itself."""

    __tablename__ = "lti_invitation"
    __table_args__ = (
        Index("lti_invitation_code", "code_hash", unique=True),
        Index("lti_invitation_platform", "platform_id"),
        Index("lti_invitation_ends", "ends_at"),
    )

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    code_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    label: str = Field(sa_column=_text())
    host: str = Field(sa_column=_text())
    """Of the platform that is expected."""
    library: str | None = Field(default=None, sa_column=_text(null=True))
    made_at: datetime = Field(sa_column=_when())
    made_by: str = Field(sa_column=_text())
    ends_at: datetime = Field(sa_column=_when())
    used_at: datetime | None = Field(default=None, sa_column=_when(null=True))
    platform_id: UUID | None = Field(default=None, sa_column=_of("lti_platform", "SET NULL", null=True))


class LtiCourse(Table, table=True):
    """A context of a platform out of which we were launched."""

    __tablename__ = "lti_course"
    __table_args__ = (
        Index("lti_course_context", "platform_id", "deployment_id", "context_id", unique=True),
        Index("lti_course_due", "roster_due_at", postgresql_where="roster_due_at IS NOT NULL"),
        Index("lti_course_launched", "launched_at"),
    )

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    platform_id: UUID = Field(sa_column=_of("lti_platform", "CASCADE"))
    deployment_id: str = Field(sa_column=_text())
    context_id: str = Field(sa_column=_text())
    label: str | None = Field(default=None, sa_column=_text(null=True))
    title: str | None = Field(default=None, sa_column=_text(null=True))
    library: str | None = Field(default=None, sa_column=_text(null=True))
    memberships_url: str | None = Field(default=None, sa_column=_text(null=True))
    launched_at: datetime = Field(sa_column=_when())
    roster_due_at: datetime | None = Field(default=None, sa_column=_when(null=True))
    roster_read_at: datetime | None = Field(default=None, sa_column=_when(null=True))
    roster_failure: str | None = Field(default=None, sa_column=_text(null=True))


class LtiMember(Table, table=True):
    """Somebody in a course: no name, no address, no identifier of the platform's."""

    __tablename__ = "lti_member"
    __table_args__ = (
        Index("lti_member_id", "course_id", "id", unique=True),
        Index("lti_member_person", "person_id", postgresql_where="person_id IS NOT NULL"),
    )

    course_id: UUID = Field(sa_column=_of("lti_course", "CASCADE", key=True))
    member_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    person_id: UUID | None = Field(default=None, sa_column=_of("person", "SET NULL", null=True))
    """Whom we know them for, once they have come here."""
    roles: list[str] = Field(sa_column=_texts())
    seen_at: datetime = Field(sa_column=_when())


class LtiVisit(Table, table=True):
    """A launch under way: what its pages prove themselves with, since a frame may keep no cookies."""

    __tablename__ = "lti_visit"
    __table_args__ = (
        Index("lti_visit_token", "token_hash", unique=True),
        Index("lti_visit_platform", "platform_id"),
        Index("lti_visit_person", "person_id", postgresql_where="person_id IS NOT NULL"),
        Index("lti_visit_patron", "patron_id", postgresql_where="patron_id IS NOT NULL"),
        Index("lti_visit_ends", "ends_at"),
    )

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    platform_id: UUID = Field(sa_column=_of("lti_platform", "CASCADE"))
    person_id: UUID | None = Field(default=None, sa_column=_of("person", "CASCADE", null=True))
    patron_id: UUID | None = Field(default=None, sa_column=Column(Uuid, nullable=True))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """What it was launched for."""
    began_at: datetime = Field(sa_column=_when())
    ends_at: datetime = Field(sa_column=_when())


class LtiKey(Table, table=True):
    """A key pair of ours as a tool, the private part sealed."""

    __tablename__ = "lti_key"

    kid: str = Field(sa_column=_text(key=True))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    signs_from: datetime = Field(sa_column=_when())
    signs_until: datetime = Field(sa_column=_when())
