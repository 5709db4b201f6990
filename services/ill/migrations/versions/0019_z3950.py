"""Catalogues that speak Z39.50: by which attributes they are searched, and where records tell whether copies are in."""

from chassis.migrations import script

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Additive."""
    script("""
ALTER TABLE partner ADD COLUMN catalogue_attributes JSONB DEFAULT '{}' NOT NULL, ADD COLUMN catalogue_copies JSONB;
ALTER TABLE lookup ADD COLUMN copies JSONB;
""")
