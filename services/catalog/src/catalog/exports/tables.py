"""Exports and their schedules; which titles, in which version, an export gives and a schedule has given."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, Uuid, text
from sqlmodel import Field

from catalog.metadata import Table, big, document, flag, key, ref, when, words

OPEN = "state IN ('queued', 'selecting', 'writing')"


def _of_export() -> Any:
    return Column(Uuid, ForeignKey("export.id", ondelete="CASCADE"), primary_key=True)


class Export(Table, table=True):
    """An export, and how far its file has come. The file lies in the data folder and is as long as `size` says, once
    that is committed."""

    __tablename__ = "export"
    __table_args__ = (
        Index("export_open", "worked_at", "id", postgresql_where=text(OPEN)),
        Index(
            "export_one_of_a_schedule",
            "schedule",
            unique=True,
            postgresql_where=text(f"schedule IS NOT NULL AND {OPEN}"),
        ),
        Index("export_by_schedule", "schedule", "id"),
        Index("export_by_age", "expires_at"),
    )

    id: UUID = Field(sa_column=key())
    schedule: str | None = Field(default=None, sa_column=words(null=True))
    mode: str = Field(sa_column=words(default="full"))
    since: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The export that what has changed is told against."""
    format: str = Field(sa_column=words())
    query: str = Field(sa_column=words(default=""))
    filters: dict[str, Any] = Field(sa_column=document("{}"))
    list_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """Only what is in this list, as it is when titles are fixed."""
    with_suppressed: bool = Field(sa_column=flag(default=False))
    with_ids: bool = Field(sa_column=flag(default=False))
    with_holdings: bool = Field(sa_column=flag(default=False))
    requested_by: str = Field(sa_column=words())
    state: str = Field(sa_column=words(default="queued"))
    index_wanted: int = Field(sa_column=big(0))
    """A query is not asked before the index has come so far: what was written before the export is in it."""
    index_position: int | None = Field(default=None, sa_column=big(null=True))
    """How far the index had come when the last hits were read."""
    position: int | None = Field(default=None, sa_column=big(null=True))
    """Of the changes: all up to this one are in the file."""
    selected: int = Field(sa_column=big(0))
    """Titles to be given or told to be gone."""
    given: int = Field(sa_column=big(0))
    gone: int = Field(sa_column=big(0))
    left_out: int = Field(sa_column=big(0))
    size: int = Field(sa_column=big(0))
    last_number: int = Field(sa_column=big(0))
    """The number in the catalogue of the last title that was found, then of the last that was written."""
    sha256: str | None = Field(default=None, sa_column=words(null=True))
    problem: str | None = Field(default=None, sa_column=words(null=True))
    """Why it failed."""
    created_at: datetime = Field(sa_column=when())
    selected_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """When titles and versions were fixed."""
    worked_at: datetime | None = Field(default=None, sa_column=when(null=True))
    finished_at: datetime | None = Field(default=None, sa_column=when(null=True))
    expires_at: datetime = Field(sa_column=when())


class ExportFound(Table, table=True):
    """A hit of an export's query, until its titles are fixed."""

    __tablename__ = "export_found"

    export_id: UUID = Field(sa_column=_of_export())
    title_id: UUID = Field(sa_column=ref(primary=True))


class ExportTitle(Table, table=True):
    """A title that an export gives, in which version. Those that were given are forgotten when the file is done."""

    __tablename__ = "export_title"

    export_id: UUID = Field(sa_column=_of_export())
    number: int = Field(sa_column=big(primary=True))
    title_id: UUID = Field(sa_column=ref())
    version: int = Field(sa_column=big())
    holdings_digest: int | None = Field(default=None, sa_column=big(null=True))
    """What its holdings and items were when titles were fixed, where a schedule tells of them."""
    outcome: str = Field(sa_column=words(default="given"))
    reason: str | None = Field(default=None, sa_column=words(null=True))
    """Why it was left out."""


class ExportGiven(Table, table=True):
    """What whoever fetches a schedule's exports has: a title, in which version."""

    __tablename__ = "export_given"

    schedule: str = Field(
        sa_column=Column(
            words().type, ForeignKey("export_schedule.code", ondelete="CASCADE"), primary_key=True
        )
    )
    title_id: UUID = Field(sa_column=ref(primary=True))
    version: int = Field(sa_column=big())
    holdings_digest: int | None = Field(default=None, sa_column=big(null=True))


class ExportSchedule(Table, table=True):
    """An export that is made every so often."""

    __tablename__ = "export_schedule"
    __table_args__ = (Index("export_schedule_due", "next_at", postgresql_where=text("next_at IS NOT NULL")),)

    code: str = Field(sa_column=words(primary=True))
    version: int = Field(sa_column=big(1))
    document: dict[str, Any] = Field(sa_column=document("{}"))
    next_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """None: only when somebody asks."""
    last_done: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The last export that was finished; None: the next one gives everything."""
    updated_at: datetime = Field(sa_column=when())
    updated_by: str = Field(sa_column=words())
