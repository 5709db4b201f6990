"""What messages say once they are read: quotes, responses, despatch advices, invoices. Facts only."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Line:
    """What lines of every message have."""

    number: str
    """As the sender counts them."""
    segment: int
    ean: str | None = None
    """13 digits."""
    reference: str | None = None
    """The library's own for its order line (RFF LI)."""
    order_number: str | None = None
    """RFF ON."""
    title: str | None = None
    author: str | None = None
    publisher: str | None = None
    year: str | None = None


@dataclass(frozen=True, slots=True)
class Copies:
    """Copies of a line that go to one place and are borne by one fund (GIR)."""

    count: int
    branch: str | None = None
    """LLO"""
    fund: str | None = None
    """LFN"""
    class_mark: str | None = None
    """LCL"""
    category: str | None = None
    """LST: stock category."""


@dataclass(frozen=True, slots=True)
class QuoteLine(Line):
    """A title that is offered."""

    quantity: int = 1
    price: Decimal | None = None
    """For one copy, before a discount."""
    discount_percent: Decimal | None = None
    copies: tuple[Copies, ...] = ()
    quote_reference: str | None = None
    """The vendor's own for this line (RFF QLI); an order repeats it."""
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ResponseLine(Line):
    """What becomes of a line that was ordered."""

    action: str | None = None
    """1229: 5 accepted, 2 deleted, 7 not accepted …"""
    codes: tuple[str, ...] = ()
    """Reports of the trade's own lists, as `7B:OP`."""
    text: str | None = None
    ordered: int | None = None
    despatched: int | None = None
    back_ordered: int | None = None
    expected_on: date | None = None
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class DespatchLine(Line):
    """Copies on their way."""

    quantity: int = 1
    parcel: str | None = None
    """SSCC: the serial number of the parcel that they lie in."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What comes on top of an invoice, or goes off."""

    kind: str
    """`shipping`, `discount`, `fee`, `tax`, `other`."""
    description: str
    amount: Decimal
    """Negative when it goes off."""


@dataclass(frozen=True, slots=True)
class BilledLine(Line):
    """A position of an invoice."""

    quantity: int = 1
    amount: Decimal | None = None
    """For all of it, after the line's own allowances and charges, before tax."""
    tax: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """What all of them say of themselves."""

    number: str
    dated: date | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class Quote(Document):
    """QUOTES: titles that a vendor offers, mostly those that the library has chosen on the vendor's site."""

    lines: tuple[QuoteLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Response(Document):
    """ORDRSP."""

    order_number: str | None = None
    lines: tuple[ResponseLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Despatch(Document):
    """DESADV."""

    expected_on: date | None = None
    order_number: str | None = None
    lines: tuple[DespatchLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Bill(Document):
    """INVOIC: an invoice or, with `credit`, a credit note, whose amounts are positive all the same."""

    credit: bool = False
    order_number: str | None = None
    lines: tuple[BilledLine, ...] = ()
    charges: tuple[Charge, ...] = ()
    tax: Decimal | None = None
    """Of the whole, where the summary says it."""
    total: Decimal | None = None
    """What is to be paid."""
