"""What the catalogue tells: items, locations, titles, withdrawals and imports."""

from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, Literal
from uuid import UUID

from contracts.events import Event, Part
from contracts.money import Amount

CIRCULATION = frozenset({"circulation"})
ERM = frozenset({"erm"})
ILL = frozenset({"ill"})

Fact = str | int | float | tuple[str, ...]
"""What a field of a library's own may hold: text, a day (ISO 8601), a number, a choice, or several of them."""


class ItemBase(StrEnum):
    """The item's base state, owned by the catalogue; circulation derives the rest."""

    ON_ORDER = "on-order"
    IN_PROCESS = "in-process"
    ACTIVE = "active"
    MISSING = "missing"
    LONG_MISSING = "long-missing"
    DAMAGED = "damaged"
    WITHDRAWN = "withdrawn"
    RESTRICTED = "restricted"
    UNKNOWN = "unknown"


class OtherCallNumber(Part):
    """A call number beside the one that something is shelved by."""

    call_number: str
    scheme: str | None = None
    """What it is made by: lc, dewey, nlm, sudoc or local; None: nobody has said."""
    kind: Literal["additional", "former"] = "additional"


class ItemState(Part):
    """An item's whole public state; a reader keeps the newest (epoch, version) and drops the rest."""

    item_id: UUID
    version: int
    barcode: str | None
    holdings_id: UUID
    title_ids: tuple[UUID, ...]
    """All titles the item belongs to (several when bound together); the first is its own."""
    location_id: UUID
    """Where it stands now: the one that counts."""
    material_type: str
    loan_type: str
    """What it is lent as now: the one that counts."""
    base_state: ItemBase
    call_number: str | None = None
    """Its own, else its holdings'."""
    volume: str | None = None
    copy_number: str | None = None
    short_title: str = ""
    short_author: str | None = None
    suppressed: bool = False
    pieces: int | None = None
    """How many things it is made of (a book and its disc: 2), where that was counted."""
    pieces_text: str | None = None
    """Which they are, for whoever has them before them."""
    intellectual: bool = False
    """It stands for no single thing: it is neither lent nor held nor checked in."""
    created_at: datetime | None = None
    """When the catalogue took it in; rules for new items count from then."""
    purchase_price: Amount | None = None
    """What it cost; nothing for a gift."""
    replacement_price: Amount | None = None
    """What a new copy would cost."""
    accession_number: str | None = None
    """Its number in the register of what the library has taken in."""
    enumeration: str | None = None
    """Which part of a set or run it is, by numbers: v. 12, no. 3."""
    chronology: str | None = None
    """The same by dates: 2024 Mar."""
    year_caption: str | None = None
    """The year that it is shelved under."""
    missing_pieces: int | None = None
    """How many of its pieces are not there, as the catalogue has it."""
    missing_pieces_text: str | None = None
    missing_pieces_on: date | None = None
    """When that was found."""
    damaged_status: str | None = None
    """In what condition it is, as a code of the configuration; whether it is lent, the base state says."""
    damaged_on: date | None = None
    statistical_codes: tuple[str, ...] = ()
    """What it counts as in reports."""
    check_out_notes: tuple[str, ...] = ()
    """What whoever lends it is to know."""
    check_in_notes: tuple[str, ...] = ()
    """What whoever takes it back is to know."""
    tags: tuple[str, ...] = ()
    custom: dict[str, Fact] = {}  # noqa: RUF012 - each event has a copy
    """Facts of the library's own, by the codes of its configuration."""
    permanent_location_id: UUID | None = None
    """Where it belongs, while it stands elsewhere for a time; None: it is where it belongs."""
    temporary_location_id: UUID | None = None
    """Where it has been put for a time; None while it goes where its holdings are."""
    permanent_loan_type: str | None = None
    """What it is lent as otherwise, while a temporary loan type counts."""
    temporary_loan_type: str | None = None
    temporary_location_ends_at: datetime | None = None
    """From when on its temporary location does not count; that it does not is told then, too."""
    temporary_loan_type_ends_at: datetime | None = None
    record_number: str | None = None
    """The number that people read out, with its prefix, given once; None: of an earlier release, not numbered yet."""
    other_call_numbers: tuple[OtherCallNumber, ...] = ()
    """Its own further ones, then those of its holdings."""


class LocationState(Part):
    """A location with its place in the tree institution → campus → library → location, as codes."""

    location_id: UUID
    version: int
    code: str
    name: str
    library: str
    library_name: str
    campus: str
    institution: str
    active: bool = True


