"""Numbers by which patrons are known, and what they have consented to."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from circulation.metadata import Table, key, ref, when, words


class PatronIdentifier(Table, table=True):
    """A number of a patron's besides the barcode and the external id they have now.

    Barcodes and external ids of former times stand here, too: a card that was replaced is known, and lends
    nothing; one of a registration that was merged into this lends as this patron.
    """

    __tablename__ = "patron_identifier"
    __table_args__ = (
        Index("patron_identifier_once", "kind", "value", unique=True),
        Index("patron_identifier_by_patron", "patron_id", "kind", "value"),
        CheckConstraint("state IN ('current', 'replaced', 'merged')", name="patron_identifier_state"),
    )

    id: UUID = Field(sa_column=key())
    patron_id: UUID = Field(sa_column=ref(to="patron.id"))
    kind: str = Field(sa_column=words())
    value: str = Field(sa_column=words())
    state: str = Field(sa_column=words())
    since: datetime = Field(sa_column=when())


class PatronConsent(Table, table=True):
    """What a patron has agreed to, from when to when."""

    __tablename__ = "patron_consent"
    __table_args__ = (
        Index(
            "patron_consent_one_given",
            "patron_id",
            "purpose",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
        Index("patron_consent_by_patron", "patron_id", "id"),
    )

    id: UUID = Field(sa_column=key())
    patron_id: UUID = Field(sa_column=ref(to="patron.id"))
    purpose: str = Field(sa_column=words())
    given_at: datetime = Field(sa_column=when())
    given_by: str = Field(sa_column=words())
    withdrawn_at: datetime | None = Field(default=None, sa_column=when(null=True))
    withdrawn_by: str | None = Field(default=None, sa_column=words(null=True))
