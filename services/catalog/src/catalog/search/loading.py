"""Titles as the index wants them, read from the database: the record, its items, their availability."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import asyncpg
import orjson

from catalog.marc.extract import Facts, extract
from catalog.marc.storage import unpack
from catalog.relations.rules import named
from catalog.search.documents import (
    AS_SEARCHED,
    Copies,
    Described,
    Fields,
    TitleDocument,
    completed,
    described,
)
from catalog.search.filing import Filing
from catalog.search.folding import identifier

if TYPE_CHECKING:
    from chassis.database import (
        Connection,
    )  # brings an ORM that neither reader nor writer apart has a use for

COLUMNS: Final = (
    "id",
    "record",
    "suppressed",
    "hrid",
    "barcodes",
    "libraries",
    "locations",
    "material_types",
    "call_numbers",
    "total",
    "available",
    "custom",
    "eldest",
)
"""What `documents` gives of a title."""
NIL: Final = UUID(int=0)
_TITLES = """
SELECT t.id, t.record, t.suppressed, t.hrid, i.barcodes, i.libraries, i.locations, i.material_types,
    CASE WHEN i.further IS NULL THEN i.call_numbers ELSE i.call_numbers || ARRAY(
        SELECT n ->> 'call_number' FROM unnest(i.further) told, jsonb_array_elements(told) n ORDER BY 1)
    END AS call_numbers,
    coalesce(i.total, 0) AS total, coalesce(i.available, 0) AS available, w.eldest,
    CASE WHEN t.custom <> '{}' THEN ARRAY(
        SELECT e.key || ':' || v.value
        FROM jsonb_each(t.custom) e JOIN custom_field f ON f.code = e.key AND (f.document -> 'facet')::boolean
        CROSS JOIN LATERAL jsonb_array_elements_text(
            CASE jsonb_typeof(e.value) WHEN 'array' THEN e.value ELSE jsonb_build_array(e.value) END) v
        ORDER BY 1) END AS custom
