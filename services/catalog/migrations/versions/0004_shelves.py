"""Where a call number stands among all of them: a key that compares as the numbers are shelved."""

from chassis.migrations import script

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Additive; the timer `shelve` fills in what was here before."""
    script("""
ALTER TABLE holdings ADD COLUMN call_number_scheme TEXT;
ALTER TABLE holdings ADD COLUMN shelving_key TEXT COLLATE "C";
ALTER TABLE item ADD COLUMN call_number_scheme TEXT;
ALTER TABLE item ADD COLUMN shelving_key TEXT COLLATE "C";
CREATE INDEX holdings_shelf ON holdings (shelving_key, id) WHERE shelving_key IS NOT NULL;
CREATE INDEX holdings_shelf_here ON holdings (location_id, shelving_key, id) WHERE shelving_key IS NOT NULL;
CREATE INDEX holdings_unshelved ON holdings (id) WHERE shelving_key IS NULL AND call_number <> '';
CREATE INDEX item_shelf ON item (shelving_key, id) WHERE shelving_key IS NOT NULL;
CREATE INDEX item_shelf_here ON item (location_id, shelving_key, id) WHERE shelving_key IS NOT NULL;
CREATE INDEX item_unshelved ON item (id)
    WHERE shelving_key IS NULL AND call_number IS NOT NULL AND call_number <> '';
""")
