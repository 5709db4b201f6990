"""Where interlibrary loan is new, circulation is asked for all patrons, once."""

from chassis.migrations import script

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """A new table."""
    script("""
CREATE TABLE patrons_asked (
    singleton BOOLEAN DEFAULT true NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    known_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (singleton),
    CONSTRAINT patrons_asked_once CHECK (singleton)
);
""")
