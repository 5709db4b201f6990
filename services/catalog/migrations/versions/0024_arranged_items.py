"""Items of holdings stand in an order that somebody may have given them."""

from chassis.migrations import script

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Additive."""
    script("ALTER TABLE item ADD COLUMN place INTEGER;")
