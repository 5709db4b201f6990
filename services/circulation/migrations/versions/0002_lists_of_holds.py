"""Lists of holds by patron and by pickup point."""

from chassis.migrations import script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Indexes only; the previous release does not mind."""
    script("""
CREATE INDEX hold_by_patron ON hold (patron_id, id);
CREATE INDEX hold_by_pickup ON hold (pickup_id, state, id);
""")
