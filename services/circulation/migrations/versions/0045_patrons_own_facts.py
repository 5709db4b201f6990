"""Facts and tags of patrons that a library has decided upon."""

from chassis.migrations import script

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    """Additive."""
    script("""
ALTER TABLE patron ADD COLUMN custom JSONB DEFAULT '{}' NOT NULL, ADD COLUMN tags TEXT[] DEFAULT '{}' NOT NULL;
""")
