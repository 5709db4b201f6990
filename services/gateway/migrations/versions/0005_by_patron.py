"""Who signs in as a patron, by an index."""

from chassis.migrations import concurrently

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Built while the previous release writes."""
    for table in ("account", "person", "browser_session"):
        concurrently(f"{table}_by_patron", f"ON {table} (patron_id) WHERE patron_id IS NOT NULL")
