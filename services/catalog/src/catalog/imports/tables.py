"""Import jobs, and what became of each record."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, Integer, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from catalog.metadata import Table, big, content, count, document, flag, key, ref, when, words


class ImportJob(Table, table=True):
    """A file to be imported, how far it has come, and what came of it."""

    __tablename__ = "import_job"
    __table_args__ = (
        Index("import_job_open", "id", postgresql_where=text("state IN ('queued', 'running')")),
        Index("import_job_by_user", "requested_by", "started_at"),
        CheckConstraint(
            "created + updated + unchanged + duplicate + discarded + matched_many + rejected + failed"
            " = records_read",
            name="import_job_counts_add_up",
        ),
    )

    id: UUID = Field(sa_column=key())
    version: int = Field(sa_column=big(1))
    state: str = Field(sa_column=words(default="queued"))
    media_type: str = Field(sa_column=words())
    profile: str | None = Field(default=None, sa_column=words(null=True))
    """Its code; none for records without their items."""
    profile_version: int | None = Field(default=None, sa_column=big(null=True))
    plan: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    """The profile as it was when the job was asked for, and what the library protected then."""
    dry_run: bool = Field(sa_column=flag(default=False))
    """What would become of the records is found out; nothing is written but that."""
    rerun_of: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The import whose records, such as were set aside, are taken up again."""
    create_locations: bool = Field(sa_column=flag(default=False))
    default_location_id: UUID | None = Field(default=None, sa_column=ref(to="location.id", null=True))
    size: int = Field(sa_column=big())
    digest: str = Field(sa_column=words())
    requested_by: str = Field(sa_column=words())
    cancelling: bool = Field(sa_column=flag(default=False))
    position: int = Field(sa_column=big(0))
    """Byte offset behind the last record whose outcome is committed."""
    records_read: int = Field(sa_column=count())
    created: int = Field(sa_column=count())
    updated: int = Field(sa_column=count())
    unchanged: int = Field(sa_column=count())
    duplicate: int = Field(sa_column=count())
    discarded: int = Field(sa_column=count())
    matched_many: int = Field(sa_column=count())
    rejected: int = Field(sa_column=count())
    failed: int = Field(sa_column=count())
    items_created: int = Field(sa_column=count())
    items_updated: int = Field(sa_column=count())
    items_unchanged: int = Field(sa_column=count())
    item_problems: int = Field(sa_column=count())
    error: str | None = Field(default=None, sa_column=words(null=True))
    created_at: datetime = Field(sa_column=when())
    started_at: datetime | None = Field(default=None, sa_column=when(null=True))
    finished_at: datetime | None = Field(default=None, sa_column=when(null=True))


class ImportOutcome(Table, table=True):
    """What became of one record."""

    __tablename__ = "import_outcome"
    __table_args__ = (
        Index(
            "import_outcome_aside",
            "import_id",
            "outcome",
            "ordinal",
            postgresql_where=text(
                "outcome IN ('duplicate', 'discarded', 'matched-many', 'rejected', 'failed')"
            ),
        ),
        Index(
            "import_outcome_title",
            "import_id",
            "title_id",
            postgresql_where=text("title_id IS NOT NULL"),
        ),
    )

    import_id: UUID = Field(sa_column=ref(primary=True))
    ordinal: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    """Counted from 1 over everything in the file, good or bad."""
    position: int = Field(sa_column=big())
    control_number: str | None = Field(default=None, sa_column=words(null=True))
    outcome: str = Field(sa_column=words())
    title_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    title_version: int | None = Field(default=None, sa_column=big(null=True))
    """The version that the title has had since, where this record made one."""
    matching: list[dict[str, Any]] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    """The titles that it was compared with, and what spoke for each."""
    proposal: bytes | None = Field(default=None, sa_column=content(null=True))
    """Of a dry run: the record that the title would have, in storage form."""
    reasons: list[dict[str, Any]] = Field(default_factory=list, sa_column=document("[]"))
    original: bytes | None = Field(default=None, sa_column=content(null=True))
    """The bytes of a record that was not taken."""


class ImportItemChange(Table, table=True):
    """An item as it was before an import changed it, and as that left it."""

    __tablename__ = "import_item_change"

    import_id: UUID = Field(sa_column=ref(primary=True))
    item_id: UUID = Field(sa_column=ref(primary=True))
    before: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    after: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class ImportHoldingsChange(Table, table=True):
    """Holdings as they were before an import gave them a record, or another."""

    __tablename__ = "import_holdings_change"
    __table_args__ = (Index("import_holdings_change_title", "import_id", "title_id"),)

    import_id: UUID = Field(sa_column=ref(primary=True))
    holdings_id: UUID = Field(sa_column=ref(primary=True))
    title_id: UUID = Field(sa_column=ref())
    """The title that they were of."""
    record: bytes | None = Field(default=None, sa_column=content(null=True))
    """None: they had none."""
    call_number_scheme: str | None = Field(default=None, sa_column=words(null=True))
    shelving_key: str | None = Field(default=None, sa_column=words(null=True))
    left_as: str = Field(sa_column=words())
    """What the import left of them (`catalog.imports.statements.SHELF_STANDS`): otherwise somebody has been there."""
