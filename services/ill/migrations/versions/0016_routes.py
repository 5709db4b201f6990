"""By what a supplier is in a rota: a route, the default peer, the directory, or as a last resort."""

from chassis.migrations import script

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Additive."""
    script("ALTER TABLE rota_entry ADD COLUMN placed_by TEXT;")
