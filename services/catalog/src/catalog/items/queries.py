"""Items and holdings as a client sees them."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.custom.queries import PUBLIC
from catalog.items.rules import DESCRIBED, ENDING
from catalog.items.standing import lasting, lent_as, shelved_now, stands_now

ITEM: Final = (
    """
SELECT i.id, i.hrid_prefix || i.hrid AS record_number, i.version, i.barcode, i.holdings_id, i.title_id, i.bound_with,
    coalesce(i.permanent_location_id, i.location_id) AS location_id, """
    + f"""{lasting("i", "temporary_location")} AS temporary_location_id, {stands_now()} AS effective_location_id,
    {lasting("i", "temporary_loan_type")} AS temporary_loan_type, {lent_as()} AS effective_loan_type,
    {", ".join(f"CASE WHEN i.{end} > now() THEN i.{end} END AS {end}" for end in ENDING)},
    """
    + """
    l.code AS location, b.code AS library, i.material_type, i.loan_type, i.base_state, i.other_call_numbers,
    coalesce(i.call_number, nullif(h.call_number, '')) AS call_number,
    CASE WHEN i.call_number IS NULL THEN h.call_number_scheme ELSE i.call_number_scheme END AS call_number_scheme,
    i.place, i.custom, """
    + PUBLIC.format("i")
    + """ AS custom_public, i.volume, i.copy_number, i.note, """
    + ", ".join(f"i.{name}" for name in DESCRIBED)
    + """,
    (i.suppressed OR h.suppressed OR t.suppressed) AS suppressed, i.pieces, i.pieces_text, i.intellectual, t.title,
    t.author, i.purchase_minor, i.purchase_currency, i.replacement_minor, i.replacement_currency,
    i.created_at, i.updated_at
FROM item i JOIN holdings h ON h.id = i.holdings_id JOIN title t ON t.id = i.title_id
LEFT JOIN location l ON l.id = """
    + stands_now()
    + """ LEFT JOIN library b ON b.id = l.library_id
"""
)
_BY_ID = ITEM + " WHERE i.id = $1"
_BY_BARCODE = ITEM + " WHERE i.barcode = $1"
_BY_ACCESSION = ITEM + " WHERE i.accession_number = $1 ORDER BY i.id LIMIT $2"
_LIST = (
    ITEM
    + """
WHERE ($1::uuid IS NULL OR i.id > $1)
  AND ($2::text IS NULL OR i.base_state = $2)
  AND ($3::boolean OR NOT (i.suppressed OR h.suppressed OR t.suppressed))
ORDER BY i.id LIMIT $4
"""
)
_OF_HOLDINGS = (
    ITEM
    + """
WHERE i.holdings_id = $5
  AND ($1::uuid IS NULL OR (CASE WHEN $6::int IS NULL THEN i.place IS NULL AND i.id > $1
      ELSE i.place IS NULL OR (i.place, i.id) > ($6::int, $1) END))
  AND ($2::text IS NULL OR i.base_state = $2)
  AND ($3::boolean OR NOT (i.suppressed OR h.suppressed OR t.suppressed))
ORDER BY i.place, i.id LIMIT $4
"""
)
_OF_TITLE = (
    ITEM
    + """
WHERE (i.title_id = $5 OR (i.bound_with <> '{}' AND i.bound_with @> ARRAY[$5::uuid]))
  AND ($1::uuid IS NULL OR i.id > $1)
  AND ($2::text IS NULL OR i.base_state = $2)
  AND ($3::boolean OR NOT (i.suppressed OR h.suppressed OR t.suppressed))
