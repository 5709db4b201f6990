"""What acquisitions and electronic resources tell: orders, what came of them, invoices, licences, agreements."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from contracts.events import Event, Part

CATALOG = frozenset({"catalog"})
ILL = frozenset({"ill"})


class OrderLineFacts(Part):
    """A line as it stands after the event."""

    order_line_id: UUID
    title: str
    title_id: UUID | None = None
    """In the catalogue, once it is known there."""
    quantity: int
    received: int
    total_minor: int
    """With tax, in the order's currency."""
    receipt_state: str
    payment_state: str
    cancelled: bool = False


class OrderFacts(Part):
    """An order as it stands after the event."""

    order_id: UUID
    number: str
    vendor_id: UUID
    state: str
    """pending, open or closed."""
    close_reason: str | None = None
    currency: str
    total_minor: int
    lines: tuple[OrderLineFacts, ...]


class OrderChanged(Event):
    """An order was entered, approved, changed, closed; it came, or was paid."""

    type: ClassVar = "erm.order-changed.v1"
    subject: ClassVar = "order_id"

    order_id: UUID
    what: str
    """What happened: entered, changed, approved, unopened, closed, reopened, cancelled, received, paid …"""
    order: OrderFacts
    members_only: bool = False
    """It belongs to an acquisition unit that keeps reading to its members."""


class ReceivedPiece(Part):
    """A copy that has come."""

    piece_id: UUID
    barcode: str | None = None


class OrderLineReceived(Event):
    """Copies of an order line have come: the catalogue makes items of them, which are in process."""

    type: ClassVar = "erm.order-line-received.v1"
    subject: ClassVar = "receipt_id"
    partition: ClassVar = "order_line_id"
    listeners: ClassVar = CATALOG

    receipt_id: UUID
    order_line_id: UUID
    order_number: str
    title_id: UUID | None = None
    """None: the catalogue enters the title from what the order says of it."""
    title: str
    author: str | None = None
    publisher: str | None = None
    year: str | None = None
    isbn: str | None = None
    location_id: UUID
    material_type: str
    loan_type: str
    call_number: str | None = None
    price_minor: int | None = None
    """What one copy costs, with tax and its part of what comes on top."""
    price_currency: str | None = None
    pieces: tuple[ReceivedPiece, ...]
    members_only: bool = False
    """It belongs to an acquisition unit that keeps reading to its members."""


class ReceiptUndone(Event):
    """Copies were taken for received that have not come, or go back: their items are to be withdrawn."""

    type: ClassVar = "erm.receipt-undone.v1"
    subject: ClassVar = "receipt_id"
    partition: ClassVar = "order_line_id"
    listeners: ClassVar = CATALOG

    receipt_id: UUID
    order_line_id: UUID
    pieces: tuple[UUID, ...]
    members_only: bool = False
    """It belongs to an acquisition unit that keeps reading to its members."""


class PieceToBind(Part):
    """An issue that becomes part of a volume."""

    piece_id: UUID
    item_id: UUID | None = None
    """None: it never was an item."""


class PiecesToBind(Event):
    """Issues are to become one volume: the catalogue takes their items out, which circulation clears, and makes its."""

    type: ClassVar = "erm.pieces-to-bind.v1"
    subject: ClassVar = "binding_id"
    partition: ClassVar = "order_line_id"
    listeners: ClassVar = CATALOG

    binding_id: UUID
    order_line_id: UUID
    members_only: bool = False
    """It belongs to an acquisition unit that keeps reading to its members."""
    title_id: UUID
    volume: str
    """What it holds, as it stands on the spine: enumeration and chronology from the first issue to the last."""
    barcode: str | None = None
    location_id: UUID
    material_type: str
    loan_type: str
    call_number: str | None = None
    pieces: tuple[PieceToBind, ...]


class BindingUndone(Event):
    """A volume is no volume any more, or does not become one: its issues are items again."""

    type: ClassVar = "erm.binding-undone.v1"
    subject: ClassVar = "binding_id"
    partition: ClassVar = "order_line_id"
    listeners: ClassVar = CATALOG

    binding_id: UUID
    order_line_id: UUID
    members_only: bool = False
    """It belongs to an acquisition unit that keeps reading to its members."""


