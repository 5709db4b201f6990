"""SRU as a client speaks it, 1.1 to 2.0: the URL of a search, and what an answer tells. No clock, no network.

Holders of a record stand in fields that each union catalogue chooses for itself (`852$a`, `924$b`); whether a copy is
in, in the holdings of the OPAC record (`availableNow`), where the server gives them.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from chassis.markup import Element, NotXml, read
from ill.citations.rules import bare
from ill.lookups import marc

ELEMENTS: Final = 60_000
DEPTH: Final = 40
_MARC: Final = "http://www.loc.gov/MARC21/slim"
_KEPT: Final = frozenset({"operation", "version", "query", "recordSchema", "maximumRecords", "startRecord"})
FINDS: Final = ("record_id", "isbn", "issn", "oclc", "title")
"""By what is searched, the surest first."""


def question(citation: Mapping[str, Any], queries: Mapping[str, str]) -> tuple[str, str] | None:
    """By what a title is searched, and the CQL; None where nothing of it can be searched for."""
    for name in FINDS:
        value = citation.get(name) or (citation.get("eissn") if name == "issn" else None)
        if queries.get(name) and value:
            return name, _cql(name, str(value), citation, queries)
    return None


def _cql(name: str, value: str, citation: Mapping[str, Any], queries: Mapping[str, str]) -> str:
    terms = {part: str(citation.get(part) or "") for part in ("title", "author")}
    terms[name] = bare(value) if name in ("isbn", "issn") else value
    wanted = queries[name]
    if "{author}" in wanted and not terms["author"]:
        wanted = queries.get("title_alone", wanted)
    return re.sub(r"\{(\w+)\}", lambda place: _quoted(terms.get(place[1], "")), wanted)


def _quoted(told: str) -> str:
    """A term of CQL: in quotes, and nothing in it means anything."""
    plain = " ".join(re.sub(r"[\x00-\x1f]", " ", told).split())[:300]
    return '"' + re.sub(r'([\\"*?^])', r"\\\1", plain) + '"'


def url(base: str, *, version: str, query: str, schema: str, most: int) -> str:
    """A search; what the base has in its own query (a database, a key) stays."""
    parts = urlsplit(base)
    own = [(name, value) for name, value in parse_qsl(parts.query) if name not in _KEPT]
    told = {"query": query, "recordSchema": schema, "maximumRecords": str(most)}
    if version != "2.0":
        told = {"operation": "searchRetrieve", "version": version} | told
    return urlunsplit(parts._replace(query=urlencode([*own, *told.items()])))


@dataclass(frozen=True, slots=True)
class Hit:
    """A record that was found, and who has it."""

    record_id: str | None
    holders: tuple[str, ...]
    call_number: str | None
    available: bool | None
    """Whether a copy is in; None: the server does not say."""
    places: tuple[marc.Place, ...] = ()
    """Holder, location and shelving location of each holdings field (852 $b and $c beside the holder's symbol)."""
    copies: tuple[marc.Copy, ...] = ()
    """Location, shelving location and whether it is in, of each holding of the OPAC record, or as a mapping has it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server found."""

    total: int
    hits: tuple[Hit, ...]


class Refused(ValueError):
    """The server says why it does not answer, or what it says is no answer."""


def answer(body: bytes, holders: Sequence[str] = (), copies: Mapping[str, Any] | None = None) -> Answer:
    """Read an answer; `holders` are the subfields in which the holders' symbols stand, `copies` where it stands whether
    they are in, for records without holdings. `Refused` when it is no answer."""
    try:
        root = read(body, elements=ELEMENTS, depth=DEPTH)
    except NotXml as error:
        raise Refused(f"an answer that is {error}") from None
    if root.name != "searchRetrieveResponse":
        raise Refused("an answer that is none of SRU")
    count = root.child("numberOfRecords")
    told = root.child("diagnostics")
    if told is not None:
        texts = [part.text for part in _all(told) if part.name in ("message", "details") and part.text]
        raise Refused(f"a diagnostic: {'; '.join(texts)[:200] or 'without words'}")
    if count is None or not re.fullmatch(r"\d{1,12}", count.text):
        raise Refused("an answer that counts nothing")
    records = root.child("records")
    hits = [_hit(record, holders, copies) for record in (records.children if records is not None else ())]
    return Answer(int(count.text), tuple(hits))


def _hit(record: Element, holders: Sequence[str], mapping: Mapping[str, Any] | None) -> Hit:
    holder = record.child("recordData")
    inside = holder if holder is not None else record
    if holder is not None and not holder.children and holder.text.startswith("<"):
        try:
            inside = read(holder.text.encode(), elements=ELEMENTS, depth=DEPTH)  # packed as text
        except NotXml:
            inside = holder
    everything = list(_all(inside))
    numbers = [
        part.text
        for part in everything
        if part.name == "controlfield" and part.attributes.get("tag") == "001"
    ]
    fields = [_field(part) for part in everything if part.name == "datafield"]
    found, places = marc.holders_of(fields, holders)
    calls = [part.text for part in everything if part.name == "callNumber" and part.text]
    copies = tuple(_holding(part) for part in everything if part.name == "holding")
    states: list[bool | None] = [_truth(part) for part in everything if part.name == "availableNow"]
    if not copies and not states and mapping is not None:
        copies = marc.copies_of(fields, mapping)
        states = [state for _, _, state in copies if state is not None]
    return Hit(
        next(iter(numbers), None),
        found,
        marc.call_number_of(fields) or next(iter(calls), None),
        any(states) if states else None,
        places,
        copies,
    )


def _field(told: Element) -> marc.Field:
    subfields = ((sub.attributes.get("code", ""), sub.text or "") for sub in told.children)
    return marc.Field(told.attributes.get("tag", ""), tuple(subfields))


def _holding(told: Element) -> tuple[str | None, str | None, bool | None]:
    parts = list(_all(told))
    texts = {part.name: part.text for part in reversed(parts) if part.text}
    states = [_truth(part) for part in parts if part.name == "availableNow"]
    return texts.get("localLocation"), texts.get("shelvingLocation"), any(states) if states else None


def _truth(part: Element) -> bool:
    return (part.attributes.get("value") or part.text).strip().lower() in ("1", "true", "yes")


def _all(element: Element) -> Iterator[Element]:
    """The element and everything in it."""
    waiting = [element]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += reversed(part.children)


def outcome(found: Answer) -> dict[str, Any]:
    """As it is kept."""
    return {
        "total": found.total,
        "hits": [
            {
                "record_id": h.record_id,
                "holders": list(h.holders),
                "call_number": h.call_number,
                "available": h.available,
                "places": [list(place) for place in h.places],
                "copies": [list(copy) for copy in h.copies],
            }
            for h in found.hits
        ],
    }


def why_not(
    told: Mapping[str, Any], lends: Callable[[str | None, str | None], bool] = lambda _where, _shelf: True
) -> str | None:
    """Why a supplier need not be asked, by its own catalogue; None: it has it, and lends it from where it stands."""
    if not told["total"]:
        return "not-found-there"
    copies = [hit.get("copies", []) for hit in told["hits"]]
    if not copies or not all(copies):  # not every record has its holdings
        return None if in_now(told) else "not-available"
    states = [state for hit in copies for where, shelf, state in hit if lends(where, shelf)]
    if not states:
        return "not-lent-from-there"
    return "not-available" if all(state is False for state in states) else None


def in_now(told: Mapping[str, Any]) -> bool:
    """Whether a supplier has it in: found, and not said to be out everywhere."""
    states = [hit["available"] for hit in told["hits"] if hit["available"] is not None]
    return bool(told["total"]) and (not states or any(states))
