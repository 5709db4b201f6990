"""Holds on volumes, several holds of a patron on a title, other copies when one is not found, recalls lifted."""

from chassis.migrations import script

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Nullable columns and constant defaults; the previous release goes on placing one hold a title.

    Volumes of items that are known already are read afterwards, by a timer and in slices.
    """
    script("""
ALTER TABLE item ADD COLUMN volume_key TEXT;
CREATE INDEX item_volume_unread ON item (id) WHERE volume IS NOT NULL AND volume_key IS NULL;
ALTER TABLE hold ADD COLUMN volume TEXT, ADD COLUMN volume_key TEXT, ADD COLUMN nth INTEGER DEFAULT '1' NOT NULL,
    ADD COLUMN retarget_at TIMESTAMP WITH TIME ZONE, ADD COLUMN reason_text TEXT;
CREATE UNIQUE INDEX hold_one_open_by_number ON hold (title_id, patron_id, nth)
    WHERE state IN ('waiting', 'in-transit', 'ready');
DROP INDEX hold_one_open_per_patron;
CREATE INDEX hold_to_retarget ON hold (retarget_at) WHERE retarget_at IS NOT NULL;
ALTER TABLE hold DROP CONSTRAINT hold_level;
ALTER TABLE hold ADD CONSTRAINT hold_level CHECK (level IN ('title', 'volume', 'item')) NOT VALID;
ALTER TABLE hold VALIDATE CONSTRAINT hold_level;
ALTER TABLE hold ADD CONSTRAINT hold_names_volume CHECK ((level = 'volume') = (volume_key IS NOT NULL)) NOT VALID;
ALTER TABLE hold VALIDATE CONSTRAINT hold_names_volume;
CREATE TABLE hold_missed (
    hold_id UUID NOT NULL,
    item_id UUID NOT NULL,
    missed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (hold_id, item_id)
);
ALTER TABLE loan ADD COLUMN recalled_by UUID;
CREATE INDEX loan_open_by_recall ON loan (recalled_by) WHERE recalled_by IS NOT NULL AND returned_at IS NULL;
""")
