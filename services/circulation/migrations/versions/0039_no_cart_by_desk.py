"""Another desk than the last sees an item without its indexes being touched."""

from chassis.migrations import script

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    """The index named the desk, which a loan changes: each wrote into all of the item's indexes."""
    script("""
DROP INDEX IF EXISTS item_on_cart;
""")
