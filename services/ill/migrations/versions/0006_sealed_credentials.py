"""What we prove ourselves with to partners is sealed."""

from chassis.migrations import script

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Additive; a timer seals what is there, and the columns in plain text go with a later release."""
    script("ALTER TABLE partner_secret ADD COLUMN sealed BYTEA")
