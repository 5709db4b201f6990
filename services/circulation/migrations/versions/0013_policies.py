"""Versions of the configuration say how they came; drafts; a calendar's changes are counted."""

from chassis.migrations import script

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Columns with defaults, and a table."""
    script("""
ALTER TABLE configuration_version ADD COLUMN how TEXT NOT NULL DEFAULT 'applied';
ALTER TABLE configuration_version ADD COLUMN comment TEXT;
ALTER TABLE service_point ADD COLUMN calendar_version BIGINT NOT NULL DEFAULT 0;
CREATE TABLE configuration_draft (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    document JSONB NOT NULL,
    based_on INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL,
    activates_at TIMESTAMP WITH TIME ZONE,
    activated_version INTEGER,
    reasons JSONB,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_by TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (id),
    CONSTRAINT configuration_draft_state
        CHECK (state IN ('draft', 'scheduled', 'activated', 'failed', 'discarded')),
    CONSTRAINT configuration_draft_scheduled_when CHECK ((state = 'scheduled') = (activates_at IS NOT NULL)),
    CONSTRAINT configuration_draft_activated_as CHECK ((state = 'activated') = (activated_version IS NOT NULL))
);
CREATE INDEX configuration_draft_due ON configuration_draft (activates_at) WHERE state = 'scheduled';
""")