FROM title t
LEFT JOIN work_title w ON w.title_id = t.id
LEFT JOIN LATERAL (
    SELECT count(*) AS total,
        count(*) FILTER (WHERE coalesce(a.lendable, i.base_state IN ('active', 'restricted'))) AS available,
        array_agg(DISTINCT i.barcode) FILTER (WHERE i.barcode IS NOT NULL) AS barcodes,
        array_agg(DISTINCT b.code) AS libraries,
        array_agg(DISTINCT l.code) AS locations,
        array_agg(DISTINCT i.material_type) AS material_types,
        array_agg(DISTINCT coalesce(i.call_number, h.call_number)) AS call_numbers,
        array_agg(DISTINCT i.other_call_numbers || h.other_call_numbers)
            FILTER (WHERE i.other_call_numbers <> '[]' OR h.other_call_numbers <> '[]') AS further
    FROM (
        SELECT * FROM item WHERE title_id = t.id
        UNION ALL
        SELECT * FROM item WHERE bound_with <> '{}' AND bound_with @> ARRAY[t.id]
    ) i
    LEFT JOIN item_availability a ON a.item_id = i.id
    LEFT JOIN holdings h ON h.id = i.holdings_id
    LEFT JOIN location l ON l.id = i.location_id
    LEFT JOIN library b ON b.id = l.library_id
    WHERE NOT i.suppressed AND NOT coalesce(h.suppressed, false) AND i.base_state <> 'withdrawn'
) i ON true
WHERE t.id = ANY ($1::uuid[]) AND t.deleted_at IS NULL
"""


async def documents(
    connection: "Connection | asyncpg.Pool", title_ids: Sequence[UUID]
) -> list[asyncpg.Record]:
    """The rows of these titles; one that is gone is not among them."""
    rows: list[asyncpg.Record] = await connection.fetch(_TITLES, list(title_ids))
    return rows


def as_title(row: Mapping[str, Any]) -> TitleDocument:
    """A row of these columns as a title. Costs CPU: the record is taken apart."""
    facts = extract(unpack(row["record"]))
    copies = copies_of(tuple(row[name] for name in COLUMNS))
    title = _of_record(facts)
    title.title_id, title.number = UUID(copies.title_id), copies.hrid
    title.identifiers += (f"t{copies.hrid}",)
    title.call_numbers += tuple(filter(None, copies.call_numbers))
    title.barcodes, title.libraries, title.locations, title.material_types = map(
        tuple, (copies.barcodes, copies.libraries, copies.locations, copies.material_types)
    )
    title.suppressed, title.eldest = copies.suppressed, copies.eldest
    title.custom = tuple(copies.custom)
    title.availability = _availability(copies, online=_is_online(facts))
    title.stored = _stored(_shown(facts), copies, title.availability)
    return title


def copies_of(row: Sequence[Any]) -> Copies:
    """What a row of these columns tells beside the record."""
    (
        title_id,
        _,
        suppressed,
        hrid,
        barcodes,
        libraries,
        locations,
        materials,
        numbers,
        total,
        available,
        custom,
        eldest,
    ) = row
    return Copies(
        str(title_id),
        hrid,
        suppressed,
        barcodes or (),
        libraries or (),
        locations or (),
        materials or (),
        numbers or (),
        total,
        available,
        custom or (),
        eldest,
    )


def entry_of(facts: Facts) -> bytes:
    """A record's part of its title's entry in the index, which whoever reads the record may make long before.

    Three lines of JSON: what a list of hits shows; what is to be completed; fields as the engine takes them, which are
    passed on as they stand.
    """
    told = described(_of_record(facts))
    return b"\n".join(
        (_shown(facts), orjson.dumps((_is_online(facts), *told[1:])), orjson.dumps(told.fields)[:-1])
    )


def entry_document(entry: bytes, copies: Copies, filing: Filing = AS_SEARCHED) -> str:
    """An entry and what is known beside it, as the engine takes them."""
    shown, told, fields = entry.split(b"\n")
    online, *told = orjson.loads(told)
    rest = _completed(Described({}, *told), shown, copies, online=online, filing=filing)
    return (b"%s,%s" % (fields, orjson.dumps(rest)[1:])).decode()


def row_document(row: Sequence[Any], filing: Filing = AS_SEARCHED) -> str:
    """A row of these columns as the engine takes it. Costs CPU: the record is taken apart."""
    facts = extract(unpack(row[1]))
    told = described(_of_record(facts))
    rest = _completed(told, _shown(facts), copies_of(row), online=_is_online(facts), filing=filing)
    return orjson.dumps(told.fields | rest).decode()


def _completed(told: Described, shown: bytes, copies: Copies, *, online: bool, filing: Filing) -> Fields:
    told.identifiers.append(f"t{copies.hrid}")
    if copies.call_numbers:
        told.call_numbers.extend(filter(None, map(identifier, filter(None, copies.call_numbers))))
    availability = _availability(copies, online=online)
    stored = _stored(shown, copies, availability)
    return completed(told, copies, availability=availability, stored=stored, filing=filing)


def _availability(copies: Copies, *, online: bool) -> str:
    if copies.total:
        return "available" if copies.available else "unavailable"
    return "online" if online else "none"


def _is_online(facts: Facts) -> bool:
    return bool(facts.urls) and facts.format.startswith("e-")


def _shown(facts: Facts) -> bytes:
    """What a list of hits shows of the record, as JSON."""
    return orjson.dumps(
        {
            "title": facts.title,
            "subtitle": facts.subtitle,
            "author": facts.author,
            "publisher": facts.publisher,
            "year": facts.year,
            "edition": facts.edition,
            "format": facts.format,
            "languages": facts.languages,
            "isbns": facts.isbns,
            "issns": facts.issns,
            "original_title": facts.original_title,
            "original_author": facts.original_author,
        }
    )


def _stored(shown: bytes, copies: Copies, availability: str) -> bytes:
    """The same with what is known beside the record."""
    suppressed = b"true" if copies.suppressed else b"false"
    return (
        b'{"id":"%s","hrid":"t%d",%s,"availability":"%s","items_total":%d,"items_available":%d,"suppressed":%s}'
        % (
            *(copies.title_id.encode(), copies.hrid, shown[1:-1], availability.encode()),
            *(copies.total, copies.available, suppressed),
        )
    )


def _of_record(facts: Facts) -> TitleDocument:
    """A title of which nothing is known but its record."""
    return TitleDocument(
        title_id=NIL,
        title=facts.title,
        subtitle=facts.subtitle,
        author=facts.author,
        contributors=facts.contributors,
        subjects=facts.subjects,
        genres=facts.genres,
        series=facts.series,
        publisher=facts.publisher,
        place=facts.place,
        year=facts.year,
        edition=facts.edition,
        languages=facts.languages,
        format=facts.format,
        isbns=(*facts.isbns, *facts.invalid_isbns),
        issns=facts.issns,
        identifiers=tuple(filter(None, (facts.control_number, *facts.other_ids, *facts.cancelled_lccns))),
        call_numbers=facts.call_numbers,
        other_titles=(*facts.other_titles, *filter(None, (facts.original_title,))),
        other_names=tuple(filter(None, (facts.original_author,))),
        text=tuple(
            filter(
                None,
                (facts.responsibility, facts.summary, *facts.contents, *facts.notes, *facts.other_scripts),
            )
        ),
        sort_title=facts.sort_title,
        headings=facts.headings,
        linked=named(facts.linked, facts.control_agency) if facts.linked else (),
    )
