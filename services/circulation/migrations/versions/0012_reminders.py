"""Reminders that cost something."""

from chassis.migrations import script

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Nullable columns, one with a constant default, and an index over none of today's rows."""
    script("""
ALTER TABLE loan ADD COLUMN remind_at TIMESTAMP WITH TIME ZONE, ADD COLUMN reminded INTEGER DEFAULT '0' NOT NULL,
    ADD COLUMN reminded_for TIMESTAMP WITH TIME ZONE;
CREATE INDEX loan_to_remind ON loan (remind_at)
    WHERE remind_at IS NOT NULL AND returned_at IS NULL AND claimed_at IS NULL;
""")
