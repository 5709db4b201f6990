"""A record as CSL-JSON says it (citation style language 1.0.2); the other forms are made from this one."""

import re
from typing import Any, Final

from catalog.marc.extract import Facts, extract
from catalog.marc.record import Field, Record

Csl = dict[str, Any]

_TYPES: Final = {
    "book": "book",
    "e-book": "book",
    "journal": "periodical",
    "e-journal": "periodical",
    "score": "musical_score",
    "map": "map",
    "film": "motion_picture",
    "audio": "song",
    "music": "song",
    "picture": "graphic",
    "software": "software",
    "archive": "collection",
}
_ROLES: Final = {
    "edt": "editor", "editor": "editor", "trl": "translator", "translator": "translator", "ill": "illustrator",
    "illustrator": "illustrator", "cmp": "composer", "composer": "composer", "drt": "director",
    "film director": "director", "director": "director",
}  # fmt: skip
_END: Final = re.compile(r"[\s,:;/]+$|(?<=[\w)\]]{3})\.$")
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")


def one_line(text: str | None) -> str:
    """A value on one line, without characters that stand for nothing one can see."""
    return _UNFIT.sub(" ", text or "").strip()


def clean(text: str | None) -> str:
    """The same without the punctuation that led to the next value."""
    return _END.sub("", one_line(text)).strip()


def csl(record: Record, *, key: str) -> Csl:
    """The record as one CSL-JSON item."""
    facts = extract(record)
    told: Csl = {"id": key, "type": _type(record, facts)}
    title = clean(facts.title)
    told["title"] = f"{title}: {clean(facts.subtitle)}" if facts.subtitle else title
    for role, who in _names(record):
        told.setdefault(role, []).append(who)
    if facts.year is not None:
        told["issued"] = {"date-parts": [[facts.year]]}
    for name, value in (
        ("publisher", facts.publisher),
        ("publisher-place", facts.place),
        ("edition", facts.edition),
        ("collection-title", facts.series[0] if facts.series else None),
        ("ISBN", facts.isbns[0] if facts.isbns else None),
        ("ISSN", facts.issns[0] if facts.issns else None),
        ("DOI", _doi(record)),
        ("URL", next(iter(facts.urls), None)),
        ("language", next(iter(facts.languages), None)),
        ("call-number", next(iter(facts.call_numbers), None)),
        ("abstract", facts.summary),
        ("genre", record.get("502", "a") if told["type"] == "thesis" else None),
    ):
        if value and (shown := clean(value) if name not in ("URL", "DOI") else _UNFIT.sub("", value)):
            told[name] = shown
    keywords = "; ".join(filter(None, map(clean, facts.subjects)))
    if keywords:
        told["keyword"] = keywords
    return told


def _type(record: Record, facts: Facts) -> str:
    if record.first("502") is not None and facts.format in ("book", "e-book"):
        return "thesis"
    return _TYPES.get(facts.format, "document")


def _names(record: Record) -> list[tuple[str, dict[str, str]]]:
    """Who did what, in the order of the record; whoever has no role that CSL knows is an author."""
    found = []
    for field in record.fields("100", "110", "111", "700", "710", "711"):
        name = _name(field)
        if not name or field.get("t"):
            continue
        told = [clean(each).casefold() for each in (*field.all("4"), *field.all("e"))]
        role = next((_ROLES[each] for each in told if each in _ROLES), None)
        if role is None and field.tag.startswith("7") and told and not {"aut", "author"} & set(told):
            role = "contributor"
        found.append((role or "author", name))
    return found


def _name(field: Field) -> dict[str, str]:
    """A person's family and given names where the heading tells them apart; else the name as it is."""
    if field.tag in ("100", "700"):
        name = clean(field.get("a"))
        family, comma, given = name.partition(",")
        if comma and field.ind1 != "0" and given.strip():
            return {"family": family.strip(), "given": given.strip()}
    else:
        name = clean(" ".join(field.all("ab" if field.tag in ("110", "710") else "acdn")))
    return {"literal": name} if name else {}


def _doi(record: Record) -> str | None:
    for field in record.fields("024"):
        if field.ind1 == "7" and (field.get("2") or "").strip().casefold() == "doi":
            return (field.get("a") or "").strip() or None
    return None


def named(name: dict[str, str]) -> str:
    """A name as `Family, Given`, or as it is."""
    return name.get("literal") or f"{name['family']}, {name['given']}"
