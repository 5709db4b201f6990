"""What is compared of each record, on this side: the same facts, line and checksum as the services tell of theirs."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from carrel.kits.neutral import Fee, Hold, Loan, Patron
from carrel.kits.preparing import Prepared
from carrel.kits.settings import MappingDoc

Facts = Mapping[str, Any]


def told(at: datetime | None) -> str | None:
    """A moment in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at is not None else None


def titles(prepared: Prepared) -> Iterator[tuple[str, Facts]]:
    """Of titles."""
    yield from prepared.titles.items()


def items(prepared: Prepared, settings: MappingDoc) -> Iterator[tuple[str, Facts]]:
    """Of items, in the library's codes."""
    for legacy_id, (item, title) in prepared.items.items():
        library, _, location = settings.meant("places", item.place).partition("/")
        yield (
            legacy_id,
            {
                "title": title,
                "barcode": item.barcode,
                "library": library,
                "location": location,
                "material_type": settings.meant("material_types", item.material_type),
                "loan_type": settings.meant("loan_types", item.loan_type),
                "call_number": item.call_number,
                "volume": item.volume,
                "copy_number": item.copy_number,
            },
        )


def patron(row: Patron, settings: MappingDoc) -> Facts:
    """Of a patron."""
    return {
        "external_id": row.external_id,
        "barcode": row.barcode,
        "group": settings.meant("patron_groups", row.group),
        "family_name": row.family_name,
        "given_name": row.given_name,
        "expires_at": told(row.expires_at),
    }


def loan(row: Loan, item_ids: Mapping[str, str]) -> Facts:
    """Of a loan; the item by what it is here."""
    return {
        "patron": row.patron,
        "item_id": item_ids.get(row.item),
        "lent_at": told(row.lent_at),
        "due_at": told(row.due_at),
        "renewals": row.renewals,
    }


def hold(
    row: Hold, settings: MappingDoc, title_ids: Mapping[str, str], item_ids: Mapping[str, str], *, rank: int
) -> Facts:
    """Of a hold; title and item by what they are here, `rank` in its title's queue among those handed over."""
    return {
        "patron": row.patron,
        "title_id": title_ids.get(row.title),
        "item_id": item_ids.get(row.item or "") if row.on_item else None,
        "placed_at": told(row.placed_at),
        "pickup": settings.meant("service_points", row.pickup),
        "state": "ready" if row.ready else "waiting",
        "rank": rank,
    }


def fee(row: Fee, settings: MappingDoc) -> Facts:
    """Of a fee."""
    return {
        "patron": row.patron,
        "type": settings.meant("fee_types", row.type),
        "amount": row.amount,
        "remaining": row.remaining,
        "currency": row.currency,
        "charged_at": told(row.charged_at),
    }


def line(legacy_id: str, facts: Facts) -> str:
    """A record as one line."""
    return "\t".join([legacy_id, *("" if value is None else str(value) for value in facts.values())])


def checksum(records: Iterable[tuple[str, Facts]]) -> str:
    """Of all of them, in the order of the legacy ids' bytes."""
    whole = hashlib.sha256()
    for legacy_id, facts in sorted(records, key=lambda each: each[0].encode()):
        whole.update(hashlib.sha256(line(legacy_id, facts).encode()).digest())
    return whole.hexdigest()
