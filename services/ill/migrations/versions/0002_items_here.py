"""What is borrowed has an item of circulation's while it is here."""

from chassis.migrations import script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Additive."""
    script("""
ALTER TABLE request ADD COLUMN item_id UUID, ADD COLUMN item_left BOOLEAN DEFAULT false NOT NULL;
CREATE UNIQUE INDEX request_by_item ON request (item_id)
""")
