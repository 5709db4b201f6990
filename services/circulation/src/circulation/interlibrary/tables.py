"""What was done for a partner's request, so that it is done once and in the order in which it was asked."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from circulation.metadata import Table, big, key, ref, when


class PartnerRequest(Table, table=True):
    """A request of another library, by interlibrary loan's id."""

    __tablename__ = "partner_request"

    request_id: UUID = Field(sa_column=key())
    asked: int = Field(sa_column=big(0))
    """The newest question that was answered: an older one that comes late is none."""
    hold_id: UUID | None = Field(default=None, sa_column=ref(null=True))


class PatronTelling(Table, table=True):
    """A reader who is new, and how far they were told of patrons; gone when they know all."""

    __tablename__ = "patron_telling"

    asking_id: UUID = Field(sa_column=key())
    asked_at: datetime = Field(sa_column=when())
    told_to: UUID | None = Field(default=None, sa_column=ref(null=True))
    """A place in a walk by id."""
