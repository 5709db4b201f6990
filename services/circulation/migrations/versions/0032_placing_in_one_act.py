"""A title's queue has a guard; what an item's title is found by is written at once."""

from chassis.migrations import script

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """A column that the previous release does not write: until it is gone, holds that it places are told apart by place.

    With a list of pending entries each look-up by title read what the last few thousand returns had left there.
    """
    script("""
ALTER TABLE hold_queue ADD COLUMN guard BIGINT DEFAULT '0' NOT NULL;
ALTER INDEX item_by_title SET (fastupdate = off);
""")
