"""What an item is made of, and whether it is a thing at all."""

from chassis.migrations import script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Additive."""
    script("""
ALTER TABLE item ADD COLUMN pieces INTEGER CONSTRAINT item_of_some_piece CHECK (pieces > 0);
ALTER TABLE item ADD COLUMN pieces_text TEXT;
ALTER TABLE item ADD COLUMN intellectual BOOLEAN DEFAULT false NOT NULL;
""")
