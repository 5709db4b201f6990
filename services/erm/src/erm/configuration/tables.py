"""The document in force."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Column, text
from sqlmodel import Field

from erm.metadata import Table, document, version, when, words


class Configuration(Table, table=True):
    """One row."""

    __tablename__ = "configuration"
    __table_args__ = (CheckConstraint("singleton", name="configuration_is_one"),)

    singleton: bool = Field(
        default=True, sa_column=Column(Boolean, primary_key=True, server_default=text("true"))
    )
    version: int = Field(default=1, sa_column=version())
    document: dict[str, Any] = Field(sa_column=document())
    applied_at: datetime | None = Field(default=None, sa_column=when(null=True))
    applied_by: str | None = Field(default=None, sa_column=words(null=True))
