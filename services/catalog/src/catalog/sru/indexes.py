"""What CQL's indexes, relations and sort keys mean here. No I/O."""

# ruff: noqa: E501 - a table is read by its columns

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

CQL: Final = "info:srw/cql-context-set/1/cql-v1.1"
DC: Final = "info:srw/cql-context-set/1/dc-v1.1"
BATH: Final = "http://zing.z3950.org/cql/bath/2.0/"
REC: Final = "info:srw/cql-context-set/2/rec-1.1"
SORT: Final = "info:srw/cql-context-set/1/sort-v1.0"
OWN: Final = "urn:carrel:cql-context-set:catalog"

SETS: Final[Mapping[str, str]] = {"cql": CQL, "dc": DC, "bath": BATH, "rec": REC, "carrel": OWN, "sort": SORT}
"""Context sets by the prefix that they have unless a query says otherwise."""
ALIASES: Final[Mapping[str, str]] = {
    "info:srw/cql-context-set/1/cql-v1.2": CQL,
    "http://docs.oasis-open.org/ns/search-ws/cql": CQL,
    "http://www.loc.gov/zing/cql/context-sets/cql/v1.1/": CQL,
    "info:srw/cql-context-set/1/bath-v1.1": BATH,
    "http://www.loc.gov/zing/cql/context-sets/bath/v1.1/": BATH,
    "http://www.loc.gov/zing/cql/dc-indexes/v1.0/": DC,
    "http://www.loc.gov/zing/cql/context-sets/dc/v1.1/": DC,
    "http://purl.org/dc/elements/1.1/": DC,
    "http://docs.oasis-open.org/ns/search-ws/rec": REC,
    "http://docs.oasis-open.org/ns/search-ws/sort": SORT,
}


@dataclass(frozen=True, slots=True)
class Index:
    """An index: the field of docs/search-query.md behind it, and its names by context set."""

    field: str
    title: str
    names: tuple[tuple[str, str], ...]
    """(prefix, name), the first one the best known."""
    scannable: bool = True
    sort: str | None = None


def _names(told: str) -> tuple[tuple[str, str], ...]:
    return tuple((prefix, name) for prefix, _, name in (each.partition(".") for each in told.split()))


INDEXES: Final = (
    Index("any", "Anywhere", _names("cql.serverChoice cql.anywhere cql.anyIndexes cql.keywords bath.any carrel.any"), scannable=False),
    Index("title", "Title", _names("dc.title bath.title bath.keyTitle bath.uniformTitle carrel.title"), sort="title"),
    Index("author", "Author", _names("dc.creator dc.contributor bath.author bath.name bath.personalName bath.corporateName bath.conferenceName carrel.author"), sort="author"),
    Index("subject", "Subject", _names("dc.subject bath.subject bath.topicalSubject bath.geographicSubject carrel.subject")),
    Index("genre", "Genre", _names("bath.genreForm carrel.genre"), scannable=False),
    Index("series", "Series", _names("bath.seriesTitle carrel.series")),
    Index("publisher", "Publisher and place", _names("dc.publisher bath.publisher carrel.publisher")),
    Index("year", "Year of publication", _names("dc.date bath.publicationDate carrel.year"), scannable=False, sort="year"),
    Index("language", "Language (code)", _names("dc.language bath.language carrel.language")),
    Index("format", "Kind of thing", _names("dc.format dc.type carrel.format")),
    Index("isbn", "ISBN", _names("bath.isbn carrel.isbn")),
    Index("issn", "ISSN", _names("bath.issn carrel.issn")),
    Index("identifier", "Any identifier", _names("dc.identifier bath.standardIdentifier bath.lccn rec.identifier carrel.identifier")),
    Index("call_number", "Call number", _names("bath.callNumber carrel.call_number")),
    Index("barcode", "Barcode of an item", _names("carrel.barcode"), scannable=False),
    Index("library", "Library (code)", _names("bath.possessingInstitution carrel.library")),
    Index("location", "Location (code)", _names("carrel.location")),
)  # fmt: skip

ALL_RECORDS: Final = "all"
RESULT_SET: Final = "set"
_ODD: Final = {("cql", "allrecords"): ALL_RECORDS, ("cql", "resultsetid"): RESULT_SET}
_BY_NAME: Final = {(prefix, name.casefold()): index for index in INDEXES for prefix, name in index.names}
_BARE: Final = {name: found for (prefix, name), found in _BY_NAME.items() if prefix != "carrel"} | {
    name: found for (prefix, name), found in _BY_NAME.items() if prefix == "carrel"
}
"""Names without a context set: ours first, then anybody's."""
_PREFIX_OF: Final = {uri: prefix for prefix, uri in SETS.items()}

WORDS: Final = frozenset(("any", "title", "author", "subject", "genre", "series", "publisher"))
"""Fields of words; of the others the term is one value."""


class Unknown(ValueError):
    """A context set (15) or an index (16) that is not here."""

    def __init__(self, number: int, details: str) -> None:
        super().__init__(details)
        self.number, self.details = number, details


def found(name: str, prefixes: Mapping[str, str]) -> Index | str:
    """The index of a name as the query wrote it, with the context sets that it named."""
    before, dot, after = name.rpartition(".")
    key = before.casefold()
    if dot and key:
        uri = prefixes.get(key)
        prefix = _prefix(uri) if uri is not None else key if key in SETS else None
        if prefix is None:
            raise Unknown(15, uri or before)
        odd = _ODD.get((prefix, after.casefold()))
        index = odd or _BY_NAME.get((prefix, after.casefold()))
    else:
        uri = prefixes.get("")
        bare = name.casefold()
        if uri is None:
            index = _ODD.get(("cql", bare)) or _BARE.get(bare)
        elif (prefix := _prefix(uri)) is not None:
            index = _BY_NAME.get((prefix, bare))
        else:
            raise Unknown(15, uri)
    if index is None:
        raise Unknown(16, name)
    return index


def _prefix(uri: str) -> str | None:
    return _PREFIX_OF.get(ALIASES.get(uri, uri))
