"""Bulk edits of titles, holdings and items."""

from chassis.migrations import script

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE bulk_edit (
    id UUID NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    list_id UUID NOT NULL,
    changes JSONB DEFAULT '{}' NOT NULL,
    state TEXT DEFAULT 'previewing' NOT NULL,
    paused_from TEXT,
    gathered BOOLEAN DEFAULT false NOT NULL,
    matched BIGINT DEFAULT '0' NOT NULL,
    position UUID NOT NULL,
    problem TEXT,
    requested_by TEXT NOT NULL,
    confirmed_by TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    previewed_at TIMESTAMP WITH TIME ZONE,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    worked_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id)
);
CREATE INDEX bulk_edit_by_age ON bulk_edit (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX bulk_edit_by_asker ON bulk_edit (requested_by, id);
CREATE INDEX bulk_edit_working ON bulk_edit (worked_at, id) WHERE state IN ('previewing', 'applying', 'undoing');
CREATE TABLE bulk_edit_record (
    edit_id UUID NOT NULL,
    entity_id UUID NOT NULL,
    outcome TEXT DEFAULT 'waiting' NOT NULL,
    version_seen BIGINT,
    differences JSONB DEFAULT '[]' NOT NULL,
    reasons JSONB DEFAULT '[]' NOT NULL,
    before JSONB DEFAULT '{}' NOT NULL,
    left_as TEXT,
    PRIMARY KEY (edit_id, entity_id),
    FOREIGN KEY (edit_id) REFERENCES bulk_edit (id) ON DELETE CASCADE
);
CREATE INDEX bulk_edit_record_outcome ON bulk_edit_record (edit_id, outcome, entity_id);
""")
