"""Holdings, items, and what circulation tells of each item's availability."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from catalog.metadata import (
    Table,
    big,
    content,
    count,
    day,
    document,
    flag,
    key,
    ref,
    texts,
    uuids,
    when,
    words,
)


def shelf_place() -> Any:
    """A shelving key, compared character by character."""
    return Column(Text(collation="C"), nullable=True)


def counted(table: str) -> Index:
    """Whether anything of a table counts as some statistical code."""
    return Index(
        f"{table}_counted",
        "statistical_codes",
        postgresql_using="gin",
        postgresql_where=text("statistical_codes <> '{}'"),
    )


def numbered(table: str) -> Any:
    """A number of the table's own series."""
    return Column(BigInteger, nullable=True, server_default=text(f"nextval('{table}_hrid_seq')"))


def by_number(table: str) -> tuple[Index, Index]:
    """What is found by its number, and what has none yet."""
    return (
        Index(f"{table}_hrid", "hrid", unique=True),
        Index(f"{table}_unnumbered", "id", postgresql_where=text("hrid IS NULL")),
    )


def elsewhere(table: str, column: str) -> Index:
    """What stands elsewhere for a time, or is lent otherwise, and until when."""
    return Index(
        f"{table}_{column.removesuffix('_id')}", column, postgresql_where=text(f"{column} IS NOT NULL")
    )


def own(table: str) -> tuple[Index, Index]:
    """What has tags, and facts of the library's own."""
    return (
        Index(f"{table}_tagged", "tags", postgresql_using="gin", postgresql_where=text("tags <> '{}'")),
        Index(f"{table}_custom", "custom", postgresql_using="gin", postgresql_where=text("custom <> '{}'")),
    )


class Holdings(Table, table=True):
    """What of a title stands at one location under one call number."""

    __tablename__ = "holdings"
    __table_args__ = (
        Index("holdings_one_per_shelf", "title_id", "location_id", "call_number", unique=True),
        Index("holdings_location", "location_id"),
        elsewhere("holdings", "temporary_location_id"),
        elsewhere("holdings", "temporary_location_ends_at"),
        *by_number("holdings"),
        Index("holdings_shelf", "shelving_key", "id", postgresql_where=text("shelving_key IS NOT NULL")),
        Index(
            "holdings_shelf_here",
            "location_id",
            "shelving_key",
            "id",
            postgresql_where=text("shelving_key IS NOT NULL"),
        ),
        Index(
            "holdings_unshelved",
            "id",
            postgresql_where=text("shelving_key IS NULL AND call_number <> ''"),
        ),
        Index(
            "holdings_unread",
            "id",
            postgresql_where=text("record IS NOT NULL AND policies IS NULL"),
        ),
        Index(
            "holdings_digitisation",
            "digitisation_policy",
            postgresql_where=text("digitisation_policy IS NOT NULL"),
        ),
        counted("holdings"),
    )

    id: UUID = Field(sa_column=key())
    hrid: int | None = Field(default=None, sa_column=numbered("holdings"))
    """The number people read out; given once, never again. What is of an earlier release is given one soon."""
    hrid_prefix: str = Field(sa_column=words(default=""))
    version: int = Field(sa_column=big(1))
    title_id: UUID = Field(sa_column=ref(to="title.id"))
    location_id: UUID = Field(sa_column=ref(to="location.id"))
    """Where they belong."""
    temporary_location_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """Where they stand for a time, and with them what has no place of its own."""
    temporary_location_ends_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """From when on that does not count (`catalog.items.standing`)."""
    call_number: str = Field(sa_column=words(default=""))
    call_number_scheme: str | None = Field(default=None, sa_column=words(null=True))
    """What the call number is made by, where somebody has said so."""
    shelving_key: str | None = Field(default=None, sa_column=shelf_place())
    """Where it stands among all call numbers (`catalog.callnumbers.rules`)."""
    other_call_numbers: list[dict[str, Any]] = Field(default_factory=list, sa_column=document("[]"))
    """Further ones, by another scheme or former; nothing is shelved by them."""
    suppressed: bool = Field(sa_column=flag(default=False))
    """Neither it nor its items are shown to the public."""
    statistical_codes: list[str] = Field(default_factory=list, sa_column=texts())
    deleted_at: datetime | None = Field(default=None, sa_column=when(null=True))
    merged_into: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The holdings that have its items, where two shelves have become one."""
    record: bytes | None = Field(default=None, sa_column=content(null=True))
    """Its record (MARC 21 Holdings), where it has one, in storage form."""
    policies: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    """What the record's 008 says of receipt, retention and lending (`catalog.holdings.policy_rules`), to be asked for;
    None: not read yet, or no record."""
    digitisation_policy: str | None = Field(default=None, sa_column=words(null=True))
    """Whether and how it is digitised, of those in the configuration."""
    import_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The import that made them."""
    created_at: datetime = Field(sa_column=when())
    updated_at: datetime = Field(sa_column=when())


