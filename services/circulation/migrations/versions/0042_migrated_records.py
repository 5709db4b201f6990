"""What was handed over by another system, and which record it is here."""

from chassis.migrations import script

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE migrated_record (
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    legacy_id TEXT COLLATE "C" NOT NULL,
    outcome TEXT NOT NULL,
    record_id UUID,
    told TEXT NOT NULL,
    place INTEGER,
    reasons TEXT[] DEFAULT '{}' NOT NULL,
    PRIMARY KEY (source, kind, legacy_id),
    CONSTRAINT migrated_record_named CHECK ((outcome = 'loaded') = (record_id IS NOT NULL)),
    CONSTRAINT migrated_record_kind CHECK (kind IN ('patron', 'loan', 'hold', 'fee'))
);
CREATE INDEX migrated_record_by_record ON migrated_record (record_id) WHERE record_id IS NOT NULL;
CREATE INDEX migrated_record_refused ON migrated_record (source, kind, legacy_id) WHERE outcome = 'refused';
""")
