"""Holdings that ride in a bibliographic record (852 with 853 to 868), each as a record of MARC 21 Holdings.

Which of several 852 a field belongs to is told by its link (`$8`, up to the dot), where every 852 has one and they
differ; else by the order of the fields: to the 852 before it, and what stands before all of them to the first. Where
all of it stands behind the last of several, as in records that are sorted by tag, nothing tells.
"""

from typing import Final

from catalog.marc.record import Field, Record

STATED: Final = ("853", "854", "855", "863", "864", "865", "866", "867", "868")
"""Captions, what is held by them, and what is held in words."""
_PATTERNS: Final = {"866": "853", "867": "854", "868": "855"}
_SAYING: Final = frozenset("xz")
"""Subfields of 852 that say more than where something stands."""
SERIALS: Final = frozenset("bis")


def unclear(record: Record) -> bool:
    """Whether nothing tells which of several 852 what is held belongs to."""
    tags = [field.tag for field in record if field.tag == "852" or field.tag in STATED]
    several, first = tags.count("852") > 1, next((n for n, tag in enumerate(tags) if tag != "852"), len(tags))
    if not several or first == len(tags) or "852" in tags[first:]:
        return False
    links = [_link(each) for each in record.fields("852")]
    return "" in links or len(set(links)) < len(links)


def held_in(record: Record) -> list[tuple[Field, Record | None]]:
    """Each 852 with the holdings record that it and its fields make; None where there is only a place, or nothing tells
    to which of them what is held belongs."""
    places = record.fields("852")
    if not places:
        return []
    fields: list[list[Field]] = [[] for _ in places]
    links = [_link(each) for each in places]
    linked = "" not in links and len(set(links)) == len(links)
    latest = 0
    seen = -1
    for each in record if not unclear(record) else ():
        if each.tag == "852":
            seen += 1
            latest = seen
        elif each.tag in STATED:
            link = _link(each)
            mine = links.index(link) if linked and link in links else latest
            fields[mine].append(each)
    return [(place, _record(record, place, mine)) for place, mine in zip(places, fields, strict=True)]


def _link(field: Field) -> str:
    return (field.get("8") or "").partition(".")[0].strip()


def _record(title: Record, place: Field, stated: list[Field]) -> Record | None:
    """A record of what is held there, if anything is said of that."""
    if not stated and not _SAYING & {code for code, _ in place.subfields}:
        return None
    kind = "y" if title.leader[7:8] in SERIALS else "v" if len(stated) > 1 else "x"
    there = {(field.tag, _link(field)) for field in stated}
    kept = [_unlinked(place)]
    for field in stated:
        pattern = _PATTERNS.get(field.tag)
        loose = pattern is not None and (pattern, _link(field)) not in there
        kept.append(_unlinked(field) if loose else field)  # the link was to the 852
    kept.sort(key=lambda field: field.tag)
    return Record(f"00000n{kind}  a2200000un 4500", kept)


def _unlinked(field: Field) -> Field:
    told = tuple((code, value) for code, value in field.subfields if code != "8")
    return Field.from_parts(field.tag, field.ind1, field.ind2, told)
