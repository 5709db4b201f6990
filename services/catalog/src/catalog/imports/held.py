"""Holdings that a record tells of, or is: what is kept of them between reading and writing."""

from dataclasses import dataclass

from catalog.callnumbers.rules import scheme_of_852
from catalog.holdings.rules import call_number_of, place_of
from catalog.imports.rules import HOLDINGS_KINDS
from catalog.marc.embedded import held_in
from catalog.marc.items import ItemFacts
from catalog.marc.record import Record
from catalog.marc.storage import pack
from catalog.matching.keys import key_of_number
from catalog.profiles.rules import Embedded
from catalog.titles.facts import storable


@dataclass(slots=True)
class Held:
    """Holdings as a record tells of them."""

    library: str | None
    location: str | None
    call_number: str | None
    scheme: str | None
    record: bytes | None
    """Of their own, in storage form, where more is said than a place."""
    number: str | None = None
    """Of a holdings record of its own: what it is known by."""

    def standing(self) -> ItemFacts:
        """As an item that stands there would tell it."""
        return ItemFacts(
            barcode=None,
            call_number=None,
            location=self.location,
            library=self.library,
            copy=None,
            volume=None,
            item_type=None,
            loan_type=None,
            note=None,
        )


def told_in(record: Record, plan: Embedded) -> list[Held]:
    """The holdings that a bibliographic record tells of."""
    return [_held(Record(record.leader, [place]), own, plan, record) for place, own in held_in(record)]


def told_by(record: Record, plan: Embedded) -> Held:
    """The holdings that a record of MARC 21 Holdings is of."""
    held = _held(record, record, plan, record)
    held.number = storable((record.control("001") or "").strip()[:200]) or None
    return held


def titles_of(record: Record) -> list[str]:
    """The match keys of the title that a holdings record belongs to (004), of its own agency or of none."""
    number = storable((record.control("004") or "").strip()[:200])
    if not number:
        return []
    agency = storable((record.control("003") or "").strip()[:200])
    return list(dict.fromkeys([key_of_number(agency, number), key_of_number(None, number)]))


def is_holdings(leader: str) -> bool:
    """Whether it is a record of MARC 21 Holdings."""
    return leader[6:7] in HOLDINGS_KINDS


def _held(shelf: Record, own: Record | None, plan: Embedded, whole: Record) -> Held:
    library, location = place_of(shelf)
    number, indicator = call_number_of(shelf)
    library, location = plan.translated(library, location)
    scheme = scheme_of_852(indicator) if indicator else None
    return Held(
        storable((library or "")[:500]) or None,
        storable((location or "")[:500]) or None,
        storable((number or plan.call_number(whole) or "")[:500]) or None,
        scheme.value if scheme is not None else None,
        pack(own) if own is not None else None,
    )
