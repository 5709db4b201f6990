"""Blocks that the fine policies make."""

from chassis.migrations import script

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """A column with a constant default: no rewrite, and the previous release does not name it."""
    script("""
ALTER TABLE patron_block ADD COLUMN kind TEXT DEFAULT 'manual' NOT NULL;
""")
