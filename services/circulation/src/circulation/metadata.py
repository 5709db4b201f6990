"""The metadata that all of circulation's tables share, and the column kinds they use."""

from typing import Any

from sqlalchemy import ARRAY, BigInteger, Column, DateTime, ForeignKey, Integer, Text, Uuid
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import SQLModel


class Table(SQLModel, registry=registry()):
    """What circulation's tables share (SQLModel's default metadata is common to all services in one box)."""


def key() -> Any:
    """A UUID primary key."""
    return Column(Uuid, primary_key=True)


def ref(*, to: str | None = None, null: bool = False) -> Any:
    """A UUID that names a row, here or elsewhere."""
    return Column(Uuid, *([ForeignKey(to)] if to else []), nullable=null)


def words(*, null: bool = False) -> Any:
    """Text."""
    return Column(Text, nullable=null)


def when(*, null: bool = False) -> Any:
    """A moment."""
    return Column(DateTime(timezone=True), nullable=null)


def big(default: int) -> Any:
    """A 64-bit counter."""
    return Column(BigInteger, nullable=False, server_default=str(default))


def count(default: int = 0) -> Any:
    """A counter."""
    return Column(Integer, nullable=False, server_default=str(default))


def minor_units() -> Any:
    """Money in minor units."""
    return Column(BigInteger, nullable=False)


def texts() -> Any:
    """Several texts."""
    return Column(ARRAY(Text), nullable=False, server_default=sql("'{}'"))


def uuids() -> Any:
    """Several UUIDs."""
    return Column(ARRAY(Uuid), nullable=False)


def document() -> Any:
    """JSON."""
    return Column(JSONB, nullable=False)
