"""Items that ride in a bibliographic record: in the standard's own fields, or a local one by profile."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from catalog.holdings.rules import named
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
    "temporary_location",
    "note",
    "purchase_price",
    "replacement_price",
    "legacy_id",
    "accession_number",
    "enumeration",
    "chronology",
    "year_caption",
    "pieces",
    "pieces_text",
    "missing_pieces_text",
    "damaged_status",
    "statistical_code",
    "check_out_note",
    "check_in_note",
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


ALONE: Final = frozenset({"purchase_price", "replacement_price", "legacy_id", "pieces"})
"""Of which a second one is no part of the first."""


@dataclass(slots=True)
class ItemFacts:
    """An item as a record tells of it. Nobody changes one (frozen, it would take three times as long)."""

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
    legacy_id: str | None = None
    """What the system knew it by that it was brought from."""
    described: Mapping[str, str] | None = None
    """Whatever else is told of it, by meaning: of most items nothing."""


DESCRIBED: Final = frozenset(get_args(Meaning)) - frozenset(ItemFacts.__slots__)
"""Meanings of which most items have none; they stand together."""

PROFILES: Final[Mapping[str, ItemProfile]] = {
    "standard": ItemProfile(
        "standard",
        "876",
        {
            "a": "accession_number",
            "p": "barcode",
            "t": "copy",
            "3": "volume",
            "c": "purchase_price",
            "x": "note",
            "z": "note",
            "h": "loan_type",
            "l": "temporary_location",
            "9": "item_type",
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
            "i": "accession_number",
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
"""`standard`: MARC 21 holdings 852 with 876-878 (876 $c is what it cost, $h its use restrictions; the standard has
no place for a material type, so it stands in $9, which MARC 21 leaves to every library); `local-999`, `local-949` and
`local-952`: three common local habits, the last that of Koha."""


def items_of(record: Record, profile: ItemProfile) -> list[ItemFacts]:
    """The items that a record tells of, in its order."""
    if profile.location_tag is None:
        return [_item(field, profile, None) for field in record.fields(profile.tag)]
    places, details, held = [], [], False
    for field in record.fields(profile.location_tag, profile.tag, *_DETAILS):
        if field.tag == profile.location_tag:
            places.append(field)
        elif field.tag in _HELD:
            held = True
        else:
            details.append(field)
    if not details:
        return [_item(place, profile, place) for place in places if place.get("p")]
    pieces = _pieces(record) if held else {}
    return [
        _numbered(_item(field, profile, _place_of(field, places)), field, pieces)
        if pieces
        else _item(field, profile, _place_of(field, places))
        for field in details
    ]


_PIECES: Final = {"876": ("853", "863"), "877": ("854", "864"), "878": ("855", "865")}
"""Items of issues, supplements and indexes: where their captions are, and what is held."""
_HELD: Final = frozenset(held for _, held in _PIECES.values())
_DETAILS: Final = ("877", "878", *_HELD)
Pieces = Mapping[tuple[str, str], tuple[Field | None, Field]]


def _pieces(record: Record) -> Pieces:
    """What is held, by tag of its items and whole link (`$8`), each with its pattern."""
    told: dict[tuple[str, str], tuple[Field | None, Field]] = {}
    for items, (patterns, held) in _PIECES.items():
        if not (fields := record.fields(held)):
            continue
        by_link = {_links(each)[0].partition(".")[0]: each for each in record.fields(patterns)}
        for each in fields:
            link = _links(each)[0]
            told.setdefault((items, link), (by_link.get(link.partition(".")[0]), each))
    return told


def _links(field: Field) -> list[str]:
    """Its links without their types (`1.2\\x`); one that says nothing where it has none."""
    return [value.partition("\\")[0].strip() for value in field.all("8")] or [""]


def _numbered(item: ItemFacts, field: Field, pieces: Pieces) -> ItemFacts:
    """With enumeration and chronology of the piece that it is linked to, where it tells none itself."""
    linked = next((found for link in _links(field) if (found := pieces.get((field.tag, link)))), None)
    if linked is None:
        return item
    enumeration, chronology = named(*linked)
    told = {
        name: value for name, value in (("enumeration", enumeration), ("chronology", chronology)) if value
    }
    if told:
        item.described = told | dict(item.described or {})
    return item


def _place_of(field: Field, places: list[Field]) -> Field | None:
    """The 852 with the same link ($8, up to its dot), else the only one, else the first."""
    link = (field.get("8") or "").split(".")[0]
    if link:
        for place in places:
            if (place.get("8") or "").split(".")[0] == link:
                return place
    return places[0] if places else None


def _item(field: Field, profile: ItemProfile, place: Field | None) -> ItemFacts:
    told: dict[Meaning, str] = {}
    if field is not place:
        meanings = profile.meanings
        for code, value in field.subfields:
            meaning = meanings.get(code)
            if meaning is None or not (text := value.strip()):
                continue
            if meaning not in told:
                told[meaning] = text
            elif meaning not in ALONE:
                told[meaning] += " " + text
    if place is not None:
        if "call_number" not in told:
            told["call_number"] = " ".join([part.strip() for part in place.all("khijm") if part.strip()])
        if "location" not in told:
            told["location"] = place.get("c") or ""
        if "library" not in told:
            told["library"] = place.get("b") or ""
        if field is place:
            told["barcode"], told["copy"] = place.get("p") or "", place.get("t") or ""
    get = told.get
    return ItemFacts(
        get("barcode") or None,
        get("call_number") or None,
        get("location") or None,
        get("library") or None,
        get("copy") or None,
        get("volume") or None,
        get("item_type") or None,
        get("loan_type") or None,
        get("note") or None,
        get("purchase_price"),
        get("replacement_price"),
        get("legacy_id"),
        {name: told[name] for name in told if name in DESCRIBED} or None,
    )
