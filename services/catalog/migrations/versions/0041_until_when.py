"""What stands elsewhere for a time, or is lent otherwise, does so until a moment."""

from chassis.migrations import script

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    """Additive."""
    script("""
ALTER TABLE item ADD COLUMN temporary_location_ends_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN temporary_loan_type_ends_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE holdings ADD COLUMN temporary_location_ends_at TIMESTAMP WITH TIME ZONE;
""")
