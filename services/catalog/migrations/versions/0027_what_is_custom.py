"""Which titles and items have tags and facts of a library's own, without looking at all of them."""

from chassis.migrations import concurrently

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Indexes, built while the previous release writes."""
    for table in ("title", "item"):
        concurrently(f"{table}_tagged", f"ON {table} USING gin (tags) WHERE tags <> '{{}}'")
        concurrently(f"{table}_custom", f"ON {table} USING gin (custom) WHERE custom <> '{{}}'")
