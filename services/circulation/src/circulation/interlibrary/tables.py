"""What was done for a partner's request, so that it is done once and in the order in which it was asked."""

from uuid import UUID

from sqlmodel import Field

from circulation.metadata import Table, big, key, ref


class PartnerRequest(Table, table=True):
    """A request of another library, by interlibrary loan's id."""

    __tablename__ = "partner_request"

    request_id: UUID = Field(sa_column=key())
    asked: int = Field(sa_column=big(0))
    """The newest question that was answered: an older one that comes late is none."""
    hold_id: UUID | None = Field(default=None, sa_column=ref(null=True))