class ItemCreated(Event):
    """An item has been added to the collection."""

    type: ClassVar = "catalog.item-created.v1"
    subject: ClassVar = "item_id"
    listeners: ClassVar = CIRCULATION

    item_id: UUID
    item: ItemState


class ItemUpdated(Event):
    """An item's facts have changed."""

    type: ClassVar = "catalog.item-updated.v1"
    subject: ClassVar = "item_id"
    listeners: ClassVar = CIRCULATION

    item_id: UUID
    item: ItemState


class ItemsAnnounced(Event):
    """Up to 500 items as they now stand: after an import, or re-announced for a new or restored reader."""

    type: ClassVar = "catalog.items-announced.v1"
    subject: ClassVar = "batch_id"
    listeners: ClassVar = CIRCULATION

    batch_id: UUID
    items: tuple[ItemState, ...]


class ItemWithdrawalRequested(Event):
    """The catalogue would like to withdraw an item; circulation clears or refuses."""

    type: ClassVar = "catalog.item-withdrawal-requested.v1"
    subject: ClassVar = "withdrawal_id"
    partition: ClassVar = "item_id"
    listeners: ClassVar = CIRCULATION

    withdrawal_id: UUID
    item_id: UUID
    reason: str


class ItemWithdrawn(Event):
    """An item has left the collection for good."""

    type: ClassVar = "catalog.item-withdrawn.v1"
    subject: ClassVar = "item_id"
    listeners: ClassVar = CIRCULATION

    item_id: UUID
    withdrawal_id: UUID
    reason: str
    item: ItemState


class LocationChanged(Event):
    """A location was added or changed."""

    type: ClassVar = "catalog.location-changed.v1"
    subject: ClassVar = "location_id"
    listeners: ClassVar = CIRCULATION

    location_id: UUID
    location: LocationState


class TitleSummary(Part):
    """What a list of titles shows."""

    title_id: UUID
    version: int
    title: str
    author: str | None = None
    year: int | None = None
    format: str | None = None
    suppressed: bool = False
    statistical_codes: tuple[str, ...] | None = None
    """What it counts as in reports; None: not told here, and as it was."""
    tags: tuple[str, ...] | None = None
    """None: as before."""
    custom: dict[str, Fact] | None = None
    """Facts of the library's own, by the codes of its configuration; None: as before."""


class TitleCreated(Event):
    """A title was added."""

    type: ClassVar = "catalog.title-created.v1"
    subject: ClassVar = "title_id"

    title_id: UUID
    title: TitleSummary


class TitleUpdated(Event):
    """A title's record has changed."""

    type: ClassVar = "catalog.title-updated.v1"
    subject: ClassVar = "title_id"

    title_id: UUID
    title: TitleSummary


class FoundTitle(Part):
    """A title that may be what a partner asks for."""

    title_id: UUID
    title: str
    author: str | None = None
    year: int | None = None
    by: str
    """What it was found by: record, isbn, oclc, issn or title."""


class TitlesFound(Event):
    """Which titles of ours a partner's request may be about."""

    type: ClassVar = "catalog.titles-found.v1"
    subject: ClassVar = "request_id"
    listeners: ClassVar = ILL

    request_id: UUID
    asked: int
    """The version of the question."""
    certain: bool
    """They were found by a number that is theirs alone, or nothing was, though such a number was told."""
    titles: tuple[FoundTitle, ...]
    """The best first; at most twenty."""


class TitleMerged(Event):
    """Titles were merged into this one: their holdings, items and whatever waits for them are its own now."""

    type: ClassVar = "catalog.title-merged.v1"
    subject: ClassVar = "title_id"
    listeners: ClassVar = CIRCULATION | ERM

    title_id: UUID
    merged_ids: tuple[UUID, ...]
    """Ids that lead to this title from now on, and are never given again."""
    title: TitleSummary
    holdings_moved: int
    items_moved: int


class TitleDeleted(Event):
    """A title was taken out of the catalogue. It may come back (`title-updated`)."""

    type: ClassVar = "catalog.title-deleted.v1"
    subject: ClassVar = "title_id"

    title_id: UUID
    merged_into: UUID | None = None
    """The title that it was merged into."""


