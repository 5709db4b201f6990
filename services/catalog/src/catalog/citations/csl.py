"""A record as CSL-JSON says it (citation style language 1.0.2); the other forms are made from this one."""

from typing import Any, Final

from catalog.citations.parts import host_of, is_article, of_host
from catalog.citations.scripts import scripts
from catalog.citations.text import clean, closed_up
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
    thesis = record.first("502") if told["type"] == "thesis" else None
    for name, value in (
        ("publisher", facts.publisher or (thesis.get("c") if thesis is not None else None)),
        ("publisher-place", facts.place),
        ("edition", facts.edition),
        ("collection-title", facts.series[0] if facts.series else None),
        ("ISBN", facts.isbns[0] if facts.isbns else None),
        ("ISSN", facts.issns[0] if facts.issns else None),
        ("DOI", doi_of(record)),
        ("URL", next(iter(facts.urls), None)),
        ("language", next(iter(facts.languages), None)),
        ("call-number", next(iter(facts.call_numbers), None)),
        ("abstract", facts.summary),
        ("genre", (thesis.get("a") or thesis.get("b")) if thesis is not None else None),
    ):
        if value and (shown := clean(value) if name not in ("URL", "DOI") else closed_up(value)):
            told[name] = shown
    if (host := host_of(record)) is not None:
        for name, value in of_host(host, article=told["type"] == "article-journal").items():
            told.setdefault(name, value)
    if told_otherwise := scripts(record):
        told["custom"] = {"scripts": told_otherwise}
    keywords = "; ".join(filter(None, map(clean, facts.subjects)))
    if keywords:
        told["keyword"] = keywords
    return told


def _type(record: Record, facts: Facts) -> str:
    if (host := host_of(record)) is not None and record.leader[6:7] in ("a", "t"):
        return "article-journal" if is_article(record, host) else "chapter"
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


def doi_of(record: Record) -> str | None:
    """The DOI, if 024 tells one."""
    for field in record.fields("024"):
        if field.ind1 == "7" and (field.get("2") or "").strip().casefold() == "doi":
            return (field.get("a") or "").strip() or None
    return None


def named(name: dict[str, str]) -> str:
    """A name as `Family, Given`, or as it is."""
    return name.get("literal") or f"{name['family']}, {name['given']}"
