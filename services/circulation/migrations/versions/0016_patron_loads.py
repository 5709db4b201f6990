"""Campus files of patrons."""

from chassis.migrations import script

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Additive; the previous release does not know of loads."""
    script("""
ALTER TABLE patron ADD COLUMN loaded_by TEXT;
CREATE INDEX patron_by_load ON patron (loaded_by, id) WHERE loaded_by IS NOT NULL;
CREATE TABLE patron_load (
    id UUID NOT NULL,
    state TEXT NOT NULL,
    cancelling BOOLEAN DEFAULT false NOT NULL,
    media_type TEXT NOT NULL,
    columns TEXT[],
    dry_run BOOLEAN NOT NULL,
    profile JSONB NOT NULL,
    lines INTEGER DEFAULT '0' NOT NULL,
    done INTEGER DEFAULT '0' NOT NULL,
    created INTEGER DEFAULT '0' NOT NULL,
    updated INTEGER DEFAULT '0' NOT NULL,
    unchanged INTEGER DEFAULT '0' NOT NULL,
    rejected INTEGER DEFAULT '0' NOT NULL,
    deactivated INTEGER DEFAULT '0' NOT NULL,
    error TEXT,
    requested_by TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX patron_load_to_do ON patron_load (id) WHERE state IN ('queued', 'running');
CREATE TABLE patron_load_line (
    load_id UUID NOT NULL,
    line INTEGER NOT NULL,
    told BYTEA,
    external_id TEXT,
    outcome TEXT,
    patron_id UUID,
    changed TEXT[],
    reasons JSONB,
    PRIMARY KEY (load_id, line),
    FOREIGN KEY(load_id) REFERENCES patron_load (id) ON DELETE CASCADE
);
CREATE INDEX patron_load_line_by_external_id ON patron_load_line (load_id, external_id);
CREATE INDEX patron_load_line_by_outcome ON patron_load_line (load_id, outcome, line);
""")
