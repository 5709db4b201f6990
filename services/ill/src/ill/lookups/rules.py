"""What is asked of sources on the net, and what their answers are worth. Decisions only: no clock, no network.

Two forms are read, both of which several sources speak: CSL-JSON of one work (what DOI agencies give by content
negotiation, and our own catalogue), and the look-up of open copies by DOI (`is_oa`, `best_oa_location`).
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

from ill.citations.rules import bare, isbn_sound, issn_sound

CSL: Final = "application/vnd.citationstyles.csl+json, application/json;q=0.5"
NUMBERS: Final = ("doi", "pmid", "isbn")
"""What a citation can be completed by, the surest first."""
LONGEST: Final = 1000
_DOI: Final = re.compile(r"^(?:https?://(?:dx\.)?doi\.org/|doi:\s*)?(10\.\d{4,9}/\S+)$", re.IGNORECASE)
_WORKS: Final = frozenset({"book", "monograph", "edited-book", "reference-book", "thesis", "report"})


def doi_of(told: str | None) -> str | None:
    """A DOI in its plain form, however it was written; None for what is none."""
    found = _DOI.match((told or "").strip())
    return found[1] if found else None


def filled(template: str, **values: str) -> str:
    """A URL from its template; values are escaped whole, so that they stay within their place."""
    for name, value in values.items():
        template = template.replace("{" + name + "}", quote(value, safe=""))
    return template


def citation_question(
    citation: Mapping[str, Any], templates: Mapping[str, str | None]
) -> tuple[str, str] | None:
    """By which number it is looked up, and the URL; None where no source knows any number of it."""
    for name in NUMBERS:
        value = doi_of(citation.get("doi")) if name == "doi" else citation.get(name)
        template = templates.get(name)
        if template and value:
            number = value if name == "doi" else bare(str(value))
            return name, filled(template, **{name: number})
    return None


def open_access_question(service: str, citation: Mapping[str, Any], template: str | None) -> str | None:
    """Where a free copy is looked up; a book that is to be lent is wanted as a book."""
    doi = doi_of(citation.get("doi"))
    return filled(template, doi=doi) if template and doi and service != "loan" else None


def read_csl(told: Any) -> dict[str, str]:
    """What CSL-JSON says of a work, by the names of a citation; `ValueError` when it is none."""
    if isinstance(told, list):
        told = told[0] if len(told) == 1 else None
    if not isinstance(told, Mapping) or not _text(told.get("title")):
        raise ValueError("no CSL-JSON of one work")
    names = "; ".join(filter(None, (_name(one) for one in _list(told.get("author"))[:20])))
    part = _text(told.get("container-title")) and told.get("type") not in _WORKS
    found: dict[str, str | None] = {
        "publisher": _text(told.get("publisher")),
        "place": _text(told.get("publisher-place")),
        "edition": _text(told.get("edition")),
        "year": _year(told),
        "doi": doi_of(_text(told.get("DOI"))),
        "pmid": _text(told.get("PMID")),
        "isbn": next((n for n in map(_text, _list(told.get("ISBN"))) if n and isbn_sound(n)), None),
    }
    issns = [number for number in map(_text, _list(told.get("ISSN"))) if number and issn_sound(number)]
    found |= dict(zip(("issn", "eissn"), issns, strict=False))
    if part:
        found |= {"title": _text(told.get("container-title")), "article_title": _text(told.get("title"))}
        found |= {"article_author": names, "volume": _text(told.get("volume"))}
        found |= {"issue": _text(told.get("issue")), "pages": _text(told.get("page"))}
    else:
        found |= {"title": _text(told.get("title")), "author": names}
    return {name: value for name, value in found.items() if value}


def _list(told: Any) -> list[Any]:
    return told if isinstance(told, list) else [] if told is None else [told]


def _text(told: Any) -> str | None:
    told = next(iter(told), None) if isinstance(told, list) else told
    if not isinstance(told, str | int) or isinstance(told, bool):
        return None
    plain = re.sub(r"<[^<>]{1,40}>", "", str(told))
    shown = "".join(sign for sign in plain if unicodedata.category(sign) not in ("Cc", "Cs", "Co", "Cn"))
    return " ".join(shown.split())[:LONGEST] or None


def _name(told: Any) -> str | None:
    if not isinstance(told, Mapping):
        return None
    family, given = _text(told.get("family")), _text(told.get("given"))
    return ", ".join(filter(None, (family, given))) or _text(told.get("literal")) or _text(told.get("name"))


def _year(told: Mapping[str, Any]) -> str | None:
    for name in ("issued", "published-print", "published-online"):
        parts = told.get(name)
        parts = parts.get("date-parts") if isinstance(parts, Mapping) else None
        first = parts[0] if isinstance(parts, list) and parts and isinstance(parts[0], list) else []
        if first and re.fullmatch(r"1[0-9]{3}|20[0-9]{2}", str(first[0])):
            return str(first[0])
    return None


@dataclass(frozen=True, slots=True)
class Enriched:
    """A citation completed, and what of it was not told by whoever asked."""

    citation: dict[str, Any]
    added: tuple[str, ...] = ()
    contradicts: bool = False
    """The number leads to a work of quite another name: nothing is taken from there."""


def enriched(citation: Mapping[str, Any], found: Mapping[str, str]) -> Enriched:
    """What is missing is filled in; what was told stays as it was told."""
    for name in ("article_title", "title"):
        told, known = citation.get(name), found.get(name)
        if told and known and not _alike(str(told), known):
            return Enriched(dict(citation), contradicts=True)
    added = tuple(name for name in found if not citation.get(name))
    return Enriched(dict(citation) | {name: found[name] for name in added}, added)


def _alike(one: str, other: str) -> bool:
    """Whether two names share a word that means something; an abbreviated title shares the beginning of one."""
    words, others = _words(one), _words(other)
    return (
        not words
        or not others
        or any(a.startswith(b[:4]) or b.startswith(a[:4]) for a in words for b in others)
    )


def _words(told: str) -> set[str]:
    plain = unicodedata.normalize("NFKD", told).casefold()
    return set(re.findall(r"[^\W_]{4,}", plain)) or set(re.findall(r"[^\W_]+", plain))


@dataclass(frozen=True, slots=True)
class FreeCopy:
    """Where a free copy lies."""

    url: str
    version: str | None = None
    """submittedVersion, acceptedVersion, publishedVersion."""
    licence: str | None = None


def read_open_access(told: Any) -> FreeCopy | None:
    """The best free copy of an answer, or None; `ValueError` when it is no such answer."""
    if not isinstance(told, Mapping) or not isinstance(told.get("is_oa"), bool):
        raise ValueError("no answer about open access")
    if not told["is_oa"]:
        return None
    places = [told.get("best_oa_location"), *_list(told.get("oa_locations"))]
    for place in places:
        if not isinstance(place, Mapping):
            continue
        for url in (place.get("url_for_pdf"), place.get("url"), place.get("url_for_landing_page")):
            if isinstance(url, str) and _followed(url):
                return FreeCopy(url, _text(place.get("version")), _text(place.get("license")))
    return None


def _followed(url: str) -> bool:
    """Whether a link may be shown to a patron: of the web, and nothing else."""
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and re.fullmatch(r"\S{1,1000}", url) is not None
        )
    except ValueError:
        return False


def chosen(symbols: Sequence[str], partners: Mapping[str, Any]) -> list[Any]:
    """The partners that are named by these symbols, each once."""
    found: dict[Any, None] = {}
    for symbol in symbols:
        partner = partners.get(symbol.strip().upper())
        if partner is not None:
            found.setdefault(partner, None)
    return list(found)
