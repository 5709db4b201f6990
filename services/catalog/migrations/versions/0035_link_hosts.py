"""Hosts whose links wait, by when they may be asked: the next ones are found without a look at all of them."""

from chassis.migrations import script

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """Additive."""
    script("CREATE INDEX link_host_next ON link_host (next_at, host);")
