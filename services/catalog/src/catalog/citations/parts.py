"""Articles and chapters: what a record says of the host that it is a part of (MARC 21 Bibliographic 773)."""

import re
from typing import Final

from stdnum import isbn, issn

from catalog.citations.text import clean
from catalog.marc.record import Field, Record

_VOLUME: Final = re.compile(
    r"\b(?:vol(?:ume)?|v|bd|band|jg|jahrg(?:ang)?|tome|t|année)\b\.?\s*(\d+[a-z]?)\b", re.I
)
_ISSUE: Final = re.compile(
    r"\b(?:no|nr|num(?:ber|éro)?|n°|nº|heft|h|issue|iss)\b\.?\s*(\d+[a-z]?(?:[/–-]\d+)?)\b", re.I
)
_PAGES: Final = re.compile(
    r"\b(?:pp?|pages?|s|seiten?)\b\.?\s*([a-z]?\d+[a-z]?(?:\s*[–-]\s*[a-z]?\d+[a-z]?)?)", re.I
)
_SICI: Final = re.compile(r"(?P<volume>\d+[a-z]?)(?::(?P<issue>[\w/-]+))?(?:<(?P<page>\d+(?:-\d+)?))?", re.I)
_IMPRINT: Final = re.compile(r"(?P<place>[^:]+):\s*(?P<publisher>.+?)(?:,\s*\[?c?\d{4}.*)?")


def host_of(record: Record) -> Field | None:
    """The host's entry, where the record describes a part (leader/07 a or b) of something that has a title."""
    if record.leader[7:8] not in ("a", "b"):
        return None
    found = record.fields("773")
    return next((each for each in found if not each.is_control and (each.get("t") or each.get("s"))), None)


def is_article(record: Record, host: Field) -> bool:
    """Whether the host is a serial: by the level (b), by $7, or by an ISSN."""
    level = (host.get("7") or "")[3:4]
    return record.leader[7:8] == "b" or level == "s" or (level not in ("m", "c") and bool(host.get("x")))


def of_host(host: Field, *, article: bool) -> dict[str, str]:
    """The host as CSL says it: `container-title`, `volume`, `issue`, `page`, `ISSN` or `ISBN`, a book's imprint."""
    told = {"container-title": clean(host.get("t") or host.get("s"))}
    where = " ".join(host.all("g"))
    sici = _SICI.fullmatch((host.get("q") or "").strip())
    for key, pattern, name in (
        ("volume", _VOLUME, "volume"),
        ("issue", _ISSUE, "issue"),
        ("page", _PAGES, "page"),
    ):
        if found := pattern.search(where):
            told[key] = found[1]
        elif sici and sici[name]:
            told[key] = sici[name]
    number = (host.get("x" if article else "z") or "").strip()
    if article and issn.is_valid(number):
        told["ISSN"] = issn.format(number)
    if not article:
        if isbn.is_valid(number):
            told["ISBN"] = isbn.to_isbn13(number).replace("-", "")
        if imprint := _IMPRINT.fullmatch(clean(host.get("d"))):
            told |= {"publisher-place": clean(imprint["place"]), "publisher": clean(imprint["publisher"])}
    return {key: value for key, value in told.items() if value}
