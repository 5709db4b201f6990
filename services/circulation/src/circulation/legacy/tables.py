"""What was handed over, row by row: what became of it, and which record it is here."""

from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Column, Index, Integer, Text, text
from sqlmodel import Field

from circulation.metadata import Table, ref


class MigratedRecord(Table, table=True):
    """A patron, loan, hold or fee of another system."""

    __tablename__ = "migrated_record"
    __table_args__ = (
        Index("migrated_record_by_record", "record_id", postgresql_where=text("record_id IS NOT NULL")),
        Index(
            "migrated_record_refused",
            "source",
            "kind",
            "legacy_id",
            postgresql_where=text("outcome = 'refused'"),
        ),
        CheckConstraint("(outcome = 'loaded') = (record_id IS NOT NULL)", name="migrated_record_named"),
        CheckConstraint("kind IN ('patron', 'loan', 'hold', 'fee')", name="migrated_record_kind"),
    )

    source: str = Field(sa_column=Column(Text, primary_key=True))
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    legacy_id: str = Field(sa_column=Column(Text(collation="C"), primary_key=True))
    """In the order of its bytes, as everybody sorts it who compares."""
    outcome: str = Field(sa_column=Column(Text, nullable=False))
    """loaded or refused."""
    record_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    told: str = Field(sa_column=Column(Text, nullable=False))
    """A digest of what was told of it, to know the same again."""
    place: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    """Of a hold: where it stood in its queue."""
    reasons: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'")))
    """Codes of refusals."""
