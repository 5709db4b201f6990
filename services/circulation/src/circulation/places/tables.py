"""Service points; our copy of the catalogue's locations; the configuration, version by version."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Column, Index, Text, text
from sqlmodel import Field

from circulation.metadata import Table, big, count, document, key, when, words


class ServicePoint(Table, table=True):
    """A desk. Its hours stand in the configuration; the row gives it an id that never changes."""

    __tablename__ = "service_point"
    __table_args__ = (Index("service_point_code", "code", unique=True),)

    id: UUID = Field(sa_column=key())
    code: str = Field(sa_column=words())
    active: bool = Field(default=True, sa_column=Column(Boolean, nullable=False, server_default=text("true")))
    calendar_version: int = Field(default=0, sa_column=big(0))
    """Events of its calendar."""


class Location(Table, table=True):
    """Where items stand, as the catalogue tells."""

    __tablename__ = "location"
    __table_args__ = (Index("location_library", "library"),)

    id: UUID = Field(sa_column=key())
    code: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    library: str = Field(sa_column=words())
    library_name: str = Field(sa_column=words())
    campus: str = Field(sa_column=words())
    institution: str = Field(sa_column=words())
    epoch: int = Field(sa_column=count(1))
    version: int = Field(sa_column=big(1))


class ConfigurationVersion(Table, table=True):
    """The configuration as it was applied; the highest version counts."""

    __tablename__ = "configuration_version"

    version: int = Field(primary_key=True)
    document: dict[str, Any] = Field(sa_column=document())
    applied_at: datetime = Field(sa_column=when())
    applied_by: str = Field(sa_column=words())
    how: str = Field(sa_column=Column(Text, nullable=False, server_default="applied"))
    comment: str | None = Field(default=None, sa_column=words(null=True))


class Reference(Table, table=True):
    """One row: the version of everything that processes keep in memory. A busy statement reads it along."""

    __tablename__ = "reference"

    singleton: bool = Field(sa_column=Column(Boolean, primary_key=True, server_default=text("true")))
    version: int = Field(sa_column=big(0))