class InvoiceFacts(Part):
    """An invoice as it stands after the event."""

    invoice_id: UUID
    vendor_id: UUID
    vendor_invoice_number: str
    state: str
    """open, reviewed, approved, paid or cancelled."""
    currency: str
    total_minor: int
    order_line_ids: tuple[UUID, ...] = ()
    invoiced_on: str
    paid_at: datetime | None = None


class InvoiceChanged(Event):
    """An invoice was entered, changed, reviewed, approved, paid or cancelled."""

    type: ClassVar = "erm.invoice-changed.v1"
    subject: ClassVar = "invoice_id"

    invoice_id: UUID
    what: str
    invoice: InvoiceFacts
    members_only: bool = False
    """It belongs to an acquisition unit that keeps reading to its members."""


class VoucherDeliveryFailed(Event):
    """A batch of vouchers did not reach the university's books; it is not tried any more until somebody asks for it."""

    type: ClassVar = "erm.voucher-delivery-failed.v1"
    subject: ClassVar = "batch_id"

    batch_id: UUID
    batch_group_id: UUID
    number: int
    """Of the batch in its group."""
    attempts: int
    error: str
    """Why the last attempt came to nothing."""


class PackageFacts(Part):
    """A package as it stands after the event."""

    package_id: UUID
    source: str
    reference: str
    name: str
    provider_id: UUID | None = None
    platform_id: UUID
    scope: str
    state: str
    """current or retired."""
    loaded_at: datetime | None = None


class PackageChanged(Event):
    """A package was entered, changed, or its provider's list was taken in."""

    type: ClassVar = "erm.package-changed.v1"
    subject: ClassVar = "package_id"

    package_id: UUID
    what: str
    """What happened: entered, changed, loaded."""
    package: PackageFacts
    load_id: UUID | None = None
    counts: dict[str, int] | None = None
    """Of a load: titles added, changed, unchanged, removed; rows rejected."""


class CoverageFacts(Part):
    """From when to when, behind which moving walls, how much of it, and for whom."""

    starts: str | None = None
    """A year, a month or a day, as it was told."""
    start_volume: str | None = None
    start_issue: str | None = None
    ends: str | None = None
    end_volume: str | None = None
    end_issue: str | None = None
    depth: str
    embargo: str | None = None
    access_type: str
    """P paid, F free."""


class PackageItemFacts(Part):
    """A title in a package as it stands after the event."""

    item_id: UUID
    item_version: int
    what: str
    """added, changed, removed, returned."""
    title_id: UUID
    work_id: UUID
    name: str
    kind: str
    """serial or monograph."""
    identifiers: tuple[str, ...] = ()
    """`issn:2049-3630`; those of the siblings in other media, too."""
    platform_id: UUID
    url: str | None = None
    access_start_on: date | None = None
    access_end_on: date | None = None
    """The last day."""
    coverage: tuple[CoverageFacts, ...] = ()


class PackageItemsChanged(Event):
    """Titles came into a package, changed in it or left it; a title is first told of with the item that brings it."""

    type: ClassVar = "erm.package-items-changed.v1"
    subject: ClassVar = "package_id"

    package_id: UUID
    load_id: UUID | None = None
    items: tuple[PackageItemFacts, ...]


class TitleInstanceFacts(Part):
    """A title of the knowledge base as it stands after the event."""

    title_id: UUID
    work_id: UUID
    name: str
    kind: str
    medium: str
    """electronic or print."""
    identifiers: tuple[str, ...] = ()
    """`issn:2049-3630`."""
    preceded_by: UUID | None = None
    merged_into: UUID | None = None
    split_from: UUID | None = None


class TitleInstanceChanged(Event):
    """A title of the knowledge base was entered, changed, merged into another, or split off another."""

    type: ClassVar = "erm.title-instance-changed.v1"
    subject: ClassVar = "title_id"

    title_id: UUID
    what: str
    """entered, changed, followed (the list that it came from), merged, absorbed (others), split, split-off."""
    title: TitleInstanceFacts
    other_ids: tuple[UUID, ...] = ()
    """The titles that became one with it, or that it became one with; that it was split from, or into."""


class LicenceTermFacts(Part):
    """What a licence says of a term on these days."""

    term: str
    use: str | None = None
    """permitted, prohibited, silent or interpreted."""
    value: bool | int | str | tuple[str, ...] | dict[str, str] | None = None
    note: str | None = None
    """For readers and for other libraries."""
    amendment: int = 0
    """The amendment that says so; 0: the licence itself."""
    starts_on: date | None = None
    ends_on: date | None = None
    """The last day, included."""


