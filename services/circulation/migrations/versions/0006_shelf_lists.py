"""Lists of what is left on a hold shelf, and of what is on its way."""

from chassis.migrations import script

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Small partial indexes; the previous release does not mind."""
    script("""
CREATE INDEX hold_left_on_shelf ON hold (pickup_id, closed_at)
    WHERE state IN ('cancelled', 'shelf-expired') AND ready_at IS NOT NULL;
CREATE INDEX item_in_transit ON item (transit_to, last_seen_at) WHERE transit_to IS NOT NULL;
""")
