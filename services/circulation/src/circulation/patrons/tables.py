"""Patrons and their blocks. Names and addresses stand here and nowhere else."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Boolean, CheckConstraint, Column, Date, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlmodel import Field

from circulation.metadata import Table, big, count, key, ref, texts, when, words


def _listed(empty: str) -> Any:
    """A part of the registration that is kept as it is told."""
    return Column(JSONB, nullable=False, server_default=text(f"'{empty}'"))


class Patron(Table, table=True):
    """Somebody who borrows."""

    __tablename__ = "patron"
    __table_args__ = (
        Index("patron_barcode", "barcode", unique=True, postgresql_where=text("barcode IS NOT NULL")),
        Index(
            "patron_external_id", "external_id", unique=True, postgresql_where=text("external_id IS NOT NULL")
        ),
        Index("patron_by_name", "name_key", "id"),
        Index("patron_by_words", "name_words", postgresql_using="gin"),
        Index("patron_nameless", "id", postgresql_where=text("name_key IS NULL")),
        Index("patron_custom", "custom", postgresql_using="gin", postgresql_where=text("custom <> '{}'")),
        Index("patron_tags", "tags", postgresql_using="gin", postgresql_where=text("tags <> '{}'")),
        Index("patron_by_group", "group_code", "expires_at"),
        Index("patron_by_end", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
        Index("patron_by_load", "loaded_by", "id", postgresql_where=text("loaded_by IS NOT NULL")),
        CheckConstraint("open_loans >= 0", name="patron_loans_counted"),
        CheckConstraint("wards >= 0", name="patron_wards_counted"),
        CheckConstraint("owed >= 0", name="patron_owed_counted"),
        CheckConstraint("claims_open >= 0 AND claims_open <= claims", name="patron_claims_counted"),
    )

    id: UUID = Field(sa_column=key())
    barcode: str | None = Field(default=None, sa_column=words(null=True))
    external_id: str | None = Field(default=None, sa_column=words(null=True))
    group: str = Field(sa_column=Column("group_code", Text, nullable=False))
    family_name: str = Field(sa_column=words())
    given_name: str | None = Field(default=None, sa_column=words(null=True))
    email: str | None = Field(default=None, sa_column=words(null=True))
    language: str | None = Field(default=None, sa_column=words(null=True))
    library: str | None = Field(default=None, sa_column=words(null=True))
    expires_at: datetime | None = Field(default=None, sa_column=when(null=True))
    active: bool = Field(default=True, sa_column=Column(Boolean, nullable=False, server_default=text("true")))
    version: int = Field(default=1, sa_column=big(1))
    """Of the registration: what its ETag and events tell."""
    guard: int = Field(default=1, sa_column=big(1))
    """Raised by whatever a rule may read of the patron: loans, fees, blocks, holds, the registration."""
    open_loans: int = Field(default=0, sa_column=count())
    owed: int = Field(default=0, sa_column=big(0))
    wards: int = Field(default=0, sa_column=count())
    """For how many the patron answers, those among them who have come of age since."""
    claims: int = Field(default=0, sa_column=count())
    """How often the patron said to have brought something back that was not found."""
    claims_open: int = Field(default=0, sa_column=count())
    """Open loans of which that is said now; they do not count to limits."""
    auto_renew: bool = Field(
        default=True, sa_column=Column(Boolean, nullable=False, server_default=text("true"))
    )
    """Whether the patron wants loans to be renewed without asking, where policies do so."""
    created_at: datetime = Field(sa_column=when())
    loaded_by: str | None = Field(default=None, sa_column=words(null=True))
    """The load profile whose files tell of the patron."""
    preferred_name: str | None = Field(default=None, sa_column=words(null=True))
    """The given name by which they are called."""
    sort_name: str | None = Field(default=None, sa_column=words(null=True))
    """What they file under, where that is not family name before given name."""
    name_order: str | None = Field(default=None, sa_column=words(null=True))
    name_forms: list[dict[str, Any]] = Field(default_factory=list, sa_column=_listed("[]"))
    birth_on: date | None = Field(default=None, sa_column=Column(Date, nullable=True))
    note: str | None = Field(default=None, sa_column=words(null=True))
    """For staff."""
    addresses: list[dict[str, Any]] = Field(default_factory=list, sa_column=_listed("[]"))
    emails: list[dict[str, Any]] = Field(default_factory=list, sa_column=_listed("[]"))
    phones: list[dict[str, Any]] = Field(default_factory=list, sa_column=_listed("[]"))
    statistics: dict[str, str] = Field(default_factory=dict, sa_column=_listed("{}"))
    custom: dict[str, Any] = Field(default_factory=dict, sa_column=_listed("{}"))
    """Facts of the library's own (`registration/own.py`)."""
    tags: list[str] = Field(default_factory=list, sa_column=texts())
    name_key: str | None = Field(default=None, sa_column=Column(Text(collation="C"), nullable=True))
    """The filing name, folded; null until the `name-patrons` timer has seen a row that an older release wrote."""
    name_words: Any = Field(default=None, sa_column=Column(TSVECTOR, nullable=True))


class PatronBlock(Table, table=True):
    """A reason why a patron may not do something, until it is lifted or runs out."""

    __tablename__ = "patron_block"
    __table_args__ = (
        Index("patron_block_by_patron", "patron_id"),
        Index("patron_block_by_loan", "loan_id", postgresql_where=text("loan_id IS NOT NULL")),
    )

    id: UUID = Field(sa_column=key())
    patron_id: UUID = Field(sa_column=ref(to="patron.id"))
    actions: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    note: str = Field(sa_column=words())
    message: str | None = Field(default=None, sa_column=words(null=True))
    expires_at: datetime | None = Field(default=None, sa_column=when(null=True))
    created_at: datetime = Field(sa_column=when())
    created_by: str = Field(sa_column=words())
    template: str | None = Field(default=None, sa_column=words(null=True))
    version: int = Field(default=1, sa_column=big(1))
    kind: str = Field(default="manual", sa_column=Column(Text, nullable=False, server_default="manual"))
    """`manual`; `suspension`: made, and made longer, by the fine policies; or `reminder`."""
    loan_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """What a reminder was about; the block ends with the loan, or when that is no longer due at `for_due_at`."""
    for_due_at: datetime | None = Field(default=None, sa_column=when(null=True))


class LiftedBlock(Table, table=True):
    """A block that was lifted: on record, and out of the desk's way."""

    __tablename__ = "lifted_block"
    __table_args__ = (Index("lifted_block_by_patron", "patron_id", "id"),)

    id: UUID = Field(sa_column=key())
    patron_id: UUID = Field(sa_column=ref(to="patron.id"))
    template: str | None = Field(default=None, sa_column=words(null=True))
    actions: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    note: str = Field(sa_column=words())
    message: str | None = Field(default=None, sa_column=words(null=True))
    expires_at: datetime | None = Field(default=None, sa_column=when(null=True))
    created_at: datetime = Field(sa_column=when())
    created_by: str = Field(sa_column=words())
    lifted_at: datetime = Field(sa_column=when())
    lifted_by: str = Field(sa_column=words())
    lifted_because: str | None = Field(default=None, sa_column=words(null=True))
    loan_id: UUID | None = Field(default=None, sa_column=ref(null=True))
