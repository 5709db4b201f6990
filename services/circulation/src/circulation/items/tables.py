"""Our copy of each item: what the catalogue tells, and beside it what circulation knows. One row, one lock."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, text
from sqlmodel import Field

from circulation.metadata import Table, big, count, key, ref, texts, uuids, when, words

LEFT = "reshelving_until = '9999-12-31 00:00:00+00'"
"""Whether an item was left on the hold shelf of the desk that saw it last, for whoever asks in SQL."""


class Item(Table, table=True):
    """An item. The upper half is the catalogue's, the lower half is ours.

    Handlers alone write the upper half, but for what a scan sets right before the catalogue does: the base state
    of what is found, the location of what floats.
    """

    __tablename__ = "item"
    __table_args__ = (
        Index("item_barcode", "barcode", unique=True, postgresql_where=text("barcode IS NOT NULL")),
        Index("item_by_title", "title_ids", postgresql_using="gin"),
        Index("item_kept_for", "kept_for", postgresql_where=text("kept_for IS NOT NULL")),
        Index("item_by_location", "location_id"),
        Index(
            "item_in_transit",
            "transit_to",
            "transit_since",
            "id",
            postgresql_where=text("transit_to IS NOT NULL"),
        ),
        Index(
            "item_sent_off",
            "transit_from",
            "transit_since",
            "id",
            postgresql_where=text("transit_to IS NOT NULL"),
        ),
        Index(
            "item_volume_unread",
            "id",
            postgresql_where=text("volume IS NOT NULL AND volume_key IS NULL"),
        ),
        Index(
            "item_on_its_way",
            "reshelving_until",
            "id",
            postgresql_where=text("reshelving_until IS NOT NULL"),
        ),
        Index("item_by_hold", "hold_id", postgresql_where=text("hold_id IS NOT NULL")),
    )

    id: UUID = Field(sa_column=key())
    epoch: int = Field(sa_column=count(1))
    version: int = Field(sa_column=big(1))
    barcode: str | None = Field(default=None, sa_column=words(null=True))
    holdings_id: UUID = Field(sa_column=ref())
    title_ids: list[UUID] = Field(sa_column=uuids())
    location_id: UUID = Field(sa_column=ref())
    location: str | None = Field(default=None, sa_column=words(null=True))
    library: str | None = Field(default=None, sa_column=words(null=True))
    campus: str | None = Field(default=None, sa_column=words(null=True))
    institution: str | None = Field(default=None, sa_column=words(null=True))
    material_type: str = Field(sa_column=words())
    loan_type: str = Field(sa_column=words())
    base: str = Field(sa_column=words())
    call_number: str | None = Field(default=None, sa_column=words(null=True))
    volume: str | None = Field(default=None, sa_column=words(null=True))
    volume_key: str | None = Field(default=None, sa_column=words(null=True))
    """What labels of the same volume have in common (volumes.py); empty where the label names none."""
    copy_number: str | None = Field(default=None, sa_column=words(null=True))
    short_title: str = Field(sa_column=words())
    short_author: str | None = Field(default=None, sa_column=words(null=True))
    suppressed: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    pieces: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    """How many things it is made of, where that was counted."""
    pieces_text: str | None = Field(default=None, sa_column=words(null=True))
    """Which they are."""
    check_out_notes: list[str] = Field(default_factory=list, sa_column=texts())
    """What whoever lends it is told."""
    check_in_notes: list[str] = Field(default_factory=list, sa_column=texts())
    """What whoever takes it back is told."""

    guard: int = Field(sa_column=big(1))
    """Raised by whatever a rule may read of the item; what a busy statement is guarded by."""
    told: int = Field(sa_column=big(0))
    """Events with this item as their subject."""
    state: str = Field(sa_column=words())
    loan_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    due_at: datetime | None = Field(default=None, sa_column=when(null=True))
    hold_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The hold it is to fill: paged for, on its way to, or waiting on the shelf."""
    kept_for: UUID | None = Field(default=None, sa_column=ref(null=True))
    """That hold's patron."""
    hold_shelf: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    transit_to: UUID | None = Field(default=None, sa_column=ref(null=True))
    transit_from: UUID | None = Field(default=None, sa_column=ref(null=True))
    """Where it set out, whoever has scanned it on its way."""
    transit_since: datetime | None = Field(default=None, sa_column=when(null=True))
    reshelving_until: datetime | None = Field(default=None, sa_column=when(null=True))
    """Until when it is on its way from the desk to its shelf; of no account while it is not available.

    `rules.UNTIL_SCANNED`: left on the hold shelf of the desk that saw it last, though no hold is ready with it.
    """
    missing_pieces: str | None = Field(default=None, sa_column=words(null=True))
    """What was not there when somebody last looked."""
    loss: str | None = Field(default=None, sa_column=words(null=True))
    """Lost, claimed returned, lost and paid, missing: items/rules.py."""
    new_since: datetime | None = Field(default=None, sa_column=when(null=True))
    """When the catalogue took it in; null: nobody says."""
    price_minor: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    """What a new copy costs, else what this one did, as the catalogue tells; null: it tells neither, or a gift's 0."""
    price_currency: str | None = Field(default=None, sa_column=words(null=True))
    withdrawal_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    last_seen_at: datetime | None = Field(default=None, sa_column=when(null=True))
    last_seen_by: UUID | None = Field(default=None, sa_column=ref(null=True))
