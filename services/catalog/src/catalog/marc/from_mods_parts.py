"""Names and subjects of MODS as MARC's headings: what the crosswalk of a record is made of."""

from collections.abc import Iterator
from typing import Final

from catalog.marc.record import Field
from catalog.marc.tree import Node

Parts = list[tuple[str, str]]

_AUTHORITIES: Final = {"lcsh": "0", "lcshac": "1", "mesh": "2", "nal": "3", "csh": "5", "rvm": "6"}
_HEADS: Final = {
    "topic": "650", "geographic": "651", "temporal": "648", "titleInfo": "630", "hierarchicalGeographic": "752",
    "name": "600", "genre": "655",
}  # fmt: skip
_DIVISIONS: Final = {"topic": "x", "geographic": "z", "temporal": "y", "genre": "v"}
_PLACES: Final = {"country": "a", "state": "b", "province": "b", "county": "c", "city": "d"}


def joined(node: Node, *names: str) -> str:
    """The texts of these children, all put somewhere."""
    return " ".join(node.saying(*names))


def name_field(node: Node) -> Parts:
    """A name's subfields: `Family, Given` where they are told apart, terms of address, dates."""
    kind = node.peek("type")
    told: dict[str, list[str]] = {}
    for part in node.all("namePart"):
        if part.text:
            told.setdefault(part.attribute("type"), []).append(part.said())
    plain = told.get("", [])
    if "family" in told or "given" in told:
        plain = [
            ", ".join(filter(None, (" ".join(told.get(each, ())) for each in ("family", "given")))),
            *plain,
        ]
    if not plain:
        plain = node.saying("displayForm")
    if not plain:
        return []
    if kind == "corporate":
        parts = [("b" if place else "a", value) for place, value in enumerate(plain)]
    else:
        parts = [("a", " ".join(plain))]
    parts += [("c", value) for value in told.get("termsOfAddress", ())]
    parts += [("d", value) for value in told.get("date", ())]
    return parts


def role_parts(node: Node, code: str) -> Parts:
    """What somebody did: words under this subfield's code, codes under `4`."""
    parts = []
    for role in node.all("role"):
        for term in role.all("roleTerm"):
            if term.text:
                coded = term.attribute("type") == "code"
                if term.peek("authority") == "marcrelator":
                    term.attribute("authority")
                parts.append(("4" if coded else code, term.said()))
    return sorted(parts, key=lambda part: part[0] == "4")


def subject(node: Node) -> Iterator[Field]:
    """A heading of the kind of its first part, divided by the others; a topic that no list vouches for is 653."""
    for scale in node.all("cartographics"):
        parts = [("a", value) for value in scale.saying("scale")]
        parts += [("b", value) for value in scale.saying("projection")]
        parts += [("c", value) for value in scale.saying("coordinates")]
        if parts:
            yield Field.from_parts("255", " ", " ", parts)
    head = node.first(*_HEADS)
    if head is None:
        return
    parts = _head(head)
    if not parts:
        return
    if head.name == "name":
        parts += [
            ("t", value) for title in node.all("titleInfo") if (value := joined(title, "nonSort", "title"))
        ]
    tag = _HEADS[head.name]
    if head.name == "name":
        kind = head.attribute("type")
        tag = {"corporate": "610", "conference": "611"}.get(kind, "600")
    if tag == "752":
        yield Field.from_parts("752", " ", " ", parts)
        return
    source = node.attribute("authority") or head.attribute("authority")
    rest = [
        (_DIVISIONS[part.name], part.said())
        for part in node.children
        if part is not head and part.name in _DIVISIONS and part.text
    ]
    if tag == "650" and not source and not rest:
        yield Field.from_parts("653", " ", " ", parts)
        return
    first = " "
    if tag == "600":
        first = "1" if "," in parts[0][1] else "0"
    elif tag in ("610", "611"):
        first = "2"
    elif tag == "630":
        first = "0"
    second = _AUTHORITIES.get(source, "7" if source else "4")
    yield Field.from_parts(tag, first, second, [*parts, *rest, *([("2", source)] if second == "7" else [])])


def _head(head: Node) -> Parts:
    if head.name == "name":
        return name_field(head)
    if head.name == "titleInfo":
        value = joined(head, "nonSort", "title")
        return [("a", value)] if value else []
    if head.name == "hierarchicalGeographic":
        told = [
            (_PLACES[part.name], part.said()) for part in head.children if part.name in _PLACES and part.text
        ]
        return sorted(told)
    return [("a", head.said())] if head.text else []
