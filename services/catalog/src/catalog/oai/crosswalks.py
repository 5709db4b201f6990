"""A library's own way from MARC to Dublin Core, as data: an element and the fields whose values it has. No I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from catalog.marc.crosswalk import ELEMENTS, DublinCore, dublin_core
from catalog.marc.record import Field, Record


@dataclass(frozen=True, slots=True)
class Source:
    """Fields, and what of each is a value."""

    tag: str
    """With X for any digit."""
    subfields: str | None = None
    """Of these codes, in the field's order, joined; None: of all letters, or of 00X the whole field."""
    ind1: str | None = None
    ind2: str | None = None
    start: int | None = None
    """Of 00X: from this position on …"""
    end: int | None = None
    """… and up to this one, which is no part of it."""
    joined: str = " "
    before: str = ""
    """What stands before every value."""

    def takes(self, field: Field) -> bool:
        """Whether it is of this field."""
        if not all(want in ("X", have) for want, have in zip(self.tag, field.tag, strict=False)):
            return False
        if field.is_control:
            return self.subfields is None
        told = ((self.ind1, field.ind1), (self.ind2, field.ind2))
        return all(wanted is None or wanted == found for wanted, found in told)

    def value(self, field: Field) -> str:
        """Its value; nothing where it says nothing."""
        if field.is_control:
            text = field.value[self.start : self.end]
        else:
            text = self.joined.join(
                part
                for code, value in field.subfields
                if (code in self.subfields if self.subfields is not None else code.isalpha())
                and (part := value.strip())
            )
        return self.before + told if (told := " ".join(text.split())) else ""


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """Of the elements that are told their sources; the others are as shipped, or there is nothing of them."""

    elements: Mapping[str, tuple[Source, ...]]
    others: bool = False

    def of(self, record: Record) -> DublinCore:
        """The elements that the record has values for, each value once."""
        found: DublinCore = dict(dublin_core(record)) if self.others else {}
        for element, sources in self.elements.items():
            values = [
                value
                for source in sources
                for field in record
                if source.takes(field) and (value := source.value(field))
            ]
            found[element] = list(dict.fromkeys(values))
        return {element: found[element] for element in ELEMENTS if found.get(element)}


def crosswalk_of(document: Mapping[str, Any]) -> Crosswalk:
    """From its document, which is sound."""
    return Crosswalk(
        {element: tuple(Source(**each) for each in told) for element, told in document["elements"].items()},
        others=document["others"] == OTHERS,
    )


OTHERS: Final = "oai_dc"


def sound(source: Mapping[str, Any]) -> Sequence[str]:
    """What of a source contradicts itself, in words."""
    control = str(source["tag"]).startswith("00")
    wrong = []
    if control and (source["subfields"] is not None or source["ind1"] or source["ind2"]):
        wrong.append("00X has neither subfields nor indicators")
    if not control and (source["start"] is not None or source["end"] is not None):
        wrong.append("positions are of 00X")
    if source["start"] is not None and source["end"] is not None and source["end"] <= source["start"]:
        wrong.append("the end is behind the start")
    return wrong
