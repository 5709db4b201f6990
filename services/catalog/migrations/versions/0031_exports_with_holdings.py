"""Exports that tell of holdings and items, and schedules that know what these were."""

from chassis.migrations import script

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Additive."""
    script("""
ALTER TABLE export ADD COLUMN with_holdings BOOLEAN DEFAULT false NOT NULL;
ALTER TABLE export_title ADD COLUMN holdings_digest BIGINT;
ALTER TABLE export_given ADD COLUMN holdings_digest BIGINT;
""")
