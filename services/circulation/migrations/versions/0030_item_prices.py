"""What an item costs, as the catalogue tells."""

from chassis.migrations import script

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Additive; the catalogue's next news of an item, or its announcement of all, brings the price."""
    script("""
ALTER TABLE item ADD COLUMN price_minor BIGINT, ADD COLUMN price_currency TEXT;
""")
