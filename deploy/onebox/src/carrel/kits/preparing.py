"""An export is read once from end to end: titles go to a file with their items in a field of ours, the rest is kept.

What has an id that came before, or a barcode that is another's, is told here: the first that has it keeps it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from carrel.kits.mapping import Codes
from carrel.kits.neutral import Export, Fee, Hold, Item, Left, Loan, Patron, Title
from carrel.kits.reading import LONGEST_ID
from carrel.kits.settings import SECTIONS, MappingDoc, Section
from catalog.marc import marcjson
from catalog.marc.extract import headline
from catalog.marc.items import Meaning
from catalog.marc.record import Field
from catalog.titles.facts import storable
from circulation.registration.details import Mail

ITEM_TAG: Final = "991"
MEANINGS: Final[dict[str, Meaning]] = {
    "9": "legacy_id",
    "b": "barcode",
    "l": "location",
    "t": "item_type",
    "p": "loan_type",
    "a": "call_number",
    "v": "volume",
    "c": "copy",
    "n": "note",
    "r": "replacement_price",
}
OURS: Final[dict[Meaning, str]] = {
    "legacy_id": "legacy_id",
    "barcode": "barcode",
    "location": "place",
    "item_type": "material_type",
    "loan_type": "loan_type",
    "call_number": "call_number",
    "volume": "volume",
    "copy": "copy_number",
    "note": "note",
    "replacement_price": "replacement_price",
}
MAIL: Final = TypeAdapter[str | None](Mail | None)
MEDIA_TYPE: Final = "application/marc+json"


@dataclass(slots=True)
class Prepared:
    """An export, ready to be handed over; in the old system's codes."""

    titles_file: Path
    titles: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Legacy id → what is compared of it (`catalog.legacy.queries`)."""
    items: dict[str, tuple[Item, str]] = field(default_factory=dict)
    """Legacy id → the item, and its title's legacy id."""
    patrons: list[Patron] = field(default_factory=list)
    loans: list[Loan] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    fees: list[Fee] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    codes: Codes = field(default_factory=lambda: {section: Counter() for section in SECTIONS})

    def count(self, kind: str) -> int:
        """How many of a kind are handed over."""
        return len(getattr(self, f"{kind}s"))


def prepared(export: Export, file: Path) -> Prepared:
    """Read it from end to end."""
    told = Prepared(file, left=export.left)
    with file.open("wb") as out:
        for title in _titles(export, told):
            out.write(marcjson.dumps(title.record.having(*map(item_field, title.items))) + b"\n")
    told.patrons = _unlike(told, export.patrons)
    told.loans = export.loans
    told.fees = [fee for fee in export.fees if _owed(told, fee)]
    told.holds = sorted(
        export.holds, key=lambda hold: (hold.title, not hold.ready, hold.place, hold.placed_at)
    )
    codes: dict[Section, list[str]] = {
        "places": [item.place for item, _ in told.items.values()],
        "material_types": [item.material_type for item, _ in told.items.values()],
        "loan_types": [item.loan_type for item, _ in told.items.values()],
        "patron_groups": [patron.group for patron in told.patrons],
        "service_points": [
            *(loan.service_point for loan in told.loans),
            *(hold.pickup for hold in told.holds),
        ],
        "fee_types": [fee.type for fee in told.fees],
    }
    told.codes = {section: Counter(found) for section, found in codes.items()}
    return told


def _titles(export: Export, told: Prepared) -> Iterator[Title]:
    barcodes: set[str] = set()
    for title in export.titles:
        if title.legacy_id in told.titles:
            text = "The id came before; its items are handed over with the first."
            told.left.append(Left("title", title.legacy_id, "legacy-id-repeated", text))
        else:
            found = headline(title.record)
            told.titles[title.legacy_id] = {
                "control_number": storable(found.control_number),
                "title": storable(found.title) or "[no title]",
                "year": found.year,
            }
        items = []
        for item in title.items:
            if item.legacy_id in told.items:
                told.left.append(Left("item", item.legacy_id, "legacy-id-repeated", "The id came before."))
                continue
            if item.barcode is not None and item.barcode in barcodes:
                text = f"Its barcode {item.barcode} is another item's already; it comes without one."
                told.left.append(Left("item", item.legacy_id, "barcode-repeated", text, lost=False))
                item.barcode = None
            if item.barcode is not None:
                barcodes.add(item.barcode)
            told.items[item.legacy_id] = (item, title.legacy_id)
            items.append(item)
        yield Title(title.legacy_id, title.record, items)


def _owed(told: Prepared, fee: Fee) -> bool:
    """Whether something was charged; what remains of nothing is a mistake of the old system's."""
    if fee.amount > 0:
        return True
    text = f"Nothing was charged ({fee.amount}), and {fee.remaining} remains to be paid."
    told.left.append(Left("fee", fee.legacy_id, "nothing-charged", text))
    return False


def _with_mail(told: Prepared, patron: Patron) -> None:
    """An address that is none would cost the patron: it is left out, and told."""
    try:
        MAIL.validate_python(patron.email)
    except ValidationError:
        text = f"{(patron.email or '')[:100]!r} is no mail address; the patron comes without one."
        told.left.append(Left("patron", patron.legacy_id, "email-unreadable", text, lost=False))
        patron.email = None


def _unlike(told: Prepared, patrons: list[Patron]) -> list[Patron]:
    """Patrons with an external id and a card of their own: an id that comes again is left, a card is taken away."""
    kept, ids, cards = [], set[str](), set[str]()
    for patron in patrons:
        _with_mail(told, patron)
        if len(patron.external_id) > LONGEST_ID:
            told.left.append(Left("patron", patron.legacy_id, "unreadable", "Its external id is too long."))
            continue
        if patron.external_id in ids:
            text = f"The external id {patron.external_id!r} is another patron's already."
            told.left.append(Left("patron", patron.legacy_id, "external-id-repeated", text))
            continue
        if patron.barcode is not None and patron.barcode in cards:
            text = f"The card {patron.barcode} is another patron's already; the patron comes without one."
            told.left.append(Left("patron", patron.legacy_id, "barcode-repeated", text, lost=False))
            patron.barcode = None
        ids.add(patron.external_id)
        if patron.barcode is not None:
            cards.add(patron.barcode)
        kept.append(patron)
    return kept


def item_field(item: Item) -> Field:
    """The item in a field of ours, which the import takes out again."""
    told = ((code, getattr(item, OURS[meaning])) for code, meaning in MEANINGS.items())
    return Field.data(ITEM_TAG, "  ", *((code, value) for code, value in told if value))


def import_profile(settings: MappingDoc) -> dict[str, Any]:
    """The profile by which the titles file is imported: codes are translated there."""

    def table(section: Section) -> dict[str, str]:
        found: dict[str, str] = {}
        for code, meant in settings.codes(section).items():
            if code and meant and code.casefold() not in map(str.casefold, found):
                found[code] = meant
        return found

    translate = {
        "location": table("places"),
        "item_type": table("material_types"),
        "loan_type": table("loan_types"),
    }
    unsaid = {
        meaning: meant
        for meaning, section in (("item_type", settings.material_types), ("loan_type", settings.loan_types))
        if (meant := section.get(""))
    }
    items = {
        "tag": ITEM_TAG,
        "subfields": MEANINGS,
        "defaults": unsaid,
        "translate": {meaning: codes for meaning, codes in translate.items() if codes},
    }
    return {
        "name": f"Migration from {settings.source}",
        "legacy": {"source": settings.source},
        "strip": [{"tag": ITEM_TAG}],
        "holdings": {"items": items},
    }
