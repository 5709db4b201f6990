"""The metadata that all of erm's tables share, and the column kinds they use."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, ForeignKey, Integer, Numeric, Text, Uuid
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import registry
from sqlmodel import SQLModel


class Table(SQLModel, registry=registry()):
    """What erm's tables share (SQLModel's default metadata is common to all services in one box)."""


def key() -> Any:
    """A UUID primary key."""
    return Column(Uuid, primary_key=True)


def ref(*, to: str | None = None, null: bool = False, primary: bool = False) -> Any:
    """A UUID that names a row, here or elsewhere."""
    return Column(Uuid, *([ForeignKey(to)] if to else []), nullable=null, primary_key=primary)


def words(*, null: bool = False, default: str | None = None) -> Any:
    """Text."""
    return Column(Text, nullable=null, server_default=default)


def sorted_words(*, null: bool = False) -> Any:
    """Text that is put in order and compared letter by letter, whatever the database's language is."""
    return Column(Text(collation="C"), nullable=null)


def several() -> Any:
    """Texts."""
    return Column(ARRAY(Text), nullable=False, server_default=sql("'{}'"))


def refs() -> Any:
    """UUIDs that name rows elsewhere."""
    return Column(ARRAY(Uuid), nullable=False, server_default=sql("'{}'"))


def when(*, null: bool = False) -> Any:
    """A moment."""
    return Column(DateTime(timezone=True), nullable=null)


def day(*, null: bool = False) -> Any:
    """A date."""
    return Column(Date, nullable=null)


def minor(default: int | None = None, *, null: bool = False) -> Any:
    """Money in minor units of a currency that stands beside it."""
    return Column(BigInteger, nullable=null, server_default=None if default is None else str(default))


def version() -> Any:
    """How often a row was changed, from 1."""
    return Column(BigInteger, nullable=False, server_default="1")


def exact(digits: int, places: int, *, null: bool = False) -> Any:
    """An exact decimal: a percentage, a rate."""
    return Column(Numeric(digits, places), nullable=null)


def count(default: int | None = 0, *, null: bool = False, primary: bool = False) -> Any:
    """A number."""
    told = None if default is None else str(default)
    return Column(Integer, nullable=null, primary_key=primary, autoincrement=False, server_default=told)


def flag(*, default: bool) -> Any:
    """Yes or no."""
    return Column(Boolean, nullable=False, server_default=sql("true" if default else "false"))


def document(*, default: str | None = None) -> Any:
    """JSON."""
    return Column(JSONB, nullable=False, server_default=default)
