"""Loads of title lists: the file in parts, its rows, and what became of each."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from erm.metadata import (
    Table,
    count,
    day,
    document,
    flag,
    key,
    ref,
    several,
    sorted_words,
    version,
    when,
    words,
)


class KbartLoad(Table, table=True):
    """One file for one package."""

    __tablename__ = "kbart_load"
    __table_args__ = (
        Index("kbart_load_to_do", "id", postgresql_where=text("state IN ('queued', 'reading', 'applying')")),
        Index("kbart_load_by_package", "package_id", "id"),
        Index("kbart_load_coming_in", "created_at", postgresql_where=text("state = 'receiving'")),
        Index("kbart_load_to_forget", "finished_at", postgresql_where=text("rows_kept")),
        Index(
            "kbart_load_one_at_a_time",
            "package_id",
            unique=True,
            postgresql_where=text("state IN ('queued', 'reading', 'applying', 'waiting') AND NOT dry_run"),
        ),
        CheckConstraint(
            "added + changed + unchanged + duplicate + rejected <= rows_read", name="kbart_load_counts_add_up"
        ),
    )

    id: UUID = Field(sa_column=key())
    package_id: UUID = Field(sa_column=ref(to="package.id"))
    state: str = Field(sa_column=words())
    dry_run: bool = Field(sa_column=flag(default=False))
    confirmed: bool = Field(default=False, sa_column=flag(default=False))
    cancelling: bool = Field(default=False, sa_column=flag(default=False))
    file_name: str | None = Field(default=None, sa_column=words(null=True))
    encoding: str | None = Field(default=None, sa_column=words(null=True))
    columns: list[str] = Field(sa_column=several())
    """As the file's first line has them."""
    size: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    digest: str | None = Field(default=None, sa_column=words(null=True))
    """SHA-256 of the file."""
    lines: int = Field(default=0, sa_column=count())
    """Behind the first one."""
    part: int = Field(default=0, sa_column=count())
    """Parts of the file that are read."""
    rows_read: int = Field(default=0, sa_column=count())
    applied_to: str | None = Field(default=None, sa_column=sorted_words(null=True))
    """The key of the last title whose outcome is committed."""
    added: int = Field(default=0, sa_column=count())
    changed: int = Field(default=0, sa_column=count())
    unchanged: int = Field(default=0, sa_column=count())
    duplicate: int = Field(default=0, sa_column=count())
    rejected: int = Field(default=0, sa_column=count())
    warned: int = Field(default=0, sa_column=count())
    items_added: int = Field(default=0, sa_column=count())
    items_changed: int = Field(default=0, sa_column=count())
    items_unchanged: int = Field(default=0, sa_column=count())
    items_removed: int = Field(default=0, sa_column=count())
    titles_added: int = Field(default=0, sa_column=count())
    questions: int = Field(default=0, sa_column=count())
    """Matches that it could not be sure of."""
    findings: list[dict[str, Any]] = Field(sa_column=document())
    """What is to be said of the file as a whole, and why it waits."""
    rows_kept: bool = Field(default=True, sa_column=flag(default=True))
    requested_by: str = Field(sa_column=words())
    created_at: datetime = Field(sa_column=when())
    started_at: datetime | None = Field(default=None, sa_column=when(null=True))
    finished_at: datetime | None = Field(default=None, sa_column=when(null=True))
    version: int = Field(default=1, sa_column=version())


def _load(*, primary: bool = True) -> Any:
    return Column(Uuid, ForeignKey("kbart_load.id", ondelete="CASCADE"), primary_key=primary)


class KbartPart(Table, table=True):
    """Whole lines of a file, in UTF-8; gone once they are read."""

    __tablename__ = "kbart_part"

    load_id: UUID = Field(sa_column=_load())
    ordinal: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    first_line: int = Field(sa_column=Column(Integer, nullable=False))
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class KbartRow(Table, table=True):
    """One row, and what became of it."""

    __tablename__ = "kbart_row"
    __table_args__ = (
        Index("kbart_row_by_key", "load_id", "key", "line", postgresql_where=text("key IS NOT NULL")),
        Index(
            "kbart_row_by_outcome",
            "load_id",
            "outcome",
            "line",
            postgresql_where=text("outcome IS NOT NULL"),
        ),
    )

    load_id: UUID = Field(sa_column=_load())
    line: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    """As an editor counts it: the header is 1."""
    key: str | None = Field(default=None, sa_column=sorted_words(null=True))
    """What its title is recognised by; none: it cannot be read that far."""
    name: str | None = Field(default=None, sa_column=words(null=True))
    cells: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text), nullable=True))
    """In KBART's order; kept until it is applied."""
    digest: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """Of its cells; with what follows until `doi` kept until it is applied, as they are."""
    domain: str | None = Field(default=None, sa_column=words(null=True))
    """Of its address."""
    sort_name: str | None = Field(default=None, sa_column=sorted_words(null=True))
    """None: it is applied, or was read by a release that wrote none."""
    core_name: str | None = Field(default=None, sa_column=sorted_words(null=True))
    start_on: date | None = Field(default=None, sa_column=day(null=True))
    end_on: date | None = Field(default=None, sa_column=day(null=True))
    online_kind: str | None = Field(default=None, sa_column=words(null=True))
    """The namespace of its number online, where that is sound."""
    online: str | None = Field(default=None, sa_column=words(null=True))
    print_kind: str | None = Field(default=None, sa_column=words(null=True))
    print: str | None = Field(default=None, sa_column=words(null=True))
    doi: str | None = Field(default=None, sa_column=words(null=True))
    """Where the provider's id is one."""
    outcome: str | None = Field(default=None, sa_column=words(null=True))
    item_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    reasons: list[dict[str, Any]] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
