"""What every kit reads an export into: the same few kinds of record, whichever system it comes from.

Codes (places, types, groups) are the old system's until a mapping has translated them; ids are the old system's for
good. Amounts are in minor units, moments are aware.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from catalog.marc.record import Record

KINDS: Final = ("title", "item", "patron", "loan", "hold", "fee")
"""In the order in which they are loaded: each needs those before it."""


@dataclass(slots=True)
class Item:
    """A copy."""

    legacy_id: str
    barcode: str | None
    place: str
    """The library and the location, as `LIBRARY/LOCATION`."""
    material_type: str
    loan_type: str
    call_number: str | None = None
    volume: str | None = None
    copy_number: str | None = None
    note: str | None = None
    replacement_price: str | None = None


@dataclass(slots=True)
class Title:
    """A bibliographic record without its items, and those."""

    legacy_id: str
    record: Record
    items: list[Item] = field(default_factory=list)


@dataclass(slots=True)
class Patron:
    """Somebody who borrows."""

    legacy_id: str
    external_id: str
    group: str
    family_name: str
    given_name: str | None = None
    barcode: str | None = None
    email: str | None = None
    expires_at: datetime | None = None
    active: bool = True


@dataclass(slots=True)
class Loan:
    """An open loan."""

    legacy_id: str
    patron: str
    item: str
    lent_at: datetime
    due_at: datetime
    renewals: int
    service_point: str


@dataclass(slots=True)
class Hold:
    """An open hold; `item` is named where only that one will do, or where it waits on the hold shelf."""

    legacy_id: str
    patron: str
    title: str
    place: int
    placed_at: datetime
    pickup: str
    item: str | None = None
    on_item: bool = False
    expires_at: datetime | None = None
    ready: bool = False
    shelf_expires_at: datetime | None = None
    suspended: bool = False
    suspended_until: datetime | None = None


@dataclass(slots=True)
class Fee:
    """An open fee."""

    legacy_id: str
    patron: str
    type: str
    amount: int
    remaining: int
    currency: str
    charged_at: datetime
    loan: str | None = None
    item: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """A row of the export that is not handed over, or not as it is, and why."""

    kind: str
    legacy_id: str
    code: str
    text: str
    lost: bool = True
    """Whether nothing of it is handed over."""


@dataclass(slots=True)
class Export:
    """A whole export. Titles may be many: they come once, one after the other, and bring their items."""

    titles: Iterator[Title]
    patrons: list[Patron] = field(default_factory=list)
    loans: list[Loan] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    fees: list[Fee] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    """Grows while titles are read."""
