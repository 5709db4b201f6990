"""The vocabulary of terms; licences, their amendments, and what each says of a term."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from erm.metadata import Table, count, day, document, flag, key, ref, several, version, when, words

KINDS = "kind IN ('text', 'integer', 'decimal', 'date', 'money', 'boolean', 'choice', 'multi-choice')"
USES = "use_rule IN ('permitted', 'prohibited', 'silent', 'interpreted')"
STATES = "status IN ('draft', 'in-negotiation', 'active', 'closed', 'rejected')"


class LicenceTerm(Table, table=True):
    """A term that licences may say something of."""

    __tablename__ = "licence_term"
    __table_args__ = (CheckConstraint(KINDS, name="licence_term_kind"),)

    code: str = Field(sa_column=Column(Text, primary_key=True))
    name: str = Field(sa_column=words())
    category: str = Field(sa_column=words())
    kind: str = Field(sa_column=words())
    choices: list[str] = Field(sa_column=several())
    weight: int = Field(default=100, sa_column=count(100))
    """Where it stands in a list: small numbers first."""
    shown: bool = Field(default=False, sa_column=flag(default=False))
    """Readers see it beside a link."""
    standard: str | None = Field(default=None, sa_column=words(null=True))
    """What ERMI or ONIX-PL call it."""
    version: int = Field(default=1, sa_column=version())


class Licence(Table, table=True):
    """What was agreed with a licensor."""

    __tablename__ = "licence"
    __table_args__ = (
        Index("licence_by_status", "status", "id"),
        Index("licence_by_licensor", "licensor_id", "id"),
        CheckConstraint(STATES, name="licence_status"),
        CheckConstraint("ends_on >= starts_on", name="licence_runs_forwards"),
        CheckConstraint("NOT open_ended OR ends_on IS NULL", name="licence_open_ended_has_no_end"),
    )

    id: UUID = Field(sa_column=key())
    name: str = Field(sa_column=words())
    kind: str = Field(sa_column=words())
    status: str = Field(sa_column=words())
    licensor_id: UUID | None = Field(default=None, sa_column=ref(to="organisation.id", null=True))
    starts_on: date | None = Field(default=None, sa_column=day(null=True))
    ends_on: date | None = Field(default=None, sa_column=day(null=True))
    open_ended: bool = Field(default=False, sa_column=flag(default=False))
    """It says that it has no end; without this and without an end, none was told."""
    documents: list[dict[str, Any]] = Field(sa_column=document())
    note: str | None = Field(default=None, sa_column=words(null=True))
    counts: list[dict[str, Any]] = Field(sa_column=document())
    """What counts on which days, with the amendments laid over it: as events tell it, and as the resolver reads it."""
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class LicenceAmendment(Table, table=True):
    """What was agreed later. Numbers go up: of two that are in force, the higher one counts."""

    __tablename__ = "licence_amendment"
    __table_args__ = (
        CheckConstraint("number > 0", name="licence_amendment_number"),
        CheckConstraint(STATES, name="licence_amendment_status"),
        CheckConstraint("ends_on >= starts_on", name="licence_amendment_runs_forwards"),
        CheckConstraint("NOT open_ended OR ends_on IS NULL", name="licence_amendment_open_ended_has_no_end"),
    )

    licence_id: UUID = Field(sa_column=ref(to="licence.id", primary=True))
    number: int = Field(sa_column=count(None, primary=True))
    name: str = Field(sa_column=words())
    status: str = Field(sa_column=words())
    starts_on: date | None = Field(default=None, sa_column=day(null=True))
    ends_on: date | None = Field(default=None, sa_column=day(null=True))
    open_ended: bool = Field(default=False, sa_column=flag(default=False))
    documents: list[dict[str, Any]] = Field(sa_column=document())
    note: str | None = Field(default=None, sa_column=words(null=True))


class LicenceTermValue(Table, table=True):
    """What a licence (amendment 0) or an amendment says of a term."""

    __tablename__ = "licence_term_value"
    __table_args__ = (
        Index("licence_term_value_by_term", "term"),
        CheckConstraint(USES, name="licence_term_value_use"),
        CheckConstraint(
            "value IS NOT NULL OR use_rule IS NOT NULL", name="licence_term_value_says_something"
        ),
    )

    licence_id: UUID = Field(sa_column=ref(to="licence.id", primary=True))
    amendment: int = Field(default=0, sa_column=count(0, primary=True))
    term: str = Field(sa_column=Column(Text, ForeignKey("licence_term.code"), primary_key=True))
    value: Any = Field(default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True))
    use_rule: str | None = Field(default=None, sa_column=words(null=True))
    public_note: str | None = Field(default=None, sa_column=words(null=True))
    internal_note: str | None = Field(default=None, sa_column=words(null=True))
    internal: bool = Field(default=False, sa_column=flag(default=False))
    """Never shown to readers, whatever the term is."""
