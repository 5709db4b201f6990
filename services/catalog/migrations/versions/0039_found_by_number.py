"""Holdings and items are found by their numbers, and those that have none yet by that."""

from chassis.migrations import concurrently

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    """Indexes, built while the previous release writes."""
    for table in ("holdings", "item"):
        concurrently(f"{table}_hrid", f"ON {table} (hrid)", unique=True)
        concurrently(f"{table}_unnumbered", f"ON {table} (id) WHERE hrid IS NULL")
