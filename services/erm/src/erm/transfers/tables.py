"""Transfers of titles, and what each asks of the library."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from erm.metadata import Table, day, key, ref, version, when, words


class TitleTransfer(Table, table=True):
    """A title goes from one publisher to another."""

    __tablename__ = "title_transfer"
    __table_args__ = (
        CheckConstraint(
            "status IN ('announced', 'moved', 'done', 'withdrawn')", name="title_transfer_status"
        ),
        CheckConstraint(
            "perpetual_access IN ('transferring', 'receiving', 'both', 'none', 'unknown')",
            name="title_transfer_perpetual_access",
        ),
        CheckConstraint("from_platform_id <> to_platform_id", name="title_transfer_goes_elsewhere"),
        Index("title_transfer_by_title", "title_id", "id"),
        Index("title_transfer_by_status", "status", "id"),
        Index(
            "title_transfer_one_per_alert",
            "source",
            "reference",
            unique=True,
            postgresql_where=text("reference IS NOT NULL"),
        ),
    )

    id: UUID = Field(sa_column=key())
    title_id: UUID = Field(sa_column=ref(to="title_instance.id"))
    from_organisation_id: UUID | None = Field(default=None, sa_column=ref(to="organisation.id", null=True))
    to_organisation_id: UUID | None = Field(default=None, sa_column=ref(to="organisation.id", null=True))
    from_platform_id: UUID | None = Field(default=None, sa_column=ref(to="platform.id", null=True))
    to_platform_id: UUID | None = Field(default=None, sa_column=ref(to="platform.id", null=True))
    effective_on: date = Field(sa_column=day())
    """From this day the receiving publisher answers for it."""
    perpetual_access: str = Field(sa_column=words())
    """Who grants what was bought before: the transferring publisher, the receiving one, both, none, not known."""
    source: str = Field(sa_column=words())
    reference: str | None = Field(default=None, sa_column=words(null=True))
    """What the alert is called there."""
    status: str = Field(sa_column=words())
    note: str | None = Field(default=None, sa_column=words(null=True))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class TitleTransferTask(Table, table=True):
    """Something that a transfer asks of the library."""

    __tablename__ = "title_transfer_task"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('new-platform', 'perpetual-right', 'agreement-line')", name="title_transfer_task_kind"
        ),
        CheckConstraint("state IN ('open', 'done', 'dropped')", name="title_transfer_task_state"),
        Index("title_transfer_task_by_transfer", "transfer_id", "id"),
        Index("title_transfer_task_open", "due_on", "id", postgresql_where=text("state = 'open'")),
    )

    id: UUID = Field(sa_column=key())
    transfer_id: UUID = Field(sa_column=ref(to="title_transfer.id"))
    kind: str = Field(sa_column=words())
    right_id: UUID | None = Field(default=None, sa_column=ref(to="perpetual_right.id", null=True))
    line_id: UUID | None = Field(default=None, sa_column=ref(to="agreement_line.id", null=True))
    due_on: date = Field(sa_column=day())
    state: str = Field(sa_column=words())
    note: str | None = Field(default=None, sa_column=words(null=True))
    settled_at: datetime | None = Field(default=None, sa_column=when(null=True))
    settled_by: str | None = Field(default=None, sa_column=words(null=True))
