"""Holds that are suspended; queues that are reordered."""

from chassis.migrations import script

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Nullable columns, a small index and a small table; the previous release does not mind."""
    script("""
ALTER TABLE hold ADD COLUMN suspended_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE hold ADD COLUMN suspended_until TIMESTAMP WITH TIME ZONE;
CREATE INDEX hold_suspended_by_end ON hold (suspended_until) WHERE suspended_until IS NOT NULL;
CREATE TABLE hold_queue (
    title_id UUID NOT NULL,
    version BIGINT DEFAULT '0' NOT NULL,
    PRIMARY KEY (title_id)
);
""")
