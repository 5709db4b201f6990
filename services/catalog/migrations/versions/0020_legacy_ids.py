"""What titles and items were known by where they were brought from."""

from chassis.migrations import script

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE legacy_id (
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    legacy_id TEXT COLLATE "C" NOT NULL,
    record_id UUID NOT NULL,
    import_id UUID NOT NULL,
    PRIMARY KEY (source, kind, legacy_id),
    CONSTRAINT legacy_id_kind CHECK (kind IN ('title', 'item'))
);
CREATE INDEX legacy_id_by_record ON legacy_id (record_id);
""")
