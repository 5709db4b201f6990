"""Patrons by what is asked of them: own facts, tags, group, the day their card ends."""

from chassis.migrations import concurrently

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    """Indexes, built while the previous release writes."""
    concurrently("patron_custom", "ON patron USING gin (custom) WHERE custom <> '{}'")
    concurrently("patron_tags", "ON patron USING gin (tags) WHERE tags <> '{}'")
    concurrently("patron_by_group", "ON patron (group_code, expires_at)")
    concurrently("patron_by_end", "ON patron (expires_at) WHERE expires_at IS NOT NULL")
