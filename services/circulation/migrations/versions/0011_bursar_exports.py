"""Exports to the bursar."""

from chassis.migrations import script

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """A table, and a nullable column that names it."""
    script("""
CREATE TABLE bursar_export (
    id UUID NOT NULL,
    account TEXT NOT NULL,
    criteria JSONB NOT NULL,
    state TEXT NOT NULL,
    after_patron UUID,
    patrons INTEGER DEFAULT '0' NOT NULL,
    lines INTEGER DEFAULT '0' NOT NULL,
    amount BIGINT DEFAULT '0' NOT NULL,
    currency TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    CONSTRAINT bursar_export_state CHECK (state IN ('queued', 'running', 'done', 'cancelled'))
);
CREATE UNIQUE INDEX bursar_export_one_at_a_time ON bursar_export (account) WHERE state IN ('queued', 'running');
ALTER TABLE fee_action ADD COLUMN export_id UUID;
CREATE INDEX fee_action_by_export ON fee_action (export_id, id) WHERE export_id IS NOT NULL;
CREATE INDEX fee_action_to_give_back ON fee_action (account) WHERE act = 'credit' AND export_id IS NULL;
""")