class LicenceFacts(Part):
    """A licence as it stands after the event, for every day: amendments have been laid over it."""

    licence_id: UUID
    name: str
    status: str
    starts_on: date | None = None
    ends_on: date | None = None
    terms: tuple[LicenceTermFacts, ...]


class LicenceChanged(Event):
    """A licence was entered or changed."""

    type: ClassVar = "erm.licence-changed.v1"
    subject: ClassVar = "licence_id"
    listeners: ClassVar = ILL

    licence_id: UUID
    what: str
    """entered, changed."""
    licence: LicenceFacts


class AgreementPeriodFacts(Part):
    """A period of an agreement."""

    starts_on: date
    ends_on: date | None = None


class AgreementFacts(Part):
    """An agreement as it stands after the event, without its lines."""

    agreement_id: UUID
    name: str
    status: str
    close_reason: str | None = None
    periods: tuple[AgreementPeriodFacts, ...]
    licence_ids: tuple[UUID, ...]
    """Of the licences that govern it."""


class AgreementLineFacts(Part):
    """What one line of an agreement lets be used."""

    line_id: UUID
    resource: str
    """package, package-item, platform-title, external or detached."""
    resource_id: UUID | None = None
    authority: str | None = None
    reference: str | None = None
    active_from: date | None = None
    active_to: date | None = None
    suppressed: bool = False


class AgreementChanged(Event):
    """An agreement was entered, changed or closed, or a line of it was."""

    type: ClassVar = "erm.agreement-changed.v1"
    subject: ClassVar = "agreement_id"

    agreement_id: UUID
    what: str
    """entered, changed, line-added, line-changed."""
    agreement: AgreementFacts
    line: AgreementLineFacts | None = None
    """The line that was added or changed."""


class PerpetualRightFacts(Part):
    """Years of a title that stay the library's, as they stand after the event."""

    right_id: UUID
    title_id: UUID
    agreement_id: UUID | None = None
    platform_id: UUID | None = None
    """Where it is exercised; none: nowhere that readers could be led."""
    start_on: date | None = None
    start_volume: str | None = None
    end_on: date | None = None
    end_volume: str | None = None
    status: str
    """claimed, confirmed, disputed, lost."""


class PerpetualRightChanged(Event):
    """A perpetual right was entered, changed, or is exercised on another platform."""

    type: ClassVar = "erm.perpetual-right-changed.v1"
    subject: ClassVar = "right_id"

    right_id: UUID
    what: str
    """entered, changed, moved."""
    right: PerpetualRightFacts


class TitleTransferFacts(Part):
    """A title on its way from one publisher to another, as it stands after the event."""

    transfer_id: UUID
    title_id: UUID
    title: str
    from_organisation_id: UUID | None = None
    to_organisation_id: UUID | None = None
    from_platform_id: UUID | None = None
    to_platform_id: UUID | None = None
    effective_on: date
    perpetual_access: str
    """Who grants what was bought before: transferring, receiving, both, none, unknown."""
    status: str
    """announced, moved, done, withdrawn."""
    open_tasks: int
    """What the library has yet to see to."""


class TitleTransferChanged(Event):
    """A title is to go to another publisher, has gone, or what that asks of the library was seen to."""

    type: ClassVar = "erm.title-transfer-changed.v1"
    subject: ClassVar = "transfer_id"

    transfer_id: UUID
    what: str
    """announced, moved, settled, withdrawn."""
    transfer: TitleTransferFacts


class AccessTarget(Part):
    """A way to what was asked for."""

    url: str
    platform: str
    package: str | None = None
    title: str
    free: bool
    """For everybody: no licence of ours is needed."""
    certain: bool
    """False: the citation tells too little to know whether it is covered."""
    licence_id: UUID | None = None


class AccessFound(Event):
    """Which ways there are today to what a request asks for."""

    type: ClassVar = "erm.access-found.v1"
    subject: ClassVar = "request_id"
    listeners: ClassVar = ILL

    request_id: UUID
    asked: int
    """The version of the question."""
    known: bool
    """The knowledge base has heard of the title."""
    targets: tuple[AccessTarget, ...]
    """The best first; at most twenty."""
    refused: tuple[str, ...] = ()
    """Why others are none, as codes."""
