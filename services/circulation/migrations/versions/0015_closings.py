"""Emergency closings, and what they move."""

from chassis.migrations import script

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Two tables."""
    script("""
CREATE TABLE closing (
    id UUID NOT NULL,
    service_point_ids UUID[] NOT NULL,
    codes TEXT[] NOT NULL,
    from_at TIMESTAMP WITH TIME ZONE NOT NULL,
    until_at TIMESTAMP WITH TIME ZONE NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL,
    hours JSONB NOT NULL,
    total BIGINT NOT NULL DEFAULT 0,
    loans_moved BIGINT NOT NULL DEFAULT 0,
    holds_moved BIGINT NOT NULL DEFAULT 0,
    moved_back BIGINT NOT NULL DEFAULT 0,
    kept BIGINT NOT NULL DEFAULT 0,
    requested_by TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    undone_by TEXT,
    undone_at TIMESTAMP WITH TIME ZONE,
    version BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (id),
    CONSTRAINT closing_state CHECK (state IN ('running', 'finished', 'undoing', 'undone')),
    CONSTRAINT closing_span CHECK (from_at < until_at)
);
CREATE INDEX closing_open ON closing (id) WHERE state IN ('running', 'undoing');
CREATE TABLE closing_effect (
    closing_id UUID NOT NULL,
    subject_id UUID NOT NULL,
    subject TEXT NOT NULL,
    item_id UUID,
    before TIMESTAMP WITH TIME ZONE NOT NULL,
    after TIMESTAMP WITH TIME ZONE NOT NULL,
    settled BOOLEAN NOT NULL DEFAULT false,
    PRIMARY KEY (closing_id, subject_id)
);
""")
