"""Which items stand in holdings, without looking at all of them."""

from chassis.migrations import concurrently

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """An index, built while the previous release writes."""
    concurrently("item_holdings", "ON item (holdings_id)")
