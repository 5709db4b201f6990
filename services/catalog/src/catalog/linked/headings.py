"""Names and subjects of a record, each with the address that its authority record or the thing itself has ($0, $1)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from catalog.citations.text import clean
from catalog.linked.graph import Iri, web_address
from catalog.marc.extract import heading, name
from catalog.marc.record import Field, Record

_SOURCES: Final = {
    "de-588": "https://d-nb.info/gnd/",
    "viaf": "http://viaf.org/viaf/",
    "isni": "https://isni.org/isni/",
    "orcid": "https://orcid.org/",
    "wikidata": "http://www.wikidata.org/entity/",
    "fast": "http://id.worldcat.org/fast/",
    "idref": "http://www.idref.fr/",
}
_LOC: Final = {
    "n": "names/",
    "nb": "names/",
    "no": "names/",
    "nr": "names/",
    "sh": "subjects/",
    "gf": "genreForms/",
}
_NUMBERED: Final = re.compile(r"\(([^()]{1,40})\)\s*([\w.-]{1,60})")
_LC: Final = re.compile(r"([a-z]{1,2})\s*(\d{6,12})")
_KINDS: Final = {"00": "Person", "10": "Organization", "11": "Meeting"}
_RELATOR: Final = re.compile(r"[a-z]{3}")


@dataclass(frozen=True, slots=True)
class Contribution:
    """Somebody who had a part in it."""

    iri: Iri | None
    kind: str
    """`Person`, `Organization` or `Meeting`, as BIBFRAME calls them."""
    label: str
    codes: tuple[str, ...]
    """MARC relator codes …"""
    terms: tuple[str, ...]
    """… and words, for those that have no code."""
    primary: bool


def authority(field: Field) -> Iri | None:
    """The address in $1 (the thing itself) or in $0, also where that is a number of a known source."""
    for code in ("1", "0"):
        for text in field.all(code):
            if (found := web_address(text.removeprefix("(uri)"))) is not None:
                return found
            if code == "0" and (number := _NUMBERED.fullmatch(text.strip())):
                if base := _SOURCES.get(number[1].casefold()):
                    return web_address(base + number[2].removeprefix("fst"))
                lc = _LC.fullmatch(number[2]) if number[1].casefold() in ("dlc", "uri") else None
                if lc and lc[1] in _LOC:
                    return web_address(f"http://id.loc.gov/authorities/{_LOC[lc[1]]}{lc[1]}{lc[2]}")
    return None


def contributions(record: Record) -> Iterator[Contribution]:
    """Everybody, in the record's order; whoever wrote another work that is only named ($t) is none."""
    for field in record.fields("100", "110", "111", "700", "710", "711"):
        if field.is_control or field.get("t") or not (label := clean(name(field))):
            continue
        codes = [each.rpartition("/")[2].strip()[:3].casefold() for each in field.all("4")]
        yield Contribution(
            authority(field),
            _KINDS[field.tag[1:]],
            label,
            tuple(code for code in codes if _RELATOR.fullmatch(code)),
            tuple(filter(None, map(clean, field.all("e" if field.tag[1:] != "11" else "j")))),
            field.tag.startswith("1"),
        )


SUBJECT_KINDS: Final = {
    "600": "Person",
    "610": "Organization",
    "611": "Meeting",
    "630": "Work",
    "648": "Temporal",
    "650": "Topic",
    "651": "Place",
    "653": "Topic",
}


def subjects(record: Record) -> Iterator[tuple[Iri | None, str, str, str | None]]:
    """Address, kind, heading and source of each subject, once."""
    seen = set()
    for field in record.fields(*SUBJECT_KINDS):
        if field.is_control or not (label := clean(heading(field))) or (field.tag, label) in seen:
            continue
        seen.add((field.tag, label))
        source = {"0": "lcsh", "2": "mesh"}.get(field.ind2) or (field.get("2") or "").strip() or None
        yield authority(field), SUBJECT_KINDS[field.tag], label, source
