"""The document in force."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Column, Text, text
from sqlmodel import Field

from ill.metadata import Table, big, document, when, words


class Declaration(Table, table=True):
    """What was declared with copies, in the very words: kept for good, for requests name the version alone."""

    __tablename__ = "declaration"

    version: str = Field(sa_column=Column(Text, primary_key=True))
    text: str = Field(sa_column=words())
    since: datetime = Field(sa_column=when())


class Configuration(Table, table=True):
    """One row."""

    __tablename__ = "configuration"
    __table_args__ = (CheckConstraint("singleton", name="configuration_is_one"),)

    singleton: bool = Field(
        default=True, sa_column=Column(Boolean, primary_key=True, server_default=text("true"))
    )
    version: int = Field(default=0, sa_column=big(0))
    document: dict[str, Any] = Field(sa_column=document())
    applied_at: datetime | None = Field(default=None, sa_column=when(null=True))
    applied_by: str | None = Field(default=None, sa_column=words(null=True))