ORDER BY i.id LIMIT $4
"""
)


async def item(pool: asyncpg.Pool, item_id: UUID) -> asyncpg.Record | None:
    """An item."""
    return await pool.fetchrow(_BY_ID, item_id)


_IN_TRANSACTION = text(ITEM + " WHERE i.id = :id")


async def item_in(session: AsyncSession, item_id: UUID) -> Any:
    """An item as the transaction has left it."""
    return (await session.execute(_IN_TRANSACTION, {"id": item_id})).mappings().one()


async def item_maybe(session: AsyncSession, item_id: UUID) -> Any | None:
    """The same, of one that need not be there."""
    return (await session.execute(_IN_TRANSACTION, {"id": item_id})).mappings().first()


async def item_by_barcode(pool: asyncpg.Pool, barcode: str) -> asyncpg.Record | None:
    """The item with this barcode: one statement, for scanners."""
    return await pool.fetchrow(_BY_BARCODE, barcode)


async def items_by_accession(pool: asyncpg.Pool, number: str, *, limit: int) -> list[asyncpg.Record]:
    """Items with this accession number: one, as long as nobody has numbered two alike."""
    return await pool.fetch(_BY_ACCESSION, number, limit)


async def items(
    pool: asyncpg.Pool,
    *,
    title_id: UUID | None,
    base_state: str | None,
    after: UUID | None,
    hidden_too: bool,
    limit: int,
) -> list[asyncpg.Record]:
    """Items by id."""
    if title_id is None:
        return await pool.fetch(_LIST, after, base_state, hidden_too, limit)
    return await pool.fetch(_OF_TITLE, after, base_state, hidden_too, limit, title_id)


async def items_of_holdings(
    pool: asyncpg.Pool,
    holdings_id: UUID,
    *,
    base_state: str | None,
    after: tuple[int | None, UUID] | None,
    hidden_too: bool,
    limit: int,
) -> list[asyncpg.Record]:
    """Items of holdings as they stand there; `after` is the place and the id of the last one before."""
    place, last = after if after is not None else (None, None)
    return await pool.fetch(_OF_HOLDINGS, last, base_state, hidden_too, limit, holdings_id, place)


_HOLDINGS: Final = f"""
SELECT h.id, h.hrid_prefix || h.hrid AS record_number, h.version, h.title_id, h.location_id,
    {lasting("h", "temporary_location")} AS temporary_location_id,
    CASE WHEN h.temporary_location_ends_at > now() THEN h.temporary_location_ends_at END AS temporary_location_ends_at,
    {shelved_now()} AS effective_location_id, l.code AS location, b.code AS library,
    s.code AS home, a.code AS home_library, h.other_call_numbers,
    nullif(h.call_number, '') AS call_number, h.call_number_scheme, h.created_at, h.updated_at, h.suppressed,
    h.statistical_codes, h.digitisation_policy,
    t.suppressed AS hidden, h.deleted_at, h.merged_into, h.record, t.control_number, t.hrid,
    (SELECT count(*) FROM item i WHERE i.title_id = h.title_id AND i.holdings_id = h.id) AS items
FROM holdings h JOIN location l ON l.id = {shelved_now()}
JOIN library b ON b.id = l.library_id
JOIN location s ON s.id = h.location_id JOIN library a ON a.id = s.library_id
JOIN title t ON t.id = h.title_id
"""  # noqa: S608 - our own text
_ONE_HOLDINGS = text(_HOLDINGS + " WHERE h.id = :id")
_HOLDINGS_OF = text(
    _HOLDINGS
    + """
WHERE h.title_id = :title_id AND (:hidden_too OR NOT h.suppressed) AND (:deleted_too OR h.deleted_at IS NULL)
  AND h.merged_into IS NULL ORDER BY h.id
"""
)


async def holdings(session: AsyncSession, holdings_id: UUID) -> Any | None:
    """One holdings."""
    return (await session.execute(_ONE_HOLDINGS, {"id": holdings_id})).first()


async def holdings_of(
    session: AsyncSession, title_id: UUID, *, hidden_too: bool, deleted_too: bool = False
) -> Sequence[Any]:
    """A title's holdings."""
    told = {"title_id": title_id, "hidden_too": hidden_too, "deleted_too": deleted_too}
    return (await session.execute(_HOLDINGS_OF, told)).all()
