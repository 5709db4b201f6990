"""A reader who is new is told of all patrons, a slice at a time."""

from chassis.migrations import script

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    """A new table, which the previous release never looks at."""
    script("""
CREATE TABLE patron_telling (
    asking_id UUID NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    told_to UUID,
    PRIMARY KEY (asking_id)
);
""")
