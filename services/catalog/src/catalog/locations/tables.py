"""Institution, campus, library, location; material and loan types."""

from uuid import UUID

from sqlalchemy import Boolean, Column, Index, text
from sqlmodel import Field

from catalog.metadata import Table, big, flag, key, ref, words


class Institution(Table, table=True):
    """The root of the tree."""

    __tablename__ = "institution"
    __table_args__ = (Index("institution_code", "code", unique=True),)

    id: UUID = Field(sa_column=key())
    code: str = Field(sa_column=words())
    name: str = Field(sa_column=words())


class Campus(Table, table=True):
    """A place of the institution."""

    __tablename__ = "campus"
    __table_args__ = (
        Index("campus_code", "code", unique=True),
        Index("campus_institution", "institution_id"),
    )

    id: UUID = Field(sa_column=key())
    code: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    institution_id: UUID = Field(sa_column=ref(to="institution.id"))


class Library(Table, table=True):
    """A library on a campus."""

    __tablename__ = "library"
    __table_args__ = (Index("library_code", "code", unique=True), Index("library_campus", "campus_id"))

    id: UUID = Field(sa_column=key())
    code: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    campus_id: UUID = Field(sa_column=ref(to="campus.id"))


class Location(Table, table=True):
    """A shelf of a library. Its code is unique in its library: many have their `STACKS`."""

    __tablename__ = "location"
    __table_args__ = (Index("location_code_in_library", "library_id", "code", unique=True),)

    id: UUID = Field(sa_column=key())
    code: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    library_id: UUID = Field(sa_column=ref(to="library.id"))
    active: bool = Field(sa_column=flag(default=True))
    version: int = Field(sa_column=big(1))


class MaterialType(Table, table=True):
    """What an item is made as: book, video, score."""

    __tablename__ = "material_type"

    code: str = Field(sa_column=words(primary=True))
    name: str = Field(sa_column=words())


class LoanType(Table, table=True):
    """What an item may be lent as: standard, reference."""

    __tablename__ = "loan_type"

    code: str = Field(sa_column=words(primary=True))
    name: str = Field(sa_column=words())


class StatisticalCode(Table, table=True):
    """What titles, holdings and items may count as in reports."""

    __tablename__ = "statistical_code"

    code: str = Field(sa_column=words(primary=True))
    name: str = Field(sa_column=words())
    kind: str = Field(sa_column=words(default=""))
    """Codes of one kind are counted together."""


class DamagedStatus(Table, table=True):
    """A condition that an item may be in."""

    __tablename__ = "damaged_status"

    code: str = Field(sa_column=words(primary=True))
    name: str = Field(sa_column=words())


class DigitisationPolicy(Table, table=True):
    """Whether and how holdings are digitised."""

    __tablename__ = "digitisation_policy"

    code: str = Field(sa_column=words(primary=True))
    name: str = Field(sa_column=words())


class ConfigurationState(Table, table=True):
    """One row: the configuration's version, and the lock under which it changes."""

    __tablename__ = "configuration_state"

    singleton: bool = Field(sa_column=Column(Boolean, primary_key=True, server_default=text("true")))
    version: int = Field(sa_column=big(1))
