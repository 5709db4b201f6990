"""Outcomes that a person must look at go by the index that knows all of their kinds."""

from chassis.migrations import script

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """The one before it is asked for nothing more."""
    script("DROP INDEX import_outcome_trouble;")
