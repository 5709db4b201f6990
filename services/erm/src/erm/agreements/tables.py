"""Agreements, their periods and relations, what they let be used, and what became of that."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, Text, func, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlmodel import Field

from erm.metadata import Table, count, day, document, flag, key, ref, version, when, words

RESOURCES = "resource IN ('package', 'package-item', 'platform-title', 'external', 'detached')"
ONE_RESOURCE = """
CASE resource WHEN 'package' THEN package_id IS NOT NULL AND item_id IS NULL AND platform_title_id IS NULL
    WHEN 'package-item' THEN item_id IS NOT NULL AND package_id IS NULL AND platform_title_id IS NULL
    WHEN 'platform-title' THEN platform_title_id IS NOT NULL AND package_id IS NULL AND item_id IS NULL
    ELSE package_id IS NULL AND item_id IS NULL AND platform_title_id IS NULL END
AND (resource = 'external') = (authority IS NOT NULL AND reference IS NOT NULL)
AND (resource <> 'detached' OR description IS NOT NULL)
"""


class Agreement(Table, table=True):
    """What was agreed, as a whole."""

    __tablename__ = "agreement"
    __table_args__ = (
        Index("agreement_by_status", "status", "id"),
        CheckConstraint(
            "status IN ('draft', 'requested', 'in-negotiation', 'active', 'closed')", name="agreement_status"
        ),
        CheckConstraint(
            "close_reason IN ('cancelled', 'ceased', 'superseded', 'rejected')", name="agreement_close_reason"
        ),
        CheckConstraint(
            "(status = 'closed') = (close_reason IS NOT NULL)", name="agreement_closed_for_a_reason"
        ),
        CheckConstraint(
            "renewal_priority IN ('definitely-renew', 'for-review', 'definitely-cancel')",
            name="agreement_renewal_priority",
        ),
    )

    id: UUID = Field(sa_column=key())
    name: str = Field(sa_column=words())
    kind: str = Field(sa_column=words())
    status: str = Field(sa_column=words())
    close_reason: str | None = Field(default=None, sa_column=words(null=True))
    description: str | None = Field(default=None, sa_column=words(null=True))
    renewal_priority: str | None = Field(default=None, sa_column=words(null=True))
    review_on: date | None = Field(default=None, sa_column=day(null=True))
    documents: list[dict[str, Any]] = Field(sa_column=document())
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class AgreementPeriod(Table, table=True):
    """From when until when; a period without an end runs on."""

    __tablename__ = "agreement_period"
    __table_args__ = (
        ExcludeConstraint(
            ("agreement_id", "="),
            (func.daterange(Column("starts_on"), Column("ends_on"), text("'[]'")), "&&"),
            name="agreement_periods_do_not_overlap",
            using="gist",
        ),
        Index("agreement_period_by_deadline", "cancel_by", postgresql_where=text("cancel_by IS NOT NULL")),
        CheckConstraint("ends_on >= starts_on", name="agreement_period_runs_forwards"),
        CheckConstraint("NOT open_ended OR ends_on IS NULL", name="agreement_period_open_ended_has_no_end"),
    )

    agreement_id: UUID = Field(sa_column=ref(to="agreement.id", primary=True))
    position: int = Field(sa_column=count(None, primary=True))
    starts_on: date = Field(sa_column=day())
    ends_on: date | None = Field(default=None, sa_column=day(null=True))
    open_ended: bool = Field(default=False, sa_column=flag(default=False))
    """It was agreed to have no end; without this and without an end, none was told."""
    cancel_by: date | None = Field(default=None, sa_column=day(null=True))
    """The last day on which it can be cancelled."""
    note: str | None = Field(default=None, sa_column=words(null=True))


class AgreementOrganisation(Table, table=True):
    """Who takes part, and as what."""

    __tablename__ = "agreement_organisation"
    __table_args__ = (Index("agreement_organisation_by_organisation", "organisation_id", "agreement_id"),)

    agreement_id: UUID = Field(sa_column=ref(to="agreement.id", primary=True))
    organisation_id: UUID = Field(sa_column=ref(to="organisation.id", primary=True))
    role: str = Field(sa_column=Column(Text, primary_key=True))


class AgreementLicence(Table, table=True):
    """A licence of an agreement: the one that governs it, one that did, or one that will."""

    __tablename__ = "agreement_licence"
    __table_args__ = (
        Index("agreement_licence_by_licence", "licence_id", "agreement_id"),
        Index(
            "agreement_one_governing_licence",
            "agreement_id",
            unique=True,
            postgresql_where=text("standing = 'controlling'"),
        ),
        CheckConstraint(
            "standing IN ('controlling', 'future', 'historical')", name="agreement_licence_standing"
        ),
    )

    agreement_id: UUID = Field(sa_column=ref(to="agreement.id", primary=True))
    licence_id: UUID = Field(sa_column=ref(to="licence.id", primary=True))
    standing: str = Field(sa_column=words())
    note: str | None = Field(default=None, sa_column=words(null=True))


class AgreementRelation(Table, table=True):
    """How an agreement stands to another."""

    __tablename__ = "agreement_relation"
    __table_args__ = (
        Index("agreement_relation_by_other", "other_id", "agreement_id"),
        CheckConstraint("kind IN ('supersedes', 'part-of', 'related-to')", name="agreement_relation_kind"),
        CheckConstraint("agreement_id <> other_id", name="agreement_relation_to_another"),
    )

    agreement_id: UUID = Field(sa_column=ref(to="agreement.id", primary=True))
    other_id: UUID = Field(sa_column=ref(to="agreement.id", primary=True))
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    note: str | None = Field(default=None, sa_column=words(null=True))


class AgreementLine(Table, table=True):
    """What an agreement lets be used, and from when until when."""

    __tablename__ = "agreement_line"
    __table_args__ = (
        Index("agreement_line_by_agreement", "agreement_id", "id"),
        Index("agreement_line_by_package", "package_id", postgresql_where=text("package_id IS NOT NULL")),
        Index("agreement_line_by_item", "item_id", postgresql_where=text("item_id IS NOT NULL")),
        Index(
            "agreement_line_by_platform_title",
            "platform_title_id",
            postgresql_where=text("platform_title_id IS NOT NULL"),
        ),
        CheckConstraint(RESOURCES, name="agreement_line_resource"),
        CheckConstraint(ONE_RESOURCE, name="agreement_line_of_one_resource"),
        CheckConstraint("active_to >= active_from", name="agreement_line_runs_forwards"),
        CheckConstraint(
            "coverage = '[]' OR resource IN ('package-item', 'platform-title')",
            name="agreement_line_covers_a_title",
        ),
    )

    id: UUID = Field(sa_column=key())
    agreement_id: UUID = Field(sa_column=ref(to="agreement.id"))
    resource: str = Field(sa_column=words())
    package_id: UUID | None = Field(default=None, sa_column=ref(to="package.id", null=True))
    item_id: UUID | None = Field(default=None, sa_column=ref(to="package_item.id", null=True))
    platform_title_id: UUID | None = Field(default=None, sa_column=ref(to="platform_title.id", null=True))
    authority: str | None = Field(default=None, sa_column=words(null=True))
    """Whose knowledge base: `ebsco`, `gokb` …"""
    reference: str | None = Field(default=None, sa_column=words(null=True))
    description: str | None = Field(default=None, sa_column=words(null=True))
    active_from: date | None = Field(default=None, sa_column=day(null=True))
    active_to: date | None = Field(default=None, sa_column=day(null=True))
    """The last day, included."""
    suppressed: bool = Field(default=False, sa_column=flag(default=False))
    """Kept, and not shown to readers."""
    coverage: list[dict[str, Any]] = Field(sa_column=document())
    """Our own, which counts before the knowledge base's; empty: theirs counts."""
    note: str | None = Field(default=None, sa_column=words(null=True))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class AgreementLineOrder(Table, table=True):
    """What was ordered for a line."""

    __tablename__ = "agreement_line_order"
    __table_args__ = (Index("agreement_line_order_by_order_line", "order_line_id", "line_id"),)

    line_id: UUID = Field(sa_column=ref(to="agreement_line.id", primary=True))
    order_line_id: UUID = Field(sa_column=ref(to="order_line.id", primary=True))


class EntitlementEntry(Table, table=True):
    """What became of a line, written once and never changed: had we this on that day?"""

    __tablename__ = "entitlement_entry"
    __table_args__ = (
        Index("entitlement_entry_by_line", "line_id", "id"),
        Index("entitlement_entry_by_agreement", "agreement_id", "id"),
    )

    id: UUID = Field(sa_column=key())
    agreement_id: UUID = Field(sa_column=ref(to="agreement.id"))
    line_id: UUID = Field(sa_column=ref(to="agreement_line.id"))
    what: str = Field(sa_column=words())
    """added, changed, ended, reopened, suppressed, shown."""
    line: dict[str, Any] = Field(sa_column=document())
    """As it stood afterwards."""
    at: datetime = Field(sa_column=when())
    actor: str = Field(sa_column=words())
