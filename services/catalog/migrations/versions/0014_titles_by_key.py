"""Which titles have a key, without looking at all of them."""

from chassis.migrations import concurrently

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Indexes, built while the previous release writes."""
    concurrently("title_keys", "ON title USING gin (keys)")
    concurrently("title_unkeyed", "ON title (id) WHERE keys IS NULL")
    concurrently(
        "import_outcome_aside",
        "ON import_outcome (import_id, outcome, ordinal) "
        "WHERE outcome IN ('duplicate', 'discarded', 'matched-many', 'rejected', 'failed')",
    )