class Item(Table, table=True):
    """A thing that can be taken off a shelf."""

    __tablename__ = "item"
    __table_args__ = (
        Index("item_barcode", "barcode", unique=True, postgresql_where=text("barcode IS NOT NULL")),
        Index("item_title", "title_id"),
        Index("item_order", "holdings_id", "place", "id"),
        Index(
            "item_bound_with",
            "bound_with",
            postgresql_using="gin",
            postgresql_where=text("bound_with <> '{}'"),
        ),
        Index("item_shelf", "shelving_key", "id", postgresql_where=text("shelving_key IS NOT NULL")),
        Index(
            "item_shelf_here",
            "location_id",
            "shelving_key",
            "id",
            postgresql_where=text("shelving_key IS NOT NULL"),
        ),
        Index(
            "item_unshelved",
            "id",
            postgresql_where=text("shelving_key IS NULL AND call_number IS NOT NULL AND call_number <> ''"),
        ),
        Index(
            "item_accession",
            "accession_number",
            "id",
            postgresql_where=text("accession_number IS NOT NULL"),
        ),
        Index("item_damaged", "damaged_status", postgresql_where=text("damaged_status IS NOT NULL")),
        *(
            elsewhere("item", column)
            for column in (
                "permanent_location_id",
                "temporary_location_id",
                "temporary_loan_type",
                "temporary_location_ends_at",
                "temporary_loan_type_ends_at",
            )
        ),
        *by_number("item"),
        counted("item"),
        *own("item"),
        CheckConstraint("barcode <> ''", name="item_barcode_not_empty"),
        CheckConstraint(
            "temporary_location_id IS NULL OR location_id = temporary_location_id",
            name="item_stands_where_it_is_put",
        ),
        CheckConstraint("pieces > 0", name="item_of_some_piece"),
        CheckConstraint("missing_pieces BETWEEN 0 AND pieces", name="item_misses_its_own_pieces"),
        CheckConstraint(
            "purchase_minor >= 0 AND replacement_minor >= 0 "
            "AND (purchase_minor IS NULL) = (purchase_currency IS NULL) "
            "AND (replacement_minor IS NULL) = (replacement_currency IS NULL)",
            name="item_prices_have_currencies",
        ),
    )

    id: UUID = Field(sa_column=key())
    hrid: int | None = Field(default=None, sa_column=numbered("item"))
    hrid_prefix: str = Field(sa_column=words(default=""))
    version: int = Field(sa_column=big(1))
    barcode: str | None = Field(default=None, sa_column=words(null=True))
    holdings_id: UUID = Field(sa_column=ref(to="holdings.id"))
    title_id: UUID = Field(sa_column=ref())
    """The holdings' title. (Here and at the location no foreign key: each costs an import a tenth of its time.)"""
    place: int | None = Field(default=None, sa_column=count(None, null=True))
    """Where it stands among its holdings' items, once somebody has arranged them. What has come since has none and
    stands behind them by its id, so that nobody who adds an item waits for anybody who arranges some."""
    bound_with: list[UUID] = Field(default_factory=list, sa_column=uuids())
    """Other titles bound into the same volume."""
    location_id: UUID = Field(sa_column=ref())
    """Where it stands now (`catalog.items.standing`)."""
    permanent_location_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """Where it belongs, while that is elsewhere."""
    temporary_location_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """Where it has been put for a time."""
    temporary_location_ends_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """From when on that does not count."""
    material_type: str = Field(sa_column=words())
    loan_type: str = Field(sa_column=words())
    temporary_loan_type: str | None = Field(default=None, sa_column=words(null=True))
    """What it is lent as for a time; where there is one, it counts."""
    temporary_loan_type_ends_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """From when on that does not count."""
    base_state: str = Field(sa_column=words(default="active"))
    call_number: str | None = Field(default=None, sa_column=words(null=True))
    """Its own, where it differs from the holdings'."""
    call_number_scheme: str | None = Field(default=None, sa_column=words(null=True))
    shelving_key: str | None = Field(default=None, sa_column=shelf_place())
    other_call_numbers: list[dict[str, Any]] = Field(default_factory=list, sa_column=document("[]"))
    volume: str | None = Field(default=None, sa_column=words(null=True))
    copy_number: str | None = Field(default=None, sa_column=words(null=True))
    note: str | None = Field(default=None, sa_column=words(null=True))
    suppressed: bool = Field(sa_column=flag(default=False))
    pieces: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    """How many things it is made of, where that was counted."""
    pieces_text: str | None = Field(default=None, sa_column=words(null=True))
    """Which they are."""
    intellectual: bool = Field(sa_column=flag(default=False))
    """It stands for no single thing."""
    purchase_minor: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    """What it cost, in minor units; nothing for a gift."""
    purchase_currency: str | None = Field(default=None, sa_column=words(null=True))
    replacement_minor: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    """What a new copy would cost."""
    replacement_currency: str | None = Field(default=None, sa_column=words(null=True))
    accession_number: str | None = Field(default=None, sa_column=words(null=True))
    enumeration: str | None = Field(default=None, sa_column=words(null=True))
    chronology: str | None = Field(default=None, sa_column=words(null=True))
    year_caption: str | None = Field(default=None, sa_column=words(null=True))
    missing_pieces: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    """How many of its pieces are not there; never more than it has."""
    missing_pieces_text: str | None = Field(default=None, sa_column=words(null=True))
    missing_pieces_on: date | None = Field(default=None, sa_column=day())
    damaged_status: str | None = Field(default=None, sa_column=words(null=True))
    """In what condition it is; whether it is lent, the base state says."""
    damaged_on: date | None = Field(default=None, sa_column=day())
    statistical_codes: list[str] = Field(default_factory=list, sa_column=texts())
    check_out_notes: list[str] = Field(default_factory=list, sa_column=texts())
    check_in_notes: list[str] = Field(default_factory=list, sa_column=texts())
    tags: list[str] = Field(default_factory=list, sa_column=texts())
    custom: dict[str, Any] = Field(sa_column=document("{}"))
    """Facts of the library's own (`catalog.custom`)."""
    import_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The import that made it."""
    created_at: datetime = Field(sa_column=when())
    updated_at: datetime = Field(sa_column=when())


class ItemAvailability(Table, table=True):
    """Our copy of what circulation tells; never edited by hand."""

    __tablename__ = "item_availability"

    item_id: UUID = Field(sa_column=key())
    epoch: int = Field(sa_column=count(1))
    version: int = Field(sa_column=big(1))
    state: str = Field(sa_column=words())
    lendable: bool = Field(sa_column=flag(default=False))
    due_at: datetime | None = Field(default=None, sa_column=when(null=True))
    as_of: datetime = Field(sa_column=when())
