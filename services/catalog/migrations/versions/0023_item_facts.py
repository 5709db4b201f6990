"""All that is known of an item: numbers, pieces that are missing, condition, notes for the desk, statistical codes."""

from chassis.migrations import script

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE statistical_code (code TEXT NOT NULL, name TEXT NOT NULL, kind TEXT DEFAULT '' NOT NULL, PRIMARY KEY (code));
CREATE TABLE damaged_status (code TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (code));
INSERT INTO damaged_status (code, name) VALUES ('damaged', 'Damaged'), ('not-damaged', 'Not damaged');
ALTER TABLE item ADD COLUMN accession_number TEXT, ADD COLUMN enumeration TEXT, ADD COLUMN chronology TEXT,
    ADD COLUMN year_caption TEXT, ADD COLUMN missing_pieces INTEGER, ADD COLUMN missing_pieces_text TEXT,
    ADD COLUMN missing_pieces_on DATE, ADD COLUMN damaged_status TEXT, ADD COLUMN damaged_on DATE,
    ADD COLUMN statistical_codes TEXT[] DEFAULT '{}' NOT NULL, ADD COLUMN check_out_notes TEXT[] DEFAULT '{}' NOT NULL,
    ADD COLUMN check_in_notes TEXT[] DEFAULT '{}' NOT NULL;
ALTER TABLE item ADD CONSTRAINT item_misses_its_own_pieces CHECK (missing_pieces BETWEEN 0 AND pieces) NOT VALID;
ALTER TABLE item VALIDATE CONSTRAINT item_misses_its_own_pieces;
ALTER TABLE holdings ADD COLUMN statistical_codes TEXT[] DEFAULT '{}' NOT NULL;
ALTER TABLE title ADD COLUMN statistical_codes TEXT[] DEFAULT '{}' NOT NULL;
""")