class HoldingsState(Part):
    """What of a title stands at one location under one call number."""

    holdings_id: UUID
    version: int
    title_id: UUID
    location_id: UUID
    call_number: str | None = None
    suppressed: bool = False
    statistical_codes: tuple[str, ...] = ()
    """What they count as in reports."""
    item_ids: tuple[UUID, ...] | None = None
    """Their items as they stand, where that has just been arranged; None: not told here."""
    digitisation_policy: str | None = None
    """Whether and how they are digitised, by a code of the library's configuration."""
    lending_policy: str | None = None
    """Whether they are lent to other libraries, as their record says (MARC 21 Holdings, 008/20)."""
    reproduction_policy: str | None = None
    """Whether copies are made of them, as their record says (008/21)."""
    temporary_location_id: UUID | None = None
    """Where they stand for a time."""
    temporary_location_ends_at: datetime | None = None
    """From when on they stand where they belong again."""
    record_number: str | None = None
    """The number that people read out, as of items."""
    other_call_numbers: tuple[OtherCallNumber, ...] = ()


class HoldingsCreated(Event):
    """Holdings were added."""

    type: ClassVar = "catalog.holdings-created.v1"
    subject: ClassVar = "holdings_id"

    holdings_id: UUID
    holdings: HoldingsState


class HoldingsUpdated(Event):
    """Holdings' facts or their record have changed."""

    type: ClassVar = "catalog.holdings-updated.v1"
    subject: ClassVar = "holdings_id"

    holdings_id: UUID
    holdings: HoldingsState


class HoldingsMoved(Event):
    """Holdings belong to another title now, with all their items."""

    type: ClassVar = "catalog.holdings-moved.v1"
    subject: ClassVar = "holdings_id"

    holdings_id: UUID
    holdings: HoldingsState
    from_title_id: UUID
    items: int
    """How many items came along; each is told of, too."""


class HoldingsDeleted(Event):
    """Holdings were taken out of the catalogue."""

    type: ClassVar = "catalog.holdings-deleted.v1"
    subject: ClassVar = "holdings_id"

    holdings_id: UUID
    holdings: HoldingsState
    merged_into: UUID | None = None
    """The holdings that have their items, where two shelves have become one."""


class TitlesImported(Event):
    """Up to 500 titles that one import slice created or changed."""

    type: ClassVar = "catalog.titles-imported.v1"
    subject: ClassVar = "batch_id"

    batch_id: UUID
    import_id: UUID
    titles: tuple[TitleSummary, ...]


class ImportFinished(Event):
    """An import job has ended."""

    type: ClassVar = "catalog.import-finished.v1"
    subject: ClassVar = "import_id"

    import_id: UUID
    state: str
    counts: dict[str, int]
    started_at: datetime | None = None


class MadeItem(Part):
    """What was made of a copy that has come."""

    piece_id: UUID
    item_id: UUID | None = None
    """None: no item was made."""
    reasons: tuple[str, ...] = ()
    """Why not, as codes; or what was left out (`barcode-taken`)."""


class ReceivedItemsMade(Event):
    """The catalogue has made items of copies that have come; they are in process."""

    type: ClassVar = "catalog.received-items-made.v1"
    subject: ClassVar = "receipt_id"
    listeners: ClassVar = ERM

    receipt_id: UUID
    order_line_id: UUID
    title_id: UUID | None = None
    """The title that they belong to, entered now if it was not there."""
    items: tuple[MadeItem, ...]


class RemovedItem(Part):
    """What became of the item of a copy that goes back."""

    piece_id: UUID
    item_id: UUID | None = None
    removed: bool
    reasons: tuple[str, ...] = ()
    """Why it stays, as codes."""


class ReceivedItemsRemoved(Event):
    """Items of copies that go back are withdrawn, or stay."""

    type: ClassVar = "catalog.received-items-removed.v1"
    subject: ClassVar = "receipt_id"
    listeners: ClassVar = ERM

    receipt_id: UUID
    order_line_id: UUID
    items: tuple[RemovedItem, ...]


class BoundPiece(Part):
    """What became of the item of an issue."""

    piece_id: UUID
    item_id: UUID | None = None
    """The one that it has now; a volume's issues have none of their own."""
    reasons: tuple[str, ...] = ()
    """Why it stays as it is, as codes."""


class BindingAnswered(Event):
    """Issues have become a volume's, or cannot; a volume is issues again, or stays."""

    type: ClassVar = "catalog.binding-answered.v1"
    subject: ClassVar = "binding_id"
    listeners: ClassVar = ERM

    binding_id: UUID
    order_line_id: UUID
    what: str
    """made, refused, undone or stays."""
    volume_item_id: UUID | None = None
    reasons: tuple[str, ...] = ()
    """What concerns the volume itself, as codes: why it stays, or what was left out (`barcode-taken`)."""
    pieces: tuple[BoundPiece, ...] = ()
