"""Machines change their secrets without a gap, may be bound to networks, and show when they were used and leaked."""

from chassis.migrations import script

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add what the previous release does not know; it takes the newest secret alone."""
    script("""
ALTER TABLE client
    ADD COLUMN previous_hash bytea,
    ADD COLUMN previous_expires_at timestamptz,
    ADD COLUMN networks text[],
    ADD COLUMN last_used_on date,
    ADD COLUMN leaked_at timestamptz
""")
