"""Organisations: one record, many roles."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, text
from sqlmodel import Field

from erm.metadata import Table, count, document, flag, key, ref, refs, several, version, when, words


class Organisation(Table, table=True):
    """A vendor, publisher, consortium or society."""

    __tablename__ = "organisation"
    __table_args__ = (
        Index("organisation_one_per_code", "code", unique=True),
        Index(
            "organisation_by_name", text("organisation_names(code, name, aliases)"), postgresql_using="gin"
        ),
        Index(
            "organisation_in_units",
            "acquisition_unit_ids",
            postgresql_using="gin",
            postgresql_where=text("acquisition_unit_ids <> '{}'"),
        ),
        CheckConstraint("cardinality(roles) > 0", name="organisation_is_something"),
    )

    id: UUID = Field(sa_column=key())
    code: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    aliases: list[str] = Field(default_factory=list, sa_column=several())
    """Other names that it goes by, or went by."""
    roles: list[str] = Field(sa_column=several())
    currency: str | None = Field(default=None, sa_column=words(null=True))
    """What its prices are in, unless an order says otherwise."""
    accounts: list[dict[str, Any]] = Field(sa_column=document())
    """The library's accounts with it."""
    contacts: list[dict[str, Any]] = Field(sa_column=document(default="[]"))
    """Whom to ask there, and about what."""
    identifiers: list[dict[str, Any]] = Field(sa_column=document())
    claim_after_days: int | None = Field(default=None, sa_column=count(None, null=True))
    """How long after an approval it has, where the order line does not say when it is expected."""
    claim_interval_days: int | None = Field(default=None, sa_column=count(None, null=True))
    claims_at_most: int | None = Field(default=None, sa_column=count(None, null=True))
    note: str | None = Field(default=None, sa_column=words(null=True))
    active: bool = Field(default=True, sa_column=flag(default=True))
    acquisition_unit_ids: list[UUID] = Field(default_factory=list, sa_column=refs())
    """Who may see and change it; none: whoever has the scope."""
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class OrganisationInterface(Table, table=True):
    """A place of an organisation's where the library signs in: a shop, an administration page, usage reports."""

    __tablename__ = "organisation_interface"
    __table_args__ = (
        Index("organisation_interface_by_organisation", "organisation_id", "id"),
        CheckConstraint(
            "(sealed IS NULL) = (secret_set_at IS NULL)", name="organisation_interface_secret_is_dated"
        ),
    )

    id: UUID = Field(sa_column=key())
    organisation_id: UUID = Field(sa_column=ref(to="organisation.id"))
    name: str = Field(sa_column=words())
    kinds: list[str] = Field(sa_column=several())
    url: str | None = Field(default=None, sa_column=words(null=True))
    user_name: str | None = Field(default=None, sa_column=words(null=True))
    sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """The password or key: it goes in, and never out."""
    secret_set_at: datetime | None = Field(default=None, sa_column=when(null=True))
    note: str | None = Field(default=None, sa_column=words(null=True))
    active: bool = Field(default=True, sa_column=flag(default=True))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class BankAccount(Table, table=True):
    """Where an organisation wants its money; it counts once somebody else than who told it has confirmed it."""

    __tablename__ = "bank_account"
    __table_args__ = (
        Index("bank_account_by_organisation", "organisation_id", "id"),
        Index(
            "bank_account_once",
            "organisation_id",
            text("coalesce(iban, account_number)"),
            text("coalesce(routing_code, '')"),
            unique=True,
            postgresql_where=text("state <> 'closed'"),
        ),
        CheckConstraint("state IN ('unconfirmed', 'confirmed', 'closed')", name="bank_account_state"),
        CheckConstraint("(iban IS NULL) <> (account_number IS NULL)", name="bank_account_has_one_number"),
        CheckConstraint("confirmed_by <> told_by", name="bank_account_by_two"),
        CheckConstraint(
            "state <> 'confirmed' OR confirmed_by IS NOT NULL", name="bank_account_confirmed_by_somebody"
        ),
    )

    id: UUID = Field(sa_column=key())
    organisation_id: UUID = Field(sa_column=ref(to="organisation.id"))
    holder: str = Field(sa_column=words())
    iban: str | None = Field(default=None, sa_column=words(null=True))
    account_number: str | None = Field(default=None, sa_column=words(null=True))
    """Where there is no IBAN."""
    routing_code: str | None = Field(default=None, sa_column=words(null=True))
    bic: str | None = Field(default=None, sa_column=words(null=True))
    bank: str | None = Field(default=None, sa_column=words(null=True))
    currency: str | None = Field(default=None, sa_column=words(null=True))
    note: str | None = Field(default=None, sa_column=words(null=True))
    state: str = Field(sa_column=words())
    told_by: str = Field(sa_column=words())
    """Who entered or last changed it."""
    confirmed_by: str | None = Field(default=None, sa_column=words(null=True))
    confirmed_at: datetime | None = Field(default=None, sa_column=when(null=True))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())
