"""Harvesters may ask for formats of a library's own."""

from chassis.migrations import script

revision = "0048"
down_revision = "0047"


def upgrade() -> None:
    """Additive."""
    script("CREATE TABLE oai_format (code TEXT NOT NULL, document JSONB NOT NULL, PRIMARY KEY (code));")
