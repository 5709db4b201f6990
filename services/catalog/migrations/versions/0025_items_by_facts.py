"""What items are found by of all that is known of them, and in which order they stand."""

from chassis.migrations import concurrently, script

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Indexes, built while the previous release writes; the last one does what the one that goes has done."""
    concurrently("item_accession", "ON item (accession_number, id) WHERE accession_number IS NOT NULL")
    concurrently("item_damaged", "ON item (damaged_status) WHERE damaged_status IS NOT NULL")
    for table in ("item", "holdings", "title"):
        counted = "USING gin (statistical_codes) WHERE statistical_codes <> '{}'"
        concurrently(f"{table}_counted", f"ON {table} {counted}")
    concurrently("item_order", "ON item (holdings_id, place, id)")
    script("DROP INDEX item_holdings;")
