"""What lies on a desk's shelving cart, by an index."""

from chassis.migrations import concurrently

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """Built while the previous release writes."""
    concurrently(
        "item_on_cart", "ON item (last_seen_by, reshelving_until, id) WHERE reshelving_until IS NOT NULL"
    )
