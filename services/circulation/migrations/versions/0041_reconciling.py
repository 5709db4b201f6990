"""What nightly counting finds, and how far it has come."""

from chassis.migrations import script

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE reconciliation (
    name TEXT NOT NULL,
    after UUID,
    looked_at BIGINT DEFAULT '0' NOT NULL,
    begun_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (name)
);
CREATE TABLE discrepancy (
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    subject_id UUID NOT NULL,
    kept JSONB NOT NULL,
    counted JSONB NOT NULL,
    found_at TIMESTAMP WITH TIME ZONE NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    settled TEXT,
    settled_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX discrepancy_open ON discrepancy (kind, subject_id) WHERE settled IS NULL;
""")
