"""The metadata that all of the catalogue's tables share, and the column kinds they use."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Integer,
    LargeBinary,
    Text,
    Uuid,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import SQLModel


class Table(SQLModel, registry=registry()):
    """What the catalogue's tables share (SQLModel's default metadata is common to all services in one box)."""


def key() -> Any:
    """A UUID primary key."""
    return Column(Uuid, primary_key=True)


def ref(*, to: str | None = None, null: bool = False, primary: bool = False) -> Any:
    """A UUID that names a row."""
    return Column(Uuid, *([ForeignKey(to)] if to else []), nullable=null, primary_key=primary)


def words(*, null: bool = False, default: str | None = None, primary: bool = False) -> Any:
    """Text."""
    return Column(Text, nullable=null, server_default=default, primary_key=primary)


def when(*, null: bool = False, default_now: bool = False) -> Any:
    """A moment."""
    return Column(
        DateTime(timezone=True), nullable=null, server_default=sql("now()") if default_now else None
    )


def big(default: int | None = None, *, null: bool = False, primary: bool = False) -> Any:
    """A 64-bit number."""
    told = None if default is None else str(default)
    return Column(BigInteger, nullable=null, server_default=told, primary_key=primary, autoincrement=False)


def count(default: int | None = 0, *, null: bool = False) -> Any:
    """A number."""
    return Column(Integer, nullable=null, server_default=None if default is None else str(default))


def flag(*, default: bool) -> Any:
    """Yes or no."""
    return Column(Boolean, nullable=False, server_default=sql("true" if default else "false"))


def uuids() -> Any:
    """Several UUIDs."""
    return Column(ARRAY(Uuid), nullable=False, server_default=sql("'{}'"))


def texts() -> Any:
    """Several texts."""
    return Column(ARRAY(Text), nullable=False, server_default=sql("'{}'"))


def day() -> Any:
    """A date, where there is one."""
    return Column(Date, nullable=True)


def document(default: str) -> Any:
    """JSON."""
    return Column(JSONB, nullable=False, server_default=sql(f"'{default}'"))


def content(*, null: bool = False) -> Any:
    """Bytes."""
    return Column(LargeBinary, nullable=null)
