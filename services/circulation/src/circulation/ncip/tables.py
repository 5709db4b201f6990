"""What a machine asked for by NCIP, so that it is done once and found again by the request's id."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, Text, text
from sqlmodel import Field

from circulation.metadata import Table, key, ref, when, words


class NcipRequest(Table, table=True):
    """A request of a machine's, by its RequestId (agency and value)."""

    __tablename__ = "ncip_request"
    __table_args__ = (
        Index("ncip_request_by_patron", "patron_id"),
        Index("ncip_request_by_item", "item_id", postgresql_where=text("item_id IS NOT NULL")),
        CheckConstraint("kind IN ('request', 'accept')", name="ncip_request_kind"),
    )

    client: str = Field(sa_column=Column(Text, primary_key=True))
    request_id: str = Field(sa_column=Column(Text, primary_key=True))
    kind: str = Field(sa_column=words())
    wish: str = Field(sa_column=words())
    """A digest of what was asked for: the same again is one, another under its id a duplicate."""
    patron_id: UUID = Field(sa_column=ref())
    hold_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    item_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    made_at: datetime = Field(sa_column=when())


class NcipLoan(Table, table=True):
    """A loan that a machine made: it may be told to whom it was."""

    __tablename__ = "ncip_loan"

    loan_id: UUID = Field(sa_column=key())
    client: str = Field(sa_column=words())
    made_at: datetime = Field(sa_column=when())
