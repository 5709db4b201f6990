"""Sheets of labels that a library has."""

from chassis.migrations import script

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Additive."""
    script(
        "CREATE TABLE label_template (code TEXT NOT NULL, document JSONB DEFAULT '{}' NOT NULL, PRIMARY KEY (code));"
    )
