"""Titles and holdings that are out of the catalogue, and where merged ones went; suppressed holdings."""

from chassis.migrations import script

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Additive."""
    script("""
ALTER TABLE title ADD COLUMN deleted_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE title ADD COLUMN merged_into UUID;
CREATE INDEX title_merged_into ON title (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX title_deleted ON title (deleted_at, id) WHERE deleted_at IS NOT NULL AND merged_into IS NULL;
ALTER TABLE holdings ADD COLUMN suppressed BOOLEAN DEFAULT false NOT NULL;
ALTER TABLE holdings ADD COLUMN deleted_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE holdings ADD COLUMN merged_into UUID;
""")
