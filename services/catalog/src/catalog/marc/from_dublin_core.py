"""Dublin Core to MARC 21, after the Library of Congress's crosswalk of unqualified Dublin Core; of the other terms
of DCMI those that refine one of the fifteen in a way that MARC has a place for."""

import re
from collections.abc import Callable
from typing import Final

from catalog.marc.crosswalk import DC
from catalog.marc.fixed import coded_year, fixed_data
from catalog.marc.record import Field, Record
from catalog.marc.tree import Node

NAMESPACES: Final = frozenset((DC, "http://purl.org/dc/terms/"))
_KINDS: Final = {
    "text": "a", "notated music": "c", "cartographic": "e", "moving image": "g", "movingimage": "g",
    "sound": "i", "sound recording": "i", "sound recording-musical": "j", "still image": "k", "stillimage": "k",
    "image": "k", "software": "m", "software, multimedia": "m", "dataset": "m", "interactiveresource": "m",
    "mixed material": "p", "physicalobject": "r", "three dimensional object": "r",
}  # fmt: skip
"""DCMI's types, and the words that MARC records are told by in Dublin Core."""
_ISBN: Final = re.compile(r"(?:urn:isbn:|isbn[:\s]*)\s*([0-9][0-9Xx -]{8,16})", re.IGNORECASE)
_ISSN: Final = re.compile(r"(?:urn:issn:|issn[:\s]*)\s*([0-9]{4}-?[0-9]{3}[0-9Xx])", re.IGNORECASE)
_DOI: Final = re.compile(r"(?:doi:\s*|https?://(?:dx\.)?doi\.org/)?(10\.[0-9]{4,9}/\S+)", re.IGNORECASE)
_MEDIA_TYPE: Final = re.compile(r"[a-z]+/[a-z0-9.+-]+")
_LANGUAGE: Final = re.compile(r"[a-z]{3}")

Teller = Callable[[str], Field]


def _field(tag: str, indicators: str, code: str, *more: tuple[str, str]) -> Teller:
    return lambda value: Field.data(tag, indicators, (code, value), *more)


_TELLERS: Final[dict[str, Teller]] = {
    "alternative": _field("246", "33", "a"),
    "creator": _field("720", "  ", "a", ("e", "author")),
    "contributor": _field("720", "  ", "a", ("e", "contributor")),
    "subject": _field("653", "  ", "a"),
    "description": _field("520", "  ", "a"),
    "abstract": _field("520", "3 ", "a"),
    "tableOfContents": _field("505", "0 ", "a"),
    "type": _field("655", "7 ", "a", ("2", "local")),
    "extent": _field("300", "  ", "a"),
    "source": _field("786", "0 ", "n"),
    "relation": _field("787", "0 ", "n"),
    "isPartOf": _field("773", "0 ", "n"),
    "coverage": _field("500", "  ", "a"),
    "spatial": _field("522", "  ", "a"),
    "rights": _field("540", "  ", "a"),
    "accessRights": _field("506", "  ", "a"),
    "license": _field("540", "  ", "a"),
    "bibliographicCitation": _field("524", "  ", "a"),
    "audience": _field("521", "  ", "a"),
}


def record(node: Node) -> Record:
    """One description. It has no control number: Dublin Core knows none."""
    fields: list[Field] = []
    kind, year, languages = "a", "", list[str]()
    formats: list[str] = []
    titled = False
    imprint: list[tuple[str, str]] = []
    for child in node.children:
        if child.namespace not in NAMESPACES or not child.text:
            continue
        value = child.text
        if child.name == "title":
            fields.append(Field.data("246" if titled else "245", "33" if titled else "00", ("a", value)))
            titled = True
        elif child.name in ("publisher", "date", "issued", "created"):
            imprint.append(("b" if child.name == "publisher" else "c", value))
            year = year or (coded_year(value) if child.name != "publisher" else "")
        elif child.name == "identifier":
            fields.append(_identifier(value))
        elif child.name in ("format", "medium"):
            formats.append(value)
        elif child.name == "language" and _LANGUAGE.fullmatch(value.lower()):
            languages.append(value.lower())
        elif child.name == "language":
            fields.append(Field.data("546", "  ", ("a", value)))
        elif child.name in _TELLERS:
            if child.name == "type" and value.lower() in _KINDS:
                kind = _KINDS[value.lower()]
            fields.append(_TELLERS[child.name](value))
        else:
            continue
        child.said()
    if imprint:
        fields.append(Field.data("264", " 1", *sorted(imprint, key=lambda pair: pair[0])))
    languages = list(dict.fromkeys(languages))
    if len(languages) > 1:
        fields.append(Field.data("041", "  ", *(("a", code) for code in languages)))
    fields = _formatted(fields, formats)
    fields.append(Field.control("008", fixed_data(first=year, language=languages[0] if languages else "")))
    return Record(f"00000n{kind}m a22000003u 4500", sorted(fields, key=lambda field: field.tag))


def _identifier(value: str) -> Field:
    if found := _ISBN.fullmatch(value):
        return Field.data("020", "  ", ("a", found[1].replace("-", "").replace(" ", "").upper()))
    if found := _ISSN.fullmatch(value):
        return Field.data("022", "  ", ("a", found[1].upper()))
    if found := _DOI.fullmatch(value):
        return Field.data("024", "7 ", ("a", found[1]), ("2", "doi"))
    if value.startswith(("http://", "https://", "ftp://")):
        return Field.data("856", "40", ("u", value))
    return Field.data("024", "8 ", ("a", value))


def _formatted(fields: list[Field], formats: list[str]) -> list[Field]:
    """Media types go to the first address, if there is one; all else is the physical description."""
    address = next((place for place, field in enumerate(fields) if field.tag == "856"), None)
    types: list[tuple[str, str]] = []
    for value in formats:
        if address is not None and _MEDIA_TYPE.fullmatch(value):
            types.append(("q", value))
        else:
            fields.append(Field.data("300", "  ", ("a", value)))
    if address is not None:
        fields[address] = Field.data("856", "40", *fields[address].subfields, *types)
    return fields
