"""The metadata that all of ill's tables share, and the column kinds they use."""

from typing import Any

from sqlalchemy import (
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
    """What ill's tables share (SQLModel's default metadata is common to all services in one box)."""


def key() -> Any:
    """A UUID primary key."""
    return Column(Uuid, primary_key=True)


def ref(*, to: str | None = None, null: bool = False, primary: bool = False) -> Any:
    """A UUID that names a row, here or elsewhere."""
    return Column(Uuid, *([ForeignKey(to)] if to else []), nullable=null, primary_key=primary)


def words(*, null: bool = False) -> Any:
    """Text."""
    return Column(Text, nullable=null)


def when(*, null: bool = False) -> Any:
    """A moment."""
    return Column(DateTime(timezone=True), nullable=null)


def day(*, null: bool = False) -> Any:
    """A date."""
    return Column(Date, nullable=null)


def big(default: int | None = None, *, null: bool = False) -> Any:
    """A 64-bit number: a version, or money in minor units."""
    return Column(BigInteger, nullable=null, server_default=None if default is None else str(default))


def count(default: int | None = 0, *, null: bool = False) -> Any:
    """A number."""
    return Column(Integer, nullable=null, server_default=None if default is None else str(default))


def flag(*, default: bool) -> Any:
    """Yes or no."""
    return Column(Boolean, nullable=False, server_default=sql("true" if default else "false"))


def document() -> Any:
    """JSON."""
    return Column(JSONB, nullable=False)


def digest(*, null: bool = False) -> Any:
    """A SHA-256."""
    return Column(LargeBinary, nullable=null)
