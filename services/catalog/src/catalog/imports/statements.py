"""What an import says to the database of holdings and items."""

from typing import Final

from catalog.history.statements import keeping
from catalog.imports.described import DESCRIBED, DESCRIBED_FACTS, ITEM_FACTS
from catalog.items.standing import permanent, standing

NUMBERS: Final = {
    "title": """
WITH given AS MATERIALIZED (SELECT pg_get_serial_sequence('title', 'hrid')::regclass AS by)
SELECT array_agg(nextval(given.by)) FROM given, generate_series(1, $1::int)
""",
    "item": "SELECT array_agg(nextval('item_hrid_seq')) FROM generate_series(1, $1::int)",
}
"""As many numbers of a series as there are new ones, so that these can be told at once."""
_HERE: Final = f"""
SELECT i.id, i.title_id, i.barcode, i.holdings_id, {permanent("i")} AS location_id, i.material_type,
    i.loan_type, i.base_state,
    coalesce(i.call_number, nullif(h.call_number, '')) AS call_number, i.volume, i.copy_number, i.note,
    i.purchase_minor, i.purchase_currency, i.replacement_minor, i.replacement_currency,
    nullif({DESCRIBED_FACTS}, '{{}}') AS described
FROM item i JOIN holdings h ON h.id = i.holdings_id
"""
BY_TITLE: Final = _HERE + " WHERE i.title_id = ANY ($1::uuid[]) ORDER BY i.id FOR UPDATE OF i"
BY_BARCODE: Final = _HERE + " WHERE i.barcode = ANY ($1::text[]) ORDER BY i.id FOR UPDATE OF i"
HOLDINGS: Final = """
SELECT id, title_id, location_id, temporary_location_id, call_number, deleted_at FROM holdings
WHERE title_id = ANY ($1::uuid[])
"""
REVIVE: Final = keeping(
    "holdings",
    """
UPDATE holdings SET version = version + 1, deleted_at = NULL, merged_into = NULL, updated_at = $2
WHERE id = ANY ($1::uuid[])
""",
    now="$2",
    by="$3",
)
"""What was taken out stands there again when an item of it comes."""
PRICES: Final = ("purchase_minor", "purchase_currency", "replacement_minor", "replacement_currency")
HOLDINGS_COLUMNS: Final = (
    "id", "title_id", "location_id", "call_number", "created_at", "updated_at", "shelving_key", "import_id",
    "hrid_prefix",
)  # fmt: skip
ITEM_COLUMNS: Final = (
    "id",
    "barcode",
    "holdings_id",
    "title_id",
    "location_id",
    "permanent_location_id",
    "material_type",
    "loan_type",
    "volume",
    "copy_number",
    "note",
    *PRICES,
    "created_at",
    "updated_at",
    "import_id",
    "hrid_prefix",
)
"""What every new item is written with; what most have none of (`described.DESCRIBED`) is where there is some."""
UPDATE: Final = keeping(
    "item",
    f"""
UPDATE item i SET version = i.version + 1, holdings_id = n.holdings_id,
    place = CASE WHEN i.holdings_id = n.holdings_id THEN i.place END,
    {standing("n.location_id", "d.temporary_location_id")},
    material_type = n.material_type, loan_type = n.loan_type, call_number = NULL, volume = n.volume,
    copy_number = n.copy_number, note = n.note, purchase_minor = n.purchase_minor,
    purchase_currency = n.purchase_currency, replacement_minor = n.replacement_minor,
    replacement_currency = n.replacement_currency, updated_at = $9,
    {", ".join(f"{name} = d.{name}" for name in DESCRIBED)}
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $10::bigint[], $11::text[], $12::bigint[], $13::text[], $14::text[])
    AS n (id, holdings_id, location_id, material_type, loan_type, volume, copy_number, note,
        purchase_minor, purchase_currency, replacement_minor, replacement_currency, described)
    JOIN holdings h ON h.id = n.holdings_id JOIN item s ON s.id = n.id
    CROSS JOIN LATERAL jsonb_populate_record(s, n.described::jsonb) AS d
WHERE i.id = n.id
""",
    now="$9",
    by="$15",
)
REMEMBER: Final = f"""
INSERT INTO import_item_change (import_id, item_id, before, after)
SELECT $1, i.id, {ITEM_FACTS}, '{{}}' FROM item i WHERE i.id = ANY ($2::uuid[]) ON CONFLICT DO NOTHING
"""
REMEMBER_AFTER: Final = f"""
UPDATE import_item_change c SET after = {ITEM_FACTS} FROM item i
WHERE c.import_id = $1 AND c.item_id = ANY ($2::uuid[]) AND i.id = c.item_id
"""
SHELF_STANDS: Final = (
    "concat_ws('|', coalesce(md5(h.record), ''), coalesce(h.call_number_scheme, ''), h.call_number)"
)
"""What an import changes of holdings, in few characters."""
REMEMBER_HOLDINGS: Final = """
INSERT INTO import_holdings_change (import_id, holdings_id, title_id, record, call_number_scheme, shelving_key, left_as)
SELECT $1, h.id, h.title_id, h.record, h.call_number_scheme, h.shelving_key, '' FROM holdings h
WHERE h.id = ANY ($2::uuid[]) AND h.import_id IS DISTINCT FROM $1 ON CONFLICT DO NOTHING
"""
"""Those that the import made itself go when it is taken back."""
REMEMBER_HOLDINGS_AFTER: Final = f"""
UPDATE import_holdings_change c SET left_as = {SHELF_STANDS} FROM holdings h
WHERE c.import_id = $1 AND c.holdings_id = ANY ($2::uuid[]) AND h.id = c.holdings_id
"""
