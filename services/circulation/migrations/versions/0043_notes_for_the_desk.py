"""What the catalogue would have whoever lends an item, or takes it back, know of it."""

from chassis.migrations import script

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    """Additive."""
    script("""
ALTER TABLE item ADD COLUMN check_out_notes TEXT[] DEFAULT '{}' NOT NULL,
    ADD COLUMN check_in_notes TEXT[] DEFAULT '{}' NOT NULL;
""")
