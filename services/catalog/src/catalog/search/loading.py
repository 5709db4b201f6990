"""Titles as the index wants them, read from the database: the record, its items, their availability."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from catalog.marc.extract import extract
from catalog.marc.storage import unpack
from catalog.search.documents import TitleDocument
from chassis.database import Connection

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
)
"""What `documents` gives of a title."""
_TITLES = """
SELECT t.id, t.record, t.suppressed, t.hrid, i.barcodes, i.libraries, i.locations, i.material_types, i.call_numbers,
    coalesce(i.total, 0) AS total, coalesce(i.available, 0) AS available
FROM title t
LEFT JOIN LATERAL (
    SELECT count(*) AS total,
        count(*) FILTER (WHERE coalesce(a.lendable, i.base_state IN ('active', 'restricted'))) AS available,
        array_agg(DISTINCT i.barcode) FILTER (WHERE i.barcode IS NOT NULL) AS barcodes,
        array_agg(DISTINCT b.code) AS libraries,
        array_agg(DISTINCT l.code) AS locations,
        array_agg(DISTINCT i.material_type) AS material_types,
        array_agg(DISTINCT coalesce(i.call_number, h.call_number)) AS call_numbers
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


async def documents(connection: Connection | asyncpg.Pool, title_ids: Sequence[UUID]) -> list[asyncpg.Record]:
    """The rows of these titles; one that is gone is not among them."""
    rows: list[asyncpg.Record] = await connection.fetch(_TITLES, list(title_ids))
    return rows


def as_title(row: Mapping[str, Any]) -> TitleDocument:
    """A row of these columns as the index takes it. Costs CPU: the record is taken apart."""
    facts = extract(unpack(row["record"]))
    total, available = row["total"], row["available"]
    if total:
        availability = "available" if available else "unavailable"
    else:
        availability = "online" if facts.urls and facts.format.startswith("e-") else "none"
    shown = {
        "id": str(row["id"]),
        "hrid": f"t{row['hrid']}",
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
        "availability": availability,
        "items_total": total,
        "items_available": available,
        "suppressed": row["suppressed"],
    }
    return TitleDocument(
        title_id=UUID(str(row["id"])),
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
        identifiers=tuple(filter(None, (facts.control_number, *facts.other_ids, f"t{row['hrid']}"))),
        call_numbers=(*facts.call_numbers, *filter(None, row["call_numbers"] or ())),
        barcodes=tuple(row["barcodes"] or ()),
        libraries=tuple(filter(None, row["libraries"] or ())),
        locations=tuple(filter(None, row["locations"] or ())),
        material_types=tuple(row["material_types"] or ()),
        availability=availability,
        other_titles=facts.other_titles,
        text=tuple(
            filter(
                None,
                (facts.responsibility, facts.summary, *facts.contents, *facts.notes, *facts.other_scripts),
            )
        ),
        sort_title=facts.sort_title,
        suppressed=row["suppressed"],
        stored=orjson.dumps(shown),
    )
