"""Import profiles as data, what titles are found by, rehearsed imports, and imports taken back."""

from chassis.migrations import script

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Additive. Titles of earlier releases are given their keys in the background, or before keys are asked for."""
    script("""
ALTER TABLE title ADD COLUMN keys TEXT[];
CREATE TABLE import_profile (
    code TEXT NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    document JSONB NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (code)
);
ALTER TABLE import_job ADD COLUMN plan JSONB;
ALTER TABLE import_job ADD COLUMN profile_version BIGINT;
ALTER TABLE import_job ADD COLUMN dry_run BOOLEAN DEFAULT false NOT NULL;
ALTER TABLE import_job ADD COLUMN rerun_of UUID;
ALTER TABLE import_job ADD COLUMN matched_many INTEGER DEFAULT '0' NOT NULL;
ALTER TABLE import_job DROP CONSTRAINT import_job_counts_add_up;
ALTER TABLE import_job ADD CONSTRAINT import_job_counts_add_up CHECK (
    created + updated + unchanged + duplicate + discarded + matched_many + rejected + failed = records_read
);
CREATE INDEX import_job_by_user ON import_job (requested_by, started_at);
ALTER TABLE import_outcome ADD COLUMN title_version BIGINT;
ALTER TABLE import_outcome ADD COLUMN matching JSONB;
ALTER TABLE import_outcome ADD COLUMN proposal BYTEA;
ALTER TABLE holdings ADD COLUMN import_id UUID;
ALTER TABLE item ADD COLUMN import_id UUID;
CREATE TABLE import_item_change (
    import_id UUID NOT NULL,
    item_id UUID NOT NULL,
    before JSONB NOT NULL,
    after JSONB NOT NULL,
    PRIMARY KEY (import_id, item_id)
);
CREATE TABLE import_undo (
    id UUID NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    import_id UUID NOT NULL,
    state TEXT DEFAULT 'queued' NOT NULL,
    requested_by TEXT NOT NULL,
    position INTEGER DEFAULT '0' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX import_undo_one_per_import ON import_undo (import_id);
CREATE INDEX import_undo_open ON import_undo (id) WHERE state IN ('queued', 'running', 'waiting');
CREATE TABLE import_undo_outcome (
    undo_id UUID NOT NULL,
    ordinal INTEGER NOT NULL,
    title_id UUID NOT NULL,
    outcome TEXT NOT NULL,
    reasons JSONB DEFAULT '[]' NOT NULL,
    PRIMARY KEY (undo_id, ordinal)
);
CREATE INDEX import_undo_outcome_kind ON import_undo_outcome (undo_id, outcome, ordinal);
""")
