"""Many patrons changed at once, and what became of each."""

from chassis.migrations import script

revision = "0048"
down_revision = "0047"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE patron_edit (
    id UUID NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    name TEXT NOT NULL,
    source JSONB NOT NULL,
    libraries TEXT[],
    changes JSONB NOT NULL,
    state TEXT NOT NULL,
    gathered BOOLEAN DEFAULT false NOT NULL,
    matched INTEGER DEFAULT '0' NOT NULL,
    position UUID NOT NULL,
    unknown_count INTEGER DEFAULT '0' NOT NULL,
    unknown TEXT[] DEFAULT '{}' NOT NULL,
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
CREATE INDEX patron_edit_working ON patron_edit (worked_at, id) WHERE state IN ('previewing', 'applying', 'undoing');
CREATE INDEX patron_edit_by_asker ON patron_edit (requested_by, id);
CREATE INDEX patron_edit_by_age ON patron_edit (ended_at) WHERE ended_at IS NOT NULL;
CREATE TABLE patron_edit_record (
    edit_id UUID NOT NULL REFERENCES patron_edit (id) ON DELETE CASCADE,
    patron_id UUID NOT NULL,
    outcome TEXT DEFAULT 'waiting' NOT NULL,
    version_seen BIGINT DEFAULT '0' NOT NULL,
    differences JSONB DEFAULT '[]' NOT NULL,
    reasons JSONB DEFAULT '[]' NOT NULL,
    before JSONB DEFAULT '{}' NOT NULL,
    after JSONB DEFAULT '{}' NOT NULL,
    block_id UUID,
    lifted UUID[] DEFAULT '{}' NOT NULL,
    PRIMARY KEY (edit_id, patron_id)
);
CREATE INDEX patron_edit_record_outcome ON patron_edit_record (edit_id, outcome, patron_id);
""")
