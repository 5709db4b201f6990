"""What a profile says, as an import goes by it. Decisions only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from catalog.marc.items import DESCRIBED, PROFILES, ItemFacts, ItemProfile, items_of
from catalog.marc.record import Field, Record
from catalog.matching.rules import CONTROL_NUMBER, Node, Several, node_of
from catalog.overlays.rules import Overlay, Spec, spec_of, with_set, without

NO_ITEMS: Final = "none"


@dataclass(frozen=True, slots=True)
class ItemPlan:
    """How items are read from records, and what comes of those that are here and those that are not."""

    profile: ItemProfile
    update: bool = True
    create: bool = True
    new_holdings: bool = True
    """Whether an item may stand where the title has no holdings yet."""
    call_numbers: tuple[tuple[str, str], ...] = ()
    """Tag and subfields from which an item has its call number that tells none, the first that has one."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    translate: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Meaning → what is written there, without regard to case → what it means here."""

    @property
    def as_it_stands(self) -> bool:
        """What the records say of their items is taken as it is."""
        return not (self.call_numbers or self.defaults or self.translate)


@dataclass(frozen=True, slots=True)
class Embedded:
    """What comes of holdings that records tell of beside their items, or are (MARC 21 Holdings)."""

    update: bool = True
    """Whether holdings that have a record already take another."""
    new_holdings: bool = True
    call_numbers: tuple[tuple[str, str], ...] = ()
    translate: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def translated(self, library: str | None, location: str | None) -> tuple[str | None, str | None]:
        """Library and location as they are written here."""
        if library is not None:
            library = self.translate.get("library", {}).get(library.casefold(), library)
        if location is not None and "location" in self.translate:
            location = self.translate["location"].get(location.casefold(), location)
            if "/" in location:
                library, location = location.split("/", 1)
        return library, location

    def call_number(self, record: Record) -> str | None:
        """Where 852 tells none: the first that the record has elsewhere."""
        return _call_number(record, self.call_numbers)


@dataclass(frozen=True, slots=True)
class Legacy:
    """Which system the records come from, and where each says what it was known by there."""

    source: str
    tag: str
    subfield: str | None

    def id_of(self, record: Record) -> str | None:
        """The record's, of a control field or a subfield."""
        found = record.control(self.tag) if self.subfield is None else record.get(self.tag, self.subfield)
        return (found or "").strip() or None


@dataclass(frozen=True, slots=True)
class Plan:
    """A profile."""

    match: Node = CONTROL_NUMBER
    several: Several = "report"
    update: bool = True
    """Whether a title that is here takes from the record."""
    create: bool = True
    suppress: bool = False
    """Whether new titles are hidden."""
    overlay: Overlay = field(default_factory=Overlay)
    strip: tuple[Spec, ...] = ()
    set: tuple[tuple[Field, bool], ...] = ()
    """Fields that every record is given; with True only where it has none of that tag."""
    items: ItemPlan | None = None
    embedded: Embedded | None = None
    """None: only items make holdings, and holdings records are not meant to be here."""
    legacy: Legacy | None = None
    """Of records that are brought from another system."""

    @property
    def plain(self) -> bool:
        """The record is known by its number alone and counts as a whole: nothing else need be looked at."""
        return self.match == CONTROL_NUMBER and self.update and self.create and self.overlay.plain

    def taken(self, record: Record) -> Record:
        """The record as it is to be kept."""
        return with_set(without(record, self.strip), self.set)

    def items_of(self, record: Record) -> list[ItemFacts]:
        """The items that it tells of, read before anything is stripped."""
        if self.items is None:
            return []
        told = items_of(record, self.items.profile)
        return told if self.items.as_it_stands else [_mapped(each, record, self.items) for each in told]


def shipped(code: str | None) -> Plan:
    """The plan of a profile as it is shipped; of none that is known by this code: records without items."""
    found = PROFILES.get(code or "")
    return Plan(items=ItemPlan(found)) if found is not None else Plan()


