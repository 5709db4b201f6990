"""Licences, as far as interlibrary loan goes by them."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlmodel import Field

from ill.metadata import Table, big, count, day, document, key, words


class KnownLicence(Table, table=True):
    """A licence, and what it says of interlibrary loan on which days; acquisitions' event is all that writes it."""

    __tablename__ = "known_licence"

    licence_id: UUID = Field(sa_column=key())
    name: str = Field(sa_column=words())
    status: str = Field(sa_column=words())
    starts_on: date | None = Field(default=None, sa_column=day(null=True))
    ends_on: date | None = Field(default=None, sa_column=day(null=True))
    terms: list[dict[str, Any]] = Field(sa_column=document())
    epoch: int = Field(default=1, sa_column=count(1))
    version: int = Field(default=0, sa_column=big(0))
