"""Exports of titles by job and on schedule."""

from chassis.migrations import script

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE export (
    id UUID NOT NULL,
    schedule TEXT,
    mode TEXT DEFAULT 'full' NOT NULL,
    since UUID,
    format TEXT NOT NULL,
    query TEXT DEFAULT '' NOT NULL,
    filters JSONB DEFAULT '{}' NOT NULL,
    with_suppressed BOOLEAN DEFAULT false NOT NULL,
    with_ids BOOLEAN DEFAULT false NOT NULL,
    requested_by TEXT NOT NULL,
    state TEXT DEFAULT 'queued' NOT NULL,
    index_wanted BIGINT DEFAULT '0' NOT NULL,
    index_position BIGINT,
    position BIGINT,
    selected BIGINT DEFAULT '0' NOT NULL,
    given BIGINT DEFAULT '0' NOT NULL,
    gone BIGINT DEFAULT '0' NOT NULL,
    left_out BIGINT DEFAULT '0' NOT NULL,
    size BIGINT DEFAULT '0' NOT NULL,
    last_number BIGINT DEFAULT '0' NOT NULL,
    sha256 TEXT,
    problem TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    selected_at TIMESTAMP WITH TIME ZONE,
    worked_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX export_open ON export (worked_at, id) WHERE state IN ('queued', 'selecting', 'writing');
CREATE UNIQUE INDEX export_one_of_a_schedule ON export (schedule)
    WHERE schedule IS NOT NULL AND state IN ('queued', 'selecting', 'writing');
CREATE INDEX export_by_schedule ON export (schedule, id);
CREATE INDEX export_by_age ON export (expires_at);
CREATE TABLE export_found (
    export_id UUID NOT NULL REFERENCES export (id) ON DELETE CASCADE,
    title_id UUID NOT NULL,
    PRIMARY KEY (export_id, title_id)
);
CREATE TABLE export_title (
    export_id UUID NOT NULL REFERENCES export (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    title_id UUID NOT NULL,
    version BIGINT NOT NULL,
    outcome TEXT DEFAULT 'given' NOT NULL,
    reason TEXT,
    PRIMARY KEY (export_id, number)
);
CREATE TABLE export_schedule (
    code TEXT NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    document JSONB DEFAULT '{}' NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE,
    last_done UUID,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (code)
);
CREATE INDEX export_schedule_due ON export_schedule (next_at) WHERE next_at IS NOT NULL;
CREATE TABLE export_given (
    schedule TEXT NOT NULL REFERENCES export_schedule (code) ON DELETE CASCADE,
    title_id UUID NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (schedule, title_id)
);
""")