def _mapped(told: ItemFacts, record: Record, plan: ItemPlan) -> ItemFacts:
    """With codes as they are written here, and what the record leaves out."""
    values: dict[str, Any] = {name: getattr(told, name) for name in ItemFacts.__slots__[:-1]}
    values |= dict.fromkeys(DESCRIBED) | dict(told.described or {})
    for name, table in plan.translate.items():
        if (value := values[name]) is not None:
            values[name] = table.get(value.casefold(), value)
    if (place := values["location"]) is not None and "/" in place and "location" in plan.translate:
        values["library"], values["location"] = place.split("/", 1)
    if values["call_number"] is None:
        values["call_number"] = _call_number(record, plan.call_numbers)
    for name, value in plan.defaults.items():
        if values[name] is None:
            values[name] = value
    described = {name: value for name in sorted(DESCRIBED) if (value := values.pop(name)) is not None}
    return ItemFacts(**values, described=described or None)


def _call_number(record: Record, sources: Sequence[tuple[str, str]]) -> str | None:
    for tag, codes in sources:
        for found in record.fields(tag):
            if text := " ".join(part.strip() for part in found.all(codes) if part.strip()):
                return text
    return None


def plan_told(told: Mapping[str, Any]) -> Plan:
    """Of a job: its profile's document and what the library protects; of one of an earlier release, a code alone."""
    if (document := told.get("profile")) is None:
        return shipped(told.get("code"))
    return plan_of(document, protected=told["protected"])


def plan_of(told: Mapping[str, Any], *, protected: Sequence[str] = ()) -> Plan:
    """From a profile's document, which is sound, and the tags that the library protects."""
    overlay = told["overlay"]
    holdings = told.get("holdings")
    return Plan(
        match=node_of(told["match"]),
        several=told["several"],
        update=told["on_match"] == "update",
        create=told["on_no_match"] == "create",
        suppress=told["suppress_new"],
        overlay=Overlay(
            mode=overlay["mode"],
            preserve=_specs(overlay["preserve"]),
            add=_specs(overlay["add"]),
            replace=_specs(overlay["replace"]),
            protected=tuple(map(Spec, protected)),
            keep_number=overlay["control_number"] == "keep",
            least_ratio=overlay["least_quality"],
        ),
        strip=_specs(told["strip"]),
        set=tuple((_field(each), each["when"] == "absent") for each in told["set"]),
        items=_items(holdings) if holdings is not None and holdings["items"] is not None else None,
        embedded=_embedded(holdings) if holdings is not None and holdings.get("embedded") else None,
        legacy=Legacy(**legacy) if (legacy := told.get("legacy")) is not None else None,
    )


def _specs(told: Sequence[Mapping[str, Any]]) -> tuple[Spec, ...]:
    return tuple(map(spec_of, told))


def _field(told: Mapping[str, Any]) -> Field:
    subfields = ((each["code"], each["value"]) for each in told["subfields"])
    return Field.data(told["tag"], told["indicators"], *subfields)


def _embedded(holdings: Mapping[str, Any]) -> Embedded:
    items = holdings["items"]
    return Embedded(
        update=holdings["embedded"]["on_match"] == "update",
        new_holdings=holdings["on_no_match"] == "create",
        call_numbers=tuple((each["tag"], each["subfields"]) for each in holdings["call_numbers"]),
        translate=_translated(items["translate"]) if items is not None else {},
    )


def _translated(told: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    return {
        name: {written.casefold(): meant for written, meant in table.items()} for name, table in told.items()
    }


def _items(holdings: Mapping[str, Any]) -> ItemPlan:
    told = holdings["items"]
    return ItemPlan(
        ItemProfile("", told["tag"], told["subfields"], location_tag=told["location_tag"]),
        update=told["on_match"] == "update",
        create=told["on_no_match"] == "create",
        new_holdings=holdings["on_no_match"] == "create",
        call_numbers=tuple((each["tag"], each["subfields"]) for each in holdings["call_numbers"]),
        defaults=dict(told["defaults"]),
        translate=_translated(told["translate"]),
    )
