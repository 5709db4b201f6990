"""Facts and tags of a library's own, of titles and items."""

from chassis.migrations import script

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE custom_field (code TEXT NOT NULL, document JSONB DEFAULT '{}' NOT NULL, PRIMARY KEY (code));
ALTER TABLE title ADD COLUMN tags TEXT[] DEFAULT '{}' NOT NULL, ADD COLUMN custom JSONB DEFAULT '{}' NOT NULL;
ALTER TABLE item ADD COLUMN tags TEXT[] DEFAULT '{}' NOT NULL, ADD COLUMN custom JSONB DEFAULT '{}' NOT NULL;
""")
