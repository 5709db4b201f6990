"""Which works a title contains, so that a work tells of the collections that it is in."""

from chassis.migrations import script

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    """Additive. Every title is looked at once more, in the background."""
    script("""
CREATE TABLE work_part (
    title_id UUID NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY (title_id, key)
);
CREATE INDEX work_part_key ON work_part (key, title_id);
UPDATE work_state SET passed = 0;
""")
