"""What lies on shelving carts, by when it will stand on its shelf."""

from chassis.migrations import concurrently

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    """Built while the previous release writes."""
    concurrently("item_on_its_way", "ON item (reshelving_until, id) WHERE reshelving_until IS NOT NULL")
