"""Items that ride in a bibliographic record: in the standard's own fields, or a local one by profile."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from catalog.marc.record import Field, Record

Meaning = Literal[
    "barcode",
    "call_number",
    "location",
    "library",
    "copy",
    "volume",
    "item_type",
    "loan_type",
    "note",
    "purchase_price",
    "replacement_price",
]


@dataclass(frozen=True, slots=True)
class ItemProfile:
    """Where a library's items stand in its records: a tag, and what its subfields mean."""

    name: str
    tag: str
    meanings: Mapping[str, Meaning]
    """Subfield code → meaning. Codes that mean the same are joined with a blank, in the field's order."""
    location_tag: str | None = None
    """A field (852) that tells the location of the items linked to it by $8, or of all."""


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """An item as a record tells of it."""

    barcode: str | None
    call_number: str | None
    location: str | None
    library: str | None
    copy: str | None
    volume: str | None
    item_type: str | None
    loan_type: str | None
    note: str | None
    purchase_price: str | None = None
    """As it is written."""
    replacement_price: str | None = None


PROFILES: Final[Mapping[str, ItemProfile]] = {
    "standard": ItemProfile(
        "standard",
        "876",
        {
            "p": "barcode",
            "t": "copy",
            "3": "volume",
            "c": "purchase_price",
            "x": "note",
            "z": "note",
            "h": "loan_type",
            "l": "item_type",
        },
        location_tag="852",
    ),
    "local-999": ItemProfile(
        "local-999",
        "999",
        {"a": "call_number", "i": "barcode", "l": "location", "m": "library", "t": "item_type", "c": "copy"},
    ),
    "local-949": ItemProfile(
        "local-949",
        "949",
        {
            "a": "call_number",
            "b": "barcode",
            "l": "location",
            "m": "library",
            "t": "item_type",
            "c": "copy",
            "v": "volume",
            "n": "note",
        },
    ),
    "local-952": ItemProfile(
        "local-952",
        "952",
        {
            "a": "library",
            "c": "location",
            "g": "purchase_price",
            "h": "volume",
            "o": "call_number",
            "p": "barcode",
            "t": "copy",
            "v": "replacement_price",
            "x": "note",
            "y": "item_type",
            "z": "note",
        },
    ),
}
"""`standard`: MARC 21 holdings 852 with 876-878 (876 $c is what it cost); `local-999`, `local-949` and `local-952`:
three common local habits, the last that of Koha."""


def items_of(record: Record, profile: ItemProfile) -> list[ItemFacts]:
    """The items that a record tells of, in its order."""
    if profile.location_tag is None:
        return [_item(field, profile, None) for field in record.fields(profile.tag)]
    places = record.fields(profile.location_tag)
    details = record.fields(profile.tag, "877", "878")
    if not details:
        return [_item(place, profile, place) for place in places if place.get("p")]
    return [_item(field, profile, _place_of(field, places)) for field in details]


def _place_of(field: Field, places: list[Field]) -> Field | None:
    """The 852 with the same link ($8, up to its dot), else the only one, else the first."""
    link = (field.get("8") or "").split(".")[0]
    if link:
        for place in places:
            if (place.get("8") or "").split(".")[0] == link:
                return place
    return places[0] if places else None


def _item(field: Field, profile: ItemProfile, place: Field | None) -> ItemFacts:
    told: dict[str, list[str]] = {}
    for code, value in field.subfields if field is not place else ():
        meaning = profile.meanings.get(code)
        if meaning is not None and value.strip():
            told.setdefault(meaning, []).append(value.strip())
    if place is not None:
        shelf = " ".join(part.strip() for part in place.all("khijm") if part.strip())
        told.setdefault("call_number", [shelf] if shelf else [])
        told.setdefault("location", [text for text in (place.get("c"),) if text])
        told.setdefault("library", [text for text in (place.get("b"),) if text])
        if field is place:
            told["barcode"] = [text for text in (place.get("p"),) if text]
            told["copy"] = [text for text in (place.get("t"),) if text]

    def one(meaning: Meaning) -> str | None:
        return " ".join(told.get(meaning, ())) or None

    def first(meaning: Meaning) -> str | None:
        return next(iter(told.get(meaning, ())), None)

    return ItemFacts(
        barcode=one("barcode"),
        call_number=one("call_number"),
        location=one("location"),
        library=one("library"),
        copy=one("copy"),
        volume=one("volume"),
        item_type=one("item_type"),
        loan_type=one("loan_type"),
        note=one("note"),
        purchase_price=first("purchase_price"),
        replacement_price=first("replacement_price"),
    )
