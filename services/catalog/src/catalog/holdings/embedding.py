"""A title's holdings and items as fields of its own record (MARC 21 Holdings, embedded): for harvests and exports."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg

from catalog.holdings.rules import Kind, statements
from catalog.items.standing import lent_as, shelved_now, stands_now
from catalog.marc.record import Field, Record
from catalog.marc.storage import unpack
from chassis.database import Connection

OWN: Final = frozenset(("852", "876", "877", "878"))
"""What the record itself says of holdings gives way to what is known of them here."""
STATED: Final = frozenset(("853", "854", "855", "863", "864", "865", "866", "867", "868"))
"""And so does what it says is held, where that is known here, too."""
_TEXTS: Final[dict[Kind, str]] = {"basic": "866", "supplement": "867", "index": "868"}
_ITEMS: Final = f"""
SELECT i.of AS title_id, h.id AS holdings_id, h.hrid_prefix || h.hrid AS shelf_number, h.call_number AS shelved,
    i.id, i.hrid_prefix || i.hrid AS record_number, i.barcode, i.call_number, i.volume,
    i.copy_number, i.material_type, {lent_as()} AS loan_type, i.base_state,
    b.code AS library, l.code AS location
FROM (
    SELECT title_id AS of, * FROM item WHERE title_id = ANY ($1::uuid[])
    UNION ALL
    SELECT other, i.* FROM item i, unnest(i.bound_with) AS other
    WHERE bound_with <> '{{}}' AND bound_with && $1::uuid[] AND other = ANY ($1::uuid[])
) i
JOIN holdings h ON h.id = i.holdings_id
JOIN location l ON l.id = {stands_now()}
JOIN library b ON b.id = l.library_id
WHERE ($2 OR NOT (i.suppressed OR h.suppressed)) AND i.base_state <> 'withdrawn'
ORDER BY i.of, b.code, l.code, h.id, i.place, i.volume, i.copy_number, i.id
"""  # noqa: S608 - our own text
_EMPTY: Final = f"""
SELECT h.title_id, h.id AS holdings_id, h.hrid_prefix || h.hrid AS shelf_number, h.call_number AS shelved,
    b.code AS library, l.code AS location
FROM holdings h JOIN location l ON l.id = {shelved_now()}
JOIN library b ON b.id = l.library_id
WHERE h.title_id = ANY ($1::uuid[]) AND h.deleted_at IS NULL AND ($2 OR NOT h.suppressed) AND NOT EXISTS (
    SELECT FROM item i WHERE i.title_id = h.title_id AND i.holdings_id = h.id  -- by title: there is no other index
)
ORDER BY h.title_id, b.code, l.code, h.id
"""  # noqa: S608 - our own text
_RECORDS: Final = """
SELECT id, record FROM holdings
WHERE title_id = ANY ($1::uuid[]) AND record IS NOT NULL AND deleted_at IS NULL AND ($2 OR NOT suppressed)
"""


async def embedded(
    connection: Connection | asyncpg.Pool, ids: Sequence[UUID], *, hidden_too: bool = False
) -> dict[UUID, list[Field]]:
    """Each title's holdings and items as fields 852, 866 to 868 and 876, numbered together by $8: the public ones,
    unless hidden ones are wanted, too."""
    told: dict[UUID, list[Field]] = {}
    numbers: dict[tuple[UUID, UUID, str, str], int] = {}
    stated = {
        row["id"]: _stated(unpack(row["record"])) for row in await connection.fetch(_RECORDS, ids, hidden_too)
    }
    there = [
        *await connection.fetch(_ITEMS, ids, hidden_too),
        *await connection.fetch(_EMPTY, ids, hidden_too),
    ]
    for row in there:
        fields = told.setdefault(row["title_id"], [])
        shelf = (row["title_id"], row["holdings_id"], row["library"], row["location"])
        if shelf not in numbers:
            numbers[shelf] = number = sum(field.tag == "852" for field in fields) + 1
            fields.append(_held(row, number))
            # once, though items of these holdings stand elsewhere
            for tag, subfields in stated.pop(row["holdings_id"], ()):
                fields.append(Field.data(tag, "41", ("8", str(number)), *subfields))
        if "id" in row.keys():  # noqa: SIM118 - a row is no mapping: `in` looks at its values
            fields.append(_item(row, numbers[shelf]))
    return told


def with_embedded(record: Record, held: Sequence[Field]) -> Record:
    """The record with these, in place of what it says of holdings itself."""
    gone = giving_way(held)
    return Record(record.leader, [*(field for field in record if field.tag not in gone), *held])


def giving_way(held: Sequence[Field]) -> frozenset[str]:
    """Tags of which the record's own fields are left out."""
    return OWN | STATED if any(field.tag in STATED for field in held) else OWN


def _stated(record: Record) -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (_TEXTS[each.kind], [("a", each.text), *(("z", note) for note in each.notes)])
        for each in statements(record)
    ]


def _held(row: asyncpg.Record, number: int) -> Field:
    subfields = [("8", str(number)), ("b", row["library"]), ("c", row["location"])]
    if row["shelved"]:
        subfields.append(("h", row["shelved"]))
    if row["shelf_number"]:
        subfields.append(("z", f"record number: {row['shelf_number']}"))
    return Field.data("852", "  ", *subfields)


def _item(row: asyncpg.Record, number: int) -> Field:
    subfields = [("8", str(number)), ("a", str(row["id"]))]
    for code, value in (
        ("p", row["barcode"]),
        ("3", row["volume"]),
        ("t", row["copy_number"]),
        ("h", row["loan_type"]),
        ("j", row["base_state"]),
        ("z", f"call number: {row['call_number']}" if row["call_number"] else None),
        ("z", f"record number: {row['record_number']}" if row["record_number"] else None),
        ("9", row["material_type"]),
    ):
        if value:
            subfields.append((code, value))
    return Field.data("876", "  ", *subfields)
