"""Why a due time was set by hand."""

from chassis.migrations import script

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """A nullable column; the previous release does not mind."""
    script("ALTER TABLE loan ADD COLUMN due_comment TEXT;")
