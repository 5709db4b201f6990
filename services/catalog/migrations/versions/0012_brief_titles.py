"""Titles that were added in haste at a desk, and templates that records begin with."""

from chassis.migrations import script

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Additive."""
    script("""
ALTER TABLE title ADD COLUMN brief_since TIMESTAMP WITH TIME ZONE;
CREATE INDEX title_brief ON title (brief_since, id) WHERE brief_since IS NOT NULL;
CREATE TABLE record_template (
    code TEXT NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    name TEXT NOT NULL,
    record BYTEA NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (code)
);
""")
