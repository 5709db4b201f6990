"""Which holdings have a record whose policies are not read yet, and which are digitised how."""

from chassis.migrations import concurrently

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    """Indexes, built while the previous release writes."""
    concurrently("holdings_unread", "ON holdings (id) WHERE record IS NOT NULL AND policies IS NULL")
    concurrently(
        "holdings_digitisation", "ON holdings (digitisation_policy) WHERE digitisation_policy IS NOT NULL"
    )
