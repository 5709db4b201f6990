"""Loans, open and closed, in one table for good: a row never moves to change its state."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Boolean, CheckConstraint, Column, Index, Text, text
from sqlmodel import Field

from circulation.metadata import Table, big, count, key, ref, when, words


class Loan(Table, table=True):
    """An item in a patron's hands."""

    __tablename__ = "loan"
    __table_args__ = (
        Index("loan_one_open_per_item", "item_id", unique=True, postgresql_where=text("returned_at IS NULL")),
        Index("loan_open_by_patron", "patron_id", "due_at", postgresql_where=text("returned_at IS NULL")),
        Index("loan_by_patron", "patron_id", "id"),
        Index("loan_by_proxy", "proxy_id", postgresql_where=text("proxy_id IS NOT NULL")),
        Index("loan_by_item", "item_id", "id"),
        Index("loan_open_by_due", "due_at", postgresql_where=text("returned_at IS NULL")),
        Index(
            "loan_to_age",
            "due_at",
            postgresql_where=text(
                "lost_check_at IS NULL AND returned_at IS NULL AND lost_at IS NULL AND claimed_at IS NULL"
            ),
        ),
        Index(
            "loan_to_age_later",
            "lost_check_at",
            postgresql_where=text(
                "lost_check_at IS NOT NULL AND returned_at IS NULL AND lost_at IS NULL AND claimed_at IS NULL"
            ),
        ),
        Index(
            "loan_to_bill",
            "bill_at",
            postgresql_where=text("bill_at IS NOT NULL AND returned_at IS NULL AND claimed_at IS NULL"),
        ),
        Index(
            "loan_to_remind",
            "remind_at",
            postgresql_where=text("remind_at IS NOT NULL AND returned_at IS NULL AND claimed_at IS NULL"),
        ),
        Index(
            "loan_to_close",
            "closes_at",
            postgresql_where=text("closes_at IS NOT NULL AND returned_at IS NULL AND claimed_at IS NULL"),
        ),
        Index("loan_by_session", "session_id", postgresql_where=text("session_id IS NOT NULL")),
        Index(
            "loan_by_return_session",
            "return_session_id",
            postgresql_where=text("return_session_id IS NOT NULL"),
        ),
        Index(
            "loan_open_by_recall",
            "recalled_by",
            postgresql_where=text("recalled_by IS NOT NULL AND returned_at IS NULL"),
        ),
        Index(
            "loan_to_renew", "auto_at", postgresql_where=text("auto_at IS NOT NULL AND returned_at IS NULL")
        ),
        Index(
            "loan_kept_at_desk",
            "held_at",
            "held_until",
            "id",
            postgresql_where=text("in_library = 'held' AND returned_at IS NULL"),
        ),
        CheckConstraint("due_at > lent_at", name="loan_due_after_lent"),
        CheckConstraint("in_library IN ('in-use', 'held', 'returned')", name="loan_use_in_library"),
    )

    id: UUID = Field(sa_column=key())
    item_id: UUID = Field(sa_column=ref())
    title_id: UUID = Field(sa_column=ref())
    patron_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    patron_group: str = Field(sa_column=words())
    service_point_id: UUID = Field(sa_column=ref())
    lent_at: datetime = Field(sa_column=when())
    due_at: datetime = Field(sa_column=when())
    due_zone: str = Field(sa_column=words())
    renewals: int = Field(default=0, sa_column=count())
    policy: str = Field(sa_column=words())
    fine_policy: str = Field(sa_column=words())
    rules_version: int = Field(sa_column=big(0))
    recalled_at: datetime | None = Field(default=None, sa_column=when(null=True))
    recalled_by: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The recall that it was shortened for."""
    returned_at: datetime | None = Field(default=None, sa_column=when(null=True))
    system_returned_at: datetime | None = Field(default=None, sa_column=when(null=True))
    return_service_point_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    override_comment: str | None = Field(default=None, sa_column=words(null=True))
    proxy_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """Who borrowed it for the patron, if somebody did."""
    session_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The patron's visit to the desk that lent it."""
    return_session_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    due_comment: str | None = Field(default=None, sa_column=words(null=True))
    """Why staff set the due time by hand, the last time."""
    version: int = Field(default=1, sa_column=big(1))
    lost_at: datetime | None = Field(default=None, sa_column=when(null=True))
    lost_cause: str | None = Field(default=None, sa_column=words(null=True))
    lost_policy: str | None = Field(default=None, sa_column=words(null=True))
    lost_comment: str | None = Field(default=None, sa_column=words(null=True))
    lost_check_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """Before this moment it need not be asked whether the loan has aged to lost."""
    bill_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """When a lost item's fees are to be charged; null once they are."""
    cost_awaited: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false"))
    )
    closes_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """When a lost item's loan ends although nothing was charged."""
    remind_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """When a reminder is to be charged; null once it is."""
    reminded: int = Field(default=0, sa_column=count())
    reminded_for: datetime | None = Field(default=None, sa_column=when(null=True))
    """The due time that `reminded` counts for."""
    claimed_at: datetime | None = Field(default=None, sa_column=when(null=True))
    claim_comment: str | None = Field(default=None, sa_column=words(null=True))
    claim_resolution: str | None = Field(default=None, sa_column=words(null=True))
    unseen: int = Field(default=0, sa_column=count())
    """How often in a row it was renewed without anybody having seen the item."""
    auto_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """When it is to be renewed without being asked for, or looked at again for that; null: never."""
    auto_refused: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text)))
    """Why it was not, the last time."""
    in_library: str | None = Field(default=None, sa_column=words(null=True))
    """Of a loan for use in the library: in-use, held (kept at the desk), returned."""
    held_at: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The service point that keeps it."""
    held_until: datetime | None = Field(default=None, sa_column=when(null=True))
    deposit: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false"))
    )
    """Whether a deposit was charged with it."""
    ended: str | None = Field(default=None, sa_column=words(null=True))
    """How it ended, when not by a return: lost-and-paid, missing."""
