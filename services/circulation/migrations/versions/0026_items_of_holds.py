"""Which item is kept for a hold, without looking at all of them."""

from chassis.migrations import script

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """A small partial index; the previous release does not mind."""
    script("""
CREATE INDEX item_by_hold ON item (hold_id) WHERE hold_id IS NOT NULL;
""")
